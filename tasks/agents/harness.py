"""A harness as data: how a coding agent is started, resumed and read. Checked whole, one sentence per fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any, Literal

from tasks.agents.base import AgentMisconfigured
from tasks.agents.parsers import PARSERS

#: agent: the folder of its installation; session: the conversation to go on with; gateway: where models are asked.
PLACEHOLDERS = (
    *("agent", "gateway", "home", "model", "prompt", "prompt_file", "session", "transcript", "worktree"),
)
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What it is called elsewhere: no part of how it runs, but for those who keep names out of texts.
KNOWN_AS = "known_as"
DIALECTS = ("anthropic", "openai-chat", "openai-responses", "gemini")
#: The model's name inside the sandbox, the same for every agent: a real one would tell the agent who it is.
CANDIDATE = "candidate"


@dataclass(frozen=True)
class Harness:
    """`argv` and every other template may hold placeholders; a literal brace is doubled."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    #: What is written to its standard input; without it that is empty.
    stdin: str = ""
    #: Files of its HOME that are written before it starts, by path.
    files: Mapping[str, str] = field(default_factory=dict)
    #: "" reads the transcript file in our own form if there is one, else what was printed.
    parser: str = ""
    #: The file of its HOME that holds the log; "" for its standard output.
    log: str = ""
    #: The command line that goes on with `session`, leaving the original as it is.
    resume: tuple[str, ...] = ()
    history: Literal["native", "prompt"] = "prompt"
    #: Files and folders of its HOME that a later turn needs, by path.
    state: tuple[str, ...] = ()
    #: How it is asked for its version, and the version that it must answer.
    probe: tuple[str, ...] = ()
    version: str = ""
    dialect: str = ""
    #: The name under which its model stands in the table of prices.
    price: str = ""


def harness_from(settings: Mapping[str, Any]) -> Harness:
    """Raises AgentMisconfigured with the first thing that is wrong."""
    unknown = sorted(str(name) for name in settings if name not in (*NAMES, KNOWN_AS))
    if unknown:
        raise AgentMisconfigured(f"A command agent has no setting “{unknown[0][:80]}”.")
    if "argv" not in settings:
        raise AgentMisconfigured("A command agent needs “argv”: a list of texts, the program first.")
    harness = Harness(
        argv=_templates("argv", settings["argv"]),
        env=_environment(settings.get("env", {})),
        stdin=_template("stdin", settings.get("stdin", "")),
        files=_files(settings.get("files", {})),
        parser=_one_of("parser", settings.get("parser", ""), ("", *PARSERS)),
        log=_below_home("log", settings["log"]) if settings.get("log") else "",
        resume=_templates("resume", settings["resume"]) if settings.get("resume") else (),
        history=_one_of("history", settings.get("history", "prompt"), ("native", "prompt")),  # type: ignore[arg-type]
        state=tuple(_below_home("state", path) for path in _list("state", settings.get("state", []))),
        probe=_templates("probe", settings["probe"]) if settings.get("probe") else (),
        version=_text("version", settings.get("version", "")),
        dialect=_one_of("dialect", settings.get("dialect", ""), ("", *DIALECTS)),
        price=_text("price", settings.get("price", "")),
    )
    _check_together(harness)
    return harness


NAMES = frozenset(one.name for one in fields(Harness))


def filled(template: str, values: Mapping[str, str]) -> str:
    """One pass, so that a placeholder in the prompt stays what the prompt says."""
    return PLACEHOLDER.sub(lambda match: match[0][0] if match[1] is None else values[match[1]], template)


def _check_together(harness: Harness) -> None:
    if harness.history == "native":
        if not harness.resume:
            raise AgentMisconfigured(
                "An agent with its own history needs “resume”, how it goes on with a session."
            )
        if not harness.state:
            raise AgentMisconfigured("An agent with its own history needs “state”, the files that hold it.")
        if not any("{session}" in part for part in harness.resume):
            raise AgentMisconfigured("“resume” must say {session}, or it would go on with any conversation.")
        if harness.parser not in PARSERS or not PARSERS[harness.parser].has_result:
            raise AgentMisconfigured("An agent with its own history needs a parser that finds its session.")
    if any("{session}" in part for part in (*harness.argv, *harness.env.values())):
        raise AgentMisconfigured("{session} belongs into “resume”: a first turn has none.")
    if harness.version and not harness.probe:
        raise AgentMisconfigured("A pinned version needs “probe”, how the agent is asked for it.")


def _list(name: str, value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise AgentMisconfigured(f"“{name}” must be a list of texts.")
    return list(value)


def _templates(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(part, str) for part in value):
        what = "The command" if name == "argv" else f"“{name}”"
        raise AgentMisconfigured(f"{what} must be a list of texts, the program first.")
    return tuple(_template(name, part) for part in value)


def _template(name: str, value: object) -> str:
    template = _text(name, value)
    for match in PLACEHOLDER.finditer(template):
        if match[1] is not None and match[1] not in PLACEHOLDERS:
            known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            why = f"“{match[0][:80]}” is not a placeholder; there are {known}."
            raise AgentMisconfigured(f"{why} A literal brace is written twice.")
    if any(brace in PLACEHOLDER.sub("", template) for brace in "{}"):
        raise AgentMisconfigured(f"“{template[:80]}” has a single brace; a literal brace is written twice.")
    return template


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise AgentMisconfigured(f"“{name}” must be a text.")
    if "\0" in value:
        raise AgentMisconfigured("An argument must not contain a NUL character.")
    return value


def _one_of(name: str, value: object, known: tuple[str, ...]) -> str:
    if value not in known:
        listed = ", ".join(one for one in known if one)
        raise AgentMisconfigured(f"There is no {name} called “{str(value)[:80]}”; there are {listed}.")
    return str(value)


def _environment(value: object) -> dict[str, str]:
    for name, text in _mapping("env", value).items():
        if not isinstance(name, str) or not ENVIRONMENT_NAME.fullmatch(name):
            raise AgentMisconfigured(f"“{name}” is not a name for an environment variable.")
        if not isinstance(text, str):
            raise AgentMisconfigured(f"The environment variable {name} must be a text.")
        _template(name, text)
    return dict(_mapping("env", value))


def _files(value: object) -> dict[str, str]:
    return {
        _below_home("files", path): _template(path, text) for path, text in _mapping("files", value).items()
    }


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise AgentMisconfigured(f"“{name}” must be names and values.")
    return value


def _below_home(name: str, value: object) -> str:
    """A path that stays where it is meant to be."""
    path = PurePosixPath(_text(name, value))
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise AgentMisconfigured(f"“{str(value)[:80]}” in “{name}” must be a path below the agent's home.")
    return str(path)

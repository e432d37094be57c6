"""Any coding agent that is a command line: a list of arguments with a few placeholders, never a shell."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tasks.agents.base import AgentFailed, AgentJob, AgentMisconfigured, AgentResult, FailureKind, never
from tasks.agents.transcripts import MOST_BYTES, Step, final_message, parse
from tasks.sandbox.base import HOME, WORKSPACE, Command, Ended, Finished, Mount, Sandbox, SandboxUnusable

AGENT = "/opt/agent"
PROMPT_FILE = "prompt.md"
TRANSCRIPT = "transcript.jsonl"
PLACEHOLDERS = ("agent", "home", "prompt", "prompt_file", "transcript", "worktree")
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MOST_ARGUMENT = 128 * 1024 - 1  # bytes; the kernel takes no longer one (execve(2), MAX_ARG_STRLEN)
MOST_SHOWN = 2000  # characters of output quoted in a failure

FAILURES: Mapping[Ended, tuple[FailureKind, str]] = {
    "wall": ("time", "used up its time of {0.wall:.0f} seconds"),
    "idle": ("idle", "neither printed nor worked for {0.idle} seconds"),
    "memory": ("memory", "used more than {0.memory:,} bytes of memory"),
    "output": ("output", "printed more than {0.output:,} bytes"),
    "disk": ("disk", "wrote more than {0.disk:,} bytes"),
    "processes": ("processes", "ran more than {0.processes} processes"),
    "cancelled": ("cancelled", "was cancelled"),
}


class CommandAgent:
    """Runs `argv` in the worktree. The prompt lies in a file, the transcript is read back from one.

    Placeholders: {prompt} {prompt_file} {worktree} {transcript} {home} {agent}; a literal brace is doubled.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Raises AgentMisconfigured."""
        self.argv = _checked_argv(argv)
        self.env = _checked_env(env or {})

    def run(
        self,
        job: AgentJob,
        sandbox: Sandbox,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> AgentResult:
        _write_prompt(job.home, job.prompt)
        command = self._command(job, sandbox)
        try:
            finished = sandbox.run(command, job.limits, cancelled=cancelled, on_output=on_output)
        except SandboxUnusable as why:
            raise AgentFailed("unusable", str(why)) from why
        _raise_for(finished, job, command.argv[0])
        steps = _steps(job.home, finished)
        return AgentResult(steps=steps, final_message=final_message(steps), finished=finished)

    def _command(self, job: AgentJob, sandbox: Sandbox) -> Command:
        home = sandbox.inside(job.home, HOME)
        values = {
            "prompt": job.prompt,
            "prompt_file": f"{home}/{PROMPT_FILE}",
            "transcript": f"{home}/{TRANSCRIPT}",
            "home": home,
            "worktree": sandbox.inside(job.worktree, WORKSPACE),
            "agent": AGENT if job.agent_dir is None else sandbox.inside(job.agent_dir, AGENT),
        }
        argv = tuple(_filled(part, values) for part in self.argv)
        env = {name: _filled(value, values) for name, value in self.env.items()}
        for part in (*argv, *env.values()):
            if "\0" in part or len(part.encode("utf-8", "surrogateescape")) > MOST_ARGUMENT:
                raise AgentFailed("unusable", "The prompt is too long for an argument; use {prompt_file}.")
        mounts = () if job.agent_dir is None else (Mount(job.agent_dir, AGENT),)
        return Command(argv=argv, env=env, worktree=job.worktree, home=job.home, mounts=mounts)


def _checked_argv(argv: Sequence[str]) -> tuple[str, ...]:
    if isinstance(argv, str) or not argv or not all(isinstance(part, str) for part in argv):
        raise AgentMisconfigured("The command must be a list of texts, the program first.")
    for part in argv:
        _check_template(part)
    return tuple(argv)


def _checked_env(env: Mapping[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not isinstance(name, str) or not ENVIRONMENT_NAME.fullmatch(name):
            raise AgentMisconfigured(f"“{name}” is not a name for an environment variable.")
        if not isinstance(value, str):
            raise AgentMisconfigured(f"The environment variable {name} must be a text.")
        _check_template(value)
    return dict(env)


def _check_template(template: str) -> None:
    if "\0" in template:
        raise AgentMisconfigured("An argument must not contain a NUL character.")
    for match in PLACEHOLDER.finditer(template):
        if match[1] is not None and match[1] not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            why = f"“{match[0][:80]}” is not a placeholder; there are {known}."
            raise AgentMisconfigured(f"{why} A literal brace is written twice.")
    if any(brace in PLACEHOLDER.sub("", template) for brace in "{}"):
        raise AgentMisconfigured(f"“{template[:80]}” has a single brace; a literal brace is written twice.")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """One pass, so that a placeholder in the prompt stays what the prompt says."""
    return PLACEHOLDER.sub(lambda match: match[0][0] if match[1] is None else values[match[1]], template)


def _raise_for(finished: Finished, job: AgentJob, program: str) -> None:
    if finished.ended != "exited":
        kind, sentence = FAILURES[finished.ended]
        raise AgentFailed(kind, f"{program} {sentence.format(job.limits)}.", finished=finished)
    if finished.exit_code != 0:
        printed = (finished.stderr.strip() or finished.stdout.strip()).decode("utf-8", "replace")
        told = f" It said: {printed[-MOST_SHOWN:]}" if printed else " It said nothing."
        raise AgentFailed(
            "exit", f"{program} ended with exit code {finished.exit_code}.{told}", finished=finished
        )


def _write_prompt(home: Path, prompt: str) -> None:
    """A home may come from an earlier turn: whatever was left under our names is removed, never followed."""
    try:
        inside = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for name in (PROMPT_FILE, TRANSCRIPT):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=inside)
            fresh = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(PROMPT_FILE, fresh, 0o644, dir_fd=inside)
        finally:
            os.close(inside)
        with os.fdopen(handle, "wb") as file:
            file.write(prompt.encode("utf-8", "replace"))
    except OSError as why:
        raise AgentFailed(
            "unusable", f"The prompt could not be written into the home: {why.strerror}."
        ) from why


def _steps(home: Path, finished: Finished) -> tuple[Step, ...]:
    """The transcript it wrote, else what it printed as the one thing it said."""
    written = read_back(home, TRANSCRIPT, most=MOST_BYTES)
    if written is not None and written.strip():
        return parse(written)
    printed = finished.stdout.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}").strip()
    return (Step("say", printed[-MOST_SHOWN * 10 :]),) if printed else ()


def read_back(folder: Path, name: str, *, most: int) -> bytes | None:
    """A file the agent may have written, in bounds; None for anything but a plain file."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        handle = os.open(name, flags, dir_fd=inside)
    except OSError:
        return None
    finally:
        os.close(inside)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(most + 1)  # one more, so that the reader can tell that there was more

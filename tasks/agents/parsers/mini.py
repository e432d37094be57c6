"""mini-swe-agent's trajectory file: one document with every message and how it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tasks.agents.parsers.log import Log, Usage, Writer, count, part, parts, text_of
from tasks.agents.transcripts import MOST_BYTES

BLOCK = re.compile(r"```(?:bash|sh|mswea_bash_command)?\s*\n(.*?)\n?```", re.DOTALL)
#: The command by which it says that it is done.
SUBMITS = re.compile(r"\s*echo\s+['\"]?COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT['\"]?\s*")
#: What the model was shown, where nothing else is kept.
RETURNED = re.compile(
    r"<returncode>(-?\d{1,9})</returncode>\s*(?:<output>)?(.*?)(?:</output>)?\s*$", re.DOTALL
)
UNNAMED = "last"
#: What it keeps of the command by which it said so.
NOT_RUN = "action was not executed"


def read(log: bytes) -> Log:
    writer = Writer()
    try:
        found = json.loads(log[:MOST_BYTES].decode("utf-8", "replace")) if log.strip() else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        writer.add("note", log[:MOST_BYTES].decode("utf-8", "replace"))
        return writer.log()
    for message in parts(found, "messages"):
        _message(message, writer)
    _end(found, writer)
    return writer.log()


def _message(message: Mapping[str, Any], writer: Writer) -> None:
    role, text = message.get("role"), text_of(message.get("content"))
    if role == "assistant":
        writer.say(BLOCK.sub("", text).replace("THOUGHT:", "").strip())
        for ident, command in _commands(message, text):
            if not SUBMITS.fullmatch(command):
                writer.call(ident, "run", command)
    elif role in ("tool", "user") and (returned := _returned(message, text)):
        writer.answer(message.get("tool_call_id") or UNNAMED, returned[1], code=returned[0])
    elif role not in ("system", "user", "tool", "exit"):
        writer.add("note", text)


def _commands(message: Mapping[str, Any], text: str) -> list[tuple[str, str]]:
    """With the ids of their calls: as called, else as written between fences."""
    actions = [
        (text_of(action.get("tool_call_id")) or UNNAMED, text_of(action.get("command")))
        for action in parts(message.get("extra"), "actions")
    ]
    return [one for one in actions if one[1]] or [(UNNAMED, command) for command in BLOCK.findall(text)]


def _returned(message: Mapping[str, Any], text: str) -> tuple[object, str] | None:
    """Exit code and output of a command: its own record of them, since what the model is shown can be configured."""
    kept = message.get("extra")
    trouble = text_of(part(kept, "exception_info"))
    if trouble == NOT_RUN:
        return None
    if part(kept, "returncode") is not None:
        return part(kept, "returncode"), text_of(part(kept, "raw_output")) or trouble
    told = RETURNED.search(text)
    return (int(told[1]), told[2].strip()) if told else None


def _end(found: Mapping[str, Any], writer: Writer) -> None:
    info = found.get("info")
    status = text_of(part(info, "exit_status"))
    spent = [part(message, "extra", "response", "usage") for message in parts(found, "messages")]
    writer.usage = Usage(
        input=sum(count(part(usage, "prompt_tokens")) for usage in spent),
        output=sum(count(part(usage, "completion_tokens")) for usage in spent),
    )
    if status:
        said = [text_of(part(message, "extra", "exception_str")) for message in parts(found, "messages")[-1:]]
        writer.ends(well=status == "Submitted", sentence=" ".join([status, *said]).strip())

"""mini-swe-agent's trajectory file: one document with every message and how it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tasks.agents.parsers.log import Log, Usage, Writer, count, part, parts, text_of
from tasks.agents.transcripts import MOST_BYTES

BLOCK = re.compile(r"```(?:bash|sh|mswea_bash_command)?\s*\n(.*?)\n?```", re.DOTALL)
RETURNED = re.compile(
    r"<returncode>(-?\d{1,9})</returncode>\s*(?:<output>)?(.*?)(?:</output>)?\s*$", re.DOTALL
)


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
        commands = _commands(message, text)
        writer.say(BLOCK.sub("", text).replace("THOUGHT:", "").strip())
        for command in commands:
            writer.call("last", "run", command)
    elif role in ("tool", "user") and (returned := RETURNED.search(text)):
        writer.answer("last", returned[2].strip(), code=int(returned[1]))
    elif role not in ("system", "user", "tool", "exit"):
        writer.add("note", text)


def _commands(message: Mapping[str, Any], text: str) -> list[str]:
    """As called, else as written between fences."""
    actions = [text_of(action.get("command")) for action in parts(message.get("extra"), "actions")]
    return [command for command in actions if command] or BLOCK.findall(text)


def _end(found: Mapping[str, Any], writer: Writer) -> None:
    info = found.get("info")
    status = text_of(part(info, "exit_status"))
    spent = [part(message, "extra", "response", "usage") for message in parts(found, "messages")]
    writer.usage = Usage(
        input=sum(count(part(usage, "prompt_tokens")) for usage in spent),
        output=sum(count(part(usage, "completion_tokens")) for usage in spent),
    )
    if status:
        writer.ends(well=status == "Submitted", sentence=status)

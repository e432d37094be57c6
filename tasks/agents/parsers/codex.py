"""Codex CLI, `exec --json`: threads, turns and items, an item as it starts and again as it is done."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tasks.agents.parsers.log import (
    ANOTHER_TOOL,
    ASKED_AGAIN,
    UNKNOWN,
    Log,
    Usage,
    Writer,
    count,
    part,
    parts,
    records,
    text_of,
)

SILENT = frozenset({"turn.started", "item.started", "item.updated"})
REMARK = "The harness made a remark."


def read(log: bytes) -> Log:
    writer = Writer()
    for record in records(log, writer):
        _record(record, writer)
    return writer.log()


def _record(record: Mapping[str, Any], writer: Writer) -> None:
    kind = text_of(record.get("type"))
    if kind == "thread.started":
        writer.session = text_of(record.get("thread_id"))
    elif kind == "item.completed":
        _item(record.get("item"), writer)
    elif kind == "turn.completed":
        usage = record.get("usage")
        cached = count(part(usage, "cached_input_tokens"))
        # Cumulative over the thread: the last one says it all.
        writer.usage = Usage(count(part(usage, "input_tokens")), count(part(usage, "output_tokens")), cached)
        writer.ends(well=True)
    elif kind == "turn.failed":
        writer.ends(well=False, sentence=text_of(part(record, "error", "message")))
    elif kind == "error":
        said = text_of(record.get("message"))
        again = said.lower().startswith("reconnecting")
        writer.add("retry" if again else "error", ASKED_AGAIN if again else said)
    elif kind not in SILENT:
        writer.add("note", UNKNOWN)


def _item(item: object, writer: Writer) -> None:
    kind = part(item, "type")
    if kind == "agent_message":
        writer.say(part(item, "text"))
    elif kind == "command_execution":
        ident = part(item, "id")
        writer.call(ident, "run", _unwrapped(text_of(part(item, "command"))))
        writer.answer(ident, part(item, "aggregated_output"), code=part(item, "exit_code"))
    elif kind == "file_change":
        for change in parts(item, "changes"):
            new = change.get("kind") == "add"
            writer.add("write" if new else "edit", "", change.get("path"))
    elif kind == "web_search":
        writer.add("search", part(item, "query"))
    elif kind == "error":
        writer.add("note", REMARK)  # after which it goes on; its words would tell which harness it is
    elif kind in ("mcp_tool_call", "todo_list", "collab_tool_call"):
        writer.add("note", ANOTHER_TOOL)
    elif kind != "reasoning":
        writer.add("note", UNKNOWN)


def _unwrapped(command: str) -> str:
    """The command without the shell around it, which every one has."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    wrapped = (
        len(words) == 3 and words[0].rpartition("/")[2] in ("bash", "sh", "zsh") and words[1] in ("-c", "-lc")
    )
    return words[2] if wrapped else command

"""Gemini CLI, `--output-format stream-json`: messages in pieces, tools and their results, one result at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.agents.parsers.log import (
    ANOTHER_TOOL,
    UNKNOWN,
    Log,
    Usage,
    Writer,
    changed,
    count,
    part,
    records,
    text_of,
)


def read(log: bytes) -> Log:
    writer = Writer()
    said: list[str] = []
    for record in records(log, writer):
        if record.get("type") == "message" and record.get("role") == "assistant":
            said.append(text_of(record.get("content")))
            continue
        _flush(said, writer)
        _record(record, writer)
    _flush(said, writer)
    return writer.log()


def _flush(said: list[str], writer: Writer) -> None:
    """A message comes in pieces of a few words."""
    writer.say("".join(said))
    said.clear()


def _record(record: Mapping[str, Any], writer: Writer) -> None:
    kind = record.get("type")
    if kind == "init":
        writer.session = text_of(record.get("session_id"))
    elif kind == "tool_use":
        _tool(record, writer)
    elif kind == "tool_result":
        failed = record.get("status") == "error"
        text = text_of(record.get("output")) or text_of(part(record, "error", "message"))
        writer.answer(record.get("tool_id"), text, failed=failed)
    elif kind == "error":
        writer.add("error", record.get("message"))
    elif kind == "result":
        stats = record.get("stats")
        tokens = [count(part(stats, name)) for name in ("input_tokens", "output_tokens", "cached")]
        writer.usage = Usage(*tokens)
        sentence = text_of(part(record, "error", "message"))
        writer.ends(well=record.get("status") == "success", sentence=sentence)
    elif kind != "message":
        writer.add("note", UNKNOWN)


def _tool(record: Mapping[str, Any], writer: Writer) -> None:
    name, given, ident = record.get("tool_name"), record.get("parameters"), record.get("tool_id")
    path = part(given, "file_path") or part(given, "absolute_path") or part(given, "dir_path")
    if name in ("read_file", "read_many_files"):
        writer.call(ident, "read", "", path)
    elif name in ("search_file_content", "grep_search", "glob", "list_directory", "google_web_search"):
        writer.call(ident, "search", part(given, "pattern") or part(given, "query") or "", path)
    elif name == "replace":
        writer.call(ident, "edit", changed(part(given, "old_string"), part(given, "new_string")), path)
    elif name == "write_file":
        writer.call(ident, "write", part(given, "content"), path)
    elif name == "run_shell_command":
        writer.call(ident, "run", part(given, "command"))
    else:
        writer.call(ident, "note", ANOTHER_TOOL)

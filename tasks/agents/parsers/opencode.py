"""opencode, `run --format json`: parts of messages, a finish after each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tasks.agents.parsers.log import (
    ANOTHER_TOOL,
    UNKNOWN,
    Log,
    Writer,
    changed,
    count,
    part,
    records,
    text_of,
)


def read(log: bytes) -> Log:
    writer = Writer()
    for record in records(log, writer):
        writer.session = text_of(record.get("sessionID")) or writer.session
        _record(record, writer)
    return writer.log()


def _record(record: Mapping[str, Any], writer: Writer) -> None:
    kind, piece = record.get("type"), record.get("part")
    if kind == "text":
        writer.say(part(piece, "text"))
    elif kind == "tool_use":
        _tool(piece, writer)
    elif kind == "step_finish":
        _finish(piece, writer)
    elif kind == "error":
        error = record.get("error")
        said = text_of(part(error, "data", "message")) or text_of(part(error, "message"))
        name = text_of(part(error, "name"))
        writer.add("error", said or name)
        writer.ends(well=False, sentence=f"{name} {said}".strip())
    elif kind not in ("step_start", "reasoning"):
        writer.add("note", UNKNOWN)


def _tool(piece: object, writer: Writer) -> None:
    name, given, ident = part(piece, "tool"), part(piece, "state", "input"), part(piece, "callID")
    path = part(given, "filePath") or part(given, "path")
    if name == "read":
        writer.call(ident, "read", "", path)
    elif name in ("grep", "glob", "list", "websearch"):
        writer.call(ident, "search", part(given, "pattern") or part(given, "query") or "", path)
    elif name in ("edit", "multiedit", "patch", "apply_patch"):
        text = changed(part(given, "oldString"), part(given, "newString")) or text_of(
            part(given, "patchText")
        )
        writer.call(ident, "edit", text, path)
    elif name == "write":
        writer.call(ident, "write", part(given, "content"), path)
    elif name == "bash":
        writer.call(ident, "run", part(given, "command"))
    else:
        writer.call(ident, "note", ANOTHER_TOOL)
    failed = part(piece, "state", "status") == "error"
    text = part(piece, "state", "error") if failed else part(piece, "state", "output")
    writer.answer(ident, text, code=part(piece, "state", "metadata", "exit"), failed=failed)


def _finish(piece: object, writer: Writer) -> None:
    tokens, before = part(piece, "tokens"), writer.usage
    cached = count(part(tokens, "cache", "read"))
    writer.usage = replace(
        before,
        input=before.input + count(part(tokens, "input")) + count(part(tokens, "cache", "write")) + cached,
        output=before.output + count(part(tokens, "output")) + count(part(tokens, "reasoning")),
        cached=before.cached + cached,
    )
    reason = part(piece, "reason")
    if reason == "stop":
        writer.ends(well=True)
    elif reason == "tool-calls":
        writer.outcome = None  # it goes on: an end here would be none
    else:
        writer.ends(well=False, sentence=text_of(reason), limit=reason == "length")

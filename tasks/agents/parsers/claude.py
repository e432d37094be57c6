"""Claude Code, `--output-format stream-json --verbose`: one object a line, a result at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tasks.agents.parsers.log import (
    ANOTHER_TOOL,
    ASKED_AGAIN,
    UNKNOWN,
    Log,
    Usage,
    Writer,
    changed,
    count,
    part,
    parts,
    records,
    text_of,
)

EXIT = re.compile(r"^(?:Error: )?Exit code (\d+)\b")
#: Kept by nobody: lines that tell of the harness and not of the work.
SILENT = frozenset({"init", "status", "hook_started", "hook_response", "thinking_tokens", "compact_boundary"})


def read(log: bytes) -> Log:
    writer = Writer()
    for record in records(log, writer):
        READERS.get(str(record.get("type")), _unknown)(record, writer)
    return writer.log()


def _system(record: Mapping[str, Any], writer: Writer) -> None:
    subtype = text_of(record.get("subtype"))
    if subtype == "init":
        writer.session = text_of(record.get("session_id"))
    elif subtype == "api_retry":
        writer.add("retry", ASKED_AGAIN)
    elif subtype not in SILENT:
        writer.add("note", UNKNOWN)


def _assistant(record: Mapping[str, Any], writer: Writer) -> None:
    for block in parts(record.get("message"), "content"):
        kind = block.get("type")
        if kind == "text" and part(record, "message", "model") == "<synthetic>":
            writer.add("error", block.get("text"))  # the harness speaking of its provider
        elif kind == "text":
            writer.say(block.get("text"))
        elif kind == "tool_use":
            _tool(block, writer)
        elif kind not in ("thinking", "redacted_thinking"):
            writer.add("note", UNKNOWN)


def _tool(block: Mapping[str, Any], writer: Writer) -> None:
    name, given, ident = block.get("name"), block.get("input"), block.get("id")
    path = part(given, "file_path") or part(given, "notebook_path") or part(given, "path")
    if name in ("Read", "NotebookRead"):
        writer.call(ident, "read", "", path)
    elif name in ("Grep", "Glob", "LS", "WebSearch"):
        asked = part(given, "pattern") or part(given, "query") or ""
        writer.call(ident, "search", asked, path)
    elif name == "Edit":
        writer.call(ident, "edit", changed(part(given, "old_string"), part(given, "new_string")), path)
    elif name == "MultiEdit":
        each = [changed(one.get("old_string"), one.get("new_string")) for one in parts(given, "edits")]
        writer.call(ident, "edit", "\n".join(each), path)
    elif name == "NotebookEdit":
        writer.call(ident, "edit", part(given, "new_source"), path)
    elif name == "Write":
        writer.call(ident, "write", part(given, "content"), path)
    elif name == "Bash":
        writer.call(ident, "run", part(given, "command"))
    else:
        writer.call(ident, "note", ANOTHER_TOOL)


def _user(record: Mapping[str, Any], writer: Writer) -> None:
    for block in parts(record.get("message"), "content"):
        if block.get("type") != "tool_result":
            continue
        text = text_of(block.get("content"))
        failed = block.get("is_error") is True
        told = EXIT.match(text)
        code = int(told[1][:9]) if told else None if failed else 0
        writer.answer(block.get("tool_use_id"), text, code=code, failed=failed)


def _result(record: Mapping[str, Any], writer: Writer) -> None:
    usage, said = record.get("usage"), text_of(record.get("result"))
    cached = count(part(usage, "cache_read_input_tokens"))
    fresh = count(part(usage, "input_tokens")) + count(part(usage, "cache_creation_input_tokens"))
    writer.usage = Usage(fresh + cached, count(part(usage, "output_tokens")), cached)
    writer.session = text_of(record.get("session_id")) or writer.session
    subtype, ended = text_of(record.get("subtype")), text_of(record.get("terminal_reason"))
    # "success" stands there even after 429 for ever: the flag decides.
    if subtype == "success" and record.get("is_error") is False:
        writer.final = said
        writer.ends(well=True)
        return
    status = record.get("api_error_status")
    why = " ".join(str(word) for word in (subtype, ended, status, said) if word)
    writer.ends(well=False, sentence=why, limit=ended == "prompt_too_long" or subtype == "error_max_turns")


def _unknown(record: Mapping[str, Any], writer: Writer) -> None:
    writer.add("note", UNKNOWN)


def _silent(record: Mapping[str, Any], writer: Writer) -> None:
    """Parts of messages and limits of the account: nothing of the work."""


READERS = {
    "system": _system,
    "assistant": _assistant,
    "user": _user,
    "result": _result,
    "stream_event": _silent,
    "rate_limit_event": _silent,
}

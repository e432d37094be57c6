"""Anthropic Messages: POST /v1/messages and /v1/messages/count_tokens."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.gateway.dialects.base import (
    QUESTION,
    Body,
    Call,
    Reading,
    event,
    inner,
    number,
    own_tools,
    refuse,
    replaced,
)

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
VERSION = "2023-06-01"


class Messages:
    name = "anthropic-messages"
    family = "anthropic"
    breaks_off = True

    def call(self, path: str) -> Call | None:
        if path == "/v1/messages":
            return Call(self, path)
        if path == "/v1/messages/count_tokens":
            return Call(self, path, streams=False, counts=True)
        return None

    def headers(self, key: str) -> Mapping[str, str]:
        return {"x-api-key": key, "anthropic-version": VERSION}

    def rewrite_request(self, body: Body, model: str) -> Reading:
        refuse(body, "container")
        body["model"] = model
        for name in ("metadata", "mcp_servers"):
            body.pop(name, None)
        own_tools(body, _is_own)
        return Reading()

    def tail(self, call: Call, model: str) -> str:
        return call.tail

    def question(self, model: str) -> tuple[Call, Body]:
        asked = [{"role": "user", "content": QUESTION}]
        return Call(self, "/v1/messages"), {"model": model, "max_tokens": 16, "messages": asked}

    def rewrite_answer(self, message: Body, alias: str) -> bool:
        # Both must happen, so no `or`.
        return any([replaced(message, "model", alias), replaced(message.get("message"), "model", alias)])

    def read(self, message: Body, reading: Reading) -> None:
        kind = message.get("type")
        if kind == "message":
            self._count(message.get("usage"), reading)
            reading.counted = reading.complete = True
        elif kind == "message_start":
            self._count(inner(message, "message").get("usage"), reading)
        elif kind == "content_block_delta":
            delta = inner(message, "delta")
            reading.characters += sum(
                len(delta[part])
                for part in ("text", "partial_json", "thinking")
                if isinstance(delta.get(part), str)
            )
        elif kind == "message_delta":
            self._count(message.get("usage"), reading)
            reading.counted = True
        elif kind == "message_stop":
            reading.complete = True
        elif kind == "error":
            reading.trouble = str(inner(message, "error").get("type") or "error")

    def shows(self, message: Body, reading: Reading) -> bool:
        return True

    def error(self, status: int, sentence: str) -> Body:
        usual = "overloaded_error" if status in (503, 529) else "api_error"
        return {"type": "error", "error": {"type": ERRORS.get(status, usual), "message": sentence}}

    def last_words(self, sentence: str) -> bytes:
        return event(self.error(529, sentence), "error")

    def _count(self, usage: object, reading: Reading) -> None:
        """Counts are totals so far; what an event leaves out stays."""
        tokens = reading.tokens
        tokens.input = number(usage, "input_tokens") or tokens.input
        tokens.output = number(usage, "output_tokens") or tokens.output
        tokens.cache_read = number(usage, "cache_read_input_tokens") or tokens.cache_read
        tokens.cache_write = number(usage, "cache_creation_input_tokens") or tokens.cache_write


def _is_own(tool: object) -> bool:
    """Tools of a version (web_search_20250305 …) have no schema; of these the agent itself runs the ones named here."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    return kind is None or str(kind).startswith(("custom", "bash_", "text_editor_", "memory_", "computer_"))

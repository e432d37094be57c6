"""OpenAI Chat Completions and Responses, as OpenAI and many others serve them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.gateway.dialects.base import (
    QUESTION,
    Body,
    Call,
    Reading,
    event,
    inner,
    number,
    objects,
    own_tools,
    refuse,
    replaced,
)
from tasks.gateway.prices import Tokens

#: Tools that the agent runs itself. The provider's own would leave the sandbox: they search the web, for one.
OWN_TOOLS = {"function", "custom", "local_shell", "shell", "apply_patch", "namespace", "tool_search"}
NAMES_SOMEBODY = ("metadata", "user", "safety_identifier", "client_metadata", "store")


class _OpenAI:
    """What both have in common."""

    family = "openai"
    breaks_off = True

    def headers(self, key: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {key}"}

    def tail(self, call: Call, model: str) -> str:
        return call.tail

    def error(self, status: int, sentence: str) -> Body:
        return openai_error(status, sentence)


class Chat(_OpenAI):
    name = "openai-chat"

    def call(self, path: str) -> Call | None:
        return Call(self, "/chat/completions") if _without_version(path) == "/chat/completions" else None

    def rewrite_request(self, body: Body, model: str) -> Reading:
        body["model"] = model
        for name in (*NAMES_SOMEBODY, "web_search_options"):
            body.pop(name, None)
        own_tools(body, _is_own)
        if not body.get("stream"):
            return Reading()
        options = inner(body, "stream_options")
        body["stream_options"] = {**options, "include_usage": True}
        return Reading(hides_usage=not options.get("include_usage"))

    def question(self, model: str) -> tuple[Call, Body]:
        # Without a bound on the answer: its name differs from model to model.
        asked = [{"role": "user", "content": QUESTION}]
        return Call(self, "/chat/completions"), {"model": model, "messages": asked}

    def rewrite_answer(self, message: Body, alias: str) -> bool:
        return replaced(message, "model", alias)

    def read(self, message: Body, reading: Reading) -> None:
        if message.get("error"):
            reading.trouble = _error_code(message["error"])
        _count(message.get("usage"), reading, "prompt_tokens", "completion_tokens")
        for choice in objects(message.get("choices")):
            reading.characters += _length(choice.get("delta")) + _length(choice.get("message"))
            reading.complete = reading.complete or bool(choice.get("finish_reason"))

    def shows(self, message: Body, reading: Reading) -> bool:
        return not (reading.hides_usage and message.get("usage") and not message.get("choices"))

    def last_words(self, sentence: str) -> bytes:
        return event(self.error(503, sentence))


class Responses(_OpenAI):
    name = "openai-responses"

    def call(self, path: str) -> Call | None:
        return Call(self, "/responses") if _without_version(path) == "/responses" else None

    def rewrite_request(self, body: Body, model: str) -> Reading:
        refuse(body, "background", "conversation", "previous_response_id", "prompt")
        body["model"] = model
        for name in NAMES_SOMEBODY:
            body.pop(name, None)
        body["store"] = False
        own_tools(body, _is_own)
        return Reading()

    def question(self, model: str) -> tuple[Call, Body]:
        return Call(self, "/responses"), {"model": model, "input": QUESTION, "store": False}

    def rewrite_answer(self, message: Body, alias: str) -> bool:
        return any([replaced(message, "model", alias), replaced(message.get("response"), "model", alias)])

    def read(self, message: Body, reading: Reading) -> None:
        kind = str(message.get("type") or "")
        if message.get("object") == "response":
            self._count(message, reading)
            reading.complete = True
        elif kind in ("response.completed", "response.incomplete"):
            self._count(inner(message, "response"), reading)
            reading.complete = True
        elif kind == "response.failed":
            reading.trouble = _error_code(inner(message, "response").get("error"))
            self._count(inner(message, "response"), reading)
        elif kind == "error":
            reading.trouble = _error_code(message.get("error") or message)
        elif kind.endswith(".delta") and isinstance(message.get("delta"), str):
            reading.characters += len(message["delta"])

    def shows(self, message: Body, reading: Reading) -> bool:
        return True

    def last_words(self, sentence: str) -> bytes:
        # A stream that ends without `response.completed` is tried again; an error event is final for some agents.
        return b""

    def _count(self, response: Body, reading: Reading) -> None:
        _count(response.get("usage"), reading, "input_tokens", "output_tokens")


def _count(usage: object, reading: Reading, asked: str, answered: str) -> None:
    """What the provider used, under the two names that tell it; what came from the cache is told beside the first."""
    if isinstance(usage, dict):
        cached = number(usage, f"{asked}_details", "cached_tokens")
        reading.tokens = Tokens(
            input=max(0, number(usage, asked) - cached), output=number(usage, answered), cache_read=cached
        )
        reading.counted = True


def openai_error(status: int, sentence: str) -> Body:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": sentence, "type": kind, "param": None, "code": None}}


def _without_version(path: str) -> str:
    return path.removeprefix("/v1")


def _is_own(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type", "function") in OWN_TOOLS


def _length(message: Any) -> int:
    """Characters that were generated: text, reasoning and the arguments of tool calls."""
    if not isinstance(message, dict):
        return 0
    texts = [message.get(name) for name in ("content", "reasoning", "reasoning_content")]
    texts += [inner(call, "function").get("arguments") for call in objects(message.get("tool_calls"))]
    return sum(len(text) for text in texts if isinstance(text, str))


def _error_code(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("code") or error.get("type") or "error")
    return "error"

"""A provider of models that follows a script, in all four dialects: what it says, and how it fails.

Tests of the gateway give it a list of turns; those of real agents decide by the request (tests.real.scripts).
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

#: What providers put into their answers and agents must never read.
MODEL = "wrasse-large-2026"
ORGANISATION = "org-northwind-77"
KEY = "sk-real-secret"


@dataclass(frozen=True)
class Turn:
    """One answer. `ends`: whole, dropped (no more bytes), truncated (ends without its last event), stalled, trouble."""

    text: str = "Hello there."
    tool: tuple[str, dict[str, Any]] | None = None
    status: int = 200
    error: str = ""
    #: Of the request, in the error's message.
    quotes: str = ""
    retry_after: str = ""
    ends: str = "whole"
    input: int = 120
    output: int = 30
    cached: int = 20
    #: Filled in for each request: what was asked for, and the number that ids are made of.
    model: str = MODEL
    number: int = 1


@dataclass
class Seen:
    path: str
    query: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def dialect(self) -> str:
        return dialect_of(self.path)

    @property
    def model(self) -> str:
        """Gemini's dialect has it in the path."""
        return str(self.body.get("model") or self.path.rpartition("/")[2].partition(":")[0])


@dataclass
class FakeProvider:
    """Each request takes the next turn, the last one again and again, or the one that `decide` finds for it."""

    turns: list[Turn] = field(default_factory=lambda: [Turn()])
    decide: Callable[[Seen], Turn] | None = None
    seen: list[Seen] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    #: Set when somebody hangs up in the middle of an answer, and when an answer begins.
    left: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    #: While it is not set, answers do not begin.
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read() or b"{}")
        if request.path.endswith(COUNTS):
            return web.json_response({"input_tokens": 7, "totalTokens": 7})
        seen = Seen(request.path, request.query_string, dict(request.headers), body)
        self.seen.append(seen)
        turn = replace(self._turn(seen), model=seen.model, number=len(self.seen))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        try:
            await self.may_answer.wait()
            return await self._answer(request, body, turn)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        finally:
            self.at_once -= 1

    def _turn(self, seen: Seen) -> Turn:
        if self.decide is not None:
            return self.decide(seen)
        return self.turns[min(len(self.seen), len(self.turns)) - 1]

    async def _answer(self, request: web.BaseRequest, body: dict[str, Any], turn: Turn) -> web.StreamResponse:
        headers = {"openai-organization": ORGANISATION, "request-id": "req_wrasse_1"}
        if turn.status != 200:
            if turn.retry_after:
                headers["retry-after"] = turn.retry_after
            return web.json_response(refusal(turn), status=turn.status, headers=headers)
        dialect = dialect_of(request.path)
        if not (body.get("stream") or "stream" in request.path):
            return await self._whole(request, dialect, turn, headers)
        answer = web.StreamResponse(headers={**headers, "content-type": "text/event-stream"})
        await answer.prepare(request)
        events = list(STREAMS[dialect](turn))
        for event in events if turn.ends == "whole" else events[: len(events) // 2]:
            await answer.write(event)
        await self._end(request, answer, dialect, turn)
        return answer

    async def _whole(
        self, request: web.BaseRequest, dialect: str, turn: Turn, headers: dict[str, str]
    ) -> web.StreamResponse:
        """No stream: half of it where it ends like one, or an error that calls itself a success."""
        if turn.ends == "stalled":
            await asyncio.Event().wait()
        if turn.ends == "trouble":
            return web.json_response(refusal(replace(turn, error="overloaded_error")), headers=headers)
        body = json.dumps(WHOLE[dialect](turn)).encode()
        sent = body if turn.ends == "whole" else body[: len(body) // 2]
        length = len(body if turn.ends == "dropped" else sent)
        answer = web.StreamResponse(
            headers={**headers, "content-type": "application/json", "content-length": str(length)}
        )
        await answer.prepare(request)
        await answer.write(sent)
        if turn.ends == "dropped":
            assert request.transport
            request.transport.close()
        return answer

    async def _end(
        self, request: web.BaseRequest, answer: web.StreamResponse, dialect: str, turn: Turn
    ) -> None:
        if turn.ends == "stalled":
            await asyncio.Event().wait()
        if turn.ends == "trouble":
            await answer.write(TROUBLE[dialect])
        if turn.ends == "dropped":
            assert request.transport
            request.transport.close()
            return
        await answer.write_eof()


@asynccontextmanager
async def serving(*turns: Turn, decide: Callable[[Seen], Turn] | None = None) -> AsyncIterator[FakeProvider]:
    fake = FakeProvider(list(turns) or [Turn()], decide)
    runner = web.ServerRunner(
        web.Server(fake.handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


@contextmanager
def in_a_thread(*turns: Turn, decide: Callable[[Seen], Turn] | None = None) -> Iterator[FakeProvider]:
    """The same for tests that run other processes."""
    ready: Future[tuple[FakeProvider, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with serving(*turns, decide=decide) as fake:
            stop = asyncio.Event()
            ready.set_result((fake, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    fake, loop, stop = ready.result(timeout=30)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


#: How the paths end by which tokens are only counted.
COUNTS = ("/count_tokens", ":countTokens")


def dialect_of(path: str) -> str:
    if path.endswith("/messages"):
        return "anthropic-messages"
    if path.endswith("/chat/completions"):
        return "openai-chat"
    return "openai-responses" if path.endswith("/responses") else "gemini"


def refusal(turn: Turn) -> dict[str, Any]:
    kind = turn.error or "some_error"
    message = f"{kind} for {turn.model} in organization {ORGANISATION}{turn.quotes}"
    return {"type": "error", "error": {"type": kind, "code": kind, "message": message, "status": kind}}


def _event(data: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _pieces(text: str) -> Iterator[str]:
    yield from (text[start : start + 4] for start in range(0, len(text), 4))


# --- Anthropic Messages ----------------------------------------------------------------------------------------


def _messages(turn: Turn) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
    if turn.tool:
        content.append(
            {"type": "tool_use", "id": f"toolu_{turn.number}", "name": turn.tool[0], "input": turn.tool[1]}
        )
    return {
        "id": f"msg_{turn.number}",
        "type": "message",
        "role": "assistant",
        "model": turn.model,
        "content": content,
        "stop_reason": "tool_use" if turn.tool else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": turn.input - turn.cached,
            "cache_read_input_tokens": turn.cached,
            "cache_creation_input_tokens": 0,
            "output_tokens": turn.output,
        },
    }


def _messages_stream(turn: Turn) -> Iterator[bytes]:
    whole = _messages(turn)
    start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield _event({"type": "message_start", "message": start}, "message_start")
    yield _event({"type": "ping"}, "ping")
    for index, block in enumerate(whole["content"]):
        empty = {"input": {}} if block["type"] == "tool_use" else {"text": ""}
        opened = {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
        yield _event(opened, "content_block_start")
        text = block.get("text") or json.dumps(block.get("input"))
        for piece in _pieces(text):
            delta = (
                {"type": "text_delta", "text": piece}
                if block["type"] == "text"
                else {"type": "input_json_delta", "partial_json": piece}
            )
            yield _event(
                {"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta"
            )
        yield _event({"type": "content_block_stop", "index": index}, "content_block_stop")
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield _event(
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": turn.output}}, "message_delta"
    )
    yield _event({"type": "message_stop"}, "message_stop")


# --- OpenAI Chat Completions -------------------------------------------------------------------------------------


def _chat_usage(turn: Turn) -> dict[str, Any]:
    return {
        "prompt_tokens": turn.input,
        "completion_tokens": turn.output,
        "total_tokens": turn.input + turn.output,
        "prompt_tokens_details": {"cached_tokens": turn.cached},
    }


def _chat_calls(turn: Turn) -> list[dict[str, Any]]:
    if not turn.tool:
        return []
    function = {"name": turn.tool[0], "arguments": json.dumps(turn.tool[1])}
    return [{"index": 0, "id": f"call_{turn.number}", "type": "function", "function": function}]


def _chat(turn: Turn) -> dict[str, Any]:
    message = {"role": "assistant", "content": turn.text, "tool_calls": _chat_calls(turn) or None}
    reason = "tool_calls" if turn.tool else "stop"
    return {
        "id": f"chatcmpl-{turn.number}",
        "object": "chat.completion",
        "created": 1,
        "model": turn.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": _chat_usage(turn),
    }


def _chat_stream(turn: Turn) -> Iterator[bytes]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return _event({**head, "choices": [choice]})

    head = {
        "id": f"chatcmpl-{turn.number}",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": turn.model,
    }
    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(turn.text):
        yield chunk({"content": piece})
    for call in _chat_calls(turn):
        yield chunk({"tool_calls": [call]})
    yield chunk({}, "tool_calls" if turn.tool else "stop")
    yield _event({**head, "choices": [], "usage": _chat_usage(turn)})
    yield b"data: [DONE]\n\n"


# --- OpenAI Responses ----------------------------------------------------------------------------------------------


def _responses(turn: Turn) -> dict[str, Any]:
    content = [{"type": "output_text", "text": turn.text, "annotations": []}]
    output: list[dict[str, Any]] = [
        {
            "type": "message",
            "id": f"msg_{turn.number}",
            "role": "assistant",
            "status": "completed",
            "content": content,
        }
    ]
    if turn.tool:
        called = {"name": turn.tool[0], "arguments": json.dumps(turn.tool[1])}
        ids = {"id": f"fc_{turn.number}", "call_id": f"call_{turn.number}"}
        output.append({"type": "function_call", **ids, "status": "completed", **called})
    return {
        "id": f"resp_{turn.number}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": turn.model,
        "output": output,
        "usage": {
            "input_tokens": turn.input,
            "input_tokens_details": {"cached_tokens": turn.cached},
            "output_tokens": turn.output,
            "total_tokens": turn.input + turn.output,
        },
    }


def _responses_stream(turn: Turn) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        nonlocal number
        number += 1
        return _event({"type": kind, "sequence_number": number, **more}, kind)

    number = -1
    whole = _responses(turn)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(whole["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        opened = {**item, "status": "in_progress"}
        opened |= {"content": []} if item["type"] == "message" else {"arguments": ""}
        yield event("response.output_item.added", output_index=index, item=opened)
        if item["type"] == "message":
            part = item["content"][0]
            yield event("response.content_part.added", **place, content_index=0, part={**part, "text": ""})
            for piece in _pieces(part["text"]):
                yield event("response.output_text.delta", **place, content_index=0, delta=piece)
            yield event("response.output_text.done", **place, content_index=0, text=part["text"])
            yield event("response.content_part.done", **place, content_index=0, part=part)
        else:
            for piece in _pieces(item["arguments"]):
                yield event("response.function_call_arguments.delta", **place, delta=piece)
            yield event("response.function_call_arguments.done", **place, arguments=item["arguments"])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=whole)


# --- Gemini --------------------------------------------------------------------------------------------------------


def _gemini(turn: Turn, text: str | None = None, *, last: bool = True) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"text": turn.text if text is None else text}]
    if turn.tool and last:
        parts.append({"functionCall": {"name": turn.tool[0], "args": turn.tool[1]}})
    answer: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if last:
        answer["finishReason"] = "STOP"
    usage = {
        "promptTokenCount": turn.input,
        "cachedContentTokenCount": turn.cached,
        "candidatesTokenCount": turn.output if last else 1,
    }
    return {"candidates": [answer], "usageMetadata": usage, "modelVersion": turn.model, "responseId": "r1"}


def _gemini_stream(turn: Turn) -> Iterator[bytes]:
    *first, last = [*_pieces(turn.text)]
    for piece in first:
        yield _event(_gemini(turn, piece, last=False))
    yield _event(_gemini(turn, last))


WHOLE = {
    "anthropic-messages": _messages,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
}
STREAMS = {
    "anthropic-messages": _messages_stream,
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "gemini": _gemini_stream,
}
TROUBLE = {
    "anthropic-messages": _event(
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error"
    ),
    "openai-chat": _event({"error": {"code": "server_error", "message": "Overloaded"}}),
    "openai-responses": _event(
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "Overloaded"}}},
        "response.failed",
    ),
    "gemini": _event({"error": {"code": 503, "status": "UNAVAILABLE", "message": "Overloaded"}}),
}

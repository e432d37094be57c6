"""A scripted provider: speaks each dialect as far as the agents need it, and says what the script says.

A script is a list of moves, shell commands to run and at last a sentence. Which move comes next is told by the
conversation itself: how many commands were answered since the person last wrote.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Event = tuple[str, dict[str, Any]]


@dataclass
class Script:
    """Commands, one after another, then what is said; faults come before anything else, each once."""

    commands: tuple[str, ...] = ("printf 'hello\\n' > README.md",)
    said: str = "I wrote README.md."
    faults: list[int | str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


class Provider:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Provider:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *why: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._json(200, {})

        def do_GET(self) -> None:
            self._json(200, {"data": [{"id": "candidate", "object": "model"}], "models": []})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
            path = self.path.split("?")[0]
            answer = next((read for ending, read in DIALECTS.items() if path.endswith(ending)), None)
            if answer is None:
                return self._json(200, {"input_tokens": 7, "totalTokens": 7})
            script.requests.append((path, body))
            fault = script.faults.pop(0) if script.faults else None
            if isinstance(fault, int):
                return self._json(
                    fault, {"type": "error", "error": {"type": "x", "message": f"fault {fault}"}}
                )
            self._stream(answer(body, script), drop=fault == "drop")

        def _json(self, status: int, content: object) -> None:
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _stream(self, events: Iterator[Event] | dict[str, Any], *, drop: bool) -> None:
            if isinstance(events, dict):
                return self._json(200, events)
            self.close_connection = True
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for name, content in events:
                head = f"event: {name}\n" if name else ""
                self.wfile.write(f"{head}data: {json.dumps(content)}\n\n".encode())
                if drop:
                    return
            return

    return Handler


def _move(script: Script, answered: int) -> tuple[str, str]:
    """("run", command) or ("say", sentence)."""
    if answered < len(script.commands):
        return "run", script.commands[answered]
    return "say", script.said


def _tool(names: list[str], *known: str) -> str:
    return next((name for name in known if name in names), known[0])


def anthropic(body: dict[str, Any], script: Script) -> Iterator[Event] | dict[str, Any]:
    answered = 0
    for message in body.get("messages", []):
        content = message["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        results = sum(block.get("type") == "tool_result" for block in blocks)
        if message["role"] == "user":
            answered = answered + results if results else 0
    names = [tool.get("name", "") for tool in body.get("tools") or []]
    verb, text = _move(script, answered) if names else ("say", "A title")
    usage = {
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 0,
    }
    if verb == "run":
        given = {"command": text, "description": "Work"}
        block = {"type": "tool_use", "id": f"toolu_{len(script.requests)}", "name": "Bash", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
    else:
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": text}
    reason = "tool_use" if verb == "run" else "end_turn"
    message = {
        "id": f"msg_{len(script.requests)}", "type": "message", "role": "assistant", "model": body.get("model"),
        "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    if not body.get("stream"):
        whole = block | ({"input": given} if verb == "run" else {"text": text})
        return message | {"content": [whole], "stop_reason": reason}
    return iter(
        [
            ("message_start", {"type": "message_start", "message": message}),
            ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}),
            ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
            ("content_block_stop", {"type": "content_block_stop", "index": 0}),
            (
                "message_delta",
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": reason, "stop_sequence": None},
                    "usage": usage,
                },
            ),
            ("message_stop", {"type": "message_stop"}),
        ]
    )


def responses(body: dict[str, Any], script: Script) -> Iterator[Event]:
    answered = 0
    for item in body.get("input", []):
        if item.get("type") == "function_call_output":
            answered += 1
        elif item.get("role") == "user":
            answered = 0
    names = [tool.get("name", "") for tool in body.get("tools") or []]
    verb, text = _move(script, answered)
    number = len(script.requests)
    if verb == "run":
        name = _tool(names, "exec_command", "shell_command", "shell", "bash")
        given = {"cmd": text} if name == "exec_command" else {"command": text}
        if name == "shell":
            given = {"command": ["bash", "-lc", text]}
        item = {
            "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name,
            "arguments": json.dumps(given), "status": "completed",
        }  # fmt: skip
    else:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        item = {
            "type": "message",
            "id": f"m_{number}",
            "role": "assistant",
            "content": content,
            "status": "completed",
        }
    usage = {
        "input_tokens": 100, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 120,
    }  # fmt: skip
    made = {"id": f"resp_{number}", "object": "response", "model": body.get("model"), "output": []}
    done = made | {"status": "completed", "output": [item], "usage": usage}
    yield "response.created", {"type": "response.created", "response": made | {"status": "in_progress"}}
    yield (
        "response.output_item.added",
        {"type": "response.output_item.added", "output_index": 0, "item": item},
    )
    yield "response.output_item.done", {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield "response.completed", {"type": "response.completed", "response": done}


def chat(body: dict[str, Any], script: Script) -> Iterator[Event] | dict[str, Any]:
    answered = 0
    for message in body.get("messages", []):
        if message["role"] == "tool":
            answered += 1
        elif message["role"] == "user":
            answered = 0
    names = [tool["function"]["name"] for tool in body.get("tools") or []]
    verb, text = _move(script, answered) if names else ("say", script.said)
    if verb == "run":
        given = json.dumps({"command": text, "description": "Work"} if "read" in names else {"command": text})
        call = {
            "id": f"call_{len(script.requests)}",
            "type": "function",
            "function": {"name": "bash", "arguments": given},
        }
        message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call]}
    else:
        message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    made = {"id": f"chatcmpl-{len(script.requests)}", "created": 1, "model": body.get("model")}
    reason = "tool_calls" if verb == "run" else "stop"
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return made | {"object": "chat.completion", "choices": [choice], "usage": usage}
    delta = dict(message)
    if verb == "run":
        delta["tool_calls"] = [call | {"index": 0}]
    chunk = made | {"object": "chat.completion.chunk"}
    return iter(
        [
            ("", chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),
            ("", chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}),
        ]
    )


def gemini(body: dict[str, Any], script: Script) -> Iterator[Event]:
    answered = 0
    for content in body.get("contents", []):
        pieces = content.get("parts", [])
        results = sum("functionResponse" in piece for piece in pieces)
        if content.get("role") == "user":
            answered = answered + results if results else 0
    verb, text = _move(script, answered) if body.get("tools") else ("say", "{}")
    piece: dict[str, Any] = {"text": text}
    if verb == "run":
        piece = {"functionCall": {"name": "run_shell_command", "args": {"command": text}}}
    usage = {
        "promptTokenCount": 100,
        "candidatesTokenCount": 20,
        "totalTokenCount": 120,
        "cachedContentTokenCount": 40,
    }
    candidate = {"content": {"role": "model", "parts": [piece]}, "finishReason": "STOP", "index": 0}
    yield "", {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "candidate"}


DIALECTS: dict[str, Any] = {
    "/messages": anthropic,
    "/responses": responses,
    "/chat/completions": chat,
    ":streamGenerateContent": gemini,
}

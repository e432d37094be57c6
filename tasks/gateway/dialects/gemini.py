"""Gemini: POST /v1beta/models/MODEL:generateContent, :streamGenerateContent and :countTokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from tasks.gateway.dialects.base import (
    QUESTION,
    Body,
    Call,
    Reading,
    inner,
    number,
    objects,
    packed,
    refuse,
    replaced,
)
from tasks.gateway.prices import Tokens

PATH = re.compile(r"/v1(?:beta)?/models/[^/:]+:(generateContent|streamGenerateContent|countTokens)")
STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


class Generate:
    name = "gemini"
    family = "gemini"
    #: Its client gives up when a connection breaks off, and forgets what it had not read yet.
    breaks_off = False

    def call(self, path: str) -> Call | None:
        found = PATH.fullmatch(path)
        if found is None:
            return None
        method = found[1]
        return Call(self, method, streams=method == "streamGenerateContent", counts=method == "countTokens")

    def headers(self, key: str) -> Mapping[str, str]:
        return {"x-goog-api-key": key}

    def rewrite_request(self, body: Body, model: str) -> Reading:
        refuse(body, "cachedContent")
        for name in ("labels", "model"):
            body.pop(name, None)
        owners = [body]
        if "generateContentRequest" in body:  # what is counted
            owners.append(inner(body, "generateContentRequest"))
            owners[1]["model"] = f"models/{model}"
        for owner in owners:
            if isinstance(owner.get("tools"), list):
                # Of a tool's parts only the agent's own functions stay: search and code run at the provider.
                owner["tools"] = [tool for tool in map(_own_functions, objects(owner["tools"])) if tool]
        return Reading()

    def tail(self, call: Call, model: str) -> str:
        return f"/v1beta/models/{quote(model, safe='')}:{call.tail}" + ("?alt=sse" if call.streams else "")

    def question(self, model: str) -> tuple[Call, Body]:
        asked = [{"role": "user", "parts": [{"text": QUESTION}]}]
        call = Call(self, "generateContent", streams=False)
        return call, {"contents": asked, "generationConfig": {"maxOutputTokens": 16}}

    def rewrite_answer(self, message: Body, alias: str) -> bool:
        return replaced(message, "modelVersion", alias)

    def read(self, message: Body, reading: Reading) -> None:
        if message.get("error"):
            reading.trouble = str(inner(message, "error").get("status") or "error")
        usage = message.get("usageMetadata")
        if isinstance(usage, dict):
            cached = number(usage, "cachedContentTokenCount")
            asked = number(usage, "promptTokenCount") + number(usage, "toolUsePromptTokenCount")
            reading.tokens = Tokens(
                input=max(0, asked - cached),
                output=number(usage, "candidatesTokenCount") + number(usage, "thoughtsTokenCount"),
                cache_read=cached,
            )
        for answer in objects(message.get("candidates")):
            for part in objects(inner(answer, "content").get("parts")):
                call = part.get("functionCall")
                reading.characters += len(str(part.get("text") or "")) + (len(packed(call)) if call else 0)
            if answer.get("finishReason"):
                reading.complete = True
        if inner(message, "promptFeedback").get("blockReason"):
            reading.complete = True
        # Each event counts what was generated so far: only the last one counts it all.
        reading.counted = reading.counted or (reading.complete and isinstance(usage, dict))

    def shows(self, message: Body, reading: Reading) -> bool:
        return True

    def error(self, status: int, sentence: str) -> Body:
        usual = "UNAVAILABLE" if status >= 500 else "INVALID_ARGUMENT"
        return {"error": {"code": status, "message": sentence, "status": STATUSES.get(status, usual)}}

    def last_words(self, sentence: str) -> bytes:
        """No event: its client looks for an error in a piece that is JSON and nothing else."""
        return packed(self.error(503, sentence))


def _own_functions(tool: Body) -> Body:
    return {name: tool[name] for name in ("functionDeclarations", "function_declarations") if name in tool}

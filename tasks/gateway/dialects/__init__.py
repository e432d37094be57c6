"""The four ways in which agents ask models; each knows where a model's name and the usage stand."""

from __future__ import annotations

from tasks.gateway.dialects import anthropic, gemini, openai
from tasks.gateway.dialects.base import Call, Dialect

DIALECTS: tuple[Dialect, ...] = (anthropic.Messages(), openai.Chat(), openai.Responses(), gemini.Generate())


def call_for(path: str) -> Call | None:
    """What a request to this path asks for. Nothing but models: files, batches and the like are not offered."""
    for dialect in DIALECTS:
        call = dialect.call(path)
        if call is not None:
            return call
    return None

"""What every dialect can do for the gateway. Plain values in and out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tasks.gateway.prices import Tokens, roughly

#: One JSON object of a request or an answer.
Body = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """What was asked for. `tail` is what the provider's address is followed by."""

    dialect: Dialect
    tail: str
    #: Set by the path where the path says it (Gemini), else read from the body.
    streams: bool | None = None
    #: Only counts tokens: nothing is generated, and providers take no money.
    counts: bool = False

    def is_streamed(self, body: Body) -> bool:
        return bool(body.get("stream")) if self.streams is None else self.streams


#: What a request of our own says.
QUESTION = "Say yes."


@dataclass
class Reading:
    """What was learnt from an answer so far."""

    tokens: Tokens = field(default_factory=Tokens)
    #: The provider told what it counted; else we estimate.
    counted: bool = False
    #: The answer came to its own end: a stream that stops before it was cut.
    complete: bool = False
    #: Length of what was generated, for the estimate.
    characters: int = 0
    #: What the provider says went wrong in the middle of a stream.
    trouble: str = ""
    #: The agent did not ask for the usage, so it does not get the event that holds nothing else.
    hides_usage: bool = False

    def settle(self, asked: int) -> bool:
        """Fill in what was not told, from the lengths of both texts. Returns whether it had to."""
        if self.counted:
            return False
        if not (self.tokens.input or self.tokens.cache_read or self.tokens.cache_write):
            self.tokens.input = roughly(asked)
        self.tokens.output = max(self.tokens.output, roughly(self.characters))
        return True


class NotOffered(Exception):
    """The request leans on something that the provider would have to remember or run; the message says what."""


class Dialect(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str:
        """The provider's dialect that serves it: one of Provider.Dialect."""

    def call(self, path: str) -> Call | None:
        """None when the path is not one of this dialect."""

    def headers(self, key: str) -> Mapping[str, str]: ...

    def rewrite_request(self, body: Body, model: str) -> Reading:
        """The real model in; out go names of sessions and users, and tools that the provider itself would run.

        Gives what is to be filled in from the answer. Raises NotOffered.
        """

    def tail(self, call: Call, model: str) -> str:
        """What follows the provider's address."""

    def question(self, model: str) -> tuple[Call, Body]:
        """A short request of our own, to learn whether it is us whom the provider refuses."""

    def rewrite_answer(self, message: Body, alias: str) -> bool:
        """Replace the model's name in an answer or an event of a stream; whether there was one."""

    def read(self, message: Body, reading: Reading) -> None:
        """Learn from an answer or an event of a stream."""

    def shows(self, message: Body, reading: Reading) -> bool:
        """Whether the agent gets this event: not what only the gateway had asked for."""

    def error(self, status: int, sentence: str) -> Body: ...

    def last_words(self, sentence: str) -> bytes:
        """What is sent into a stream that we cut, before the connection closes."""

    @property
    def breaks_off(self) -> bool:
        """Whether its agents ask again when a connection breaks off; those of others heed last words alone."""


def replaced(message: Any, name: str, alias: str) -> bool:
    if isinstance(message, dict) and isinstance(message.get(name), str):
        message[name] = alias
        return True
    return False


def refuse(body: Body, *names: str) -> None:
    """Raises NotOffered when the request sets one of these."""
    for name in names:
        if body.get(name):
            raise NotOffered(f"“{name}” is not offered here: send the whole conversation with each request.")


def own_tools(body: Body, is_own: Callable[[Any], bool]) -> None:
    """Keep the tools that the agent runs itself. Those that a provider runs would lead out of the sandbox."""
    tools = body.get("tools")
    if isinstance(tools, list):
        body["tools"] = [tool for tool in tools if is_own(tool)]
        if not body["tools"]:
            del body["tools"]
            body.pop("tool_choice", None)


def objects(values: Any) -> list[Body]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def inner(message: Body, name: str) -> Body:
    """The object inside, or an empty one."""
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def number(usage: Any, *names: str) -> int:
    """A count somewhere inside `usage`; what is missing or makes no sense counts nothing."""
    for name in names:
        usage = usage.get(name) if isinstance(usage, dict) else None
    return usage if isinstance(usage, int) and not isinstance(usage, bool) and usage > 0 else 0


def packed(message: Body) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def event(message: Body, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + packed(message) + b"\n\n"

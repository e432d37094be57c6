"""The contract that every dialect keeps through the gateway, before a provider that follows a script."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from django.test import override_settings

from tasks.gateway import sockets
from tasks.gateway.exchange import Patience
from tasks.gateway.ledger import Exchange, Grant, Refused
from tasks.gateway.prices import Rates, cost
from tasks.gateway.server import Gateway, gateway
from tasks.models import Outcome
from tests.fake_provider import KEY, MODEL, ORGANISATION, FakeProvider, Turn, serving

TOKEN = "a" * 32
RATES = Rates(Decimal(3), Decimal(15), Decimal("0.3"), Decimal("3.75"))
PROMPT = "Please mend the harbour wall."


@dataclass(frozen=True)
class Way:
    """How an agent speaks one dialect."""

    family: str
    path: str
    body: dict[str, Any]
    stream_path: str = ""

    def asked(self, *, streamed: bool) -> tuple[str, dict[str, Any]]:
        if self.stream_path:
            return (self.stream_path if streamed else self.path), dict(self.body)
        return self.path, {**self.body, "stream": streamed}


MESSAGES = [{"role": "user", "content": PROMPT}]
WAYS = {
    "anthropic-messages": Way(
        "anthropic",
        "/v1/messages",
        {
            "model": "candidate",
            "max_tokens": 100,
            "messages": MESSAGES,
            "metadata": {"user_id": "session-of-one-side"},
            "tools": [
                {"name": "read", "input_schema": {"type": "object"}},
                {"type": "web_search_20250305", "name": "web_search"},
            ],
        },
    ),
    "openai-chat": Way(
        "openai",
        "/v1/chat/completions",
        {
            "model": "candidate",
            "messages": MESSAGES,
            "user": "session-of-one-side",
            "tools": [{"type": "function", "function": {"name": "read"}}, {"type": "web_search"}],
        },
    ),
    "openai-responses": Way(
        "openai",
        "/v1/responses",
        {
            "model": "candidate",
            "input": MESSAGES,
            "metadata": {"session": "session-of-one-side"},
            "tools": [{"type": "function", "name": "read"}, {"type": "web_search"}],
        },
    ),
    "gemini": Way(
        "gemini",
        "/v1beta/models/candidate:generateContent",
        {
            "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
            "labels": {"session": "session-of-one-side"},
            "tools": [{"functionDeclarations": [{"name": "read"}]}, {"googleSearch": {"web_search": 1}}],
        },
        "/v1beta/models/candidate:streamGenerateContent",
    ),
}


@dataclass
class Memory:
    """A ledger for one run of one provider."""

    base_url: str
    family: str
    concurrency: int = 4
    refuses: Refused | None = None
    written: list[Exchange] = field(default_factory=list)
    held: int = 0

    def admit(self, token: str, tokens: int) -> Grant:
        if self.refuses:
            raise self.refuses
        self.held += 1
        return Grant(
            1,
            "run 1",
            1,
            self.base_url,
            self.family,
            MODEL,
            self.concurrency,
            RATES,
            KEY,
            reserved=Decimal(1),
        )

    def record(self, grant: Grant, exchange: Exchange) -> Decimal:
        self.held -= 1
        self.written.append(exchange)
        return cost(exchange.tokens, grant.rates)

    def release(self, grant: Grant) -> None:
        self.held -= 1

    def note_refusal(self, token: str, dialect: str, why: Refused) -> None:
        self.written.append(Exchange(dialect, why.outcome, why.sentence))

    def still_open(self, tokens: Any) -> set[str]:
        return {TOKEN}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    broke_off: bool = False

    def objects(self) -> list[dict[str, Any]]:
        lines = [line[5:] for line in self.body.splitlines() if line.startswith(b"data:")]
        texts = [line for line in lines if line.strip() != b"[DONE]"] if lines else [self.body]
        return [json.loads(text) for text in texts]

    def generated(self) -> str:
        """All text and all arguments, whatever the dialect."""
        return "".join(_texts(each) for each in self.objects())


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        if str(value.get("type", "")).endswith(".done") or value.get("type") == "response.completed":
            return ""  # says again what the pieces said
        names = ("text", "partial_json", "delta", "content", "arguments")
        shown = "".join(value[name] for name in names if isinstance(value.get(name), str))
        return shown + "".join(_texts(each) for each in value.values() if isinstance(each, dict | list))
    return "".join(_texts(each) for each in value) if isinstance(value, list) else ""


@dataclass
class World:
    fake: FakeProvider
    ledger: Memory
    made: Gateway
    client: aiohttp.ClientSession
    way: Way

    async def ask(self, *, streamed: bool = True, **changes: Any) -> Answer:
        path, body = self.way.asked(streamed=streamed)
        ours = {
            "x-api-key": "placeholder",
            "authorization": "Bearer placeholder",
            "user-agent": "secret/1",
        }
        async with self.client.post(f"http://gateway{path}", json={**body, **changes}, headers=ours) as got:
            headers = {name.lower(): value for name, value in got.headers.items()}
            held = b""
            try:
                async for piece in got.content.iter_any():
                    held += piece
            except aiohttp.ClientPayloadError:
                return Answer(got.status, headers, held, broke_off=True)
            return Answer(got.status, headers, held)

    @property
    def last(self) -> Exchange:
        return self.ledger.written[-1]


Act = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest) -> Callable[..., World]:
    """Runs a coroutine against provider and gateway in one loop."""
    name: str = request.param

    def go(act: Act, *turns: Turn, patience: Patience | None = None) -> World:
        async def inside() -> World:
            async with _world(WAYS[name], turns, patience or Patience()) as world:
                await act(world)
            assert world.ledger.held == 0, "each reservation is given back"
            return world

        # A short path, since this client has no trick for long ones.
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, override_settings(WORK_AREA=Path(folder)):
            return asyncio.run(inside())

    return go


@asynccontextmanager
async def _world(way: Way, turns: tuple[Turn, ...], patience: Patience) -> AsyncIterator[World]:
    async with serving(*turns) as fake:
        base = fake.url + ("/v1" if way.family == "openai" else "")
        ledger = Memory(base, way.family)
        async with gateway(ledger, patience) as made:
            await made.open(TOKEN)
            connector = aiohttp.UnixConnector(str(sockets.folder_of(TOKEN) / "socket"))
            async with aiohttp.ClientSession(connector=connector) as client:
                yield World(fake, ledger, made, client, way)
            await made.close(TOKEN)


@pytest.mark.parametrize("streamed", [True, False])
def test_text_tools_and_usage_come_through(run: Any, streamed: bool) -> None:
    answers = []

    async def act(world: World) -> None:
        answers.append(await world.ask(streamed=streamed))

    world = run(act, Turn("Mended: “ñ”.", tool=("read", {"path": "wall.py"})))
    (answer,) = answers
    assert answer.status == 200
    if streamed:
        assert "Mended: “ñ”." in answer.generated()
    assert b"wall.py" in answer.body.replace(b'",', b"") or '{"path": "wall.py"}' in answer.generated()
    tokens = world.last.tokens
    assert (tokens.input, tokens.cache_read, tokens.output) == (100, 20, 30)
    assert world.last.outcome is Outcome.ANSWERED
    assert not world.last.estimated


@pytest.mark.parametrize("streamed", [True, False])
def test_neither_side_learns_the_others_names(run: Any, streamed: bool) -> None:
    answers = []

    async def act(world: World) -> None:
        answers.append(await world.ask(streamed=streamed))

    world = run(act)
    shown = answers[0].body + repr(answers[0].headers).encode()
    for name in (MODEL, ORGANISATION, KEY, "req_wrasse_1"):
        assert name.encode() not in shown
    assert b"candidate" in answers[0].body
    (seen,) = world.fake.seen
    told = json.dumps(seen.body) + repr(seen.headers) + seen.query
    for name in ("candidate", "placeholder", "secret/1", "session-of-one-side", "web_search"):
        assert name not in told
    assert MODEL in json.dumps(seen.body) + seen.path
    assert KEY in repr(seen.headers)
    assert PROMPT in json.dumps(seen.body)


@pytest.mark.parametrize(
    ("status", "error", "outcome", "stops"),
    [
        (429, "rate_limit_error", Outcome.PROVIDER, False),
        (429, "insufficient_quota", Outcome.REFUSED, True),
        (500, "api_error", Outcome.PROVIDER, False),
        (529, "overloaded_error", Outcome.PROVIDER, False),
        (401, "authentication_error", Outcome.REFUSED, True),
        (402, "payment_required", Outcome.REFUSED, True),
        (403, "permission_error", Outcome.REFUSED, True),
        (404, "not_found_error", Outcome.REFUSED, False),
        (400, "context_length_exceeded", Outcome.TOO_LONG, False),
        (400, "invalid_request_error", Outcome.REQUEST, False),
    ],
)
def test_a_refusal_keeps_its_status_and_its_owner(
    run: Any, status: int, error: str, outcome: Outcome, stops: bool
) -> None:
    answers = []

    async def act(world: World) -> None:
        answers.append(await world.ask())

    world = run(act, Turn(status=status, error=error, retry_after="7"))
    (answer,) = answers
    assert answer.status == status
    assert answer.headers["retry-after"] == "7"
    assert "error" in answer.objects()[0]
    assert MODEL.encode() not in answer.body
    assert (world.last.outcome, world.last.stops_provider) == (outcome, stops)
    assert world.last.retry_after == 7
    assert world.last.tokens.output == 0
    assert PROMPT not in world.last.sentence


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429])
def test_what_one_request_alone_is_refused_stops_nobody_else(run: Any, status: int) -> None:
    """A file that is not there, more tokens than are paid for, a feature that is not for all: agents can ask so."""
    answers = []

    async def act(world: World) -> None:
        answers.append(await world.ask(model="somebody-elses"))

    kind = "insufficient_quota" if status == 429 else "some_error"
    world = run(act, Turn(status=status, error=kind), Turn("Yes."))
    (answer,), (theirs, ours) = answers, world.fake.seen
    assert answer.status == status
    assert ORGANISATION.encode() not in answer.body
    assert (world.last.outcome, world.last.stops_provider) == (Outcome.REQUEST, False)
    assert world.last.tokens.output == 30, "our question costs something, too"
    assert theirs.model == ours.model == MODEL
    assert PROMPT in json.dumps(theirs.body)
    assert PROMPT not in json.dumps(ours.body)
    assert KEY in repr(ours.headers)


@pytest.mark.parametrize("then", [Turn(status=529), Turn(status=400)])
def test_a_refusal_that_cannot_be_looked_into_stops_nobody(run: Any, then: Turn) -> None:
    async def act(world: World) -> None:
        await world.ask()

    world = run(act, Turn(status=401), then)
    stops = then.ends == "dropped"
    assert (world.last.outcome, world.last.stops_provider) == (
        Outcome.REQUEST if stops else Outcome.REFUSED,
        False,
    )


def test_words_of_an_agents_own_stop_nobody(run: Any) -> None:
    async def act(world: World) -> None:
        await world.ask()

    quoted = "; you sent: insufficient_quota, Your credit balance is too low, API_KEY_INVALID"
    world = run(act, Turn(status=400, error="invalid_value", quotes=quoted))
    assert (world.last.outcome, world.last.stops_provider) == (Outcome.REQUEST, False)
    assert len(world.fake.seen) == 1


#: What a client of Gemini reads as an error wherever it stands: no event, and nothing after it.
CUT_OFF = b'\n\n{"error":{"code":503,"message":"The answer was cut off; ask again.","status":"UNAVAILABLE"}}'


@pytest.mark.parametrize("ends", ["dropped", "truncated", "stalled", "trouble"])
def test_half_an_answer_never_looks_whole(run: Any, ends: str) -> None:
    answers = []

    async def act(world: World) -> None:
        answers.append(await world.ask())
        answers.append(await world.ask())

    patience = Patience(idle=0.3)
    world = run(act, Turn("A long story of the sea.", ends=ends), Turn(), patience=patience)
    assert answers[0].broke_off or answers[0].body.endswith(CUT_OFF)
    assert not answers[1].broke_off, "asked again it goes well"
    assert CUT_OFF not in answers[1].body
    cut, whole = world.ledger.written
    assert cut.outcome is Outcome.PROVIDER
    assert cut.sentence
    assert cut.estimated
    assert cut.tokens.output > 0, "what was begun costs something"
    assert whole.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("ends", ["dropped", "truncated", "trouble"])
def test_half_of_what_is_no_stream_is_asked_for_again(run: Any, ends: str) -> None:
    answers = []

    async def act(world: World) -> None:
        answers.append(await world.ask(streamed=False))
        answers.append(await world.ask(streamed=False))

    world = run(act, Turn("A long story of the sea.", ends=ends), Turn())
    assert [answer.status for answer in answers] == [503, 200]
    assert "retry-after" in answers[0].headers
    assert [one.outcome for one in world.ledger.written] == [Outcome.PROVIDER, Outcome.ANSWERED]
    assert world.ledger.written[0].sentence


def test_a_provider_that_never_begins_is_given_up(run: Any) -> None:
    answers = []

    async def act(world: World) -> None:
        world.fake.may_answer.clear()
        answers.append(await world.ask())

    world = run(act, patience=Patience(first=0.3))
    assert answers[0].status == 503
    assert "retry-after" in answers[0].headers
    assert world.last.outcome is Outcome.PROVIDER


def test_an_agent_that_hangs_up_stops_the_provider(run: Any) -> None:
    async def act(world: World) -> None:
        asking = asyncio.create_task(world.ask())
        await world.fake.begun.wait()
        asking.cancel()
        async with asyncio.timeout(20):
            await world.fake.left.wait()
            while not world.ledger.written:
                await asyncio.sleep(0.01)

    world = run(act, Turn(ends="stalled"))
    assert world.last.outcome is Outcome.LEFT


def test_a_spent_budget_is_final_and_reaches_no_provider(run: Any) -> None:
    answers = []

    async def act(world: World) -> None:
        world.ledger.refuses = Refused(Outcome.BUDGET, "The budget of this task, $5, is spent.")
        answers.append(await world.ask())

    world = run(act)
    assert answers[0].status == 400
    assert b"budget" in answers[0].body
    assert world.fake.seen == []
    assert world.last.outcome is Outcome.BUDGET


def test_no_more_at_once_than_the_provider_takes(run: Any) -> None:
    async def act(world: World) -> None:
        world.ledger.concurrency = 2
        world.fake.may_answer.clear()
        asking = [asyncio.create_task(world.ask()) for _ in range(5)]
        async with asyncio.timeout(20):
            while world.fake.at_once < 2:
                await asyncio.sleep(0.01)
            while len(world.made.exchanges.slots.row[1]) < 3:
                await asyncio.sleep(0.01)
        world.fake.may_answer.set()
        assert [answer.status for answer in await asyncio.gather(*asking)] == [200] * 5

    world = run(act)
    assert world.fake.most_at_once == 2


def test_what_is_no_model_is_not_offered(run: Any) -> None:
    async def act(world: World) -> None:
        for path in ("/v1/files", "/v1/messages/batches", "/v1beta/cachedContents"):
            async with world.client.post(f"http://gateway{path}", json={}) as got:
                assert got.status == 404
        async with world.client.get("http://gateway/v1/models") as got:
            assert [each["id"] for each in (await got.json())["data"]] == ["candidate"]

    assert run(act).fake.seen == []

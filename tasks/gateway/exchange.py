"""One request of an agent: let in, sent on, answered, written down."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import aiohttp
from aiohttp import web

from tasks.gateway.dialects import call_for
from tasks.gateway.dialects.base import Body, Call, NotOffered, Reading, packed
from tasks.gateway.events import Events, TooLarge, message_of, with_message
from tasks.gateway.faults import Judged, judge, only_this
from tasks.gateway.ledger import Exchange, Grant, Ledger, Refused
from tasks.gateway.prices import Tokens, roughly
from tasks.gateway.slots import Slots
from tasks.gateway.threads import Threads
from tasks.models import Outcome
from tasks.sandbox.door import MODEL

logger = logging.getLogger(__name__)

WriteDown = Callable[[], Awaitable[None]]

#: What an agent may tell a provider beside its request. Its key, its version and its session are not among them.
HEADERS_IN = ("accept", "anthropic-version", "anthropic-beta", "openai-beta")
#: What a provider may tell an agent. Names of organisations, request ids and regions are not among them.
HEADERS_OUT = ("content-type", "retry-after", "retry-after-ms", "x-should-retry")
MOST_ERROR = 64 * 1024
MOST_ANSWER = 64 * 2**20
#: Seconds for a request of our own.
OURS = 30.0
#: Seconds after which an agent is told to ask again when it is not the provider who says so.
AGAIN = "5"


@dataclass(frozen=True)
class Patience:
    """Seconds, and bytes of a request."""

    first: float = 240.0  # until an answer begins
    idle: float = 120.0  # between two pieces of it
    row: float = 60.0  # for a free slot of the provider
    whole: float = 3600.0  # for all of it
    body: int = 64 * 2**20


class Stopped(Exception):
    """The request ends here, with this answer for the agent."""

    def __init__(
        self, status: int, outcome: Outcome, sentence: str, *, shown: str = "", again: bool = False
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.outcome = outcome
        self.sentence = sentence
        #: What the agent reads: it may print it, so nobody is named.
        self.shown = shown or sentence
        self.again = again


@dataclass
class Ending:
    """What will be written down about this request."""

    outcome: Outcome = Outcome.LEFT
    sentence: str = ""
    status: int | None = None
    retry_after: float | None = None
    waited: float | None = None
    stops_provider: bool = False
    #: Used by a request of our own.
    ours: Tokens = field(default_factory=Tokens)
    started: float = field(default_factory=time.monotonic)


class Exchanges:
    """Answers requests of agents. One for all runs: a run is told by the socket its requests come from."""

    def __init__(
        self, ledger: Ledger, threads: Threads, session: aiohttp.ClientSession, patience: Patience
    ) -> None:
        self.ledger = ledger
        self.threads = threads
        self.session = session
        self.patience = patience
        self.slots = Slots()

    async def answer(self, token: str, request: web.BaseRequest) -> web.StreamResponse:
        if request.method in ("GET", "HEAD"):
            return _models(request.path)
        call = call_for(request.path) if request.method == "POST" else None
        if call is None:
            return web.json_response({"error": {"message": "Only models are served here."}}, status=404)
        try:
            async with asyncio.timeout(self.patience.whole):
                return await self._answer(token, request, call)
        except Stopped as why:
            return _error(call, why)
        except Refused as why:
            await self.threads.run(self.ledger.note_refusal, token, call.dialect.name, why)
            return _error(call, _stopped_by(why))
        except TimeoutError:
            _hang_up(request)
            return web.Response(status=503)

    async def _answer(self, token: str, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        body, length = await self._body(request)
        grant = await self._admitted(token, roughly(length))
        # From here on somebody holds a slot and a reservation: both are given back whatever happens.
        ending, reading = Ending(), Reading()
        written = asyncio.Event()

        async def write_down() -> None:
            if not written.is_set():
                written.set()
                await self._write_down(grant, call, ending, reading, length)

        try:
            if call.dialect.family != grant.family:
                raise Stopped(
                    404, Outcome.REQUEST, f"This run's provider does not speak {call.dialect.name}."
                )
            streamed = call.is_streamed(body)
            try:
                hides_usage = call.dialect.rewrite_request(body, grant.model).hides_usage
            except NotOffered as why:
                raise Stopped(400, Outcome.REQUEST, str(why)) from None
            reading.hides_usage = hides_usage
            async with await self._sent(request, call, grant, body, ending) as upstream:
                ending.waited = time.monotonic() - ending.started
                ending.status = upstream.status
                if upstream.status != 200:
                    return await self._refused(call, grant, upstream, ending)
                if streamed and upstream.content_type == "text/event-stream":
                    return await self._stream(request, call, upstream, ending, reading, write_down)
                return await self._whole(call, upstream, ending, reading)
        except Stopped as why:
            ending.outcome, ending.sentence = why.outcome, why.sentence
            raise
        finally:
            self.slots.give_back(grant.provider)
            # An agent that hangs up cancels us, and what it used must be written down all the same.
            await asyncio.shield(write_down())

    async def _body(self, request: web.BaseRequest) -> tuple[Body, int]:
        held = bytearray()
        async for piece in request.content.iter_any():
            held += piece
            if len(held) > self.patience.body:
                raise Stopped(413, Outcome.REQUEST, f"A request has at most {self.patience.body:,} bytes.")
        try:
            body = json.loads(held)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Stopped(400, Outcome.REQUEST, "The request is not a JSON object.")
        return body, len(held)

    async def _admitted(self, token: str, tokens: int) -> Grant:
        """With a slot of the provider. Raises Refused, Stopped."""
        while True:
            grant: Grant = await self.threads.run(self.ledger.admit, token, tokens)
            try:
                had_to_wait = await self.slots.take(grant.provider, grant.concurrency, self.patience.row)
            except TimeoutError:
                self.ledger.release(grant)
                sentence = "All of the provider's places are taken."
                raise Stopped(429, Outcome.GATEWAY, sentence, again=True) from None
            except BaseException:
                self.ledger.release(grant)
                raise
            if not had_to_wait:
                return grant
            # Money was spent meanwhile, and the provider may be paused: ask once more, holding the slot.
            self.ledger.release(grant)
            try:
                return await self.threads.run(self.ledger.admit, token, tokens)
            except BaseException:
                self.slots.give_back(grant.provider)
                raise

    async def _sent(
        self, request: web.BaseRequest, call: Call, grant: Grant, body: Body, ending: Ending
    ) -> aiohttp.ClientResponse:
        passed = {name: request.headers[name] for name in HEADERS_IN if name in request.headers}
        headers = {
            **passed,
            **{name: value for name, value in call.dialect.headers(grant.key).items() if name not in passed},
            "content-type": "application/json",
            "accept-encoding": "identity",
        }
        url = grant.base_url + call.dialect.tail(call, grant.model)
        try:
            async with asyncio.timeout(self.patience.first):
                return await self.session.post(url, data=packed(body), headers=headers, allow_redirects=False)
        except TimeoutError:
            sentence = f"The provider did not answer in {self.patience.first:g} s."
        except aiohttp.ClientError as why:
            sentence = f"The provider could not be reached: {type(why).__name__}."
        raise Stopped(503, Outcome.PROVIDER, sentence, shown="The model did not answer.", again=True)

    async def _refused(
        self, call: Call, grant: Grant, upstream: aiohttp.ClientResponse, ending: Ending
    ) -> web.Response:
        answer = b""
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(self.patience.idle):
                answer = await upstream.content.read(MOST_ERROR)
        first = judge(upstream.status, answer)
        judged = (
            await self._doubted(call, grant, first, ending) if first.outcome is Outcome.REFUSED else first
        )
        ending.outcome, ending.sentence = judged.outcome, judged.sentence
        ending.stops_provider = judged.stops_provider
        ending.retry_after = _seconds(upstream.headers)
        headers = _headers_out(upstream.headers)
        if first.outcome in (Outcome.TOO_LONG, Outcome.REQUEST) and answer.startswith(b"{"):
            # Agents read in it what to do better. Who serves them stays out.
            told = answer.replace(grant.model.encode(), MODEL.encode())
            return web.Response(status=upstream.status, body=told, headers=headers)
        headers["content-type"] = "application/json"
        # A redirect would lead out of what we know; the agent cannot follow it anyway.
        status = upstream.status if upstream.status >= 400 else 502
        shown = packed(call.dialect.error(status, "The model cannot answer now."))
        return web.Response(status=status, body=shown, headers=headers)

    async def _doubted(self, call: Call, grant: Grant, judged: Judged, ending: Ending) -> Judged:
        """Whether it is us who are refused: an agent has no part in what is asked here."""
        question, body = call.dialect.question(grant.model)
        headers = {**call.dialect.headers(grant.key), "content-type": "application/json"}
        url = grant.base_url + call.dialect.tail(question, grant.model)
        try:
            async with (
                asyncio.timeout(OURS),
                self.session.post(url, data=packed(body), headers=headers, allow_redirects=False) as upstream,
            ):
                answer = await upstream.content.read(MOST_ERROR)
        except (TimeoutError, aiohttp.ClientError):
            return replace(judged, stops_provider=False)  # nothing was learnt
        if upstream.status == 200:
            ending.ours = _used(question, answer, len(packed(body)))
            return only_this(judged)
        again = judge(upstream.status, answer)
        return again if again.outcome is Outcome.REFUSED else replace(judged, stops_provider=False)

    async def _whole(
        self, call: Call, upstream: aiohttp.ClientResponse, ending: Ending, reading: Reading
    ) -> web.Response:
        try:
            message = json.loads(await self._read_whole(upstream))
        except TimeoutError:
            sentence = f"The provider was silent for {self.patience.idle:g} s in the middle of an answer."
            message = None
        except (aiohttp.ClientError, ValueError, TooLarge) as why:
            sentence = f"The provider's answer is not whole: {type(why).__name__}."
            message = None
        if isinstance(message, dict) and not call.counts:
            call.dialect.read(message, reading)
        if reading.trouble:
            sentence = f"The provider gave up: {reading.trouble}."  # and called it a success
        if not isinstance(message, dict) or reading.trouble:
            shown = "The model did not answer."
            raise Stopped(503, Outcome.PROVIDER, sentence, shown=shown, again=True)
        call.dialect.rewrite_answer(message, MODEL)
        reading.counted = reading.counted or call.counts
        ending.outcome = Outcome.ANSWERED
        return web.json_response(body=packed(message))

    async def _read_whole(self, upstream: aiohttp.ClientResponse) -> bytes:
        held = bytearray()
        while True:
            async with asyncio.timeout(self.patience.idle):
                piece = await upstream.content.readany()
            if not piece:
                return bytes(held)
            held += piece
            if len(held) > MOST_ANSWER:
                raise TooLarge

    async def _stream(
        self,
        request: web.BaseRequest,
        call: Call,
        upstream: aiohttp.ClientResponse,
        ending: Ending,
        reading: Reading,
        write_down: WriteDown,
    ) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"content-type": "text/event-stream", "cache-control": "no-store"}
        )
        await response.prepare(request)
        try:
            await self._pass_on(call, upstream, response, reading)
        except TimeoutError:
            ending.sentence = (
                f"The provider was silent for {self.patience.idle:g} s in the middle of an answer."
            )
        except (aiohttp.ClientPayloadError, aiohttp.ClientOSError):
            ending.sentence = "The provider's answer broke off."
        except TooLarge:
            ending.sentence = "The provider's answer makes no sense."
        else:
            if reading.trouble:
                ending.sentence = f"The provider gave up in the middle of an answer: {reading.trouble}."
            elif not reading.complete:
                ending.sentence = "The provider's answer broke off."
        if not ending.sentence:
            ending.outcome = Outcome.ANSWERED
            await write_down()
            await response.write_eof()
            return response
        ending.outcome = Outcome.PROVIDER
        await write_down()
        # Neither an end nor silence: an agent that waits for either would take half an answer for a whole one.
        with suppress(ConnectionError):
            if not (reading.trouble and call.dialect.breaks_off):
                await response.write(call.dialect.last_words("The answer was cut off; ask again."))
            if not call.dialect.breaks_off:
                await response.write_eof()
                return response
        _hang_up(request)
        return response

    async def _pass_on(
        self, call: Call, upstream: aiohttp.ClientResponse, response: web.StreamResponse, reading: Reading
    ) -> None:
        events = Events()
        while True:
            async with asyncio.timeout(self.patience.idle):
                piece = await upstream.content.readany()
            if not piece:
                if events.rest.strip():
                    await response.write(self._event(call, events.rest, reading))
                return
            shown = b"".join(self._event(call, event, reading) for event in events.feed(piece))
            if shown:
                await response.write(shown)

    def _event(self, call: Call, event: bytes, reading: Reading) -> bytes:
        message = message_of(event)
        if message is None:
            return event
        call.dialect.read(message, reading)
        if not call.dialect.shows(message, reading):
            return b""
        return with_message(event, message) if call.dialect.rewrite_answer(message, MODEL) else event

    async def _write_down(
        self, grant: Grant, call: Call, ending: Ending, reading: Reading, asked: int
    ) -> None:
        # What was refused or never answered costs nothing; what was begun does, told or not.
        begun = ending.status == 200
        estimated = reading.settle(asked) if begun else False
        exchange = Exchange(
            dialect=call.dialect.name,
            outcome=ending.outcome,
            sentence=ending.sentence,
            status=ending.status,
            retry_after=ending.retry_after,
            seconds=time.monotonic() - ending.started,
            waited=ending.waited,
            tokens=reading.tokens if begun else ending.ours,
            estimated=estimated,
            stops_provider=ending.stops_provider,
        )
        try:
            cost = await self.threads.run(self.ledger.record, grant, exchange)
        except Exception:
            # The answer is the agent's all the same; these numbers are the only trace of what it cost.
            logger.exception("%s: %s could not be written down.", grant.who, exchange)
            return
        logger.info(
            "%s %s %s %s %.2f s, %d in, %d out, $%.8f",
            grant.who,
            exchange.dialect,
            exchange.status or "-",
            exchange.outcome.value,
            exchange.seconds,
            exchange.tokens.input + exchange.tokens.cache_read + exchange.tokens.cache_write,
            exchange.tokens.output,
            cost,
        )


def _used(question: Call, answer: bytes, asked: int) -> Tokens:
    reading = Reading()
    with suppress(ValueError):
        message = json.loads(answer)
        if isinstance(message, dict):
            question.dialect.read(message, reading)
    reading.settle(asked)
    return reading.tokens


def _stopped_by(why: Refused) -> Stopped:
    """A spent budget is final: with 429 or 5xx agents would ask again and again."""
    if why.outcome is Outcome.BUDGET:
        return Stopped(400, why.outcome, why.sentence, shown="The budget of this run is spent.")
    return Stopped(403, why.outcome, why.sentence, shown="The model cannot be asked now.")


def _error(call: Call, why: Stopped) -> web.Response:
    headers = {"retry-after": AGAIN} if why.again else {}
    body = packed(call.dialect.error(why.status, why.shown))
    return web.Response(status=why.status, body=body, headers={**headers, "content-type": "application/json"})


def _models(path: str) -> web.Response:
    """There is one. Agents look whether a server is there, and some for the model's name."""
    if path.startswith("/v1beta/"):
        model = {"name": f"models/{MODEL}", "supportedGenerationMethods": ["generateContent", "countTokens"]}
        return web.json_response({"models": [model]} if path.endswith("/models") else model)
    if "/models" in path:
        described = {"id": MODEL, "object": "model", "type": "model", "created": 0, "owned_by": MODEL}
        return web.json_response(
            {"object": "list", "data": [described], "has_more": False}
            if path.endswith("/models")
            else described
        )
    return web.json_response({})


def _headers_out(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in HEADERS_OUT if name in headers}


def _seconds(headers: Mapping[str, str]) -> float | None:
    """`retry-after` in seconds; a date is left to the agent, which gets the header as it is."""
    with suppress(ValueError, KeyError):
        return float(headers["retry-after"])
    return None


def _hang_up(request: web.BaseRequest) -> None:
    """What was written still goes out; the end that would make it look whole does not."""
    if request.transport is not None:
        request.transport.close()

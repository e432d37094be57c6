"""The gateway's process: a socket for each run that is under way, and one by which workers open and close them."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web

from tasks.gateway import proxy, sockets
from tasks.gateway.exchange import Exchanges, Patience
from tasks.gateway.ledger import Ledger
from tasks.gateway.threads import Threads

logger = logging.getLogger(__name__)

CONNECT = 15.0
#: Seconds between two looks for runs that ended without closing their door.
SWEEP = 10.0


class AlreadyRunning(Exception):
    """Another gateway holds this work area: budgets are kept in one place."""


class Gateway:
    """Opens and closes the doors of runs."""

    def __init__(self, ledger: Ledger, threads: Threads, exchanges: Exchanges) -> None:
        self.ledger = ledger
        self.threads = threads
        self.exchanges = exchanges
        self.doors: dict[str, web.ServerRunner] = {}

    async def open(self, token: str) -> None:
        if token in self.doors:
            return
        server = web.Server(
            partial(self._handle, token),
            handler_cancellation=True,  # an agent that hangs up must not go on costing money
            access_log=None,
        )
        # A run that is over has no answers to wait for.
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        self.doors[token] = runner
        await runner.setup()
        await web.SockSite(runner, sockets.for_run(token)).start()

    async def close(self, token: str) -> None:
        runner = self.doors.pop(token, None)
        if runner is not None:
            await runner.cleanup()
        shutil.rmtree(sockets.folder_of(token), ignore_errors=True)

    async def sweep(self) -> None:
        """Close what no run holds any more."""
        ours = set(self.doors)
        live = await self.threads.run(self.ledger.still_open, ours)
        for token in ours - live:
            await self.close(token)

    async def _handle(self, token: str, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self.exchanges.answer(token, request)
        except (aiohttp.ClientConnectionResetError, ConnectionResetError):
            return web.Response(status=499)
        except Exception:
            logger.exception("A request could not be handled.")
            return web.json_response(
                {"error": {"type": "api_error", "message": "The gateway failed."}},
                status=503,
                headers={"retry-after": "5"},
            )


@asynccontextmanager
async def gateway(ledger: Ledger, patience: Patience) -> AsyncIterator[Gateway]:
    """A gateway without doors yet."""
    threads = Threads()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "marlin"},
        skip_auto_headers={"accept"},
    ) as session:
        made = Gateway(ledger, threads, Exchanges(ledger, threads, session, patience))
        try:
            yield made
        finally:
            for token, runner in list(made.doors.items()):
                await runner.cleanup()
                del made.doors[token]
            await asyncio.to_thread(threads.close)


async def serve(ledger: Ledger, patience: Patience) -> None:
    """Until a signal comes. Doors that a dead gateway left open are opened again. Raises AlreadyRunning."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _alone(sockets.area()):
        async with gateway(ledger, patience) as made, _control(made):
            for token in await made.threads.run(ledger.still_open, None):
                await made.open(token)
            _remove_left(made)
            logger.info("The model gateway is ready; %d runs are under way.", len(made.doors))
            async with proxy.serving():
                await _sweep_until(stop, made)


async def _sweep_until(stop: asyncio.Event, made: Gateway) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SWEEP)
        try:
            await made.sweep()
        except Exception:
            logger.exception("The sweep failed; the next one follows.")


@asynccontextmanager
async def _control(made: Gateway) -> AsyncIterator[None]:
    """POST /open/TOKEN and /close/TOKEN, from workers of this machine."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        verb, _, token = request.path.removeprefix("/").partition("/")
        if verb == "open" and token in await made.threads.run(made.ledger.still_open, {token}):
            await made.open(token)
        elif verb == "close":
            await made.close(token)
        elif verb != "health":
            return web.Response(status=404)
        return web.Response(text="ok")

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, sockets.bound(sockets.area(), sockets.CONTROL, 0o600)).start()
    try:
        yield
    finally:
        await runner.cleanup()


@contextmanager
def _alone(area: Path) -> Iterator[None]:
    handle = os.open(area / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AlreadyRunning(f"Another gateway serves {area}.") from None
    finally:
        os.close(handle)


def _remove_left(made: Gateway) -> None:
    """Folders of runs that ended while no gateway was there."""
    for folder in sockets.area().iterdir():
        if folder.is_dir() and folder.name not in made.doors:
            shutil.rmtree(folder, ignore_errors=True)

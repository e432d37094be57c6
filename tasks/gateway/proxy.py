"""The way out of a set-up command: a proxy that connects to the hosts on a list, and to nothing else inside."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from django.conf import settings

from tasks.addresses import PORT, RefusedUrl, outside
from tasks.gateway import sockets

logger = logging.getLogger(__name__)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: Opens a connection to an address that was looked at: (address, port).
Connect = Callable[[str, int], Awaitable[Streams]]
#: The addresses of a name.
Resolve = Callable[[str], Awaitable[list[str]]]

HEAD = 16_384  # bytes of a request
PIECE = 65_536
MOST = 64  # connections of one set-up at once
#: Seconds until a request is read, until its host answers, and without a byte either way.
SLOWEST_HEAD, SLOWEST_CONNECT, IDLE = 30.0, 15.0, 120.0


class Refused(Exception):
    """This connection is not made; the sentence ends up in the log of the set-up command."""


def is_allowed(host: str, hosts: Sequence[str]) -> bool:
    """Whether the list holds the host itself, or a name above it as `*.example.org`."""
    host = host.lower().rstrip(".")
    return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in hosts)


async def resolve(host: str) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass
class Proxy:
    """The proxy of one set-up command."""

    hosts: Sequence[str]
    #: Those that may lie inside this network.
    inside: Sequence[str] = ()
    resolve: Resolve = resolve
    connect: Connect = asyncio.open_connection
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        assert task is not None
        is_one_too_many = len(self.tasks) >= MOST
        self.tasks.add(task)
        try:
            if is_one_too_many:
                raise Refused(f"Set-up may hold {MOST} connections at once")
            there = await self._asked(reader)
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await _join((reader, writer), there)
        except Refused as why:
            writer.write(_refusal(str(why)))
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as why:
            logger.debug("A connection of a set-up command broke: %s", why)
        finally:
            self.tasks.discard(task)
            await _close(writer)

    async def _asked(self, reader: asyncio.StreamReader) -> Streams:
        """Connects to what the request names. Raises Refused."""
        async with asyncio.timeout(SLOWEST_HEAD):
            head = await reader.readuntil(b"\r\n\r\n")
        verb, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        if verb != "CONNECT":
            raise Refused("Set-up reaches hosts by https alone")
        host, _, port = target.rpartition(":")
        if port != str(PORT):
            raise Refused(f"Set-up reaches port {PORT} alone")
        if not is_allowed(host, self.hosts):
            raise Refused(f"{_printable(host)} is not on the list of hosts that set-up may reach")
        return await self._connected(host)

    async def _connected(self, host: str) -> Streams:
        """To an address that was looked at: a name that changes in between leads nowhere else."""
        try:
            async with asyncio.timeout(SLOWEST_CONNECT):
                found = await self.resolve(host)
                addresses = found if is_allowed(host, self.inside) else outside(found)
                return await self.connect(addresses[0], PORT)
        except RefusedUrl:
            raise Refused(f"{_printable(host)} lies inside this network") from None
        except (OSError, TimeoutError, UnicodeError, IndexError):
            raise Refused(f"{_printable(host)} does not answer") from None

    async def close(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def serving() -> AsyncIterator[None]:
    """Opens a door for each worker that asks, for as long as its line is open."""
    lines: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        lines.add(task)
        try:
            await _hold(reader, writer)
        except (OSError, ValueError, KeyError) as why:
            logger.warning("A door for set-up could not be opened: %s", why)
        finally:
            lines.discard(task)
            await _close(writer)

    listening = sockets.bound(sockets.area(), sockets.SET_UP, 0o600)
    server = await asyncio.start_unix_server(answer, sock=listening)
    try:
        yield
    finally:
        server.close()
        for line in list(lines):
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


async def _hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asked = json.loads(await reader.readline())
    token, hosts = str(asked["token"]), [str(host).lower() for host in asked["hosts"]]
    if not token.isalnum():
        raise ValueError("The token is none of ours.")
    proxy = Proxy(hosts, settings.SETUP_INSIDE)
    door = await asyncio.start_unix_server(proxy.serve, sock=sockets.for_run(token), limit=HEAD)
    try:
        writer.write(b"ok")
        await reader.read()  # until the worker hangs up, or dies
    finally:
        door.close()
        await proxy.close()
        shutil.rmtree(sockets.folder_of(token), ignore_errors=True)


async def _join(one: Streams, other: Streams) -> None:
    """Both ways until both have ended, or nothing moved for a while."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pass_on(one[0], other[1]))
            both.create_task(_pass_on(other[0], one[1]))
    finally:
        await _close(other[1])


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, TimeoutError):
        while True:
            async with asyncio.timeout(IDLE):
                piece = await reader.read(PIECE)
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


def _refusal(sentence: str) -> bytes:
    """In the reason too, which is what installers print."""
    body = f"{sentence}.\n".encode("latin-1", "replace")
    return (
        b"HTTP/1.1 403 " + body.strip().rstrip(b".") + b"\r\n"
        b"Content-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


def _printable(host: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in host[:253])

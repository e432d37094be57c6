"""Where a set-up command may connect to, and what it is told otherwise."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tasks.gateway import access, outlet, proxy, sockets

HOSTS = ("packages.example.org", "*.example.net")
#: Of these, the one that may lie inside.
INSIDE = ("mirror.example.net",)
OUTSIDE = "9.9.9.9"


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("packages.example.org", True),
        ("PACKAGES.example.org.", True),
        ("a.b.example.net", True),
        ("example.net", False),
        ("notexample.net", False),
        ("packages.example.org.evil.example", False),
        ("x.packages.example.org", False),
        ("", False),
    ],
)
def test_the_list_means_what_it_says(host, allowed):
    assert proxy.is_allowed(host, HOSTS) is allowed


def asked(request: bytes, addresses: tuple[str, ...] = (OUTSIDE,)) -> tuple[bytes, list[tuple[str, int]]]:
    """What the proxy answers, with an echo for every host outside; and where it connected to."""
    connected: list[tuple[str, int]] = []

    async def resolve(host: str) -> list[str]:
        return list(addresses)

    async def inside(folder: Path) -> bytes:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"echo " + await reader.read(5))
            writer.close()

        async def connect(address: str, port: int) -> proxy.Streams:
            connected.append((address, port))
            return await asyncio.open_unix_connection(folder / "echo")

        door = proxy.Proxy(HOSTS, INSIDE, resolve, connect)
        async with (
            await asyncio.start_unix_server(echo, folder / "echo"),
            await asyncio.start_unix_server(door.serve, folder / "door", limit=proxy.HEAD),
        ):
            reader, writer = await asyncio.open_unix_connection(folder / "door")
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            await door.close()
        return answer

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(inside(Path(folder))), connected


def test_a_host_on_the_list_is_reached_at_the_address_that_was_looked_at():
    answer, connected = asked(b"CONNECT packages.example.org:443 HTTP/1.1\r\n\r\nhello")

    assert answer == b"HTTP/1.1 200 Connected\r\n\r\necho hello"
    assert connected == [(OUTSIDE, 443)]


def test_a_mirror_of_ones_own_is_reached_inside():
    answer, connected = asked(b"CONNECT mirror.example.net:443 HTTP/1.1\r\n\r\nhello", ("10.0.0.5",))

    assert answer == b"HTTP/1.1 200 Connected\r\n\r\necho hello"
    assert connected == [("10.0.0.5", 443)]


@pytest.mark.parametrize(
    ("request_line", "addresses", "sentence"),
    [
        (
            b"CONNECT elsewhere.example.com:443",
            (OUTSIDE,),
            b"elsewhere.example.com is not on the list of hosts",
        ),
        (b"CONNECT 9.9.9.9:443", (OUTSIDE,), b"9.9.9.9 is not on the list"),
        (b"CONNECT packages.example.org:22", (OUTSIDE,), b"Set-up reaches port 443 alone"),
        (b"GET http://packages.example.org/", (OUTSIDE,), b"Set-up reaches hosts by https alone"),
        (b"CONNECT packages.example.org:443", ("10.0.0.5",), b"lies inside this network"),
        (b"CONNECT packages.example.org:443", (OUTSIDE, "127.0.0.1"), b"lies inside this network"),
        (b"CONNECT packages.example.org:443", ("::ffff:169.254.169.254",), b"lies inside this network"),
        (b"CONNECT packages.example.org:443", (), b"lies inside this network"),
        (b"CONNECT other.example.net:443", ("10.0.0.5",), b"lies inside this network"),
        (b"CONNECT mirror.example.net:443", (), b"mirror.example.net does not answer"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(request_line, addresses, sentence):
    answer, connected = asked(request_line + b" HTTP/1.1\r\n\r\n", addresses)

    status, _, rest = answer.partition(b"\r\n")
    assert status.startswith(b"HTTP/1.1 403 ")
    assert sentence in status
    assert sentence in rest
    assert connected == []


def test_a_door_is_open_as_long_as_its_worker_holds_the_line(settings, tmp_path):
    settings.WORK_AREA = tmp_path

    async def serving(act: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(20), proxy.serving():
            await act()

    def asks() -> bytes:
        with outlet.opened(HOSTS) as door:
            assert door is not None
            with sockets.connected(door.folder, "socket", 10) as line:
                line.sendall(b"CONNECT elsewhere.example.com:443 HTTP/1.1\r\n\r\n")
                return line.recv(100)

    async def act() -> None:
        assert b"403 elsewhere.example.com is not" in await asyncio.to_thread(asks)
        while [path for path in os.scandir(sockets.area()) if path.is_dir()]:
            await asyncio.sleep(0.01)

    asyncio.run(serving(act))


def test_without_a_gateway_set_up_says_what_is_missing(settings, tmp_path):
    settings.WORK_AREA = tmp_path

    with pytest.raises(access.NoAccess, match="is its process running"), outlet.opened(HOSTS):
        pass


def test_without_hosts_there_is_no_door():
    with outlet.opened([]) as door:
        assert door is None

"""A real installer in a real sandbox, by way of the proxy: the registry is a server of the test's own."""

import asyncio
import os
import ssl
import sys
import zipfile
from pathlib import Path

from aiohttp import web

from tasks.gateway import outlet, proxy
from tasks.sandbox.base import Command, Limits
from tasks.sandbox.bubblewrap import Bubblewrap
from tasks.sandbox.door import Door, through
from tests.fake_github import certificate

HOST = "packages.example.org"
WHEEL = "tide-1.0-py3-none-any.whl"
INSTALLS = ("python3", "-m", "pip", "install", "--disable-pip-version-check", "--cert", "host.pem")


def test_pip_installs_by_way_of_the_proxy(sandbox, reachable):
    worktree = reachable / "worktree"
    worktree.mkdir()
    box = Bubblewrap(uid=sandbox.uid, python=Path(sys.executable))
    command = (*INSTALLS, "--index-url", f"https://{HOST}/simple", "--target", "made", "tide")

    finished, asked = asyncio.run(_set_up(box, worktree, reachable / "door", command))

    assert finished.succeeded, finished.stderr.decode()
    assert (worktree / "made" / "tide.py").read_text() == "HIGH = 6\n"
    assert asked == ["/simple/tide/", f"/files/{WHEEL}"]


async def _set_up(box, worktree, folder, command):
    """The command, with a registry on this machine that a name from outside leads to."""
    asked = []

    async def answer(request):
        asked.append(request.path)
        if request.path.startswith("/files/"):
            return web.FileResponse(_wheel(worktree.parent))
        return web.Response(text=f'<a href="/files/{WHEEL}">{WHEEL}</a>', content_type="text/html")

    async def resolve(host):
        return ["9.9.9.9"]

    async def connect(address, port):
        return await asyncio.open_connection("127.0.0.1", registry.addresses[0][1])

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(worktree, HOST))
    registry = web.ServerRunner(web.Server(answer, access_log=None))
    await registry.setup()
    await web.TCPSite(registry, "127.0.0.1", 0, ssl_context=context).start()
    way = proxy.Proxy([HOST], resolve=resolve, connect=connect)
    folder.mkdir()
    door = Door(folder)
    async with await asyncio.start_unix_server(way.serve, folder / "socket", limit=proxy.HEAD):
        os.chmod(folder / "socket", 0o666)  # the sandbox runs as somebody else
        wanted = Command(command, outlet.environment(door), worktree)
        finished = await asyncio.to_thread(box.run, through(wanted, door, box), Limits(wall=120))
        await way.close()
    await registry.cleanup()
    return finished, asked


def _wheel(folder):
    """A package of one module."""
    path, about = folder / WHEEL, "tide-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("tide.py", "HIGH = 6\n")
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tide\nVersion: 1.0\n")
        packed.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: tide\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        packed.writestr(
            f"{about}/RECORD", f"tide.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n"
        )
    return path

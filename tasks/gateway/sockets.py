"""Where the gateway's sockets lie, and how both sides reach them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from tasks.sandbox.door import SOCKET

CONTROL = "control"
SET_UP = "set-up"


def area() -> Path:
    """Only workers and the gateway look in here; a run sees its own folder, which is mounted for it."""
    directory: Path = settings.WORK_AREA / "gateway"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def folder_of(token: str) -> Path:
    return area() / token


def bound(folder: Path, name: str, mode: int) -> socket.socket:
    """A listening socket in the folder, in the place of one that a dead gateway left."""
    with _short(folder) as path:
        with suppress(FileNotFoundError):
            os.unlink(f"{path}/{name}")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{path}/{name}")
        os.chmod(f"{path}/{name}", mode)
    listening.listen(128)
    return listening


def for_run(token: str) -> socket.socket:
    """Anybody who sees the folder may connect: the agent's user is a number without a name."""
    folder = folder_of(token)
    folder.mkdir(mode=0o755, exist_ok=True)
    folder.chmod(0o755)
    return bound(folder, SOCKET, 0o666)


def connected(folder: Path, name: str, timeout: float) -> socket.socket:
    """Raises OSError."""
    with _short(folder) as path:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.settimeout(timeout)
            line.connect(f"{path}/{name}")
        except OSError:
            line.close()
            raise
        return line


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The path of a socket has room for 107 bytes, and a clone may lie deep."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)

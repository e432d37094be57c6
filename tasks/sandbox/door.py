"""The one way out of a sandbox: a directory with the model gateway's socket, and the relay in front of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tasks.sandbox.base import Command, Mount, Sandbox

RELAY = Path(__file__).with_name("relay.py")
INSIDE = "/run/gateway"
RELAY_INSIDE = "/run/relay.py"
SOCKET = "socket"
PORT = 8377

#: What the agent is told instead of a model's name and instead of a key.
MODEL = "candidate"
KEY = "placeholder"


@dataclass(frozen=True)
class Door:
    """`folder` holds the socket of this one run; inside, it is an HTTP server at `url`.

    The port is the same for every candidate, so that nothing in a home directory tells two runs apart.
    """

    folder: Path
    port: int = PORT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def through(command: Command, door: Door | None, sandbox: Sandbox) -> Command:
    """The same command with the relay running beside it. Without a door it stays as it is.

    The folder is shown and not the socket: a gateway that starts again binds a new socket in the same folder.
    """
    if door is None:
        return command
    folder = sandbox.inside(door.folder, INSIDE)
    relay = ("python3", "-I", "-S", sandbox.inside(RELAY, RELAY_INSIDE), str(door.port), folder, "--")
    mounts = (Mount(door.folder, INSIDE), Mount(RELAY, RELAY_INSIDE))
    return replace(command, argv=(*relay, *command.argv), mounts=(*command.mounts, *mounts))

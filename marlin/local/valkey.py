"""A Valkey of our own on a private unix socket. It keeps nothing: the broker is only a doorbell."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

from marlin.local import CannotServe
from marlin.local.area import Account
from marlin.local.postgres import last_lines
from marlin.local.processes import end, spawn, stop, wait_until, working_in


class Valkey:
    """One server; `folder` is its own and `sockets` closed to others."""

    def __init__(
        self, *, folder: Path, sockets: Path, program: Path, log: Path, account: Account | None = None
    ) -> None:
        self.folder = folder
        self.socket = sockets / "valkey"
        self.program = program
        self.log = log
        self.account = account
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As redis-py reads it; kombu wants redis+socket:// before the same path."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        end(lambda: working_in(self.folder), first=signal.SIGTERM, patience=5)
        self.socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = spawn(
                [
                    self.program,
                    *("--port", "0"),
                    *("--unixsocket", self.socket, "--unixsocketperm", "700"),
                    *("--dir", self.folder),
                    *("--save", "", "--appendonly", "no"),
                    *("--loglevel", "warning"),
                ],
                env={"PATH": os.defpath, "LC_ALL": "C"},
                cwd=Path("/"),
                account=self.account,
                output=log.fileno(),
            )
        process = self.process
        wait_until(lambda: process.poll() is not None or self.answers(), 30)
        if process.poll() is not None or not self.answers():
            self.stop()
            raise CannotServe(f"Valkey did not start. The end of {self.log}:\n{last_lines(self.log)}")

    def stop(self) -> None:
        if self.process:
            stop(self.process, [(signal.SIGTERM, 5)])
            self.process = None
        self.socket.unlink(missing_ok=True)

    def kill(self) -> None:
        """As a crash would: for tests of what comes after."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def restart_if_dead(self) -> bool:
        if self.process is None or self.process.poll() is None:
            return False
        self.start()
        return True

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self.socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

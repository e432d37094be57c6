"""Runs inside the sandbox: passes connections to 127.0.0.1 on to the model gateway's socket.

Usage: relay.py PORT FOLDER -- COMMAND… The command takes this process's place once the port listens, so that its
exit code, signals and input are its own; a child of it does the relaying and ends with the sandbox. Nothing but the
standard library, and no threads: what an agent's limits count is one small process.
"""

import os
import selectors
import signal
import socket
import sys

PIECE = 65_536
SOCKET = "socket"


def main() -> None:
    port, folder, dashes, *command = sys.argv[1:]
    if dashes != "--" or not command:
        sys.exit("relay.py PORT FOLDER -- COMMAND…")
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(port)))
    listening.listen(64)
    ours = os.getpid()
    if os.fork() == 0:
        _serve(listening, folder, ours)
        os._exit(0)
    listening.close()
    # Python ignores this one, and a command would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606  no shell: the command as it was given
    except OSError as why:
        print(f"{command[0]}: {why.strerror}", file=sys.stderr)
        os._exit(127)


def _serve(listening: socket.socket, folder: str, command: int) -> None:
    """Until the sandbox ends, or the command where there is no sandbox."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # else whoever reads the command's output would wait for us
        os.dup2(nothing, stream)
    os.chdir(folder)  # the path of a socket has room for 107 bytes
    selector = selectors.DefaultSelector()
    listening.setblocking(False)
    selector.register(listening, selectors.EVENT_READ)
    other: dict[socket.socket, socket.socket] = {}
    while os.getppid() == command:
        for key, _ in selector.select(1.0):
            ready = key.fileobj
            assert isinstance(ready, socket.socket)
            if ready is listening:
                _join(selector, other, listening)
            elif ready in other:
                _pass_on(selector, other, ready)


def _join(
    selector: selectors.BaseSelector, other: dict[socket.socket, socket.socket], listening: socket.socket
) -> None:
    try:
        inner, _ = listening.accept()
    except OSError:
        return
    outer = socket.socket(socket.AF_UNIX)
    try:
        outer.connect(SOCKET)
    except OSError:
        # The gateway is starting again: an agent takes a closed connection for a reason to retry.
        inner.close()
        outer.close()
        return
    inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for one, two in ((inner, outer), (outer, inner)):
        other[one] = two
        selector.register(one, selectors.EVENT_READ)


def _pass_on(
    selector: selectors.BaseSelector, other: dict[socket.socket, socket.socket], ready: socket.socket
) -> None:
    """One piece from here to there. Either end's end is the end of both: HTTP closes no half."""
    there = other[ready]
    try:
        piece = ready.recv(PIECE)
        if piece:
            there.settimeout(60)
            there.sendall(piece)
            return
    except OSError:
        pass
    for each in (ready, there):
        selector.unregister(each)
        del other[each]
        each.close()


if __name__ == "__main__":
    main()

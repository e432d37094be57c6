"""How a worker gives a set-up command its way to the hosts that it may reach, for as long as it runs."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from marlin.sources import source
from tasks.gateway import access, sockets
from tasks.sandbox.door import Door

#: Whom this machine trusts, at the same place in the sandbox. Many installers bring a list of their own instead, which
#: does not know the authority of a company.
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
#: REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are no part of it: they would win over what a recipe says by `pip --cert`.
TRUSTING = ("NODE_EXTRA_CA_CERTS", "PIP_CERT", "SSL_CERT_FILE")
#: Servers that a set-up command starts for itself.
BESIDE = "localhost,127.0.0.1,::1"


@contextmanager
def opened(hosts: Sequence[str]) -> Iterator[Door | None]:
    """A door to a proxy that lets these hosts through; None where there are none. Raises access.NoAccess.

    It is open as long as our line to the gateway is, so that a worker that is killed leaves none.
    """
    if not hosts:
        yield None
        return
    token = source().token("outlet")
    line = _asked(token, hosts)
    try:
        yield Door(sockets.folder_of(token), access.port())
    finally:
        line.close()


def environment(door: Door) -> dict[str, str]:
    """What installers look for, some in capitals and some not."""
    ways = {"https_proxy": door.url, "http_proxy": door.url, "no_proxy": BESIDE}
    trusted = dict.fromkeys(TRUSTING, str(AUTHORITIES)) if _shows_authorities() else {}
    return {spelt: way for name, way in ways.items() for spelt in (name, name.upper())} | trusted


def _shows_authorities() -> bool:
    """An image of the container runner has its own."""
    return not settings.CONTAINER_IMAGE and AUTHORITIES.is_file()


def _asked(token: str, hosts: Sequence[str]) -> socket.socket:
    try:
        line = sockets.connected(sockets.area(), sockets.SET_UP, access.TIMEOUT)
    except OSError:
        raise access.NoAccess("The model gateway does not answer; is its process running?") from None
    try:
        line.sendall(json.dumps({"token": token, "hosts": list(hosts)}).encode() + b"\n")
        if line.recv(2) != b"ok":
            raise OSError
    except OSError:
        line.close()
        raise access.NoAccess("The model gateway did not open a way out for set-up.") from None
    return line

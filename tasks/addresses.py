"""Which addresses of repositories we fetch from. Plain Python, so that a page can refuse before any job starts."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

PORT = 443
#: Owner and name, as hosts of repositories tell them apart.
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9._-]{1,100}")
#: Where GitHub answers about repositories.
API = "https://api.github.com/repos"
HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE)
PRIVATE_NAMES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")


class RefusedUrl(ValueError):
    """An address we do not fetch from; the message says why."""


def check_url(url: str, *, allow_local: bool = False) -> str:
    """Give the address back if we may fetch from it. Raises RefusedUrl with a sentence for the page."""
    if not url or url != url.strip() or any(char.isspace() or not char.isprintable() for char in url):
        raise RefusedUrl(
            "The address must not be empty or contain spaces, line breaks or control characters."
        )
    if url.startswith("-"):
        raise RefusedUrl("The address must not begin with a dash.")
    if url.startswith(("/", "file://")):
        return _check_local(url, allow_local=allow_local)
    if "::" in url.split("/", 1)[0]:
        raise RefusedUrl("Remote helpers are not allowed; use an https:// address.")
    return _check_https(url)


def _check_local(url: str, *, allow_local: bool) -> str:
    if not allow_local:
        raise RefusedUrl("Local paths are allowed only by a development setting; use an https:// address.")
    if not url.removeprefix("file://").startswith("/"):
        raise RefusedUrl("A local repository is named by its absolute path.")
    return url


def _check_https(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise RefusedUrl("This is not an address we can read.") from None
    if parts.scheme != "https":
        raise RefusedUrl("Only https:// addresses are allowed.")
    if "@" in parts.netloc:
        raise RefusedUrl("The address must not contain a user name or password.")
    if port not in (None, PORT):
        raise RefusedUrl("The address must not name a port.")
    if parts.query or parts.fragment or "\\" in url:
        raise RefusedUrl("The address must not contain ?, # or a backslash.")
    if _is_private_literal(host):
        raise RefusedUrl("Addresses of this machine or of a private network are not allowed.")
    if host == "localhost" or host.endswith(PRIVATE_NAMES):
        raise RefusedUrl("Addresses of this machine or of a private network are not allowed.")
    if as_ip(host) is None and not HOST.fullmatch(host):
        raise RefusedUrl("The address must name a host, such as https://git.example.org/team/repository.")
    if not parts.path.strip("/"):
        raise RefusedUrl("The address must name a repository, not only a host.")
    return url


def looked_up(host: str) -> list[str]:
    """The addresses of a name, to use instead of it. Raises RefusedUrl for a private one, OSError for none."""
    found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    return outside(str(entry[4][0]) for entry in found)


def outside(addresses: Iterable[str]) -> list[str]:
    """These addresses of one name, without their zones. Raises RefusedUrl unless all of them are public."""
    found = [as_ip(address) for address in addresses]
    public = [str(address) for address in found if address is not None and is_public(address)]
    if not found or len(public) < len(found):
        raise RefusedUrl("The address leads into a private network, which is not allowed.")
    return public


def _is_private_literal(host: str) -> bool:
    address = as_ip(host)
    return address is not None and not is_public(address)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (mapped is None or is_public(mapped))


def as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        pass
    try:
        # The C library also reads 2130706433, 0x7f.1 and 127.1 as addresses, and git would follow it.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None

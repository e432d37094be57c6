"""Bare copies of strangers' repositories: the mirror with everything, and the base that knows no future."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tasks.git.command import GitFailed, empty_repository, git, plain_value

CLONE_TIMEOUT = 900.0  # seconds
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


def mirror(url: str, into: Path, *, allow_local: bool = False, timeout: float = CLONE_TIMEOUT) -> None:
    """Bring the bare mirror at `into` up to date, or make it; a killed attempt leaves no half mirror.

    `timeout` is in seconds. Raises RefusedUrl or GitFailed.
    """
    source = check_url(url, allow_local=allow_local)
    local = source.startswith(("/", "file://"))
    protocols = "file" if local else "https"
    config = {} if local else _pinned(source)
    with locked(into):
        if into.exists():
            _fetch(source, into, protocols, config, timeout)
            return
        with _appearing(into) as unfinished:
            empty_repository(unfinished)
            _fetch(source, unfinished, protocols, config, timeout)


def has_commit(mirror: Path, commit: str) -> bool:
    try:
        return resolve(mirror, commit) == commit.lower()
    except GitFailed:
        return False


def resolve(mirror: Path, revision: str) -> str:
    """The full name of the commit that a revision means here. Raises GitFailed."""
    plain_value(revision, what="a commit")
    try:
        name = git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", git_dir=mirror
        )
    except GitFailed:
        raise GitFailed(f"“{revision[:80]}” is not a commit of this repository.") from None
    return name.decode("ascii").strip()


def base_only(mirror: Path, commit: str, into: Path, *, depth: int | None = 1) -> Path:
    """A bare repository that holds this commit, `depth` commits of its past (None: all), and nothing newer.

    An agent that can read the future reads the answer, so objects are copied, never shared. Raises GitFailed.
    """
    commit = resolve(mirror, commit)
    with locked(into):
        if into.exists():
            if not has_commit(into, commit):
                raise GitFailed("The prepared base belongs to another commit; remove it to make it again.")
            return into
        with _appearing(into) as unfinished:
            empty_repository(unfinished)
            shallow = [] if depth is None else [f"--depth={int(depth)}"]
            git(
                *["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *shallow],
                *["--", str(mirror.resolve()), f"{commit}:refs/heads/main"],
                git_dir=unfinished,
                protocols="file",
                timeout=CLONE_TIMEOUT,
            )
    return into


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time works on this path; the lock dies with its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _fetch(source: str, into: Path, protocols: str, config: dict[str, str], timeout: float) -> None:
    git(
        *["fetch", "--quiet", "--prune", "--force", "--no-tags", "--no-write-fetch-head"],
        *["--no-recurse-submodules", "--", source, "+refs/*:refs/*"],
        git_dir=into,
        protocols=protocols,
        config=config,
        timeout=timeout,
    )
    _point_head(source, into, protocols, config)


def _point_head(source: str, into: Path, protocols: str, config: dict[str, str]) -> None:
    """Follow the remote's default branch, so that HEAD resolves to what a visitor would see."""
    listed = git(
        "ls-remote", "--symref", "--", source, "HEAD", git_dir=into, protocols=protocols, config=config
    )
    for line in listed.decode("utf-8", "replace").splitlines():
        target = line.removeprefix("ref: ").split("\t")[0]
        if line.startswith("ref: refs/heads/"):
            git("symbolic-ref", "HEAD", target, git_dir=into)


@contextmanager
def _appearing(into: Path) -> Iterator[Path]:
    """A directory that appears under its name only when it is whole. Needs the lock."""
    unfinished = into.with_name(f".{into.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # what a killed attempt left
    unfinished.mkdir()
    try:
        yield unfinished
        unfinished.rename(into)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


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
    if port not in (None, 443):
        raise RefusedUrl("The address must not name a port.")
    if parts.query or parts.fragment or "\\" in url:
        raise RefusedUrl("The address must not contain ?, # or a backslash.")
    if _is_private_literal(host):
        raise RefusedUrl("Addresses of this machine or of a private network are not allowed.")
    if host == "localhost" or host.endswith(PRIVATE_NAMES):
        raise RefusedUrl("Addresses of this machine or of a private network are not allowed.")
    if _as_ip(host) is None and not HOST.fullmatch(host):
        raise RefusedUrl("The address must name a host, such as https://git.example.org/team/repository.")
    if not parts.path.strip("/"):
        raise RefusedUrl("The address must name a repository, not only a host.")
    return url


def _is_private_literal(host: str) -> bool:
    address = _as_ip(host)
    return address is not None and not _is_public(address)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (mapped is None or _is_public(mapped))


def _as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        pass
    try:
        # The C library also reads 2130706433, 0x7f.1 and 127.1 as addresses, and git would follow it.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _pinned(url: str) -> dict[str, str]:
    """Resolve the name once, refuse private addresses, and make git use the one we looked at."""
    host = urlsplit(url).hostname or ""
    if _as_ip(host) is not None:
        return {}
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        raise GitFailed(f"The host {host} could not be found.") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
    if not addresses or not all(_is_public(address) for address in addresses):
        raise RefusedUrl("The address leads into a private network, which is not allowed.")
    first = addresses[0]
    shown = f"[{first}]" if first.version == 6 else str(first)
    return {"http.curloptResolve": f"{host}:443:{shown}"}

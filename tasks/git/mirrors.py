"""Bare copies of strangers' repositories: the mirror with everything, and the base that knows no future."""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tasks.addresses import PORT, as_ip, check_url, looked_up
from tasks.git.command import GitFailed, empty_repository, git, plain_value

CLONE_TIMEOUT = 900.0  # seconds


def mirror(
    url: str,
    into: Path,
    *,
    allow_local: bool = False,
    timeout: float = CLONE_TIMEOUT,
    token: str = "",
    said: Callable[[bytes], None] | None = None,
) -> None:
    """Bring the bare mirror at `into` up to date, or make it; a killed attempt leaves no half mirror.

    `timeout` is in seconds; `token` opens a private repository; `said` gets git's progress. Raises RefusedUrl or
    GitFailed.
    """
    source = check_url(url, allow_local=allow_local)
    local = source.startswith(("/", "file://"))
    protocols = "file" if local else "https"
    remote = _Remote(
        source, protocols, {} if local else _pinned(source), _authorized(source, token) if token else {}
    )
    with locked(into):
        if into.exists():
            _fetch(remote, into, timeout, said)
            return
        with appearing(into) as unfinished:
            empty_repository(unfinished)
            _fetch(remote, unfinished, timeout, said)


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
        with appearing(into) as unfinished:
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
    handle = os.open(lock_of(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


@dataclass(frozen=True)
class _Remote:
    """Where to fetch from, and with which settings of git; `secret` never stands on a command line."""

    source: str
    protocols: str
    config: dict[str, str]
    secret: dict[str, str] = field(default_factory=dict, repr=False)


def _authorized(source: str, token: str) -> dict[str, str]:
    """The token as a password, for this host and no other: hosts of code accept any user name beside it."""
    plain_value(token, what="a token")
    host = urlsplit(source).hostname or ""
    coded = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    return {f"http.https://{host}/.extraHeader": f"Authorization: Basic {coded}"}


def _fetch(remote: _Remote, into: Path, timeout: float, said: Callable[[bytes], None] | None) -> None:
    git(
        *["fetch", "--progress", "--prune", "--force", "--no-tags", "--no-write-fetch-head"],
        *["--no-recurse-submodules", "--", remote.source, "+refs/*:refs/*"],
        git_dir=into,
        protocols=remote.protocols,
        config=remote.config,
        secret=remote.secret,
        timeout=timeout,
        said=said,
    )
    _point_head(remote, into)


def _point_head(remote: _Remote, into: Path) -> None:
    """Follow the remote's default branch, so that HEAD resolves to what a visitor would see."""
    listed = git(
        *["ls-remote", "--symref", "--", remote.source, "HEAD"],
        git_dir=into,
        protocols=remote.protocols,
        config=remote.config,
        secret=remote.secret,
    )
    for line in listed.decode("utf-8", "replace").splitlines():
        target = line.removeprefix("ref: ").split("\t")[0]
        if line.startswith("ref: refs/heads/"):
            git("symbolic-ref", "HEAD", target, git_dir=into)


@contextmanager
def appearing(into: Path) -> Iterator[Path]:
    """A directory that appears under its name only when it is whole. Needs the lock."""
    unfinished = into.with_name(f".{into.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # what a killed attempt left
    unfinished.mkdir()
    try:
        yield unfinished
        unfinished.rename(into)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _pinned(url: str) -> dict[str, str]:
    """Resolve the name once, refuse private addresses, and make git use the one we looked at."""
    host = urlsplit(url).hostname or ""
    if as_ip(host) is not None:
        return {}
    try:
        first = looked_up(host)[0]
    except OSError:
        raise GitFailed(f"The host {host} could not be found.") from None
    shown = f"[{first}]" if ":" in first else first
    return {"http.curloptResolve": f"{host}:{PORT}:{shown}"}

"""Where the servers and the agents keep their files, and as whom they run: decided here and nowhere else."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from marlin.local import CannotServe

#: A unix socket's path has room for 107 bytes; the longest name we put into a socket folder has 13.
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432")

#: Survives a restart, unlike /tmp, and lets everybody through; what we make there is ours alone.
ELSEWHERE = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Account:
    """A user with a name, because initdb refuses a uid that has none."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Area:
    """`var` holds what only we read; `shared` what other uids must reach. Usually they are one folder."""

    var: Path
    shared: Path
    account: Account | None  # whom the servers run as; None is ourselves

    @property
    def work(self) -> Path:
        return self.shared / "work"

    @property
    def programs(self) -> Path:
        return self.shared / "programs"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def can_hold_sockets(self) -> bool:
        return len(os.fsencode(self.shared / "postgres" / "socket")) <= LONGEST_SOCKET_FOLDER

    def folder(self, name: str) -> Path:
        """A server's own folder, closed to everybody else."""
        return _closed(self.shared / name, self.account)

    def socket_folder(self, name: str) -> Path:
        if self.can_hold_sockets:
            return _closed(self.folder(name) / "socket", self.account)
        # A deep clone leaves no room for the name, so the sockets move to a short path of ours.
        return _closed(_private(_short(self.var), mode=0o711) / name, self.account)

    def leave(self) -> None:
        """Removes the short socket folder, if there was one."""
        if not self.can_hold_sockets:
            shutil.rmtree(_short(self.var), ignore_errors=True)


def area_at(var: Path) -> Area:
    """The area around `var`. As root it moves to /var/tmp when an unprivileged user cannot come in."""
    var = var.resolve()
    var.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return _made(Area(var, var, None))
    account = _unprivileged()
    if _enters(account, var):
        _forget_link(var)
        return _made(Area(var, var, account))
    if (var / "postgres").is_dir():
        raise CannotServe(
            f"PostgreSQL's data lie in {var}, where the user {account.name} can no longer come in. "
            "Open the folders above it with chmod o+x, or remove the data."
        )
    shared = _private(ELSEWHERE / _name(var), mode=0o711)
    _point(var / "area", shared)
    return _made(Area(var, shared, account))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for nobody: a second holder is refused. The file is gone afterwards."""
    descriptor = _lock(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode().strip()
            os.close(descriptor)
            raise CannotServe(
                f"Marlin already runs on {path.parent} (process {owner}). Stop that one first."
            ) from None
        # Whoever held it before us may have removed the file between our open and our lock.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                return descriptor
        os.close(descriptor)


def runs_as(account: Account | None, command: Sequence[str | Path]) -> bool:
    """Whether the command ends well as this user: the only honest test of what somebody can reach."""
    try:
        return (
            subprocess.run(
                [str(word) for word in command],
                cwd="/",
                env={"PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=30,
                check=False,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _enters(account: Account, folder: Path) -> bool:
    return runs_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", folder])


def _unprivileged() -> Account:
    with contextlib.suppress(KeyError):
        return _account("nobody")
    name = "marlin-postgres"
    with contextlib.suppress(KeyError):
        return _account(name)
    for command in (
        ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
        ["adduser", "-S", "-D", "-H", name],
    ):
        with contextlib.suppress(OSError, KeyError):
            subprocess.run(command, check=False, capture_output=True)
            return _account(name)
    raise CannotServe("PostgreSQL does not run as root, and there is no user nobody nor a way to make one.")


def _account(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _made(area: Area) -> Area:
    for folder in (area.work, area.programs, area.logs):
        folder.mkdir(exist_ok=True)
    # Agents are bare numbers: they pass through the work area without listing it.
    area.work.chmod(0o711)
    area.programs.chmod(0o755)
    area.logs.chmod(0o700)
    return area


def _private(folder: Path, *, mode: int) -> Path:
    """A folder of ours in a place where everybody may write, not one that somebody planted."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise CannotServe(f"{folder} is in the way: it is not a folder that only we can write. Remove it.")
    folder.chmod(mode)
    return folder


def _closed(folder: Path, account: Account | None) -> Path:
    folder.mkdir(exist_ok=True)
    # Our own process comes in as root; the account owns what it writes.
    if account:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)
    return folder


def _point(link: Path, target: Path) -> None:
    if not (link.is_symlink() and link.readlink() == target):
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _forget_link(var: Path) -> None:
    link = var / "area"
    if not link.is_symlink():
        return
    if link.is_dir() and (link / "postgres").is_dir():
        raise CannotServe(
            f"PostgreSQL's data lie in {link.readlink()}, made when {var} was closed to other users. "
            f"Move postgres/ and work/ from there to {var} and remove {link}, or close the folder again."
        )
    link.unlink()


def _short(var: Path) -> Path:
    return Path("/tmp") / _name(var)  # noqa: S108 (made and checked by _private)


def _name(var: Path) -> str:
    return f"marlin-{os.geteuid()}-{hashlib.sha256(os.fsencode(var)).hexdigest()[:12]}"

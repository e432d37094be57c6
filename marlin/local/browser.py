"""A Chromium for the browser tests: an installed one, else Debian's package, else Playwright's download.

Best is the headless shell, the same engine without a desktop browser around it, as Playwright itself prefers: a page
in a fresh profile costs a fraction of the whole browser's processor time, and the tests open some hundred of them.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from marlin.local import CannotServe

SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

#: What a start in a test needs: no window, no sandbox as root or in a container, no calls home.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Debian's Chromium draws no letters without a font.
PACKAGES = ("chromium-headless-shell", "fonts-liberation")
#: Where Debian's packages keep what all their Chromiums share.
SHARED = Path("/usr/lib/chromium")


def find(var: Path) -> Path:
    """The path of a Chromium that really starts. What must be fetched goes under `var`; root installs it."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = next((program for program in _candidates(var) if starts(program)), None)
    if found is None:
        raise CannotServe(
            "No Chromium could be found or fetched for the browser tests. Install one "
            "(Debian: apt-get install chromium) or set MARLIN_CHROMIUM to its path."
        )
    return found


def starts(program: Path) -> bool:
    """Whether it renders an empty page, which takes all of its libraries."""
    with tempfile.TemporaryDirectory(prefix="marlin-chromium-") as profile:
        try:
            done = subprocess.run(
                [program, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", "about:blank"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=90,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0 and b"<html" in done.stdout


def _candidates(var: Path) -> Iterator[Path]:
    """From the cheapest to the dearest; each step is taken only when what came before does not start."""
    named = os.environ.get("MARLIN_CHROMIUM")
    if named:
        yield Path(named)
        raise CannotServe(f"MARLIN_CHROMIUM is {named}, which does not start.")
    yield from _installed(SHELLS)
    yield var / "chromium" / "chromium"
    yield from _downloaded(var)
    whole = list(_installed(NAMES))
    if whole:
        yield from _shell_beside(var)
        yield from whole
    for fetch in (_install, _unpack, _download):
        _tell(f"No Chromium yet; trying to {fetch.__doc__}")
        if _succeeds(fetch, var):
            yield from _installed(SHELLS)
            yield var / "chromium" / "chromium"
            yield from _downloaded(var)


def _installed(names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        found = shutil.which(name)
        if found:
            yield Path(found)


def _downloaded(var: Path) -> Iterator[Path]:
    yield from sorted(var.glob("playwright/chromium_headless_shell-*/chrome-*/*headless*shell"))
    yield from sorted(var.glob("playwright/chromium-*/chrome-linux*/chrome"))


def _shell_beside(var: Path) -> Iterator[Path]:
    """Debian's shell for the Chromium that is installed: one small package, tried once and done without."""
    home = var / "headless-shell"
    if not home.exists():
        _tell(
            "A whole Chromium is installed; trying to fetch its headless shell, which takes less of the machine"
        )
        home.mkdir()
        if not _succeeds(_unpack_shell, home):
            _tell("Then the whole one is used.")
    if (home / SHELLS[0]).exists():
        yield home / SHELLS[0]


def _unpack_shell(home: Path) -> None:
    version = _run("dpkg-query", "--show", "--showformat=${Version}", "chromium-common")
    impatient = ("-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1")
    _run("apt-get", *impatient, "-q", "download", f"{SHELLS[0]}={version}", cwd=home)
    (package,) = home.glob("*.deb")
    _run("dpkg-deb", "--extract", package, home / "tree")
    package.unlink()
    # It looks for what it shares with the others beside itself.
    for part in (*SHARED.iterdir(), *(home / "tree" / SHARED.relative_to("/")).iterdir()):
        if part.name != SHELLS[0]:
            (home / part.name).symlink_to(part)
    (home / "tree" / SHARED.relative_to("/") / SHELLS[0]).rename(home / SHELLS[0])


def _succeeds(fetch: Callable[[Path], None], var: Path) -> bool:
    try:
        fetch(var)
    except (OSError, subprocess.SubprocessError) as why:
        _tell(f"That did not work: {why}")
        return False
    return True


def _install(var: Path) -> None:
    """install Debian's package."""
    if os.geteuid() != 0:
        raise PermissionError("only root installs packages")
    wait = ("-o", "DPkg::Lock::Timeout=300")
    _run("apt-get", *wait, "-q", "update")
    _run("apt-get", *wait, "-q", "-y", "install", "--no-install-recommends", *PACKAGES)


def _unpack(var: Path) -> None:
    """unpack Debian's package under var/."""
    home = var / "chromium"
    shutil.rmtree(home, ignore_errors=True)
    lists, archives, tree = home / "lists", home / "archives", home / "tree"
    for folder in (lists / "partial", archives / "partial", tree):
        folder.mkdir(parents=True)
    # Lists and cache of our own, since the system's belong to root.
    private = [
        word
        for option in (
            f"Dir::State::lists={lists}",
            f"Dir::Cache={archives}",
            f"Dir::Cache::archives={archives}",
        )
        for word in ("-o", option)
    ]
    _run("apt-get", *private, "-q", "update")
    plan = _run("apt-get", *private, "--simulate", "install", "--no-install-recommends", *PACKAGES)
    wanted = [
        f"{name}={version}" for name, version in re.findall(r"^Inst (\S+) .*?\((\S+)", plan, re.MULTILINE)
    ]
    _run("apt-get", *private, "-q", "download", *wanted, cwd=archives)
    for package in sorted(archives.glob("*.deb")):
        _run("dpkg-deb", "--extract", package, tree)
        package.unlink()
    shutil.rmtree(lists)
    _write_starter(home, tree)


def _write_starter(home: Path, tree: Path) -> None:
    libraries = sorted({str(path.parent) for path in (tree / "usr" / "lib").rglob("*.so*")})
    libraries += [str(path) for path in (tree / "lib").glob("*-linux-*") if path.is_dir()]
    fonts = home / "fonts.conf"
    fonts.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{tree}/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{home}/fonts</cachedir></fontconfig>\n"
    )
    starter = home / "chromium"
    starter.write_text(
        "#!/bin/sh\n"
        "# Debian's Chromium, unpacked beside this file because nobody here may install it.\n"
        f"export LD_LIBRARY_PATH='{':'.join(libraries)}'\n"
        f"export FONTCONFIG_FILE='{fonts}'\n"
        f"exec '{tree}{SHARED}/{SHELLS[0]}' \"$@\"\n"
    )
    starter.chmod(0o755)


def _download(var: Path) -> None:
    """download Playwright's."""
    _run(
        *(sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"),
        extra={"PLAYWRIGHT_BROWSERS_PATH": str(var / "playwright")},
    )


def _run(*command: str | Path, cwd: Path | None = None, extra: dict[str, str] | None = None) -> str:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", **(extra or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=900,
    ).stdout


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

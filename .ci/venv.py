"""Makes .venv and fills it from the lock files, only when a lock has changed. Needs nothing but Python.

Usage: python3 .ci/venv.py runtime | test
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {
    "runtime": [ROOT / "requirements.lock"],
    "test": [ROOT / "requirements.lock", ROOT / ".ci" / "test.lock"],
}


def main(kind: str) -> None:
    (ROOT / "var").mkdir(exist_ok=True)
    # Two makes at once: the second waits and then finds everything in place.
    with (ROOT / "requirements.lock").open() as lock:  # itself: nothing is left behind
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _digest(kind)
        stamps = {each: VENV / f"{each}.stamp" for each in LOCKS}
        # What the tests need includes what the runtime needs.
        if any(_read(stamps[each]) == _digest(each) for each in ("test", kind)) and _works():
            return
        if not _works():
            _make()
        _install(LOCKS[kind])
        stamps[kind].write_text(wanted)


def _digest(kind: str) -> str:
    digest = hashlib.sha256()
    for lock in LOCKS[kind]:
        digest.update(lock.read_bytes())
    return digest.hexdigest()


def _read(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def _works() -> bool:
    # A clone that was moved, or a Python that was removed, leaves programs that name what is gone.
    check = ["-c", f"import sys, pip; sys.exit(sys.prefix != {str(VENV)!r})"]
    try:
        return subprocess.run([PYTHON, *check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make() -> None:
    print(f"Making {VENV.name} with Python {sys.version.split()[0]}.", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(
            f"{(done.stdout + done.stderr).strip()}\n\nPython could not make a virtual environment. "
            "Debian and Ubuntu keep that in a package of its own: python3-venv."
        )


def _install(locks: list[Path]) -> None:
    print(f"Installing from {' and '.join(str(lock.relative_to(ROOT)) for lock in locks)}.", flush=True)
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    # Building from source would need compilers that a bare machine does not have.
    command += ["--only-binary", ":all:", "--no-deps"]
    for lock in locks:
        command += ["--requirement", lock]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
        sys.exit("The packages could not be installed; pip's reasons are above.")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit(__doc__)
    main(sys.argv[1])

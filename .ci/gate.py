"""Runs the checks and the test suites, and says at the end what each took and whether all is well.

Usage: .venv/bin/python .ci/gate.py [lint | unit | blindness | faults | browser | benchmarks]…
Without arguments: everything but the benchmarks, and then how many lines the unit tests ran.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "test"
BIN = Path(sys.executable).parent
#: Which lines the unit tests ran.
LINES = VAR / "lines.json"

#: Folders of tests/ that run alone, one test after the other; everything else is "unit".
SERIAL = ("blindness", "faults", "browser", "benchmarks")
#: Lanes run side by side: the right one mostly waits for servers and a browser, the left one computes.
LANES = (("unit", "blindness"), ("lint", "browser", "faults"))
GATE = tuple(name for lane in LANES for name in lane)


@dataclass(frozen=True)
class Outcome:
    """How one part of the gate went."""

    name: str
    seconds: float
    good: bool
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        counts = f"{self.passed} passed, {self.failed} failed" if self.passed or self.failed else ""
        return f"{self.name:<12}{self.seconds:7.1f} s  {'ok' if self.good else 'FAILED':<8}{counts}".rstrip()


def main(names: list[str]) -> int:
    os.chdir(ROOT)
    unknown = set(names) - {*GATE, *SERIAL}
    if unknown:
        sys.exit(f"{', '.join(sorted(unknown))}: unknown.\n{__doc__}")
    VAR.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    outcomes = [outcome for name in names for outcome in _part(name)] if names else _whole()
    return _report(outcomes, time.monotonic() - began)


def _whole() -> list[Outcome]:
    def run(lane: tuple[str, ...]) -> list[Outcome]:
        return [outcome for name in lane for outcome in _part(name, VAR / f"{name}.log")]

    with ThreadPoolExecutor(len(LANES)) as pool:
        outcomes = [outcome for outcomes in pool.map(run, LANES) for outcome in outcomes]
    return [*outcomes, _coverage()]


def _part(name: str, log: Path | None = None) -> list[Outcome]:
    if name == "lint":
        return [_lint()]
    # While the project grows a suite may not exist yet; once it has a test it always runs.
    return [_suite(name, log)] if _has_tests(name) else []


def _has_tests(name: str) -> bool:
    return any(_belongs(path, name) for path in (ROOT / "tests").rglob("test_*.py"))


def _belongs(path: Path, name: str) -> bool:
    top = path.relative_to(ROOT / "tests").parts[0]
    return top == name if name in SERIAL else top not in SERIAL


def _suite(name: str, log: Path | None = None) -> Outcome:
    """Run one suite. With a log its output is kept there until its end, so that two suites do not mix theirs."""
    if log is None:
        return _tested(name, None)
    _title(f"tests: {name} (until its end in {log.relative_to(ROOT)})")
    with log.open("w") as file:
        outcome = _tested(name, file)
    print(log.read_text(errors="replace"), outcome, sep="\n", flush=True)
    return outcome


def _tested(name: str, output: IO[str] | None) -> Outcome:
    began = time.monotonic()
    report = VAR / f"{name}.xml"
    report.unlink(missing_ok=True)
    environment = dict(os.environ)
    if name in {"browser", "blindness", "benchmarks"}:
        chromium = _chromium()
        if chromium is None:
            return Outcome(name, time.monotonic() - began, good=False)
        environment["MARLIN_CHROMIUM"] = chromium
    if name in SERIAL:
        pytest = ["-m", "pytest", f"tests/{name}"]
    else:
        # These alone count lines: the other suites run the same code in processes of their own.
        LINES.unlink(missing_ok=True)
        pytest = ["-m", "slipcover", "--json", "--out", str(LINES), "--fail-under", "0", "-m", "pytest"]
        pytest += ["tests", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
        pytest += [f"--ignore=tests/{folder}" for folder in SERIAL]
    code = subprocess.run(
        [
            *_with_servers(name),
            *(sys.executable, *pytest, f"--junitxml={report}", "--durations=5"),
            *shlex.split(os.environ.get("PYTEST_ARGUMENTS", "")),
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        check=False,
    ).returncode
    passed, failed, skipped = _counts(report)
    return Outcome(name, time.monotonic() - began, code == 0 and passed > 0, passed, failed, skipped)


def _with_servers(name: str) -> list[str | Path]:
    return [sys.executable, "-m", "marlin.local", "with-servers", "--fast", "--data", VAR / name, "--"]


def _chromium() -> str | None:
    found = subprocess.run(
        [sys.executable, "-m", "marlin.local", "browser"], stdout=subprocess.PIPE, text=True, check=False
    )
    return found.stdout.strip() if found.returncode == 0 else None


def _counts(report: Path) -> tuple[int, int, int]:
    if not report.exists():
        return 0, 1, 0  # it died before it could count
    total = failed = skipped = 0
    for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 (pytest wrote it)
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return max(total - failed - skipped, 0), failed, skipped


def _lint() -> Outcome:
    _title("lint")
    began = time.monotonic()
    settings = _settings()
    checks: dict[str, list[str | Path]] = {
        "ruff check": [BIN / "ruff", "check", "."],
        "ruff format": [BIN / "ruff", "format", "--check", "."],
        "types": [BIN / "mypy"],
        "production settings": [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        # Also refuses an app whose migrations have two leaves.
        "migrations": [
            *_with_servers("lint"),
            *(sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"),
        ],
    }
    templates = sorted((ROOT / "templates").rglob("*.html"))
    if templates:
        checks["templates"] = [BIN / "djade", "--check", "--target-version", "5.2", *templates]
    if _has_contracts():
        checks["imports"] = [BIN / "lint-imports"]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda check: _check(check[0], check[1], settings), checks.items()))
    return Outcome("lint", time.monotonic() - began, all(results))


def _check(name: str, command: list[str | Path], environment: dict[str, str]) -> bool:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = f"\n{done.stdout.rstrip()}" if done.returncode else ""
    print(f"{name}: {'FAILED' if done.returncode else 'ok'}{said}", flush=True)
    return done.returncode == 0


def _settings() -> dict[str, str]:
    """What a server in production would set; no check connects anywhere with it."""
    addresses = {
        f"DATABASE_URL_{role}": "postgresql://marlin:unused@database.example/marlin"
        for role in ("OWNER", "WEB", "WORKER", "UNBLIND")
    }
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DATABASE_URL")},
        **addresses,
        "REDIS_URL": "redis://broker.example/0",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "marlin.example",
        "DEBUG": "false",
        "MARLIN_PROCESS": "web",
    }


def _has_contracts() -> bool:
    return "importlinter" in tomllib.loads((ROOT / "pyproject.toml").read_text()).get("tool", {})


def _coverage() -> Outcome:
    """Whether enough lines were run, by the settings in pyproject.toml."""
    _title("coverage")
    began = time.monotonic()
    report = [sys.executable, "-m", "slipcover", "--merge", LINES, "--out", VAR / "coverage.json"]
    reported = subprocess.run(report, check=False).returncode
    return Outcome("coverage", time.monotonic() - began, reported == 0)


def _report(outcomes: list[Outcome], seconds: float) -> int:
    _title("summary")
    for outcome in outcomes:
        print(outcome)
    total = Outcome(
        "all",
        seconds,
        all(outcome.good for outcome in outcomes),
        sum(outcome.passed for outcome in outcomes),
        sum(outcome.failed for outcome in outcomes),
        sum(outcome.skipped for outcome in outcomes),
    )
    print(f"{'all':<12}{total.seconds:7.1f} s  {'ok' if total.good else 'FAILED'}")
    if total.passed or total.failed:
        skipped = f", {total.skipped} skipped" if total.skipped else ""
        print(f"{total.passed} passed, {total.failed} failed{skipped}", flush=True)
    return 0 if total.good else 1


def _title(text: str) -> None:
    print(f"\n==== {text} {'=' * (80 - len(text))}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

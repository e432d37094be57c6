"""The repository's own tests on a fresh copy with the patch: counts, names of failures, a plain log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.generation import reports
from tasks.models import Repository
from tasks.sandbox.base import Command, Finished, Limits, Sandbox

#: Characters of the log that are kept, from its end: that is where failures stand.
LONGEST_LOG = 60_000
MOST_FAILURES = 200

#: What differs between two equal runs, or tells how fast a machine was.
TIMINGS = re.compile(
    r"\s*\(?\bin \d+(?:\.\d+)?\s?m?s(?:econds)?\b\)?|\(\d+(?:\.\d+)?\s?m?s\)|\b\d+\.\d+\s?m?s\b"
    r"|\s*\(\d+:\d\d:\d\d\)"
)
#: When it ran: two logs side by side would tell which side was generated first.
MOMENTS = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?!\w)"
    r"|^\W{0,2}\d\d:\d\d:\d\d(?:[.,]\d+)?\b",
    re.MULTILINE,
)
ADDRESSES = re.compile(r"\b0x[0-9a-f]{6,}\b")
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

UNITTEST_RAN = re.compile(r"^Ran (\d+) tests?\b", re.MULTILINE)
UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \(([^)]*)\))?\s*$", re.MULTILINE)
UNITTEST_COUNT = re.compile(r"([a-z][a-z ]*)=(\d+)")
UNITTEST_FAILURE = re.compile(r"^(?:FAIL|ERROR): (.+)$", re.MULTILINE)
PYTEST_END = re.compile(
    r"^=* ?((?:\d+ (?:passed|failed|skipped|errors?|xfailed|xpassed|warnings?|deselected)(?:, )?)+)",
    re.MULTILINE,
)
PYTEST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Check:
    """A command beside the tests: a linter, a type checker, a build. It passes by its exit code."""

    name: str
    passed: bool
    log: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the tests said. `sentence` is set when they could not say it."""

    ran: bool
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: tuple[str, ...] = ()
    log: str = ""
    sentence: str = ""
    checks: tuple[Check, ...] = ()
    #: What the scenario's hidden tests said, on a copy of their own.
    hidden: Evidence | None = None

    @property
    def is_green(self) -> bool:
        return self.ran and not self.failed and not self.sentence

    def as_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = {
            "ran": self.ran,
            "passed": self.passed,
            "failed": self.failed,
            "skipped": self.skipped,
            "failures": list(self.failures),
            "log": self.log,
            "sentence": self.sentence,
        }
        if self.checks:
            plain["checks"] = [vars(check) for check in self.checks]
        if self.hidden:
            plain["hidden"] = self.hidden.as_json()
        return plain

    def with_texts(self, change: Callable[[str], str]) -> Evidence:
        """Every text that a stranger's test may have written, changed."""
        return replace(
            self,
            log=change(self.log),
            failures=tuple(change(failure) for failure in self.failures),
            checks=tuple(replace(check, log=change(check.log)) for check in self.checks),
            hidden=self.hidden.with_texts(change) if self.hidden else None,
        )


def run_tests(
    repository: Repository,
    files: Path,
    home: Path,
    sandbox: Sandbox,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    said: Callable[[bytes], None] | None = None,
) -> Evidence:
    """Test in `files`, a copy that is set up and that nobody else uses. The same limits for every candidate."""
    if not repository.test_command.strip():
        return Evidence(ran=False, sentence="This repository has no test command.")

    def run(script: str) -> Finished:
        command = Command(argv=("/bin/sh", "-c", script), env={"CI": "1"}, worktree=files, home=home)
        limits = Limits(wall=float(repository.test_seconds), idle=None)
        return sandbox.run(command, limits, cancelled=cancelled, on_output=said)

    if repository.report_path:
        reports.forget(files, repository.report_path)
    finished = run(repository.test_command)
    written = reports.collect(files, repository.report_path) if repository.report_path else []
    told = read(finished, seconds=repository.test_seconds, written=written)
    if not told.ran or finished.ended != "exited":
        return told
    # In the same copy, and after the tests, which they must not disturb.
    return replace(told, checks=tuple(_check(name, run(script)) for name, script in repository.checks()))


def _check(name: str, finished: Finished) -> Check:
    return Check(name, finished.succeeded, log_of(finished))


def log_of(finished: Finished) -> str:
    """The end of both streams."""
    return plain(finished.stdout + b"\n" + finished.stderr)[-LONGEST_LOG:].strip()


def read(finished: Finished, *, seconds: int, written: list[bytes] | None = None) -> Evidence:
    """Counts and names out of the reports, else of what was printed; by the exit code where neither tells."""
    text = plain(finished.stdout + b"\n" + finished.stderr)
    log = text[-LONGEST_LOG:].strip()
    if finished.ended == "wall":
        return Evidence(ran=True, log=log, sentence=f"The tests did not finish in {seconds} seconds.")
    if finished.ended != "exited":
        return Evidence(ran=True, log=log, sentence="The tests were stopped: they used more than they may.")
    counts = _reported(written or []) or _unittest(text) or _pytest(text)
    if counts is None:
        sentence = "" if finished.exit_code == 0 else "The test command failed; the log tells why."
        return Evidence(ran=True, log=log, sentence=sentence)
    passed, failed, skipped, failures = counts
    sentence = ""
    if finished.exit_code and not failed:
        sentence = "The test command failed although no test did; the log tells why."
    return Evidence(True, passed, failed, skipped, tuple(failures[:MOST_FAILURES]), log, sentence)


def plain(output: bytes) -> str:
    """Text without escape codes, control characters, moments, timings and addresses."""
    text = output.decode("utf-8", "replace").replace("\r\n", "\n")
    for pattern in (ESCAPES, CONTROLS, TIMINGS):
        text = pattern.sub("", text)
    text = MOMENTS.sub("[time]", text)
    return ADDRESSES.sub("0x…", text)


def _reported(written: list[bytes]) -> tuple[int, int, int, list[str]] | None:
    counted = reports.count(written)
    if counted is None:
        return None
    return counted.passed, counted.failed, counted.skipped, list(counted.failures)


def _unittest(text: str) -> tuple[int, int, int, list[str]] | None:
    ran, ends = UNITTEST_RAN.findall(text), UNITTEST_END.findall(text)
    if not ran or not ends:
        return None
    named: Counter[str] = Counter()
    for end in ends:  # a test command may run several suites, and only the last decides its exit code
        named.update({word: int(count) for word, count in UNITTEST_COUNT.findall(end)})
    failed = named["failures"] + named["errors"] + named["unexpected successes"]
    skipped = named["skipped"]
    total = sum(int(count) for count in ran)
    return max(total - failed - skipped, 0), failed, skipped, sorted(set(UNITTEST_FAILURE.findall(text)))


def _pytest(text: str) -> tuple[int, int, int, list[str]] | None:
    end = PYTEST_END.findall(text)
    if not end:
        return None
    counts = {word.rstrip("s"): int(count) for count, word in re.findall(r"(\d+) (\w+)", end[-1])}
    failed = counts.get("failed", 0) + counts.get("error", 0)
    return (
        counts.get("passed", 0),
        failed,
        counts.get("skipped", 0),
        sorted(set(PYTEST_FAILURE.findall(text))),
    )

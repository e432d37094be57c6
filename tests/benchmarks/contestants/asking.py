"""The protocol between a benchmark and its contestants: a line of JSON with what to draw, a line with what it took."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Answer = dict[str, Any]
Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Asked:
    """What to draw: one patch or two, with the texts before and after by path."""

    what: str
    patches: list[bytes]
    results: list[dict[str, bytes | None]]
    base: dict[str, bytes | None]

    def timed(self, draw: Callable[[], Drawn], tell: Callable[[Drawn], Answer]) -> Answer:
        """Only drawing is timed, neither reading the request nor counting what came of it."""
        began, cpu = time.perf_counter(), time.process_time()
        drawn = draw()
        taken = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        return {**taken, "peak": peak(), **tell(drawn)}


def serve(answer: Callable[[Asked], Answer]) -> None:
    """The contestant's side: answers until its input ends."""
    for line in sys.stdin:
        stored = json.loads(Path(json.loads(line)["request"]).read_text())
        print(json.dumps(answer(_asked(stored))), flush=True)


def write_request(place: Path, asked: Asked) -> None:
    """Patches stand as files beside the request: a contestant that wants no texts need not read them."""
    for number, patch in enumerate(asked.patches):
        place.with_suffix(f".{number}.patch").write_bytes(patch)
    stored = {
        "what": asked.what,
        "patches": [patch.decode("latin-1") for patch in asked.patches],
        "results": [_texts(results) for results in asked.results],
        "base": _texts(asked.base),
    }
    place.write_text(json.dumps(stored))


class Contestant:
    """The benchmark's side: a process that lives as long as the `with`, so that nobody's start is timed."""

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, **request: str) -> Answer:
        """Raises RuntimeError when the contestant ended instead of answering."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("A contestant had ended.") from None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"A contestant ended with code {self._process.wait()}.")
        answer: Answer = json.loads(line)
        return answer


def peak() -> int:
    """Bytes of memory that this process had at its largest."""
    # Linux's ru_maxrss begins with what the parent had when it started us.
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _asked(stored: dict[str, Any]) -> Asked:
    return Asked(
        what=stored["what"],
        patches=[patch.encode("latin-1") for patch in stored["patches"]],
        results=[_bytes(results) for results in stored["results"]],
        base=_bytes(stored["base"]),
    )


def _texts(contents: dict[str, bytes | None]) -> dict[str, str | None]:
    return {path: None if text is None else text.decode("latin-1") for path, text in contents.items()}


def _bytes(stored: dict[str, str | None]) -> dict[str, bytes | None]:
    return {path: None if text is None else text.encode("latin-1") for path, text in stored.items()}

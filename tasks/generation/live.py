"""What a run tells while it goes on: where it is, and the end of what was printed."""

from __future__ import annotations

import threading

from tasks.models import Run, RunLog

#: Bytes of output that can be watched while a run goes on.
TAIL = 64 * 1024


class Progress:
    """Filled by the thread that works, written down by the one that beats."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stage = ""
        self._tail = bytearray()
        self._printed = 0
        self._written = ("", 0)

    def at(self, stage: str) -> None:
        with self._lock:
            self._stage = stage

    def output(self, chunk: bytes) -> None:
        with self._lock:
            self._printed += len(chunk)
            self._tail += chunk
            del self._tail[:-TAIL]

    def write(self, run: Run) -> None:
        """Only what changed since the last time. The caller has just seen that the run is still its own."""
        with self._lock:
            stage, printed, tail = self._stage, self._printed, bytes(self._tail)
        if stage != self._written[0]:
            Run.objects.filter(pk=run.pk, state=Run.State.STARTED).update(stage=stage)
        if printed != self._written[1]:
            RunLog.objects.update_or_create(
                run=run, defaults={"stdout": tail, "truncated": printed > len(tail)}
            )
        self._written = (stage, printed)

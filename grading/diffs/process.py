"""Asks a child process that can be killed: what strangers wrote must not take the worker with it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Answer = TypeVar("Answer")
#: Its CPU time is limited in itself; on a busy machine it may wait for its turn so many times as long.
PATIENCE = 3
_ROOT = Path(__file__).resolve().parents[2]


def ask(
    module: str, request: dict[str, Any], seconds: float, read: Callable[[bytes], Answer]
) -> Answer | None:
    """What `python -m module` answers to a request, as JSON on standard input; None when it gives no answer in time.

    `seconds` are those of CPU to which the child limits itself. A plain subprocess, since Celery's workers may not
    have children of multiprocessing.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=_ROOT,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        start_new_session=True,
    )
    with child:
        try:
            # Keys may hold lone surrogates, so the escaping stays on; content is Latin-1 and grows little by it.
            answer, _ = child.communicate(json.dumps(request).encode("ascii"), timeout=PATIENCE * seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill(child)
    if child.returncode != 0:
        return None
    try:
        return read(answer)
    except (ValueError, KeyError, TypeError, StopIteration, RuntimeError):
        return None


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def limit(seconds: float, memory: int) -> None:
    """In the child: so much CPU time, so many bytes of address space, no file and no core."""
    cpu = max(1, round(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

"""A worker tells that it lives, tests its sandbox at the start, and gives back what it runs when it leaves."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from typing import Any

from celery.signals import celeryd_init, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from marlin.states import WrongState
from tasks.generation import places, stuck
from tasks.models import Environment, Import, Repository, Run, Worker
from tasks.sandbox import orphans
from tasks.sandbox.base import SandboxUnusable

logger = logging.getLogger(__name__)

GIVEN_BACK = "The worker was shut down and gave it back."

#: Set before the worker forks, so that its processes know whose they are.
_name = f"{socket.gethostname()}"
_leaving = threading.Event()


def my_name() -> str:
    """The worker's name, a colon, and this process's number: what a run is signed with."""
    return f"{_name}:{os.getpid()}"


def _named(sender: str, **kwargs: Any) -> None:
    global _name
    _name = sender
    if why := refused(os.geteuid()):
        sys.exit(why)  # only what ends the process gets out of a signal's receiver


def refused(uid: int) -> str:
    """Why a worker may not start as this user, in a sentence; "" when it may."""
    if uid != 0 or settings.ROOT_WORKERS:
        return ""
    return (
        "Workers run strangers' code and do not start as root: give them a user of their own, as the Dockerfile does. "
        "MARLIN_ROOT_WORKERS=true allows it, and every agent then gets another user."
    )


def _begin(sender: Any, **kwargs: Any) -> None:
    """In the worker's first process, beside its loop: a page must see it though every slot is busy for an hour."""
    queues = sorted(sender.app.amqp.queues.consume_from)
    slots = int(getattr(sender.controller, "concurrency", None) or 1)
    threading.Thread(target=_live, args=(_name, queues, slots), name="alive", daemon=True).start()
    threading.Thread(target=_notice, name="notice", daemon=True).start()


def _leave(**kwargs: Any) -> None:
    # Called from a handler of a signal: the thread does what may take time.
    _leaving.set()


celeryd_init.connect(_named)
worker_ready.connect(_begin)
worker_shutting_down.connect(_leave)


def _live(name: str, queues: list[str], slots: int) -> None:
    sandbox, complaints = tested() if "generate" in queues else ("", [])
    for complaint in complaints:
        logger.warning("The sandbox: %s", complaint)
    introduced = False
    while not _leaving.wait(settings.HEARTBEAT if introduced else 0):
        introduced = _quietly(lambda: beat(name, queues, slots, sandbox, complaints)) or introduced
        if not introduced and _leaving.wait(settings.HEARTBEAT):
            break
    _quietly(lambda: leave(name))


def _notice() -> None:
    """End the runs of silent workers, and what is left of them here: at the start, again and again, without a slot.

    The sweep does the same as a job. But a worker whose slots are all taken by agents does no job, and one that
    dies again and again begins each time with what was rung for.
    """
    pause = 0.0
    while not _leaving.wait(pause):
        if ended := orphans.end_orphans():
            logger.warning("%s processes of sandboxes were ended, whose worker had died.", ended)
        _quietly(stuck.requeue_silent_runs)
        pause = settings.SWEEP


def tested() -> tuple[str, list[str]]:
    """What walls agents in here, and what is wrong with it."""
    try:
        with places.sandbox() as sandbox:
            return type(sandbox).__name__, sandbox.check()
    except (SandboxUnusable, OSError) as why:
        return "", [str(why)]


def beat(name: str, queues: list[str], slots: int, sandbox: str, complaints: list[str]) -> None:
    """The first one of a process says since when; a name that comes back is the same row, alive again."""
    told = {"queues": ",".join(queues), "slots": slots, "sandbox": sandbox, "complaints": complaints}
    alive = Worker.objects.filter(name=name, stopped_at=None)
    if not alive.update(seen_at=Now(), **told):
        fresh = {**told, "started_at": Now(), "seen_at": Now(), "stopped_at": None}
        Worker.objects.update_or_create(name=name, defaults=fresh)


def leave(name: str) -> None:
    """What it works on goes back to the queue at once; its processes notice, end what runs, and write nothing more."""
    for run in Run.objects.filter(state=Run.State.STARTED, worker__startswith=f"{name}:"):
        try:
            stuck.lose(run, GIVEN_BACK, counted=False)
        except WrongState:
            continue  # it finished in this very moment
    for model in (Repository, Environment, Import):
        for held in model.objects.filter(worker__startswith=f"{name}:"):
            held.release()
    stuck.ring_for_preparations()
    Worker.objects.filter(name=name).update(stopped_at=Now())


def _quietly(act: Any) -> bool:
    """Whether it was done. While the database is away nobody can be told anything; the lease tells of itself."""
    try:
        act()
        return True
    except DatabaseError as why:
        logger.warning("The database does not answer this worker's own thread: %s", why)
        return False
    finally:
        # Opened anew each time: a process that is forked meanwhile must not share the connection.
        connection.close()

"""A bell is rung after the commit, by name, and is never anybody's trouble."""

import ast
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from django.conf import settings
from django.db import transaction
from django.test import override_settings

from marlin import jobs
from marlin.celery import _broker_url, app
from marlin.jobs import ring
from tests.conftest import RINGERS
from tests.databases import ROOT
from tests.stack import eventually

#: The longest that ringing may keep a worker. A page is never kept at all.
BOUND = 15  # seconds


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """Valkey's last database, empty, with the bells of this test going there."""
    client = redis.Redis.from_url(settings.REDIS_URL, db=15)
    client.flushdb()
    separator = "?virtual_host=" if settings.REDIS_URL.startswith("unix:") else "/"
    # These bells arrive, however busy the machine is.
    with (
        broker_at(f"{_broker_url(settings.REDIS_URL).removesuffix('/0')}{separator}15"),
        override_settings(RING_TIMEOUT=60),
    ):
        yield client
    client.flushdb()
    client.close()


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    before = app.conf.broker_write_url
    app.conf.broker_write_url = url
    try:
        yield
    finally:
        app.conf.broker_write_url = before


@contextmanager
def mute_server() -> Iterator[int]:
    """Takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def waiting(broker: redis.Redis, queue: str = "default") -> list[str]:
    """Names of the jobs in a queue."""
    return [json.loads(message)["headers"]["task"] for message in broker.lrange(queue, 0, -1)]


def test_a_bell_is_rung_after_the_commit(db, broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        ring("marlin.jobs.seal_events")
        assert waiting(broker) == []

    assert waiting(broker) == ["marlin.jobs.seal_events"]


def test_a_bell_for_what_was_rolled_back_is_not_rung(db, broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        ring("marlin.jobs.seal_events")
        transaction.set_rollback(True)

    assert waiting(broker) == []


def test_bells_for_agents_have_a_queue_of_their_own(db, broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        ring("tasks.jobs.generate_candidate", 7)

    assert waiting(broker) == []
    assert waiting(broker, "generate") == ["tasks.jobs.generate_candidate"]


def test_a_broker_that_refuses_is_only_logged(caplog):
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]

    began = time.monotonic()
    with broker_at(f"redis://127.0.0.1:{port}/0"), caplog.at_level(logging.WARNING):
        jobs._send("marlin.jobs.seal_events", ())

    assert time.monotonic() - began < BOUND
    assert "Could not ring marlin.jobs.seal_events()" in caplog.text


def test_a_broker_that_stays_mute_is_given_up_in_time(caplog):
    began = time.monotonic()
    with mute_server() as port, broker_at(f"redis://127.0.0.1:{port}/0"), caplog.at_level(logging.WARNING):
        jobs._send("marlin.jobs.seal_events", ())

    assert time.monotonic() - began < BOUND
    assert "Could not ring" in caplog.text


def test_a_page_does_not_wait_for_a_mute_broker(db, monkeypatch, django_capture_on_commit_callbacks):
    rung = threading.Event()
    release = threading.Event()

    def slow(job: str, args: tuple[object, ...]) -> None:
        rung.set()
        release.wait(30)

    monkeypatch.setattr(settings, "PROCESS", "web")
    monkeypatch.setattr(jobs, "_send", slow)
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        ring("marlin.jobs.seal_events")
        ring("marlin.jobs.seal_events")
    took = time.monotonic() - began
    try:
        assert rung.wait(10), "the background thread rings"
    finally:
        release.set()

    assert took < 1
    eventually(jobs._bells.empty)


def test_bells_that_find_no_room_are_left_to_the_sweep(monkeypatch, caplog):
    monkeypatch.setattr(settings, "PROCESS", "web")
    monkeypatch.setattr(jobs, "_bells", jobs.queue.Queue(maxsize=1))
    jobs._bells.put(("tasks.jobs.open_tasks", ()))

    with caplog.at_level(logging.WARNING):
        jobs._hand_over("marlin.jobs.seal_events", ())

    assert "left to the sweep" in caplog.text


def names_rung() -> set[str]:
    """Every text that the code base gives to `ring` as its first argument, and every name that ends in a job's."""
    names = set()
    for app_folder in ("marlin", "tasks", "grading"):
        for path in (ROOT / app_folder).rglob("*.py"):
            names |= _names_in(ast.parse(path.read_text()))
    return names


def _names_in(tree: ast.AST) -> set[str]:
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if text.count(".") == 2 and ".jobs." in text and " " not in text}


def test_every_name_that_is_rung_is_registered():
    app.loader.import_default_modules()
    rung = names_rung()

    assert {"marlin.jobs.seal_events", "tasks.jobs.generate_candidate", "grading.jobs.render_pair"} <= rung
    assert rung - set(app.tasks) == set()


def test_every_call_of_ring_names_its_job_in_place_or_from_a_table():
    """Otherwise the test above could not see it."""
    for app_folder in ("marlin", "tasks", "grading"):
        for path in (ROOT / app_folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ring":
                    assert isinstance(node.args[0], ast.Constant | ast.Name), f"{path}:{node.lineno}"


def test_the_tests_hear_every_module_that_rings():
    """The fixture `bells` stands in for the broker; a module it does not know would ring for real."""
    ringing = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for app_folder in ("marlin", "tasks", "grading")
        for path in (ROOT / app_folder).rglob("*.py")
        if re.search(r"^from marlin\.jobs import .*\bring\b", path.read_text(), re.MULTILINE)
    }

    assert ringing | {"marlin.jobs"} == set(RINGERS)


def test_everything_the_beat_rings_is_registered():
    app.loader.import_default_modules()

    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name


def test_every_job_of_ours_is_rung_by_somebody():
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if name.split(".")[0] in {"marlin", "tasks", "grading"}}

    assert ours - names_rung() == set()


def test_sealing_is_a_job(db):
    assert jobs.seal_events() == 0

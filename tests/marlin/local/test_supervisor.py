"""`make run` over a checkout with only what the supervisor asks for: it starts, heals, and leaves nothing."""

from __future__ import annotations

import os
import signal
import socket
import textwrap
import urllib.request
from pathlib import Path

import pytest

from marlin.local import CannotServe, supervisor
from marlin.local.processes import marked
from marlin.local.supervisor import LOGINS

from .conftest import a_free_port, an_open_folder, left_of, starting_in, until

FILES = {
    "manage.py": """
        import os, sys
        print("manage", *sys.argv[1:], "as", os.environ["MARLIN_PROCESS"])
        if "seed_demo" in sys.argv:
            print("Riley rates")
    """,
    "marlin/__init__.py": "",
    "marlin/wsgi.py": """
        import os

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [" ".join(sorted(n for n in os.environ if n.startswith("DATABASE_URL_"))).encode()]
    """,
    "marlin/celery.py": """
        import os
        from celery import Celery
        app = Celery("marlin", broker=os.environ["REDIS_URL"].replace("unix://", "redis+socket://"))
        app.conf.broker_connection_retry_on_startup = True
    """,
    "tasks/management/commands/seed_demo.py": "",
}


@pytest.fixture
def checkout(folder: Path) -> Path:
    return a_checkout(folder)


@pytest.fixture
def served(checkout, local):
    """A start that has greeted, and its port."""
    return serve(checkout, local)


@pytest.fixture(scope="module")
def healthy():
    """One start for the tests that leave it as they found it: the checkout, the start and its port."""
    with an_open_folder() as folder, starting_in(folder) as start:
        checkout = a_checkout(folder)
        yield checkout, *serve(checkout, start)


def a_checkout(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder / "checkout"


def serve(checkout, start):
    port = a_free_port()
    started = start("run", "--root", checkout, PORT=str(port))
    started.says("Ctrl-C stops it.")
    return started, port


def test_it_prepares_serves_and_says_who_may_sign_in(healthy):
    _, started, port = healthy

    lines = started.text.splitlines()
    said = [line.partition("| ")[2] for line in lines]
    ready = said.index(f"Marlin is ready at http://localhost:{port}")
    assert said.index("manage migrate as owner") < ready
    assert said[ready + 1 : ready + 4] == ["manage seed_demo as worker", "Riley rates", "Ctrl-C stops it."]


def test_a_web_process_knows_only_its_own_logins(healthy):
    _, _, port = healthy

    assert get(port) == "DATABASE_URL_UNBLIND DATABASE_URL_WEB"


def test_a_second_start_is_refused_with_a_sentence(healthy, local):
    checkout, _, _ = healthy
    second = local("run", "--root", checkout, PORT=str(a_free_port()))

    assert second.ends() == 1
    assert "already runs" in second.text


@pytest.mark.parametrize("name", ["gunicorn", "celery", "valkey-server", "postgres"])
def test_what_dies_is_started_again(healthy, name):
    checkout, started, port = healthy
    before = running(checkout, name)
    assert before, started.text

    os.kill(min(before), signal.SIGKILL)

    until(lambda: running(checkout, name) - before, lambda: started.text)
    until(lambda: answers(port), lambda: started.text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_and_leaves_nothing(served, checkout, number):
    started, port = served

    started.process.send_signal(number)

    assert started.ends() == 0, started.text
    assert left_of(checkout / "var") == []
    assert not (checkout / "var" / "lock").exists()
    assert not answers(port)


@pytest.mark.parametrize("victim", ["outer", "inner"])
def test_killed_it_leaves_nothing_and_starts_again(served, checkout, local, victim):
    started, _ = served

    os.kill(started.process.pid if victim == "outer" else started.inner, signal.SIGKILL)

    until(lambda: not left_of(checkout / "var"), lambda: str(marked(str(checkout / "var"))))
    again = local("run", "--root", checkout, PORT=str(a_free_port()))
    again.says("Ctrl-C stops it.")


def test_a_taken_port_is_refused_before_anything_starts(checkout, local):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        started = local("run", "--root", checkout, PORT=str(port))

        assert started.ends() == 1
    assert f"Port {port} cannot be used" in started.text
    assert not (checkout / "var" / "postgres").exists()


@pytest.mark.parametrize("value", ["0", "70000", "http", "-1"])
def test_a_port_that_is_none_is_refused_by_name(value):
    with pytest.raises(CannotServe, match="PORT is"):
        supervisor._port({"PORT": value})


def test_a_failing_migration_stops_the_start(checkout, local):
    (checkout / "manage.py").write_text("import sys; sys.exit('no such table')")

    started = local("run", "--root", checkout, PORT=str(a_free_port()))

    assert started.ends() == 1
    assert "no such table" in started.text
    assert "manage.py migrate failed" in started.text
    assert left_of(checkout / "var") == []


def test_a_demo_that_cannot_be_made_says_why_and_stops_nothing(checkout, local):
    (checkout / "manage.py").write_text("import sys; 'seed_demo' in sys.argv and sys.exit('no room')")

    started, port = serve(checkout, local)

    said = [line.partition("| ")[2] for line in started.text.splitlines()]
    assert said[said.index("The demo could not be made:") + 1] == "no room"
    assert answers(port)


def test_no_process_knows_the_login_of_another():
    known = {process: sorted(roles) for process, roles in LOGINS.items()}

    assert known == {"owner": ["owner"], "web": ["unblind", "web"], "worker": ["worker"]}


def get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        return answer.read().decode()


def answers(port: int) -> bool:
    try:
        return bool(get(port))
    except OSError:
        return False


def running(checkout: Path, name: str) -> set[int]:
    return {pid for pid in left_of(checkout / "var") if name in command(pid)}


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""

"""Settings come from the environment, and nonsense stops the start by the variable's name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from marlin.environment import Environment
from marlin.logins import process_of
from tests.databases import ROOT

URL = "postgresql://marlin:secret@localhost/marlin"
SERVER = {
    "PATH": os.environ["PATH"],
    "SECRET_KEY": "for this test",
    "REDIS_URL": "redis://localhost:6379/0",
    "DATABASE_URL_OWNER": URL.replace("marlin:", "the_owner:"),
    "DATABASE_URL_WEB": URL.replace("marlin:", "the_web:"),
    "DATABASE_URL_WORKER": URL.replace("marlin:", "the_worker:"),
    "DATABASE_URL_UNBLIND": URL.replace("marlin:", "the_unblind:"),
}


def read_settings(question: str = "''", **variables: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of their own, and print the answer to one question about them."""
    # What `make run` wrote down for this checkout is another start's environment.
    elsewhere = "import marlin.environment as e, pathlib; own = e.Environment.of_process; "
    elsewhere += "e.Environment.of_process = lambda path: own(pathlib.Path('/nonexistent')); "
    code = f"{elsewhere}from marlin import settings; print({question})"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**SERVER, **variables}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("name", "nonsense"),
    [
        ("MARLIN_PROCESS", "queen"),
        ("SECRET_KEY", ""),
        ("DEBUG", "perhaps"),
        ("DATABASE_URL_WORKER", "mysql://localhost/marlin"),
        ("DATABASE_URL_WORKER", "postgresql://localhost"),
        ("REDIS_URL", "localhost:6379"),
        ("RING_TIMEOUT", "soon"),
        ("RING_TIMEOUT", "0"),
        ("RUN_LEASE", "0"),
        ("HEARTBEAT", "3600"),
        ("RUN_ATTEMPTS", "2.5"),
        ("AGENT_MEMORY", "lots"),
        ("HTTPS", "maybe"),
    ],
)
def test_nonsense_stops_the_start_with_the_variables_name(name, nonsense):
    started = read_settings(**{name: nonsense})

    assert started.returncode != 0
    assert name in started.stderr.splitlines()[-1]


@pytest.mark.parametrize("process", ["owner", "web", "worker"])
def test_the_login_follows_from_the_process(process):
    started = read_settings("settings.DATABASES['default']['USER']", MARLIN_PROCESS=process)

    assert started.stdout.strip() == f"the_{process}"


def test_only_web_processes_hold_the_login_that_unblinds():
    holders = [
        process
        for process in ("owner", "web", "worker")
        if "unblind" in read_settings("list(settings.DATABASES)", MARLIN_PROCESS=process).stdout
    ]

    assert holders == ["web"]


def test_a_server_in_production_insists_on_https():
    started = read_settings(
        "settings.DEBUG, settings.SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE"
    )

    assert started.stdout.strip() == "False True True True"


def test_a_proxy_is_believed_only_when_there_is_one():
    header = "getattr(settings, 'SECURE_PROXY_SSL_HEADER', None)"

    assert read_settings(header).stdout.strip() == "None"
    assert "X_FORWARDED_PROTO" in read_settings(header, BEHIND_PROXY="true").stdout


@pytest.mark.parametrize(
    ("command", "process"),
    [
        (["migrate"], "owner"),
        (["makemigrations", "tasks"], "owner"),
        (["runserver"], "web"),
        (["verify_events"], "worker"),
        (["export_preferences"], "worker"),
        ([], "worker"),
    ],
)
def test_the_login_of_a_command_follows_from_its_name(command, process):
    assert process_of(command) == process


@pytest.mark.parametrize(
    ("text", "flag"), [("true", True), ("1", True), ("ON", True), ("no", False), ("0", False), ("", False)]
)
def test_a_flag_has_several_spellings(text, flag):
    assert Environment({"FLAG": text}).flag("FLAG", default=not flag) is flag


def test_what_is_not_set_has_its_default():
    environment = Environment({})

    assert environment.flag("FLAG", default=True) is True
    assert environment.number("NUMBER", 2.5) == 2.5
    assert environment.whole("WHOLE", 3) == 3
    assert environment.words("WORDS", "one, two,") == ["one", "two"]


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "1e400"])
def test_a_number_has_bounds(number):
    with pytest.raises(ImproperlyConfigured, match="NUMBER"):
        Environment({"NUMBER": number}).number("NUMBER", 1)


def test_a_database_is_named_by_one_address():
    url = "postgresql://web%40x:p%3Aw@db.example:5433/marlin?sslmode=require"

    entry = Environment({"DATABASE": url}).database("DATABASE")

    assert (entry["USER"], entry["PASSWORD"]) == ("web@x", "p:w")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", "5433", "marlin")
    assert entry["OPTIONS"] == {"sslmode": "require", "options": "-c jit=off"}


def test_the_address_may_name_other_options_of_the_server():
    url = "postgresql://web:x@db.example/marlin?options=-c%20jit%3Don"

    assert Environment({"DATABASE": url}).database("DATABASE")["OPTIONS"] == {"options": "-c jit=on"}


def test_a_database_behind_a_socket_is_named_by_its_folder():
    entry = Environment({"DATABASE": "postgresql://web:x@/marlin?host=%2Frun%2Fdb"}).database("DATABASE")

    assert entry["HOST"] == "/run/db"


def test_a_refused_address_does_not_show_its_password():
    with pytest.raises(ImproperlyConfigured) as refused:
        Environment({"DATABASE": "mysql://web:secret@localhost/marlin"}).database("DATABASE")

    assert "secret" not in str(refused.value)


def test_a_variable_of_the_process_wins_over_the_file(tmp_path: Path, monkeypatch):
    file = tmp_path / "env"
    file.write_text("# made by make run\nONE=file\nTWO=file=with=equals\n")
    monkeypatch.setenv("ONE", "process")

    environment = Environment.of_process(file)

    assert environment.text("ONE") == "process"
    assert environment.text("TWO") == "file=with=equals"


def test_the_file_may_be_absent(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("ONE", "process")

    assert Environment.of_process(tmp_path / "none").text("ONE") == "process"

"""The files a server is built from: compose, image and locks. Read as text; nothing here runs a container."""

from __future__ import annotations

import re
import tomllib

import pytest

from .conftest import ROOT

LOCKS = ("requirements.lock", ".ci/test.lock")


@pytest.fixture(scope="module")
def blocks() -> dict[str, str]:
    """Every service of docker-compose.yml, and the shared parts above them, by name."""
    text = (ROOT / "docker-compose.yml").read_text()
    services = re.search(r"^services:\n(.*?)^volumes:", text, re.MULTILINE | re.DOTALL)
    assert services
    shared = re.findall(r"^(x-[a-z]+): &.*?\n(.*?)(?=^\S)", text, re.MULTILINE | re.DOTALL)
    own = re.findall(r"^  ([a-z]+):\n(.*?)(?=^  [a-z]+:|\Z)", services[1], re.MULTILINE | re.DOTALL)
    return dict([*shared, *own])


def test_compose_has_a_service_for_each_part(blocks):
    services = {name for name in blocks if not name.startswith("x-")}

    assert services == {"postgres", "valkey", "migrate", "web", "worker", "generator", "gateway", "beat"}


def test_each_process_gets_only_its_own_logins(blocks):
    logins = {name: set(re.findall(r"DATABASE_URL_([A-Z]+)", block)) for name, block in blocks.items()}

    assert {name: found for name, found in logins.items() if found} == {
        "migrate": {"OWNER"},
        "web": {"WEB", "UNBLIND"},
        "x-worker": {"WORKER"},
        "gateway": {"WORKER"},
    }
    for name in ("worker", "generator", "beat"):
        assert "<<: *worker" in blocks[name]


def test_every_service_that_stays_says_whether_it_is_well(blocks):
    stays = {name for name in blocks if not name.startswith("x-")} - {"migrate"}

    assert {name for name in stays if "healthcheck:" in blocks[name]} == stays


def test_no_password_has_a_default(blocks):
    passwords = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|SECRET_KEY))([^}]*)\}", "".join(blocks.values()))

    assert passwords
    assert {rest[:2] for _, rest in passwords} == {":?"}


def test_the_logins_are_made_by_the_file_the_embedded_server_uses(blocks):
    mounted = re.search(r"- \./(\S+):/docker-entrypoint-initdb\.d/", blocks["postgres"])

    assert mounted
    roles = (ROOT / mounted[1]).read_text()
    asked = set(re.findall(r"\\getenv \w+ (MARLIN_\w+_PASSWORD)", roles))
    assert asked == set(re.findall(r"^      (MARLIN_\w+_PASSWORD):", blocks["postgres"], re.MULTILINE))


def test_every_anchor_that_is_named_exists():
    text = (ROOT / "docker-compose.yml").read_text()

    assert set(re.findall(r"\*([a-z]+)$", text, re.MULTILINE)) == set(
        re.findall(r"&([a-z]+)$", text, re.MULTILINE)
    )
    assert "\t" not in text


def test_every_queue_has_a_worker(blocks):
    settings = (ROOT / "marlin" / "celery.py").read_text()
    routed = set(re.findall(r'"queue": "(\w+)"', settings)) | {"default"}

    assert {
        queue for block in blocks.values() for queue in re.findall(r'"--queues", "(\w+)"', block)
    } == routed


def test_the_image_installs_by_hash_and_runs_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text()

    assert "--require-hashes" in lines
    assert re.search(r"^USER (?!root)\w+$", lines, re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(\S+)", lines, re.MULTILINE):
        assert (ROOT / source).exists(), source


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_packages_and_hashes_and_no_place(lock):
    text = (ROOT / lock).read_text()
    requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert requirements
    assert all("==" in each and "--hash=sha256:" in each for each in requirements)
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)


def test_the_locks_hold_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        ".ci/test.lock": project["dependency-groups"]["test"],
    }

    for lock, requirements in wanted.items():
        names = {re.split(r"[\[<>=,; ]", each)[0].lower() for each in requirements}
        locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / lock).read_text(), re.MULTILINE))
        assert names <= locked


def test_both_locks_agree():
    pins = [
        dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in LOCKS
    ]

    assert {name for name in pins[0].keys() & pins[1].keys() if pins[0][name] != pins[1][name]} == set()

"""Real installers in a set-up command: the sandbox has no network, and the registries are those of this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pip._internal.models.index import PyPI

from tasks.gateway import access
from tasks.models import Environment, Repository
from tests.faults import worlds
from tests.stack import Stack, eventually, running_stack

#: Each makes something tiny that only its registry has, which the test command then runs.
INSTALLERS = {
    "pip": (
        "python3 -m venv .venv && .venv/bin/pip install --retries 1 six",
        ".venv/bin/python -c 'import six; print(six.__version__)'",
    ),
    "npm": (
        "npm install --fetch-retries=0 --no-save is-odd",
        "node -e 'process.exit(require(\"is-odd\")(3) ? 0 : 1)'",
    ),
}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running_stack(SETUP_INSIDE=",".join([*_hosts("pip"), *_hosts("npm")])) as stack:
        yield stack


@pytest.mark.parametrize("name", INSTALLERS)
def test_an_installer_finds_its_registry_and_nothing_else(committed: Stack, name: str, settings: Any) -> None:
    # Not the system's, whose pip trusts whom the system trusts.
    settings.SANDBOX_PYTHON = sys.executable
    committed.start_gateway()
    eventually(access.is_running, why="The gateway does not answer.")
    set_up, test = INSTALLERS[name]

    reached = _prepared(committed, f"{name}-reached", set_up, test, _hosts(name))
    refused = _prepared(committed, f"{name}-refused", set_up, test, ["packages.example.org"])

    assert reached.state == Environment.State.USABLE, reached.log
    assert refused.state == Environment.State.BROKEN
    assert "is not on the list of hosts that set-up may reach" in refused.log, refused.log


def _prepared(stack: Stack, name: str, set_up: str, test: str, hosts: list[str]) -> Environment:
    repository, _ = worlds.make_repository(
        stack.directory / name, setup_command=set_up, setup_hosts=" ".join(hosts), test_command=test
    )
    worlds.prepare_here()
    return Repository.objects.get(pk=repository.pk).environments.get()


def _hosts(installer: str) -> list[str]:
    """Read from its own configuration; a registry of its own keeps pages and files in one place."""
    if installer == "npm":
        return [_host(_answer("npm", "config", "get", "registry"))]
    index = _answer("python3", "-m", "pip", "config", "get", "global.index-url")
    return [_host(index)] if index else [_host(PyPI.url), PyPI.file_storage_domain]


def _answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""

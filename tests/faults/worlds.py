"""Small worlds for real workers: a repository on disk, and agents that are a line of shell."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

import tasks.jobs
from grading import queue, rendering
from grading.models import Assignment
from marlin.models import User
from tasks.models import AgentVersion, Candidate, Environment, Experiment, Repository, Task
from tests import factories
from tests.stack import Stack, eventually

FILES = {
    "README.md": "# Sums\n\nAdds numbers.\n",
    "sums.py": "def add(a, b):\n    return a + b\n",
}


@dataclass(frozen=True)
class Agent:
    """A line of shell. Each process it starts carries `mark` in its environment."""

    version: AgentVersion
    mark: str


def make_git_repository(directory: Path) -> str:
    """A repository with one commit; returns the commit."""
    directory.mkdir(parents=True)
    for name, text in FILES.items():
        (directory / name).write_text(text)
    git(directory, "init", "--quiet", "--initial-branch=main")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "-m", "Add numbers")
    return git(directory, "rev-parse", "HEAD")


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Sam", "-c", "user.email=sam@example.org", "-c", "commit.gpgsign=false")
    # Two repositories of the same files are the same commit, whenever they are made.
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00:00Z")
    done = subprocess.run(
        ["git", "-C", str(directory), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **dates},
    )
    return done.stdout.strip()


def make_repository(directory: Path, **fields: Any) -> tuple[Repository, str]:
    """Still to be copied and proven, by a worker; and its only commit."""
    commit = make_git_repository(directory)
    defaults = {"name": directory.name, "url": str(directory), "test_command": "test -f README.md"}
    return Repository.objects.create(**(defaults | fields)), commit


def make_agent(script: str, **fields: Any) -> Agent:
    """`script` is shell; in it {mark} is the agent's mark, which all that it starts carries too."""
    mark = f"mark-{uuid.uuid4().hex}"
    # On the command line as well: only root may look into the environment of another user's process.
    command = f": {mark}; {script}".replace("{mark}", mark).replace("{", "{{").replace("}", "}}")
    version = factories.make_agent_version(
        settings={"argv": ["/bin/sh", "-c", command], "env": {"MARK": mark}}, **fields
    )
    return Agent(version, mark)


def make_experiment(
    repository: Repository, commit: str, agents: Sequence[Agent], *, scenarios: int = 1, **fields: Any
) -> Experiment:
    """Running: the worker opens its tasks and generates their candidates."""
    made = [factories.make_scenario(repository=repository, base_commit=commit) for _ in range(scenarios)]
    return factories.make_experiment(scenarios=made, versions=[agent.version for agent in agents], **fields)


def prepare_here() -> None:
    """Do in this process what a worker would: copy, prove, open."""
    for repository in Repository.objects.filter(state=Repository.State.CLONING):
        tasks.jobs.clone_repository(repository.pk)
    for environment in Environment.objects.filter(state=Environment.State.BASELINE):
        tasks.jobs.prepare_environment(environment.pk)
    tasks.jobs.open_tasks()


def generate_here(*, backwards: bool = False) -> None:
    """Then generate one by one, from either end, and render."""
    while waiting := _one_waiting(backwards):
        tasks.jobs.generate_candidate(waiting.pk)
    for turn_id, attempt in rendering.waiting():
        assert rendering.render(turn_id, attempt)


def make_task(stack: Stack, **fields: Any) -> Task:
    """Generated and rendered by this process: it can be claimed, and no worker is needed."""
    agents = [make_agent("echo one > NEW.md; echo I added a file.") for _ in range(2)]
    repository, commit = make_repository(stack.directory / "sums")
    experiment = make_experiment(repository, commit, agents, **fields)
    prepare_here()
    generate_here()
    return experiment.tasks.get()


def make_assignment(stack: Stack, rater: User) -> Assignment:
    task = make_task(stack)
    assignment = queue.claim_next(rater)
    assert assignment
    assert assignment.task_id == task.pk
    return assignment


def _one_waiting(backwards: bool) -> Candidate | None:
    queued = Candidate.objects.filter(state=Candidate.State.QUEUED).order_by("pk")
    return queued.last() if backwards else queued.first()


# --- What is so afterwards ----------------------------------------------------------------------------------


def count(stack: Stack, state: str) -> int:
    number = stack.value("SELECT count(*) FROM tasks_candidate WHERE state = %s", state)
    assert isinstance(number, int)
    return number


def running(stack: Stack) -> bool:
    return count(stack, "running") > 0


def ready(stack: Stack) -> int:
    return count(stack, "ready")


def flush(stack: Stack) -> None:
    """The broker forgets every bell."""
    client = redis.Redis.from_url(stack.valkey.url)
    client.flushall()
    client.close()


def wait_until_all_are_ready(stack: Stack, wanted: int, *, within: float = 120) -> None:
    eventually(
        lambda: ready(stack) == wanted,
        within=within,
        why=f"{ready(stack)} of {wanted} candidates are ready; the worker's log may tell why.",
    )


def assert_each_is_ready_once(stack: Stack, wanted: int) -> None:
    """One run succeeded per candidate, none is alive, and the move to ready was made once."""
    rows = stack.query(
        """
        SELECT c.state,
               (SELECT count(*) FROM tasks_run r WHERE r.candidate_id = c.id AND r.state = 'succeeded'),
               (SELECT count(*) FROM tasks_run r WHERE r.candidate_id = c.id AND r.state = 'started'),
               (SELECT count(*) FROM marlin_event e
                WHERE e.subject = c.public_id::text AND e.name = 'candidate.ready')
        FROM tasks_candidate c
        """
    )

    assert rows == [("ready", 1, 0, 1)] * wanted


def assert_nothing_is_left(stack: Stack, agents: Sequence[Agent]) -> None:
    """No process of an agent, no run directory, no lock, no candidate that runs without a run."""
    for agent in agents:
        eventually(
            lambda mark=agent.mark: not processes_with(mark),  # type: ignore[misc]
            within=10,
            why="A process of an agent is alive.",
        )
    eventually(lambda: not left_directories(stack), within=10, why="A run directory or a lock is left.")
    half = stack.value(
        """
        SELECT count(*) FROM tasks_candidate c WHERE c.state = 'running' AND NOT EXISTS
            (SELECT 1 FROM tasks_run r
             WHERE r.candidate_id = c.id AND r.state = 'started' AND r.token = c.token)
        """
    )
    assert half == 0


def left_directories(stack: Stack) -> list[Path]:
    area = stack.directory / "work"
    return [path for name in ("runs", "locks") if (area / name).is_dir() for path in (area / name).iterdir()]


def processes_with(mark: str) -> list[int]:
    """Every living process with the mark on its command line or in its environment."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if _carries(entry, mark.encode())]


def _carries(entry: Path, mark: bytes) -> bool:
    if not entry.name.isdigit():
        return False
    for name in ("cmdline", "environ"):
        try:
            if mark in (entry / name).read_bytes():
                return True
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
    return False

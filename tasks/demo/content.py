"""What the demo is about, as plain values: its scenarios, its two agent versions and its people."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

# Where the sandbox shows the folder below, read-only, and what stands there.
AGENT_MOUNT = "/opt/agent"
AGENT_FOLDER = FOLDER / "agents"

REPOSITORY_NAME = "tidecache"
# The dash v names each test, so that evidence can tell which one failed.
TEST_COMMAND = ("python3", "-m", "unittest", "-v")


@dataclass(frozen=True)
class DemoScenario:
    """A write-up as a rater would have handed it in; `base` is a key of `DemoRepository.commits`."""

    key: str
    title: str
    category: str
    base: str
    effort_hours: float
    about: str
    change: str
    edge_cases: str
    acceptance: str
    ideal_answer: str
    difficulty: str
    prompt: str


@dataclass(frozen=True)
class DemoAgent:
    """An invented agent version. Prices are US dollars per million tokens.

    `argv` has the placeholders `{prompt_file}` and `{transcript}`, and runs in the worktree.
    """

    name: str
    harness: str
    harness_version: str
    model: str
    provider: str
    released: date
    argv: tuple[str, ...]
    input_price: Decimal
    output_price: Decimal


@dataclass(frozen=True)
class DemoPerson:
    """Somebody to sign in as. The password is the seed command's affair."""

    name: str
    email: str
    roles: tuple[str, ...]


def scenarios() -> list[DemoScenario]:
    """The three scenarios: a bug fix, a new feature, a refactoring."""
    content = tomllib.loads((FOLDER / "scenarios.toml").read_text(encoding="utf-8"))
    return [DemoScenario(**trimmed(scenario)) for scenario in content["scenarios"]]


def agent_versions() -> list[DemoAgent]:
    """The two arms of the demo experiment."""
    return [
        DemoAgent(
            name="Kestrel 1.4",
            harness="kestrel-cli",
            harness_version="1.4.2",
            model="kestrel-1.4-large",
            provider="Northwind",
            released=date(2025, 3, 4),
            argv=command_line("kestrel"),
            input_price=Decimal("3.00"),
            output_price=Decimal("15.00"),
        ),
        DemoAgent(
            name="Heron 2.0",
            harness="heron-code",
            harness_version="2.0.0",
            model="heron-2.0",
            provider="Southbank",
            released=date(2025, 5, 20),
            argv=command_line("heron"),
            input_price=Decimal("1.25"),
            output_price=Decimal("10.00"),
        ),
    ]


def people() -> list[DemoPerson]:
    """Two raters, a person for each other role, and a stranger."""
    return [
        DemoPerson("Riley", "riley@demo.example", ("rater",)),
        DemoPerson("Rosa", "rosa@demo.example", ("rater",)),
        DemoPerson("Robin", "robin@demo.example", ("reviewer",)),
        DemoPerson("Ada", "ada@demo.example", ("admin",)),
        DemoPerson("Rowan", "rowan@demo.example", ("researcher",)),
        DemoPerson("Sam", "sam@demo.example", ()),
    ]


def command_line(hand: str) -> tuple[str, ...]:
    return (
        "python3",
        f"{AGENT_MOUNT}/agent.py",
        "--hand",
        hand,
        "--prompt-file",
        "{prompt_file}",
        "--transcript",
        "{transcript}",
    )


def trimmed(table: dict[str, Any]) -> dict[str, Any]:
    """The values without the line breaks that a multi-line string begins and ends with."""
    return {key: value.strip() if isinstance(value, str) else value for key, value in table.items()}

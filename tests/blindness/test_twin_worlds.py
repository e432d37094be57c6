"""Worlds that differ only in who made what: every byte that a rater or a reviewer can fetch is the same."""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest

from grading.export.records import record_of
from grading.models import Preference
from tests.blindness import tour, worlds
from tests.blindness.conftest import OpenWorld
from tests.blindness.worlds import Makers
from tests.long import LONG

PLAIN = Makers(
    versions=(
        {"name": "Quillback", "harness": "quill", "model": "quill-large", "provider": "Quillworks"},
        {"name": "Wrasse", "harness": "wrasse", "model": "wrasse-1", "provider": "Reef"},
    )
)


def _version(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"{name} Professional Edition",
        "harness": f"{name.lower()}-harness-with-a-long-name",
        "harness_version": "99.12.1-beta",
        "model": f"{name.lower()}-4-1-ultra",
        "provider": f"{name} Incorporated",
        "prices": {"input": "999.99", "output": "12345.678"},
        "limits": {"wall": 77.0, "idle": 66.0},
        "released_on": "2031-12-31",
        **more,
    }


#: Differs from PLAIN in everything at once; the long form also tells which of two halves would show.
ALL_AT_ONCE = {
    "everything at once": Makers(
        versions=(_version("Zebrafish"), _version("Anemone")),
        before=("export COLOUR=blue; sleep 0.7; true --model zebrafish-4-1-ultra;", "cd . && : anemone;"),
        backwards=True,
        loses_runs=2,
    )
}
HALVES = {
    "other names, commands, prices and order": Makers(
        versions=(_version("Zebrafish"), _version("Anemone")),
        before=("export COLOUR=blue; true --model zebrafish-4-1-ultra;", "cd . && : anemone;"),
        backwards=True,
    ),
    "retried runs and a slow agent": Makers(
        versions=(_version("Anemone"), _version("Zebrafish")), before=("sleep 0.7;", ""), loses_runs=2
    ),
}
OTHERS = ALL_AT_ONCE | (HALVES if LONG else {})


@pytest.fixture(scope="module")
def plain(empty_world: OpenWorld) -> tour.Seen:
    with empty_world("plain") as directory:
        return tour.take(worlds.build(directory, PLAIN).people)


@pytest.mark.parametrize("makers", OTHERS.values(), ids=OTHERS)
def test_not_a_byte_tells_who_made_what(empty_world: OpenWorld, plain: tour.Seen, makers: Makers) -> None:
    with empty_world("other") as directory:
        other = tour.take(worlds.build(directory, makers).people)
        names = _names_in_the_export()

    assert list(other) == list(plain)
    for asked, seen in plain.items():
        assert other[asked] == seen, _difference(asked, seen, other[asked])
    # The worlds do differ, and where the veil is lifted it shows.
    assert names == {version["name"] for version in makers.versions}


def test_the_tour_sees_every_part_of_the_page(plain: tour.Seen) -> None:
    statuses = {status for status, _, _ in plain.values()}
    bodies = "\n".join(body for _, _, body in plain.values())

    assert statuses == {200, 204, 302, 404, 405, 422}
    for part in (
        "It has a comment now.",
        "test_adds (tests.Sums)",
        "The sum of both",
        "READ.md",
        "stray.log",
    ):
        assert part in bodies
    assert len(plain) > 80


def _names_in_the_export() -> set[str]:
    (preference,) = Preference.objects.filter(state=Preference.State.LOCKED)
    assert preference.locked_revision
    record = record_of(preference, preference.locked_revision)
    return {record["model_a"], record["model_b"]}


def _difference(asked: str, one: tuple[int, str, str], other: tuple[int, str, str]) -> str:
    lines = [json.dumps(seen[0]) + "\n" + seen[1] + "\n" + seen[2] for seen in (one, other)]
    differ = difflib.unified_diff(lines[0].splitlines(), lines[1].splitlines(), lineterm="", n=0)
    return f"{asked}\n" + "\n".join(list(differ)[:40])

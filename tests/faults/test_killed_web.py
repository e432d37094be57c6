"""Web workers that are killed while people save and submit: what was acknowledged is there."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from grading import queue
from grading.models import Assignment
from marlin.models import Role
from tests import factories
from tests.faults import worlds
from tests.faults.visitors import Answer, Visitor
from tests.stack import Stack, eventually

SAVES = 3  # of each rater, before handing in


@dataclass
class Told:
    """What the server has acknowledged, over all raters."""

    saves: set[tuple[int, str]] = field(default_factory=set)
    receipts: dict[int, str] = field(default_factory=dict)
    retries: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def total(self) -> int:
        return len(self.saves) + len(self.receipts)


def test_no_acknowledged_word_is_lost_and_none_is_doubled_though_web_workers_die(
    committed: Stack, long: bool
) -> None:
    stack = committed
    people, kills = (300, 50) if long else (30, 5)
    worlds.make_task(stack, raters_wanted=people)
    assignments = [_claimed(f"Riley {number}") for number in range(people)]
    visitors = [Visitor(stack, assignment.rater) for assignment in assignments]
    told = Told()
    stack.start_web(workers=2)

    with ThreadPoolExecutor(4) as pool:
        working = [
            pool.submit(_rate, visitor, assignment, told)
            for visitor, assignment in zip(visitors, assignments, strict=True)
        ]
        for number in range(kills):
            threshold = (number + 1) * people * (SAVES + 1) // (kills + 1)
            eventually(lambda threshold=threshold: told.total() >= threshold)  # type: ignore[misc]
            _kill_one_worker(stack)
        for work in working:
            work.result(timeout=600)

    rows = stack.query(
        """
        SELECT g.id, r.texts->>'a_strengths' FROM grading_revision r
        JOIN grading_preference p ON p.id = r.preference_id
        JOIN grading_blindpair b ON b.id = p.pair_id
        JOIN grading_assignment g ON g.id = b.assignment_id
        """
    )
    assert told.retries  # some request met a dead server
    assert told.saves <= set(rows)
    assert len(rows) == len(set(rows)) == people * (SAVES + 1)
    assert stack.query("SELECT assignment_id FROM grading_receipt ORDER BY 1") == [
        (assignment.pk,) for assignment in assignments
    ]
    assert len(told.receipts) == people
    assert stack.value("SELECT count(*) FROM grading_assignment WHERE state = 'submitted'") == people
    assert stack.value("SELECT count(*) FROM marlin_event WHERE name = 'assignment.submitted'") == people


def _claimed(name: str) -> Assignment:
    assignment = queue.claim_next(factories.make_person(name.replace(" ", ""), Role.RATER))
    assert assignment
    return assignment


def _rate(visitor: Visitor, assignment: Assignment, told: Told) -> None:
    """As the page does: each save carries tab and sequence, and is sent again until it is answered."""
    work = f"/work/{assignment.public_id}"
    for sequence in range(1, SAVES + 1):
        form = _form(assignment, sequence)
        answer = _until_answered(visitor, f"{work}/draft", form, told, wanted=200)
        assert answer.status == 200
        with told.lock:
            told.saves.add((assignment.pk, form["a_strengths"]))
    answer = _until_answered(visitor, f"{work}/submit", _form(assignment, SAVES + 1), told, wanted=302)
    with told.lock:
        told.receipts[assignment.pk] = answer.headers["Location"]


def _form(assignment: Assignment, sequence: int) -> dict[str, str]:
    words = f"Word {sequence} of {assignment.pk}."
    return factories.filled(a_strengths=words, tab="one", sequence=str(sequence), revision=str(sequence - 1))


def _until_answered(visitor: Visitor, path: str, form: dict[str, str], told: Told, *, wanted: int) -> Answer:
    def answered() -> Answer | None:
        try:
            answer = visitor.post(path, form, htmx=path.endswith("draft"))
        except (OSError, http.client.HTTPException):
            with told.lock:
                told.retries += 1
            return None
        assert answer.status == wanted, answer.body[:2000]
        return answer

    found = eventually(answered, why="The web server did not come back.")
    assert found
    return found


def _kill_one_worker(stack: Stack) -> None:
    master = stack.processes["web"].pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)

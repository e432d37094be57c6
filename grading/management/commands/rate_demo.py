"""Rates the demo by the real moves, so that there is something to analyse and to export."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from grading import queue, reviewing, submission
from grading.models import Assignment, BlindPair
from marlin.models import User
from tasks.models import Experiment, Origin

RATER, REVIEWER = "riley@demo.example", "robin@demo.example"
EXPERIMENT = "Two careful hands"
#: How far Heron is ahead by the kind of work, on the scale of records: the same on each machine and in each draw.
AHEAD = {"bug fix": 3, "new feature": -2, "refactoring": 1}
BETTER = "Heron 2.0"
WHY = "It does what was asked for, its tests show it at the edges, and the next change will find it easy to read."


class Command(BaseCommand):
    help = "Rates every task of the demo that is ready, as Riley, and accepts it, as Robin. The ratings are fixed."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rater, reviewer = (User.objects.get(email=email) for email in (RATER, REVIEWER))
            experiment = Experiment.objects.get(name=EXPERIMENT)
        except (User.DoesNotExist, Experiment.DoesNotExist):
            raise CommandError("There is no demo here: `manage.py seed_demo` builds it.") from None
        rated = 0
        while assignment := _claimed(rater, experiment):
            saved = submission.save_draft(assignment, _verdict(assignment))
            submission.submit(assignment, saved.preference)
            reviewing.decide(assignment, "accept", by=reviewer, reason="")
            rated += 1
        left = experiment.tasks.filter(state="open").count()
        self.stdout.write(f"Riley rated {rated} tasks, and Robin accepted them; {left} are still open.")


def _claimed(rater: User, experiment: Experiment) -> Assignment | None:
    """What Riley holds, else the next that is ready. Work on something else is given back, and ends it."""
    assignment = queue.claim_next(rater)
    if assignment and assignment.task.experiment != experiment:
        queue.release(assignment)
        return None
    return assignment


def _verdict(assignment: Assignment) -> dict[str, str]:
    """As a browser would post it. This is no rater: it looks at who made what, to say the same in every draw."""
    pair = BlindPair.objects.get(assignment=assignment)
    ahead = AHEAD[assignment.task.scenario.category]
    is_left = Origin.objects.get(candidate=pair.a).agent_version.name == BETTER
    rubric = assignment.task.experiment.rubric
    position = str(_position(rubric.points, ahead if is_left else -ahead))
    keys = [axis.key for axis in rubric.axes.all()]
    winner, loser = ("a", "b") if (ahead > 0) == is_left else ("b", "a")
    return {
        **dict.fromkeys(["overall", *keys], position),
        "key_axis": keys[0],
        "justification": WHY,
        f"{winner}_strengths": "Small, and tested at its edges.",
        f"{loser}_weaknesses": "It changes more than it was asked to.",
    }


def _position(points: int, for_left: int) -> int:
    """The step of the form, see grading.rubric.canonical."""
    half = points // 2
    if points % 2:
        return half + 1 - for_left
    return half + 1 - for_left if for_left > 0 else half - for_left

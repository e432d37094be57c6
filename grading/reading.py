"""What a page about a pair shows, for the rater who holds it and the reviewer who judges it alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.urls import reverse

from grading.blinding import BlindTurn, blind
from grading.models import Assignment, BlindPair, Fragment, PairPage, Preference, Revision
from grading.rubric import steps, word

#: So much compressed HTML is sent with the page; the rest of the files come as they scroll into view.
FIRST_BYTES = 60_000
#: The row that stands for folded lines, as grading.diffs.markup writes it.
FOLD = re.compile(r'<tr class="fold"[^>]* data-gap="(?P<gap>\d+)">.*?</tr>', re.DOTALL)


@dataclass(frozen=True)
class ShownFile:
    """One row of the file list and one article of the page."""

    number: int
    path: str
    a: dict[str, Any] | None
    b: dict[str, Any] | None
    relation: str
    group: str
    warnings: tuple[str, ...]
    folded: bool
    html: str
    url: str

    @property
    def is_loaded(self) -> bool:
        return bool(self.html)


@dataclass(frozen=True)
class ShownAxis:
    """One row of the form."""

    key: str
    name: str
    question: str
    value: int | None
    word: str


@dataclass(frozen=True)
class Reading:
    """A pair as one reader sees it: `prefix` says in whose pages ("" for the rater, "review_")."""

    assignment: Assignment
    pair: BlindPair
    turn: BlindTurn
    prefix: str

    def url(self, name: str, *args: int) -> str:
        return reverse(f"grading:{self.prefix}{name}", args=[self.assignment.public_id, *args])

    @property
    def tabs(self) -> list[dict[str, Any]]:
        first = "review" if self.prefix else "compare"
        patches = reverse(f"grading:{first}", args=[self.assignment.public_id])
        failing = sum(side.evidence.failed for side in self.turn.sides)
        return [
            {"name": "patches", "label": "Patches", "url": patches, "count": ""},
            {"name": "transcripts", "label": "Transcripts", "url": self.url("transcripts"), "count": ""},
            {
                "name": "tests",
                "label": "Tests",
                "url": self.url("tests"),
                "count": f"{failing} failing" if failing else "",
            },
            {"name": "write_up", "label": "Write-up", "url": self.url("write_up"), "count": ""},
        ]

    def page(self) -> PairPage:
        """The newest rendering: one of before a change of the engine serves until it is rendered again."""
        pages = PairPage.objects.filter(left=self.pair.a_id, right=self.pair.b_id)
        if page := pages.order_by("-version").first():
            return page
        raise Http404

    def files(self) -> list[ShownFile]:
        page = self.page()
        # Folded files arrive when they are opened, whatever their size.
        whole = page.fragments.filter(gap=0).order_by("file")
        bodies: dict[int, str] = {}
        spent = 0
        for number, entry in enumerate(page.index["files"]):
            size = entry["size"]
            if entry["folded"] or (spent and spent + size > FIRST_BYTES):
                continue
            spent += size
            bodies[number] = ""
        for fragment in whole.filter(file__in=bodies):
            bodies[fragment.file] = fragment.html
        return [
            ShownFile(
                number=number,
                path=entry["path"],
                a=entry["left"],
                b=entry["right"],
                relation=entry["relation"],
                group=entry["group"],
                warnings=tuple(entry["warnings"]) + tuple(entry["degraded"]),
                folded=entry["folded"],
                html=bodies.get(number, ""),
                url=self.url("file", number),
            )
            for number, entry in enumerate(page.index["files"])
        ]

    def fragment(self, number: int, gap: int = 0) -> str:
        try:
            return Fragment.objects.get(page=self.page(), file=number, gap=gap).html
        except Fragment.DoesNotExist:
            raise Http404 from None

    def whole_file(self, number: int) -> str:
        """A file with nothing folded away: for a page that cannot fetch more."""
        bodies = dict(self._fragments(number))
        if 0 not in bodies:
            raise Http404
        return FOLD.sub(lambda fold: bodies.get(int(fold["gap"]), fold[0]), bodies[0])

    def _fragments(self, number: int) -> list[tuple[int, str]]:
        return [(fragment.gap, fragment.html) for fragment in self.page().fragments.filter(file=number)]

    def axes(self, revision: Revision | None) -> list[ShownAxis]:
        rubric = self.assignment.task.experiment.rubric
        ratings = revision.ratings if revision else {}
        asked = [("overall", "Overall", "Which one would you rather merge?")]
        asked += [(axis.key, axis.name, axis.question) for axis in rubric.axes.all()]
        return [
            ShownAxis(key, name, question, ratings.get(key), word(rubric.points, ratings.get(key)))
            for key, name, question in asked
        ]

    def context(self, tab: str) -> dict[str, Any]:
        """What every page about a pair needs."""
        rubric = self.assignment.task.experiment.rubric
        preference = Preference.objects.filter(pair=self.pair).first()
        revision = preference.newest() if preference else None
        return {
            "reading": self,
            "assignment": self.assignment,
            "task": self.assignment.task,
            "scenario": self.assignment.task.scenario,
            "turn": self.turn,
            "tab": tab,
            "rubric": rubric,
            "steps": steps(rubric.points),
            "axes": self.axes(revision),
            "revision": revision,
            "texts": revision.texts if revision else {},
        }


def reading_of(assignment: Assignment, *, prefix: str = "") -> Reading:
    """The newest pair of this assignment. Its letters were drawn when it was claimed."""
    pair = (
        BlindPair.objects.filter(assignment=assignment)
        .select_related("turn", "a", "b")
        .defer("a__patch", "b__patch")  # the rendered fragments show them
        .order_by("-turn__number", "-attempt")
        .first()
    )
    if pair is None:
        raise Http404
    return Reading(assignment, pair, blind(pair), prefix)

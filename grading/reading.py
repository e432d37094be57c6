"""What a page about a pair shows, for the rater who holds it and the reviewer who judges it alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse

from grading import looks, marks, pieces
from grading.blinding import BlindTurn, blind
from grading.looks import Look
from grading.models import Assignment, BlindPair, Fragment, PairPage, Preference, Revision, View
from grading.rubric import NOT_APPLICABLE_WORDS, OVERALL, steps, word
from grading.spots import Spot

#: So many rows are sent with the page, ten screens of them: what comes later comes ahead of the scroll, and what is
#: sent now is drawn before anything can be read. A first file may be longer, or there would be nothing to read.
FIRST_ROWS = 500
FIRST_FILE = 1_500
#: As grading.diffs.sheets says it of a file.
HUNKS_ALONE = "The whole text is not at hand"
#: The row that stands for folded lines, as grading.diffs.markup writes it.
FOLD = re.compile(
    r"<tr class=fold data-gap=(?P<first>\d+)(?: data-to=(?P<last>\d+))?[^>]*>.*?</tr>", re.DOTALL
)


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
    mark_url: str
    #: The height of what is not loaded yet, in rows of the view.
    rows: int
    is_read: bool
    moved: int
    #: Lines in which nothing but blanks changed.
    blank: int
    #: Places where A and B part.
    differences: int
    #: "Base", "A" or "B", and where that image is.
    images: tuple[tuple[str, str], ...]
    #: Why it counts as written by a program.
    generated: str
    #: "moved" or "blank" where every change of the file is of that kind.
    only: str
    #: The rule by which every side that touched it had it set apart; "" for what is graded.
    apart: str
    #: Of a notebook: "shown" as its cells, or "offered"; "" for other files.
    cells: str

    @property
    def is_loaded(self) -> bool:
        return bool(self.html)

    @property
    def kinds(self) -> str:
        """What the list can be narrowed to."""
        only = f"only-{self.only}" if self.only else ""
        return " ".join(filter(None, (self.relation, self.group, only, "folded" if self.folded else "")))


@dataclass(frozen=True)
class ShownAxis:
    """One row of the form."""

    key: str
    name: str
    question: str
    value: int | None
    word: str
    help: str = ""
    may_skip: bool = False
    skipped: bool = False


@dataclass(frozen=True)
class Reading:
    """A pair as one reader sees it: `prefix` says in whose pages ("" for the rater, "review_")."""

    assignment: Assignment
    pair: BlindPair
    turn: BlindTurn
    prefix: str
    #: Numbers of all turns that this reader has, when there can be more than one.
    turns: tuple[int, ...] = ()

    @property
    def is_newest(self) -> bool:
        return not self.turns or self.turn.number == self.turns[-1]

    @property
    def spot(self) -> Spot:
        # In a conversation the turn stands in every address: a page left open must not write into the next one.
        return Spot(self.assignment.public_id, self.turn.number if self.turns else None)

    def url(self, name: str, *args: int) -> str:
        return reverse(f"grading:{self.prefix}{name}", args=[self.spot, *args])

    @property
    def turn_tabs(self) -> list[dict[str, Any]]:
        """One for each turn, where there is more than one."""
        page = "review" if self.prefix else "compare"
        shown = self.turns if len(self.turns) > 1 else ()
        return [
            {
                "number": number,
                "url": reverse(f"grading:{page}", args=[Spot(self.assignment.public_id, number)]),
                "current": number == self.turn.number,
            }
            for number in shown
        ]

    @property
    def tabs(self) -> list[dict[str, Any]]:
        first = "review" if self.prefix else "compare"
        patches = reverse(f"grading:{first}", args=[self.spot])
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
            {"name": "base", "label": "Files", "url": self.url("base"), "count": ""},
        ]

    def page(self) -> PairPage:
        """The rendering that is shown. Raises Http404."""
        if page := pieces.pages_of(self.pair).first():
            return page
        raise Http404

    def patches(self, request: HttpRequest) -> dict[str, Any]:
        """What the tab of patches shows, and how."""
        page = self.page()
        entries = page.index["files"]
        look = looks.look_of(request, looks.start_of(page.index))
        if entries and look.stored not in _drawn_in(entries[0]):
            look = replace(look, view=View.PAIR)  # rendered before there was such a view
        return {
            "files": self._files(page, look, request.user),
            "look": look,
            "view": look.view,
            "split": look.split,
            "hides_blank": look.hides_blank,
            "reads_cells": look.reads_cells,
            "rows_url": f"{self.url('file', 0)}?view={look.stored}&v={page.version}",
            "views": self._views(look),
            "counts": _counts(page.index),
            "no_base": page.index.get("no_base", False),
            "without_code": all(_apart(entry) for entry in entries),
        }

    def _files(self, page: PairPage, look: Look, reader: Any) -> list[ShownFile]:
        entries = page.index["files"]
        views = [look.stored_of(_drawn_in(entry)) for entry in entries]
        bodies = self._first_bodies(page, views)
        read = marks.read_by(reader, self.pair)
        # Turned into an address for each file: a thousand calls of reverse() would take a tenth of a second.
        below = self.url("file", 0).removesuffix("0")
        return [
            ShownFile(
                number=number,
                path=entry["path"],
                a=entry["left"],
                b=entry["right"],
                relation=entry["relation"],
                group=entry["group"],
                warnings=(*entry["warnings"], *_told_of(entry, page.index)),
                folded=entry["folded"],
                html=bodies.get(number, ""),
                url=f"{below}{number}?view={view}&v={page.version}",
                mark_url=f"{below}{number}/read",
                rows=_drawn_in(entry).get(view, 0),
                is_read=bool(read) and marks.name_of(entry["path"]) in read,
                moved=entry.get("moved", 0),
                blank=entry.get("blank", 0),
                differences=entry.get("differences", 0),
                images=tuple(
                    (label, f"{below}{number}/image/{which}")
                    for label, which in _pictured(entry.get("images", ()))
                ),
                generated=entry.get("generated", ""),
                only=entry.get("only", ""),
                apart=_apart(entry),
                cells=_cells_of(entry, view),
            )
            for number, (entry, view) in enumerate(zip(entries, views, strict=True))
        ]

    def _first_bodies(self, page: PairPage, views: Sequence[View]) -> dict[int, str]:
        """The HTML that comes with the page, by file. Folded files arrive when they are opened, whatever their size."""
        first: dict[int, View] = {}
        rows = 0
        for number, (entry, view) in enumerate(zip(page.index["files"], views, strict=True)):
            if entry["folded"]:
                continue
            rows += _drawn_in(entry).get(view, 0)
            if rows > (FIRST_ROWS if first else FIRST_FILE):
                break
            first[number] = view
        whole = page.fragments.filter(view__in=set(first.values()), gap=0, file__in=first)
        found = whole.values_list("file", "view", "body")
        return {file: Fragment.unpacked(bytes(body)) for file, view, body in found if view == first[file]}

    def _views(self, look: Look) -> list[dict[str, Any]]:
        here = self.url("compare") if not self.prefix else reverse("grading:review", args=[self.spot])
        return [
            {
                "name": name,
                "label": label,
                "key": key,
                "url": f"{here}?view={name}",
                "current": name == look.view,
            }
            for name, (label, key) in looks.VIEWS.items()
        ]

    def whole_file(self, number: int, look: Look) -> str:
        """A file with nothing folded away: for a page that cannot fetch more."""
        page = self.page()
        drawn = page.fragments.filter(file=number, gap=0).values_list("view", flat=True)
        stored = page.fragments.filter(view=look.stored_of(set(drawn)), file=number)
        bodies = {fragment.gap: fragment.html for fragment in stored}
        if 0 not in bodies:
            raise Http404
        return FOLD.sub(lambda fold: _opened(fold, bodies), bodies[0])

    def axes(self, revision: Revision | None) -> list[ShownAxis]:
        rubric = self.assignment.task.experiment.rubric
        ratings = revision.ratings if revision else {}
        skipped = set(revision.not_applicable) if revision else set()
        overall = ratings.get("overall")
        shown = [ShownAxis("overall", "Overall", OVERALL, overall, word(rubric.points, overall))]
        for axis in rubric.axes.all():
            value, is_skipped = ratings.get(axis.key), axis.key in skipped
            words = NOT_APPLICABLE_WORDS if is_skipped else word(rubric.points, value)
            shown.append(
                ShownAxis(
                    axis.key, axis.name, axis.question, value, words, axis.help, rubric.may_skip, is_skipped
                )
            )
        return shown

    def context(self, tab: str) -> dict[str, Any]:
        """What every page about a pair needs."""
        rubric = self.assignment.task.experiment.rubric
        preference = Preference.objects.filter(pair=self.pair).first()
        revision = _shown(preference, self.assignment)
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


def _shown(preference: Preference | None, assignment: Assignment) -> Revision | None:
    """The words in the form: of a turn that is graded while the conversation goes on, those that count."""
    if preference is None:
        return None
    counts = assignment.state == Assignment.State.CLAIMED and preference.locked_revision is not None
    return preference.locked_revision if counts else preference.newest()


def _opened(fold: re.Match[str], bodies: Mapping[int, str]) -> str:
    """The rows of a gap, which is stored in pieces."""
    stored = range(int(fold["first"]), int(fold["last"] or fold["first"]) + 1)
    return "".join(bodies.get(piece, "") for piece in stored) or fold[0]


def reading_of(
    assignment: Assignment, *, turn: int | None = None, prefix: str = "", steps: bool = True
) -> Reading:
    """The newest pair of this assignment, or that of a turn. Its letters were drawn when it was claimed.

    Transcripts may be megabytes: a page that shows none of them asks for no `steps`.
    """
    left_out = ["a__patch", "b__patch"]  # the rendered fragments show them
    if not steps:
        left_out += ["a__transcript", "b__transcript"]
    pair = (
        pieces.at(BlindPair.objects.filter(assignment=assignment), Spot(assignment.public_id, turn))
        .select_related("turn", "a", "b")
        .defer(*left_out)
        .order_by("-turn__number", "-attempt")
        .first()
    )
    if pair is None:
        raise Http404
    numbers: tuple[int, ...] = ()
    if assignment.task.experiment.turns_wanted > 1:
        numbers = tuple(sorted(set(assignment.pairs.values_list("turn__number", flat=True))))
    return Reading(assignment, pair, blind(pair, steps=steps), prefix, numbers)


def _drawn_in(entry: Mapping[str, Any]) -> dict[str, int]:
    """The views in which a file is stored, with their rows."""
    return entry.get("rows") or {View.PAIR: 0}


def _told_of(entry: Mapping[str, Any], index: Mapping[str, Any]) -> list[str]:
    """What had to be left out of a file. That there are hunks alone is said once, where it holds for all files."""
    said: list[str] = entry["degraded"]
    if not index.get("no_base"):
        return said
    return [sentence for sentence in said if not sentence.startswith(HUNKS_ALONE)]


def _apart(entry: Mapping[str, Any]) -> str:
    if entry["group"] != "apart":
        return ""
    return str(min(side["apart"] for side in (entry["left"], entry["right"]) if side))


def _cells_of(entry: Mapping[str, Any], view: View) -> str:
    if View.CELLS not in _drawn_in(entry):
        return ""
    return "shown" if view == View.CELLS else "offered"


def _pictured(sides: Sequence[str]) -> Iterator[tuple[str, str]]:
    for side, label, which in (("base", "Base", "base"), ("left", "A", "a"), ("right", "B", "b")):
        if side in sides:
            yield label, which


def _counts(index: Mapping[str, Any]) -> list[str]:
    """“A: 10 files, 349 lines added, 56 removed.”, and the same of B."""
    return [
        f"{letter}: {_plural(totals['files'], 'file')}, {_plural(totals['added'], 'line')} added, "
        f"{totals['removed']:,} removed."
        for letter, totals in (("A", index["left_totals"]), ("B", index["right_totals"]))
    ]


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"

"""How the compare page shows what it was given: files by folder, words and signs for marks, lines that were found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from grading.reading import Reading, ShownFile
from grading.search import FoundLine

register = template.Library()

#: Characters of a found line that are shown before what was found.
NEAR = 14
#: Files of a list that the browser lays out as a whole; of a longer one only what is seen, so many of a folder at once.
LONG, PIECE = 200, 40
#: Rows of one table, as static/js/files.js cuts what comes later.
SLICE = 20
#: What stands on the button of a view; its whole name is read out and shown by the pointer.
VIEWS = {"pair": "A | B", "three": "Base", "direct": "A ↔ B", "a": "A", "b": "B"}
STATUSES = {"added": "N", "deleted": "D", "renamed": "R", "mode": "M", "submodule": "S"}
TOLD_STATUSES = ("added", "deleted", "renamed")
#: Finished cells of the list: it may have a thousand rows and is written in every page, so that nothing is said twice
#: and end tags are left out where HTML lets them go.
UNTOUCHED = mark_safe("<td class=none>")  # the style sheet says so
ALONE = mark_safe("<td class=rel>")
RELATIONS = {
    "same": mark_safe("<td class=rel>=<span class=sr-only> same in both</span>"),
    "differ": mark_safe("<td class=rel>≠<span class=sr-only> both, not alike</span>"),
}
#: What all changes of a file are, where they are of one kind.
ONLY = {
    "moved": mark_safe(
        ' <span class="only" title="only moved lines">↕<span class="sr-only"> only moved lines</span></span>'
    ),
    "blank": mark_safe(
        ' <span class="only" title="only white space">␣<span class="sr-only"> only white space</span></span>'
    ),
}
TEST = mark_safe('<span class="kind" title="test"><span class="sr-only">test</span></span>')


@dataclass(frozen=True)
class Folder:
    """Files of the list under one heading; what is more than a piece goes on without another one."""

    name: str
    files: list[ShownFile]
    goes_on: bool = False


@register.filter
def folders(files: Iterable[ShownFile]) -> list[Folder]:
    """Neighbours of one folder under one heading; what programs wrote stands together at the end."""
    found: list[Folder] = []
    for file in files:
        name = _heading(file)
        is_same = bool(found) and found[-1].name == name
        if not is_same or len(found[-1].files) == PIECE:
            found.append(Folder(name, [], goes_on=is_same))
        found[-1].files.append(file)
    return found


def _heading(file: ShownFile) -> str:
    if file.apart:
        return f"Set apart as {file.apart}, folded"
    return "Generated, folded" if file.group == "generated" else file.path.rpartition("/")[0] or "Top folder"


@register.simple_tag(takes_context=True)
def reading_url(context: Mapping[str, Any], name: str) -> str:
    """The address of a part in this reader's own pages: the rater's, or the reviewer's twin of it."""
    reading: Reading = context["reading"]
    return reading.url(name)


@register.filter
def view_sign(name: str) -> str:
    return VIEWS.get(name, name)


@register.filter
def in_list(file: ShownFile) -> SafeString:
    """The row of a file, written here: of a thousand rows a template would take half of the page's time."""
    return format_html(
        '<tr class="{}" data-kind="{}"{}><th scope=row><a href={}{} title="{}"><bdi>{}</bdi>{}</a>{}{}{}',
        "file read" if file.is_read else "file",
        file.kinds,
        _more(file),
        "#file-" if file.is_loaded else "files/",
        file.number,
        file.path,
        file.path.rpartition("/")[2],
        _marks(file),
        _counts(file.a),
        _relation(file),
        _counts(file.b),
    )


def _more(file: ShownFile) -> SafeString:
    """What static/js/files.js needs for the head of a file that is not sent."""
    found = [mark_safe(" data-cells")] if file.cells else []
    if file.images:
        addresses = "\n".join(f"{label} {url}" for label, url in file.images)
        found.append(format_html(' data-images="{}"', addresses))
    if file.generated:
        found.append(format_html(' data-generated="{}"', file.generated))
    if file.apart:
        found.append(format_html(' data-apart="{}"', file.apart))
    return mark_safe("".join(found))  # noqa: S308 # each part is escaped or our own


def _marks(file: ShownFile) -> SafeString:
    """Behind a name: new, deleted or renamed; changes of one kind alone; a test; a warning, with its words."""
    marks = []
    if letters := _status_letters(file):
        marks.append(format_html(' <span class="letters" aria-hidden="true">{}</span>', letters))
    if file.only:
        marks.append(ONLY[file.only])
    if file.group == "tests":
        marks.append(TEST)
    if file.warnings:
        told = " ".join(file.warnings)
        marks.append(
            format_html(
                '<span class="alert" title="{}"><span class="sr-only">warning: {}</span></span>', told, told
            )
        )
    return mark_safe("".join(marks))  # noqa: S308 # each part is escaped or our own


def _status_letters(file: ShownFile) -> str:
    """A letter where both sides agree, else each side's own."""
    letters = [STATUSES.get(change["status"], "") if change else "" for change in (file.a, file.b)]
    touched = {letter for letter, change in zip(letters, (file.a, file.b), strict=True) if change}
    if len(touched) == 1:
        return touched.pop()
    return " ".join(f"{side}:{letter}" for side, letter in zip("AB", letters, strict=True) if letter)


def _counts(change: Mapping[str, Any] | None) -> SafeString:
    if change is None:
        return UNTOUCHED
    status = change["status"]
    told = f" title={status}" if status in TOLD_STATUSES else ""
    if change["binary"]:
        return format_html("<td class=quiet{}>binary", told)
    return format_html("<td{}>+{} <b>−{}</b>", told, change["added"], change["removed"])


def _relation(file: ShownFile) -> SafeString:
    if file.relation == "differ" and file.differences:
        places = "one place" if file.differences == 1 else f"{file.differences} places"
        return format_html("<td class=rel>≠<span class=sr-only> A and B differ in {}</span>", places)
    return RELATIONS.get(file.relation, ALONE)


@register.filter
def heights(files: Sequence[ShownFile]) -> str:
    """The rows of each file in this view, so that nothing jumps when it arrives."""
    return " ".join(str(file.rows) for file in files)


@register.filter
def in_slices(html: str) -> SafeString:
    """The table of a file as several: the browser lays out a table as a whole, and of these what is seen."""
    head, body, tail = html.partition("<tbody>")
    rows = [row for row in re.split("(?=<tr[ >])", tail) if row.strip()]
    pieces = ["".join(rows[low : low + SLICE]) for low in range(0, len(rows), SLICE)]
    if len(pieces) < 2:
        return mark_safe(html)  # noqa: S308 # the diff engine wrote it
    again = re.sub("<caption.*?</caption>", "", head)
    between = f'</table></div><div class="slice">{again}{body}'
    return mark_safe(f'<div class="slice">{head}{body}{between.join(pieces)}</div>')  # noqa: S308 # as above


@register.filter
def is_long(files: Sequence[ShownFile]) -> bool:
    """Whether the browser lays out only that part of the list which is seen."""
    return len(files) > LONG


@register.simple_tag
def blank_file() -> ShownFile:
    """What static/js/files.js fills in, for files that are not sent with the page."""
    return ShownFile(
        number=0, path="", a=None, b=None, relation="", group="", warnings=(), folded=False, html="", url="",
        mark_url="", rows=0, is_read=False, moved=0, blank=0, differences=0, images=(), generated="", only="",
        apart="", cells="",
    )  # fmt: skip


@register.filter
def read_number(files: Sequence[ShownFile]) -> int:
    return sum(file.is_read for file in files)


@register.filter
def read_count(files: Sequence[ShownFile]) -> str:
    return f"{read_number(files)} of {len(files)} read"


@register.filter
def found_css(line: FoundLine) -> str:
    return "both-sides" if line.side == "=" else line.side.lower()


@register.filter
def around(line: FoundLine) -> list[tuple[str, bool]]:
    """The line from a little before what was found: the column of the list is narrow."""
    parts = list(line.parts)
    if parts and not parts[0][1]:
        before = parts[0][0].lstrip()
        parts[0] = (before if len(before) <= NEAR else "…" + before[-NEAR:], False)
    return parts

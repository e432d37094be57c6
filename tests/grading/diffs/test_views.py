"""What is shown is what is there: the cells of every view, put together, are the texts; the counts are git's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.diffs.align import Row, lines_of
from grading.diffs.caps import CAPS
from grading.diffs.compare import Side, compare, compare_both
from grading.diffs.drawing import Drawing, Drawn, FileView
from grading.diffs.highlight import Highlighter
from grading.diffs.listing import Listed, Touch
from grading.diffs.parse import FileDiff
from grading.diffs.sheets import sheet_of

#: Many alike, some but for their blanks, one long enough to wrap, some that HTML would read as its own.
LINES = [
    *("def tide():", "    return high", "        return high", "return  high", "", "}", "x = 1", "x = 2"),
    *(
        "moon = rise(and_set, of_the, water)",
        "    moon = rise(and_set, of_the, water)",
        "<b>&amp;</td>",
        '"""',
    ),
    "    if the.water.rises(higher, and_higher, than, the.wall, of.the.harbour, allows):",
]
TEXT = st.lists(st.sampled_from(LINES), max_size=24).map("\n".join)
TEXTS = st.builds(lambda text, end: (text + end).encode(), TEXT, st.sampled_from(["", "\n"]))
BYTES = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(st.sampled_from([b"a", b"b", b"  a", b"\ta", b"", b"d\r", b"\xff", b"e\x0c\0"]), max_size=14),
    st.sampled_from([b"", b"\n"]),
)


def listed(base: bytes, left: bytes, right: bytes) -> Listed:
    """A file that both sides changed, with a patch that says nothing: the changes are found from the texts."""
    diff = FileDiff("a.py", None, "modified", 0, 0, False, None, None, None, None, ())
    return Listed("a.py", base, Touch(diff, left), Touch(diff, right), "source")


@dataclass
class Cell:
    classes: frozenset[str]
    number: str | None
    text: str = ""


@dataclass
class Reader(HTMLParser):
    """Rows of cells as a browser would read them; words that are not part of a line left out."""

    rows: list[list[Cell]] = field(default_factory=list)
    silent: int = 0
    ended: bool = True

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            classes = frozenset((given.get("class") or "").split())
            self.rows[-1].append(Cell(classes, given.get("data-n"), "\n"))
        elif tag == "small" or given.get("class") == "m":
            self.silent += 1
        elif (given.get("title") or "").startswith("no line feed"):
            self.silent += 1
            self.rows[-1][-1].text = self.rows[-1][-1].text.removesuffix("\n")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("small", "a", "span") and self.silent > 0

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and not self.silent:
            cell = self.rows[-1][-1]
            ending = "\n" if cell.text.endswith("\n") else ""
            cell.text = cell.text.removesuffix("\n") + data + ending


def unfolded(drawn: Drawn) -> list[list[Cell]]:
    """All rows of a view: the table's, and those of its gaps where they belong."""
    pieces = drawn.gaps

    def opened(fold: re.Match[str]) -> str:
        return "".join(pieces[int(fold["low"]) - 1 : int(fold["high"] or fold["low"])])

    fold = re.compile(r"<tr class=fold data-gap=(?P<low>\d+)(?: data-to=(?P<high>\d+))?.*?</tr>")
    reader = Reader()
    reader.feed(fold.sub(opened, drawn.html).partition("<tbody>")[2])
    reader.close()
    return [row for row in reader.rows if row]


def columns(view: str, drawn: Drawn) -> list[str]:
    """Base (where the view has one), A and B."""
    rows = unfolded(drawn)
    if view == "pair":
        base = [row[1] if row[1].classes.isdisjoint("ag") else row[2] for row in rows if row[0].number]
        sides = [[row[place] for row in rows if row[place].classes.isdisjoint("dg")] for place in (1, 2)]
        return ["".join(cell.text for cell in column) for column in (base, *sides)]
    found = zip(*rows, strict=True) if rows else [()] * (3 if view == "three" else 2)
    return ["".join(cell.text for cell in column if "g" not in cell.classes) for column in found]


def shown(file: FileView, view: str) -> list[bytes]:
    return [text.encode() for text in columns(view, file.views[view])]


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_the_tables_read_back_as_base_a_and_b(base, left, right):
    forward, backward = Drawing(CAPS).draw_both(0, listed(base, left, right))

    for file, texts in ((forward, [base, left, right]), (backward, [base, right, left])):
        assert shown(file, "pair") == texts
        assert shown(file, "three") == texts
        assert shown(file, "direct") == texts[1:]


@settings(max_examples=100, deadline=None)
@given(BYTES, BYTES, BYTES)
def test_the_rows_give_every_text_byte_for_byte(base, left, right):
    sheet = sheet_of(listed(base, left, right), CAPS, Highlighter(colours=False))
    lines = [lines_of(text) for text in (base, left, right)]

    assert _sides(sheet.rows, lines) == [left, right]
    assert _sides(sheet.three(), lines) == [left, right]
    assert _sides(sheet.direct(), lines) == [left, right]
    for rows in (sheet.rows, sheet.three()):
        assert [row.base for row in rows if row.base] == list(range(1, len(lines[0]) + 1))


def _sides(rows: list[Row], lines: list[list[bytes]]) -> list[bytes]:
    return [
        b"".join(text[cell.number - 1] for cell in cells if cell is not None and cell.kind != "del")
        for text, cells in (
            (lines[1], [row.left for row in rows]),
            (lines[2], [row.right for row in rows]),
        )
    ]


PATHS = st.sampled_from(["a.py", "b/c.txt", "b/ä ö.md", 'q"uote.js', "d"])
FILES = st.dictionaries(PATHS, TEXTS | BYTES, max_size=4)


@settings(max_examples=12, deadline=None)
@given(base=FILES, left=FILES, right=FILES)
def test_counts_are_gits_on_any_repository(repository, base, left, right):
    trees = [repository.tree(files) for files in (base, left, right)]
    sides = [
        Side(repository.patch(trees[0], tree), files)
        for tree, files in zip(trees[1:], (left, right), strict=True)
    ]

    comparison, _ = compare_both(*sides, base)

    for tree, counted in (
        (trees[1], [file.left for file in comparison.files if file.left]),
        (trees[2], [file.right for file in comparison.files if file.right]),
    ):
        found = {file.path: None if file.binary else (file.added, file.removed) for file in counted}
        assert found == repository.numstat(trees[0], tree)


# --- What rows and cells say --------------------------------------------------------------------------------------


def drawn(base: bytes, left: bytes, right: bytes) -> FileView:
    return Drawing(CAPS).draw(0, listed(base, left, right))


BLOCK = b"def tide(self):\n    return self.moon.pull()\n"


def test_a_moved_block_leads_to_its_other_end():
    rest = b"".join(b"line = %d\n" % number for number in range(20))

    file = drawn(BLOCK + rest, rest + BLOCK, BLOCK + rest)

    html = file.views["pair"].html
    assert file.tally.moved == 2
    assert '<a class=m href="#f0-A21">moved to 21</a>' in html
    assert '<a class=m href="#f0-base1">moved from 1</a>' in html
    assert html.count('class="a v"') == html.count('class="d v"') == 2


def test_a_block_may_be_indented_anew_where_it_moves():
    rest = b"".join(b"line = %d\n" % number for number in range(20))
    deeper = b"".join(b"    " + line for line in lines_of(BLOCK))

    assert drawn(BLOCK + rest, rest + deeper, rest).tally.moved == 2
    assert drawn(b"}\n}\n" + rest, rest + b"}\n}\n", rest).tally.moved == 0


def test_changes_of_blanks_are_marked_and_counted():
    file = drawn(b"a = 1\nif a:\n  b = 2\n", b"a  = 1\nif a:\n    b = 3\n", b"a = 1\nif a:\n  b = 2\n")

    html = file.views["pair"].html
    assert file.tally.blank == 1
    # Hidden, the old line stands for the new one, under the number of that.
    assert '<tr class=w data-at="c d"><th data-n=1><td class="d w" data-n=1>' in html
    assert '<tr class="l w"><th><td class="a w" data-n=1>' in html


REST = b"".join(b"line = %d\n" % number for number in range(20))
BLANKER = b"if a:\n        b = 1\n"


@pytest.mark.parametrize(
    ("base", "left", "right", "only"),
    [
        (b"if a:\n    b = 1\n", BLANKER, BLANKER, "blank"),
        (b"if a:\n    b = 1\n", BLANKER, b"if a:\n    b = 2\n", ""),
        (b"if a:\n    b = 1\n", BLANKER, b"", ""),
        (BLOCK + REST, REST + BLOCK, BLOCK + REST, "moved"),
        (BLOCK + REST, REST + BLOCK + b"more\n", BLOCK + REST, ""),
        (REST, REST, REST, ""),
    ],
)
def test_a_file_whose_changes_are_all_of_one_kind_says_so(base, left, right, only):
    assert drawn(base, left, right).tally.only == only


def test_other_blanks_of_unicode_are_no_blanks():
    assert drawn(b"a b\n", "a\u00a0b\n".encode(), b"a b\n").tally.blank == 0


def test_a_replacement_stands_beside_what_it_replaces():
    file = drawn(b"one = 1\ntwo = 2\n", b"one = 1\ntwo = 3\n", b"one = 1\n")

    rows = unfolded(file.views["three"])

    assert [[cell.text for cell in row] for row in rows] == [
        ["one = 1\n"] * 3,
        ["two = 2\n", "two = 3\n", "\n"],
    ]
    assert rows[1][0].classes == {"d"}
    assert rows[1][2].classes == {"g"}


def test_a_against_b_tells_what_was_in_the_base():
    rows = unfolded(drawn(b"one = 1\n", b"one = 2\n", b"one = 1\n").views["direct"])

    assert [(cell.classes, cell.text) for cell in rows[0]] == [({"a"}, "one = 2\n"), ({"o"}, "one = 1\n")]


def test_a_long_gap_comes_in_pieces_and_knows_the_definition_before_its_end():
    base = b"".join(b"x = %d\n" % number for number in range(900)) + b"def tide():\n" + b"    y = 1\n" * 90
    changed = base.replace(b"    y = 1\n" * 90, b"    y = 1\n" * 60 + b"    y = 2\n" + b"    y = 1\n" * 29)

    view = drawn(base, changed, base).views["pair"]

    assert re.findall(r"<tr class=fold[^>]*>", view.html) == [
        "<tr class=fold data-gap=1 data-to=3 data-rows=958 data-reach=58>",
        "<tr class=fold data-gap=4 data-rows=26>",
    ]
    assert [piece.count("<tr>") for piece in view.gaps] == [400, 400, 158, 26]


@pytest.mark.parametrize("view", ["pair", "three", "direct"])
def test_both_orientations_differ_in_nothing_but_the_order_of_columns(repository, view):
    base = {"a.py": b"one\ntwo\nthree\n"}
    sides = [repository.side(base, {"a.py": text}) for text in (b"one\n2\nthree\n", b"zero\none\nthree\n")]

    forward, backward = compare_both(*sides, base)

    assert backward.files == compare_both(*reversed(sides), base)[0].files
    assert (
        columns(view, forward.files[0].views[view])[-2:]
        == columns(view, backward.files[0].views[view])[:-3:-1]
    )
    assert compare(*sides, base).files[0].views == forward.files[0].views

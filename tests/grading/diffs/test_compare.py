from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.diffs import escape
from grading.diffs.caps import CAPS, LISTING, Caps
from grading.diffs.compare import Side, compare, compare_both

TIDE = b'''"""Tides."""
import time


class Tide:
    """Comes
    and goes."""

    def __init__(self, size=128):
        self.size = size

    def is_high(self):
        return self.size > time.time()
'''
BASE = {
    "src/tide.py": TIDE,
    "tests/test_tide.py": b"def test_tide():\n    assert True\n",
    "poetry.lock": b"a\nb\n",
}
LEFT = BASE | {
    "src/tide.py": TIDE.replace(b"time.time()", b"self._now()"),
    "docs/usage.md": b"# Usage\n\nRead.\n",
}
RIGHT = BASE | {
    "src/tide.py": TIDE.replace(b"import time", b"import logging\nimport time").replace(b"_tide", b"_sea"),
    "poetry.lock": b"a\nc\n",
    "docs/usage.md": b"# Usage\n\nRead.\n",
}


@pytest.fixture
def sides(repository):
    return repository.side(BASE, LEFT), repository.side(BASE, RIGHT)


class Reader(HTMLParser):
    """Collects tags, attributes and the text of the code cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id" and value]


TAGS = {
    *("table", "caption", "colgroup", "col", "thead", "tbody", "tr", "th", "td"),
    *("span", "mark", "button", "code", "wbr", "i", "a", "b", "u", "small"),
}
ATTRIBUTES = {
    *("class", "colspan", "aria-label", "type", "title", "href"),
    *("data-n", "data-at", "data-gap", "data-to", "data-rows", "data-reach", "data-opens", "data-digits"),
}


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def is_harmless(html: str) -> bool:
    reader = read(html)
    return reader.tags <= TAGS and reader.attributes <= ATTRIBUTES and not escape.ODD.search(html)


def text_of(cell: str) -> str:
    return re.sub(r"<[^>]+>", "", cell)


def test_files_stand_in_order_with_what_each_side_did(sides):
    comparison = compare(*sides, BASE)

    assert [(file.path, file.group, file.relation, file.folded) for file in comparison.files] == [
        ("src/tide.py", "source", "differ", False),
        ("docs/usage.md", "docs", "same", False),
        ("poetry.lock", "generated", "right only", True),
    ]
    assert comparison.files[2].left is None
    assert comparison.left_totals == (2, 4, 1)
    assert comparison.right_totals == (3, 5, 1)


def test_what_is_set_apart_comes_last_and_folded_and_counts_for_nothing(repository):
    left = repository.side({}, {"a.py": b"1\n", "z.py": b"2\n", "b.log": b"3\n4\n"})
    right = repository.side({}, {"z.py": b"2\n", "b.log": b"3\n"})
    left, right = replace(left, apart={"a.py": "x", "b.log": "x"}), replace(right, apart={"b.log": "x"})

    forward, backward = compare_both(left, right, {})

    for comparison in (forward, backward):
        assert [(file.path, file.group, file.folded) for file in comparison.files] == [
            ("z.py", "source", False),
            ("a.py", "apart", True),
            ("b.log", "apart", True),
        ]
        assert (comparison.alike, "<td class=a" in comparison.files[1].views["pair"].html) == (1.0, True)
    assert (forward.left_totals, forward.right_totals) == ((1, 1, 0), (1, 1, 0))
    entry = forward.files[2].as_entry()
    assert (entry["left"]["added"], entry["right"]["added"], entry["left"]["apart"]) == (2, 1, "x")


def test_what_one_side_alone_set_apart_is_read_as_work_and_told(repository):
    side = repository.side({}, {"verify.py": b"1\n"})

    forward, backward = compare_both(replace(side, apart={"verify.py": "scratch"}), side, {})

    (told,), (mirrored,) = forward.files[0].warnings, backward.files[0].warnings
    assert (forward.files[0].group, forward.files[0].folded) == ("source", False)
    assert told.startswith("A's is set apart as scratch: ")
    assert mirrored.startswith("B's is set apart as scratch: ")


def test_a_tree_of_dependencies_takes_no_colours_from_the_work(repository):
    files = {"a.py": b"import b\n", "m/1.py": b"import c\n", "m/2.py": b"import d\n"}
    side = replace(repository.side({}, files), apart=dict.fromkeys(("m/1.py", "m/2.py"), "dependencies"))

    files = compare(side, Side(b"", {}), {}, caps=Caps(apart_bytes=10)).files

    assert [("<b>import</b>" in file.views["pair"].html) for file in files] == [True, True, False]
    assert files[2].degraded == ("Shown without colours: they would take too long.",)


def test_a_file_reads_as_a_table_of_base_a_and_b(sides):
    html = compare(*sides, BASE).files[0].views["pair"].html

    assert "<td class=a data-n=13><small>added: </small>" in html
    assert "<mark><i>self</i></mark>.<mark>_now</mark>" in html
    assert "<td class=d><small>removed: </small>" in html
    assert "<td class=g><td class=a data-n=2>" in html
    assert is_harmless(html)


def test_gaps_hold_the_rows_that_the_table_hides(sides):
    file = compare(*sides, BASE).files[0]

    assert [int(number) for number in re.findall(r"data-gap=(\d+)", file.views["pair"].html)] == [1]
    assert len(file.views["pair"].gaps) == 1
    shown = re.findall(r"<th data-n=(\d+)>", file.views["pair"].html + file.views["pair"].gaps[0])
    assert sorted(map(int, shown)) == list(range(1, TIDE.count(b"\n") + 1))


def test_what_both_did_alike_is_marked(sides):
    html = compare(*sides, BASE).files[1].views["pair"].html

    assert html.count("<tr class=e") == 3


def test_both_orientations_are_what_comparing_twice_gives(sides):
    forward, backward = compare_both(*sides, BASE)

    assert forward == _without_values(compare(*sides, BASE))
    assert backward == _without_values(compare(sides[1], sides[0], BASE))
    assert [file.path for file in forward.files] == [file.path for file in backward.files]
    assert [(file.left, file.right) for file in forward.files] == [
        (file.right, file.left) for file in backward.files
    ]


def _without_values(comparison):
    return replace(comparison, files=tuple(replace(file, told=()) for file in comparison.files))


def test_the_index_is_json_without_html(sides):
    index = compare(*sides, BASE).as_index()

    assert json.loads(json.dumps(index)) == index
    assert index["files"][0]["left"] == {
        "path": "src/tide.py",
        "status": "modified",
        "old_path": None,
        "added": 1,
        "removed": 1,
        "binary": False,
        "apart": "",
    }
    assert index["files"][0]["gaps"] == {"pair": 1, "three": 1, "direct": 1}
    assert index["files"][0]["rows"] == {"pair": 11, "three": 10, "direct": 10}
    assert all(size > 100 for size in index["files"][0]["sizes"].values())
    assert (index["files"][0]["differences"], index["files"][1]["alike"], index["alike"]) == (2, 1.0, 0.375)
    assert "<table" not in json.dumps(index)


def test_counts_are_gits(repository):
    base, tip = repository.tree(BASE), repository.tree(RIGHT)
    side = Side(repository.patch(base, tip), RIGHT)

    files = compare(side, side, BASE).files

    assert {f.path: (f.left.added, f.left.removed) for f in files if f.left} == repository.numstat(base, tip)
    assert {file.relation for file in files} == {"same"}


def test_a_rename_meets_the_others_change(repository):
    base = {"old.txt": b"a\nb\nc\nd\n"}
    left = repository.side(base, {"old.txt": None, "new.txt": b"a\nb\nc\nd\n"})
    right = repository.side(base, {"old.txt": b"a\nb\nc\nd\ne\n"})

    (file,) = compare(left, right, base).files

    assert (file.path, file.left.path, file.left.old_path, file.left.status) == (
        "old.txt",
        "new.txt",
        "old.txt",
        "renamed",
    )
    assert "Renamed from old.txt to new.txt" in file.views["pair"].html
    assert "<td class=a data-n=5>" in file.views["pair"].html


def test_a_deleted_file_and_a_mode_are_told(repository):
    base = {"run.sh": b"x\n", "empty": b""}
    left = repository.side(base, {"run.sh": None, "empty": None})
    before = repository.tree(base)
    right = Side(repository.patch(before, repository.tree(base, {"run.sh": "100755"})), base)

    files = {file.path: file for file in compare(left, right, base).files}

    assert files["run.sh"].left.status == "deleted"
    assert files["run.sh"].right.status == "mode"
    assert "Mode changed from 100644 to 100755" in files["run.sh"].views["pair"].html
    assert "Empty file removed" in files["empty"].views["pair"].html


def test_binary_files_show_size_and_hash(repository):
    base = {"logo.png": b"\0\1\2"}

    (file,) = compare(repository.side(base, {"logo.png": b"\0\1"}), Side(b"", {}), base).files

    assert file.left.binary
    assert (
        "2 bytes, SHA-256 b413f47d13ee2fe6c845b2ee141af81de858df4ec549a58b7970bb96645bc8d2"
        in file.views["pair"].html
    )
    assert "Before: 3 bytes" in file.views["pair"].html


def test_without_texts_the_hunks_are_shown(repository):
    base = {"long.py": b"".join(b"x = %d\n" % number for number in range(100))}
    left = repository.side(base, {"long.py": base["long.py"].replace(b"x = 50\n", b"y = 50\n")})
    right = repository.side(base, {"long.py": base["long.py"].replace(b"x = 90\n", b"y = 90\nz\n")})

    (file,) = compare(replace(left, results={}), replace(right, results={}), {"long.py": None}).files

    assert "not at hand" in file.degraded[0]
    for view in ("pair", "three", "direct"):
        # Of a hundred lines: those before the first hunk, and those between it and the second.
        assert re.findall(r">(\d+) unchanged lines, not shown", file.views[view].html) == ["47", "33"]
    assert "<td class=a data-n=51>" in file.views["pair"].html
    assert "<td class=a data-n=92>z" in file.views["pair"].html
    assert file.views["pair"].gaps == ()


def test_a_patch_that_does_not_fit_its_texts_is_found_anew(repository):
    side = repository.side({"a.py": b"x\ny\n"}, {"a.py": b"x\nz\n"})

    (file,) = compare(side, Side(b"", {}), {"a.py": b"other\n"}).files

    assert "does not fit" in file.degraded[0]
    assert "other" in file.views["pair"].html


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        (Caps(file_rows=5), "more changed lines of this file are not drawn"),
        (Caps(file_characters=200), "more changed lines of this file are not drawn"),
        (Caps(file_bytes=10), "whole text is not at hand"),
        (Caps(marked_lines=1), "Changed words are not marked"),
        (LISTING, "listed with its counts alone"),
    ],
)
def test_past_a_cap_every_file_is_listed_and_says_so(sides, caps, said):
    files = compare(*sides, BASE, caps=caps).files

    assert said in " ".join(files[0].degraded)
    assert [(file.path, file.right.added, file.right.removed) for file in files] == [
        ("src/tide.py", 1, 0),
        ("docs/usage.md", 3, 0),
        ("poetry.lock", 1, 1),
    ]


HOSTILE = [
    b"<script>alert(1)</script>\n",
    b"\"'><img src=x onerror=alert(1)>\n",
    b"</td></tr></table><form hx-get=/x hx-trigger=load>\n",
    b"&lt;b&gt; &#60; &amp\n",
    "\u202eevil\u2066 \u200b\ufeff \U000e0041 \xad\n".encode(),
    b"\x1b[31mred\x1b[0m \x00 \x07 \x08 \x7f\n",
    b"one\rtwo\r\n",
    b"caf\xe9 \x85 \x9b\n",
    b"no line feed",
    b"{{ 1|add:1 }} {% load x %}\n",
    "'''\u2028<b>\u2029\n".encode(),
    b"x" * 1_000_000 + b"\n",
    b"(" * 5_000 + b"\n",
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("path", ["a.py", "a.html", "a.md", "<img src=x onerror=alert(1)>\u202e.js"])
def test_hostile_text_is_shown_and_does_nothing(repository, path, content):
    base = {path: b"start\n"}
    side = repository.side(base, {path: b"start\n" + content})

    (file,) = compare(side, side, base).files

    assert all(is_harmless(drawn.html + "".join(drawn.gaps)) for drawn in file.views.values())
    assert len(file.views["pair"].html) < 100_000
    stored = json.dumps(file.as_entry())
    assert "\\u0000" not in stored
    assert "\\u202e" not in stored


@settings(max_examples=60, deadline=None)
@given(
    base=st.text(max_size=80),
    left=st.text(max_size=80),
    right=st.text(max_size=80),
    path=st.sampled_from(["a.py", "a.html", "a.rs", "a.zzz"]),
)
def test_any_text_is_harmless_and_listed(repository, base, left, right, path):
    texts = [text.encode("utf-8", "surrogatepass") for text in (base, left, right)]
    sides = [repository.side({path: texts[0]}, {path: text}) for text in texts[1:]]

    comparison = compare(*sides, {path: texts[0]})

    assert len(comparison.files) == (len(set(texts)) > 1)
    assert all(is_harmless(drawn.html) for file in comparison.files for drawn in file.views.values())


def test_odd_characters_are_warned_of_where_they_are_added(repository):
    base = {"a.py": "# old \u200b\n".encode()}
    left = repository.side(base, {"a.py": base["a.py"] + b"x = 1\n"})
    right = repository.side(base, {"a.py": base["a.py"] + "y = '\u202e'\n".encode()})

    (file,) = compare(left, right, base).files

    assert file.warnings == ("B adds an odd character in line 2: right-to-left override, shown as U+202E.",)
    assert '<span class=odd title="zero width space">U+200B</span>' in file.views["pair"].html


def test_line_ends_and_encodings_are_told(repository):
    base = {"a.txt": b"one\r\ntwo\r\n"}
    left, right = (
        repository.side(base, {"a.txt": b"one\ntwo\n"}),
        repository.side(base, {"a.txt": b"\xe9\r\ntwo\r\n"}),
    )

    (file,) = compare(left, right, base).files

    assert file.warnings == (
        "Not UTF-8, read as Latin-1: B.",
        "A changes how lines end: CR LF before, LF after.",
    )
    assert '<span class=odd title="carriage return">U+000D</span>' in file.views["pair"].html


def test_a_file_all_in_crlf_shows_no_tokens(repository):
    base = {"a.txt": b"one\r\ntwo\r\n"}

    (file,) = compare(repository.side(base, {"a.txt": b"one\r\n2\r\n"}), Side(b"", {}), base).files

    assert file.warnings == ("Every line of this file ends in CR LF.",)
    assert "U+000D" not in file.views["pair"].html


def test_a_missing_line_feed_is_seen(repository):
    base = {"a.txt": b"one\n"}

    (file,) = compare(repository.side(base, {"a.txt": b"one"}), Side(b"", {}), base).files

    assert file.views["pair"].html.count("no newline") == 1


def test_two_empty_patches_have_no_files():
    assert compare(Side(b"", {}), Side(b"", {}), {}).files == ()


def test_the_code_reads_back_as_it_was(repository):
    base = {"a.py": b"old = call(argument.one, argument.two, argument.three, argument.four)\n"}
    new = b"new = call(argument.one, <argument>.two, '&amp;', argument.three, argument.four)\n"

    (file,) = compare(repository.side(base, {"a.py": new}), Side(b"", {}), base).files

    cell = re.search(r"<td class=a data-n=1><small>added: </small>(.*?)<td", file.views["pair"].html)
    assert cell is not None
    assert text_of(cell.group(1)) == escape.text(new.decode().rstrip("\n"))
    assert "<wbr>" in cell.group(1)


def test_a_line_of_odd_characters_is_cut_sooner_than_others(repository):
    base = {"a.txt": b"x\n"}
    result = {"a.txt": b"\x01" * 3_000 + b"\n" + b"y" * 3_000 + b"\n"}

    html = compare(repository.side(base, result), Side(b"", {}), base).files[0].views["pair"].html

    assert html.count("U+0001") == 1_000
    assert "2,000 more characters" in html
    assert "y" * 3_000 in html


def test_nothing_but_the_letters_tells_the_sides_apart(sides):
    forward, backward = compare_both(*sides, BASE, caps=CAPS)

    same = forward.files[1], backward.files[1]
    assert same[0].views == same[1].views


def test_a_file_of_very_many_lines_is_listed_with_its_counts(repository):
    side = repository.side({"a.txt": b"x\n"}, {"a.txt": b"y\n" * 200_000})

    (file,) = compare(side, Side(b"", {}), {"a.txt": b"x\n"}).files

    assert (file.left.added, file.left.removed) == (200_000, 1)
    assert file.degraded == ("Too many lines to draw: this file is listed with its counts alone.",)

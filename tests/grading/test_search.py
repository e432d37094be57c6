"""All lines of both patches are searched, whether they are loaded or not."""

import pytest

from grading import search
from grading.models import Assignment, PageWords, PairPage
from tests.grading.conftest import page_of, words_of

WORDS = [
    "A\t1\t+\treturn Tide(hour)\nB\t1\t+\treturn tide( hour)\n=\t2\t \t# 12 hours",
    "",
    "B\t7\t-\t\tif x\u202e < y && 'ÉTÉ':",
]
PATHS = ["tide.py", "empty.py", "other.py"]


def found(query, words=WORDS, **more):
    places, lines = search.packed(words)
    return search.search(PageWords(places=places, lines=lines, **more), query, PATHS)


def lines_of(result):
    return [(file.path, line.side, line.number) for file in result.files for line in file.lines]


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("return", [("tide.py", "A", 1), ("tide.py", "B", 1)]),
        ("tide(", [("tide.py", "A", 1), ("tide.py", "B", 1)]),
        ("Tide", [("tide.py", "A", 1)]),  # a capital is meant
        ("12", [("tide.py", "=", 2)]),
        ("2", [("tide.py", "=", 2)]),  # what it says, not where it stands
        ("7", []),
        ("été", [("other.py", "B", 7)]),
        (".*", []),
        ("", []),
        ("  ", []),
        ("return tide(hour)\nreturn", []),  # lines do not run into each other
    ],
)
def test_lines_that_hold_the_words_are_found(query, hits):
    assert lines_of(found(query)) == hits


def test_what_was_found_is_marked_and_what_does_not_show_is_written_out():
    (file,) = found("< y").files

    assert file.lines[0].parts == (("\tif x[U+202E] ", False), ("< y", True), (" && 'ÉTÉ':", False))


@pytest.mark.parametrize(
    ("line", "anchor"),
    [
        ("A\t3\t+\tx", "#f0-A3"),
        ("B\t3\t \tx", "#f0-B3"),
        ("=\t3\t+\tx", "#f0-A3"),
        ("B\t3\t-\tx", "#f0-base3"),
    ],
)
def test_a_line_leads_to_where_its_number_counts(line, anchor):
    (file,) = found("x", [line]).files

    assert file.lines[0].anchor == anchor


def test_a_long_line_is_shown_around_what_was_found():
    (file,) = found("needle", ["A\t1\t+\t" + "x" * 100_000 + "needle" + "y" * 100_000]).files

    before, _, hit, after = file.lines[0].parts[0], *file.lines[0].parts[1:]
    assert (before[0], hit) == ("…", ("needle", True))
    assert len(after[0]) < 300


def test_a_letter_that_grows_when_it_is_small_does_not_shift_the_marks():
    (file,) = found("needle", ["A\t1\t+\tİ needle"]).files

    assert "".join(text for text, _ in file.lines[0].parts) == "İ needle"


def test_no_more_than_two_hundred_are_shown_and_all_are_counted():
    result = found("e", ["\n".join(f"A\t{number}\t+\tline" for number in range(1, 1_001))])

    assert (result.total, result.shown, len(result.files[0].lines)) == (1_000, 200, 200)


@pytest.fixture
def assignment(db, held):
    return Assignment.objects.get(pk=held.pk)


@pytest.fixture
def riley(assignment):
    return assignment.rater


@pytest.fixture
def signed_in(client, riley):
    client.force_login(riley)
    return client


def put(assignment, *words):
    places, lines = search.packed(words)
    PageWords.objects.update(places=places, lines=lines)


def test_the_answer_is_a_part_for_htmx_and_a_page_without(signed_in, assignment):
    put(assignment, "A\t1\t+\t<script>alert(1)</script>")

    part = words_of(signed_in.get(page_of(assignment, "search?q=script"), headers={"HX-Request": "true"}))
    page = words_of(signed_in.get(page_of(assignment, "search?q=script")))

    assert "&lt;<mark>script</mark>&gt;alert(1)" in part
    assert "<html" not in part
    assert 'href="#f0-A1"' in part
    assert f'href="{page_of(assignment)}#f0-A1"' in page
    assert "<script>alert" not in part + page


def test_nothing_found_and_nothing_stored_are_said(signed_in, assignment):
    put(assignment, "A\t1\t+\thello")
    assert "No line of either patch" in words_of(signed_in.get(page_of(assignment, "search?q=nowhere")))

    PageWords.objects.all().delete()
    assert "No line of either patch" in words_of(signed_in.get(page_of(assignment, "search?q=hello")))


def test_the_words_go_with_their_page(assignment):
    PairPage.objects.all().delete()

    assert not PageWords.objects.exists()

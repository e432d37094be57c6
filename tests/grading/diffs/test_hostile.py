"""Whatever a patch holds, claims or costs: it is shown safely and in bounds, or refused in a sentence."""

from __future__ import annotations

import resource

import pytest

from grading.diffs import escape, standing, telling
from grading.diffs.child import compare_in_child
from grading.diffs.compare import Side, compare
from grading.diffs.parse import MOST_LINES
from tests.grading.diffs import hostile
from tests.grading.diffs.test_command import PAGE_ATTRIBUTES, PAGE_TAGS, Desk
from tests.grading.diffs.test_compare import ATTRIBUTES, TAGS, read
from tests.long import LONG

#: Of CPU, for the child that compares. The gate's machine may be slow and shared; quadratic work takes minutes.
SECONDS = 2.5 if LONG else 15.0
MEMORY = 256 * 1024 * 1024  # bytes of its address space


@pytest.fixture
def desk(tmp_path, repository, monkeypatch):
    return Desk(tmp_path, repository, monkeypatch)


def assert_harmless(html: str) -> None:
    reader = read(html)
    assert reader.tags <= TAGS | PAGE_TAGS
    assert reader.attributes <= ATTRIBUTES | PAGE_ATTRIBUTES
    assert not escape.ODD.search(html.replace("\n", ""))


@pytest.mark.parametrize("name", hostile.CONTENT)
def test_what_a_file_holds_is_text(repository, name):
    base, result = hostile.CONTENT[name]

    comparison = compare(repository.side(base, result), Side(b"", {}), base)

    assert_harmless("".join(standing.page(comparison, (), sides=1)))
    text = "".join(telling.as_text(comparison, (), sides=1))
    assert not escape.ODD.search(text.replace("\n", ""))
    assert "".join(telling.as_json(comparison, (), sides=1)).isascii()


@pytest.mark.parametrize("name", hostile.NAMED)
def test_what_a_file_is_called_is_text(desk, repository, name):
    base, result = hostile.NAMED[name]
    (path,) = base
    patch, page = desk.patch(base, result), desk.folder / "page.html"

    told = desk.json(patch, "--base", desk.base(base))
    assert desk.run(patch, "--html", page)[0] == 0

    assert [(file["path"], file["added"], file["removed"]) for file in told["files"]] == [(path, 1, 1)]
    assert_harmless(page.read_text())


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_what_cannot_be_true_is_refused(desk, name):
    patch = desk.file("a.patch", hostile.REFUSED[name].encode())

    complaint = desk.refusal(patch, "--base", desk.base({"a.py": hostile.BASE}))

    assert len(complaint) < 1_000
    assert not escape.ODD.search(complaint[:-1])


#: One of each kind; all of them in the long form.
SAMPLE = ("lexer scala", "bait open comments", "alike words")
COSTLY = tuple(hostile.COSTLY) if LONG else SAMPLE


def test_there_are_two_hundred_of_them():
    kinds = (hostile.CONTENT, hostile.NAMED, hostile.REFUSED, hostile.COSTLY)
    assert sum(map(len, kinds)) >= 200


@pytest.mark.parametrize("name", COSTLY)
def test_what_costs_much_ends_in_time_and_memory(repository, name):
    base, result = hostile.COSTLY[name]
    side = repository.side(base, result)
    before = _spent()

    # The child dies at its limit; what it could not draw comes back without a line.
    forward, backward = compare_in_child(side, Side(b"", {}), base, memory=MEMORY)

    assert _spent() - before < SECONDS
    assert [file.path for file in forward.files] == [file.path for file in backward.files]
    assert {file.path for file in forward.files} == {
        path for path in base | result if base.get(path) != result.get(path)
    }
    for file in forward.files:
        assert "listed with its counts alone" not in " ".join(file.degraded) or file.left.added > MOST_LINES
        for drawn in file.views.values():
            assert len(drawn.html) < 20_000_000
            # All of it is made of the same tags; a sample shows them without reading megabytes.
            assert_harmless(drawn.html[:100_000].rpartition("<")[0])


def _spent() -> float:
    """CPU seconds of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""Any file of the repository at base: listed once a commit, written once for all that hold it, read by pages."""

import gzip

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from grading import browsing, jobs, trees
from grading.diffs.version import VERSION
from grading.models import Assignment, BaseFile, BaseTree, Fragment, TreeWords
from grading.models.tree import MOST_BYTES, Entry
from marlin.sources import now
from tasks.models import Repository
from tests import factories
from tests.grading.conftest import page_of, review_of, words_of

HTMX = {"HX-Request": "true"}
NAME = "1" * 40
ENTRIES = [
    Entry("README.md", "100644", "2" * 40, 10, "Markdown"),
    Entry("bin", "160000", "3" * 40, 0, ""),
    Entry("large.sql", "100644", "4" * 40, MOST_BYTES + 1, "SQL"),
    Entry("src/a&b <i>.py", "100644", NAME, 20, "Python"),
    Entry("src/deep/er.py", "100644", "5" * 40, 20, "Python"),
    Entry("src/link", "120000", "6" * 40, 9, ""),
]


@pytest.fixture
def assignment(db, held):
    return Assignment.objects.get(pk=held.pk)


@pytest.fixture
def riley(assignment):
    return assignment.rater


@pytest.fixture
def repository(assignment):
    return assignment.task.scenario.repository


@pytest.fixture
def tree(repository):
    """A list as a job leaves it, and the rows of one file."""
    tree = make_tree(repository)
    rows = Fragment.packed("<tr id=L1><td data-n=1>tide = &lt;1&gt;")
    tree.files.create(name=NAME, lexer="Python", version=VERSION, lines=1, body=rows)
    return tree


def make_tree(repository, entries=ENTRIES):
    return BaseTree.objects.create(
        repository=repository,
        commit=factories.BASE_COMMIT,
        entries=BaseTree.packed(entries),
        count=len(entries),
        again_at=now(),
    )


@pytest.fixture
def signed_in(client, riley):
    client.force_login(riley)
    return client


def at(tree, path="", query=""):
    return browsing.look(tree.repository, tree.commit, path, query)


# --- Looking --------------------------------------------------------------------------------------------------


def test_a_folder_lists_folders_then_files(tree):
    assert [(item.name, item.is_folder) for item in at(tree).items] == [
        ("src", True),
        ("README.md", False),
        ("bin", False),
        ("large.sql", False),
    ]
    assert [item.path for item in at(tree, "src").items] == ["src/deep", "src/a&b <i>.py", "src/link"]


def test_a_file_shows_its_rows_and_the_way_to_it(tree):
    place = at(tree, "src/a&b <i>.py")

    assert (place.html, place.lines, place.sentence) == ("<tr id=L1><td data-n=1>tide = &lt;1&gt;", 1, "")
    assert [folder.path for folder in place.folders] == ["src"]


def test_paths_are_found_by_a_part_of_them(tree):
    assert [item.path for item in at(tree, query="ER.py").items] == ["src/deep/er.py"]
    assert at(tree, query="nowhere").total == 0


def test_no_more_than_two_hundred_paths_are_shown_and_all_are_counted(repository):
    tree = make_tree(repository, [Entry(f"{n:04}.py", "100644", NAME, 1, "") for n in range(300)])

    place = at(tree, query=".py")

    assert (len(place.items), place.total, place.is_partial) == (200, 300, True)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("large.sql", "This file has 1,000,001 bytes"), ("bin", "Another repository, at its commit 3333")],
)
def test_what_cannot_be_shown_says_so(tree, path, sentence):
    place = at(tree, path)

    assert place.sentence.startswith(sentence)
    assert not place.is_waiting


@pytest.mark.parametrize("path", ["nowhere", "src/nowhere.py", "../etc/passwd", "src/a&b", "README.md/x"])
def test_beyond_the_list_there_is_nothing(signed_in, assignment, tree, path):
    assert signed_in.get(page_of(assignment, "base/"), {"path": path}).status_code == 404


def test_a_file_that_nobody_asked_for_is_rung_for_and_asked_again(signed_in, assignment, tree, bells):
    bells.clear()

    part = signed_in.get(page_of(assignment, "base/?path=README.md"), headers=HTMX)

    assert bells == [("grading.jobs.write_base_file", tree.pk, 0)]
    assert 'hx-trigger="load delay:2s"' in words_of(part)
    assert f'href="{page_of(assignment, "base/?path=README.md")}"' in words_of(part)


def test_a_commit_without_a_list_is_rung_for_and_asked_again(signed_in, assignment, repository, bells):
    bells.clear()

    page = signed_in.get(page_of(assignment, "base/"))

    assert bells == [("grading.jobs.prepare_tree", repository.pk, factories.BASE_COMMIT)]
    assert 'hx-trigger="load delay:2s"' in words_of(page)


def test_what_is_there_is_not_asked_for_again(signed_in, assignment, tree):
    for path in ("base/", "base/?path=src/a%26b%20%3Ci%3E.py"):
        assert "load delay" not in words_of(signed_in.get(page_of(assignment, path), headers=HTMX))


def test_names_and_lines_are_text(signed_in, assignment, tree):
    folder = words_of(signed_in.get(page_of(assignment, "base/?path=src")))
    file = words_of(signed_in.get(page_of(assignment, "base/?path=src/a%26b%20%3Ci%3E.py")))

    assert "a&amp;b &lt;i&gt;.py" in folder
    assert "path=src%2Fa%26b%20%3Ci%3E.py" in folder
    assert "tide = &lt;1&gt;" in file


def test_work_with_patches_alone_has_no_other_files(signed_in, assignment, bells):
    Repository.objects.update(patch_only=True)
    bells.clear()

    page = words_of(signed_in.get(page_of(assignment, "base/")))

    assert "patches alone" in page
    assert bells == []


def test_reviewers_see_it_and_strangers_do_not(client, riley, robin, sam):
    assignment = factories.make_assignment(riley, state="submitted")
    client.force_login(robin)
    assert client.get(review_of(assignment, "base/")).status_code == 200

    client.force_login(sam)
    for headers in ({}, HTMX):
        assert client.get(page_of(assignment, "base/"), headers=headers).status_code == 404


def test_a_folder_of_twenty_takes_as_many_queries_as_one_of_ten(signed_in, assignment, repository):
    counts = []
    for size in (10, 20):
        BaseTree.objects.all().delete()
        make_tree(repository, [Entry(f"{n:04}.py", "100644", NAME, 1, "") for n in range(size)])
        with CaptureQueriesContext(connection) as queries:
            signed_in.get(page_of(assignment, "base/"), headers=HTMX)
        counts.append(len(queries))

    assert counts[0] == counts[1]


# --- Preparing ------------------------------------------------------------------------------------------------


def test_a_commit_that_is_compared_is_listed_and_its_files_are_written(assignment, repository, bells):
    bells.clear()
    assert jobs.prepare_trees() == 1
    assert bells == [("grading.jobs.prepare_tree", repository.pk, factories.BASE_COMMIT)]

    jobs.prepare_tree(repository.pk, factories.BASE_COMMIT)
    jobs.prepare_tree(repository.pk, factories.BASE_COMMIT)  # rung twice

    tree = BaseTree.objects.get()
    assert [entry.path for entry in tree.listed()] == ["test_tide.py", "tide.py"]
    assert "height" in at(tree, "tide.py").html
    assert jobs.prepare_trees() == 0


def test_a_text_is_written_once_for_all_that_hold_it(assignment, repository, monkeypatch):
    trees.prepare(repository.pk, factories.BASE_COMMIT)
    written = list(BaseFile.objects.values_list("pk", flat=True))
    other = factories.make_repository()
    monkeypatch.setattr(trees, "write_in_child", None)

    trees.prepare(other.pk, factories.BASE_COMMIT)

    assert list(BaseFile.objects.values_list("pk", flat=True)) == written
    assert other.trees.get().files.count() == 2


def test_what_is_beyond_the_first_is_written_when_somebody_asks(assignment, repository, monkeypatch):
    monkeypatch.setattr(trees, "AHEAD_BYTES", 0)
    trees.prepare(repository.pk, factories.BASE_COMMIT)
    tree = BaseTree.objects.get()
    assert at(tree, "tide.py").is_waiting

    jobs.write_base_file(tree.pk, 1)
    jobs.write_base_file(tree.pk, 1)

    assert "height" in at(tree, "tide.py").html


def test_a_commit_that_cannot_be_listed_rests_and_says_why(assignment, repository):
    missing = "f" * 40
    trees.prepare(repository.pk, missing)
    trees.prepare(repository.pk, missing)

    tree = BaseTree.objects.get(commit=missing)
    assert (tree.tries, tree.is_ready) == (2, False)
    assert "is not a commit of this repository" in tree.reason
    assert tree.again_at > now()


def test_texts_go_with_the_last_tree_that_holds_them(assignment, repository):
    trees.prepare(repository.pk, factories.BASE_COMMIT)
    other = make_tree(factories.make_repository())
    other.files.set(BaseFile.objects.all()[:1])
    BaseTree.objects.filter(repository=repository).delete()

    jobs.prepare_trees()

    assert BaseFile.objects.count() == 1


def test_lists_are_stored_packed(tree):
    assert gzip.decompress(tree.entries).startswith(b'[["README.md"')


# --- Beside a write-up ----------------------------------------------------------------------------------------------


def test_author_and_reviewer_browse_the_commit_beside_the_write_up(client, riley, robin, bells):
    draft = factories.make_draft(riley)
    here = f"/scenarios/{draft.public_id}/files/"
    client.force_login(riley)
    assert b"being prepared" in client.get(here, headers=HTMX).content
    assert bells == [("grading.jobs.prepare_tree", draft.repository_id, draft.base_commit)]
    tree = make_tree(draft.repository)
    rows = Fragment.packed("<tr id=L1><td data-n=1>tide = &lt;1&gt;")
    tree.files.create(name=NAME, lexer="Python", version=VERSION, lines=1, body=rows)

    folder = client.get(here, headers=HTMX).content.decode()
    file = client.get(here, {"path": "src/a&b <i>.py"}).content.decode()
    found = client.get(here, {"q": "ER.PY"}, headers=HTMX).content.decode()

    assert ("README.md" in folder, "<html" in folder) == (True, False)
    assert "tide = &lt;1&gt;" in file
    assert "Back to the write-up" in file
    assert "Found in 1 path" in found
    draft.propose(by=riley)
    client.force_login(robin)
    assert "README.md" in client.get(f"/approvals/{draft.public_id}/files/").content.decode()


def test_files_beside_somebody_elses_write_up_do_not_exist(client, riley, rosa, robin):
    draft = factories.make_draft(riley)
    for person, here in ((rosa, "scenarios"), (robin, "approvals")):
        client.force_login(person)
        assert client.get(f"/{here}/{draft.public_id}/files/").status_code == 404


def test_words_are_looked_for_inside_the_files_of_a_commit(client, riley, bells):
    draft = factories.make_draft(riley)
    trees.prepare(draft.repository_id, draft.base_commit)
    tree, here = BaseTree.objects.get(), f"/scenarios/{draft.public_id}/files/"
    client.force_login(riley)
    bells.clear()
    first = client.get(here, {"q": "HEIGHT", "inside": "on"}).content.decode()
    assert "being gathered" in first
    assert bells == [("grading.jobs.write_tree_words", tree.pk)]

    jobs.write_tree_words(tree.pk)
    jobs.write_tree_words(tree.pk)

    exact = client.get(here, {"q": "HEIGHT", "inside": "on"}, headers=HTMX).content.decode()
    found = client.get(here, {"q": "height", "inside": "on"}, headers=HTMX).content.decode()
    assert "Found in 0 lines" in exact
    assert f'href="{here}?path=tide.py#L' in found
    assert "<mark>height</mark>" in found


@pytest.mark.parametrize(
    ("body", "room", "lines", "is_cut"),
    [
        (b"one\r\n\n\tTHREE\xff <b>\n", 100, [1, 3], False),
        (b"one\0three", 100, [], False),
        (b"one\nthree", 4, [], True),
    ],
)
def test_texts_alone_are_searched_while_there_is_room(repository, monkeypatch, body, room, lines, is_cut):
    tree = make_tree(repository, [Entry("a.py", "100644", NAME, len(body), ""), ENTRIES[1]])
    monkeypatch.setattr(trees, "texts_of", lambda *args, **more: {NAME: body})
    monkeypatch.setattr(trees, "SEARCHED_BYTES", room)

    jobs.write_tree_words(tree.pk)

    found = [browsing.look(repository, tree.commit, query=word, inside=True).found for word in ("one", "thr")]
    assert [line.number for one in found for file in one.files for line in file.lines] == lines
    assert [one.cut for one in found] == [is_cut, is_cut]


def test_lines_that_nobody_looks_through_any_more_are_forgotten(tree):
    words = TreeWords.objects.create(tree=tree, places=b"", lines=b"", written_at=now() - trees.WORDS_KEPT)

    trees.sweep()

    assert not TreeWords.objects.filter(pk=words.pk).exists()

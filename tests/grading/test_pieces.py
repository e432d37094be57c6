"""One stored piece of a pair, by the short way: few queries, the bytes as they lie there, nobody else's."""

import gzip

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from grading import pieces, rendering
from grading.models import Assignment, Fragment, PairPage, Picture, ReadMark
from marlin.models import Role
from tests import factories
from tests.grading.conftest import page_of, review_of, words_of

HTMX = {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


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


def add_fragment(html, **place):
    for page in PairPage.objects.all():
        Fragment.objects.create(page=page, body=Fragment.packed(html), **{"file": 0, "gap": 0, **place})


# --- Fragments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["files/0", "files/0/gaps/1"])
def test_a_piece_takes_two_queries_beside_signing_in_and_never_the_list_of_files(
    signed_in, assignment, place
):
    add_fragment("<tr><td>between</td></tr>", gap=1)

    with CaptureQueriesContext(connection) as queries:
        signed_in.get(page_of(assignment, place), headers=HTMX)

    asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert len(asked) == 4  # the session, the person, the pair, the piece
    assert not [sql for sql in asked if '"index"' in sql]


def test_the_reviewer_takes_the_same_way(client, riley, robin):
    assignment = factories.make_assignment(riley, state="submitted")
    client.force_login(robin)

    with CaptureQueriesContext(connection) as queries:
        response = client.get(review_of(assignment, "files/0"), headers=HTMX)

    assert words_of(response) == Fragment.objects.filter(gap=0, view="pair")[0].html
    assert len([query for query in queries if query["sql"].startswith("SELECT")]) == 4


@pytest.mark.parametrize(
    ("accepts", "is_packed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("identity, gzip; q=0.0", False),
        ("notgzip", False),
    ],
)
def test_rows_are_sent_as_they_are_stored_to_who_can_read_them(signed_in, assignment, accepts, is_packed):
    response = signed_in.get(page_of(assignment, "files/0"), headers={**HTMX, "Accept-Encoding": accepts})

    stored = bytes(Fragment.objects.filter(gap=0, view="pair")[0].body)
    assert response.headers.get("Content-Encoding") == ("gzip" if is_packed else None)
    assert response.content == (stored if is_packed else gzip.decompress(stored))
    assert "Accept-Encoding" in response["Vary"]
    assert response["Cache-Control"] == "no-store"


def test_each_view_has_its_own_rows(signed_in, assignment):
    Fragment.objects.filter(view="three").update(body=Fragment.packed("<table>three</table>"))
    Fragment.objects.filter(view="direct").delete()

    split = signed_in.get(page_of(assignment, "files/0?view=b&split=1"), headers=HTMX)
    missing = signed_in.get(page_of(assignment, "files/0?view=direct"), headers=HTMX)

    assert words_of(split) == "<table>three</table>"
    assert missing.status_code == 404


def test_an_open_page_gets_the_gaps_of_its_own_rendering(signed_in, assignment):
    old = PairPage.objects.all()
    old.update(version=1)
    add_fragment("<tr>old</tr>", gap=1)
    assert rendering.render(old[0].turn_id, 1)

    its_own = signed_in.get(page_of(assignment, "files/0/gaps/1?v=1"), headers=HTMX)
    newest = signed_in.get(page_of(assignment, "files/0/gaps/1"), headers=HTMX)
    gone = signed_in.get(page_of(assignment, "files/0?v=99999999999999999999"), headers=HTMX)

    assert words_of(its_own) == "<tr>old</tr>"
    assert newest.status_code == 404  # the new rendering has no such gap
    assert "hello" in words_of(gone)


def test_one_rendering_is_kept_for_open_pages_and_those_before_it_are_not(assignment):
    turn = assignment.task.turns.get()
    for version in (1, 2):
        PairPage.objects.order_by("-version").filter(version__gt=2).update(version=version)
        rendering.render(turn.pk, 1)

    newest = PairPage.objects.order_by("-version")[0].version
    assert set(PairPage.objects.values_list("version", flat=True)) == {newest, 2}


# --- Images ---------------------------------------------------------------------------------------------------


def test_an_image_runs_nothing_and_loads_nothing(signed_in, assignment):
    for page in PairPage.objects.all():
        Picture.objects.create(page=page, file=0, which="b", kind="image/png", body=PNG)

    response = signed_in.get(page_of(assignment, "files/0/image/b"))

    assert (response.content, response["Content-Type"]) == (PNG, "image/png")
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("place", ["files/0/image/b", "files/0/image/c", "files/99999999999999/image/a"])
def test_there_is_no_image_where_none_was_stored(signed_in, assignment, place):
    assert signed_in.get(page_of(assignment, place)).status_code == 404


# --- Read marks -----------------------------------------------------------------------------------------------


def test_a_file_is_read_until_it_is_not(signed_in, assignment):
    place = page_of(assignment, "files/0/read")

    for on, read in (("1", True), ("1", True), ("0", False), ("0", False)):
        assert signed_in.post(place, {"on": on}, headers=HTMX).status_code == 204
        assert signed_in.get(page_of(assignment)).context["files"][0].is_read is read


def test_without_script_a_mark_leads_back_to_the_file(signed_in, assignment):
    response = signed_in.post(page_of(assignment, "files/0/read"), {"on": "1"})

    assert (response.status_code, response.url) == (302, page_of(assignment) + "#file-0")


def test_rater_and_reviewer_mark_for_themselves(client, riley, robin):
    assignment = factories.make_assignment(riley, state="submitted")
    client.force_login(riley)
    client.post(page_of(assignment, "files/0/read"), {"on": "1"})
    client.force_login(robin)

    page = client.get(review_of(assignment))
    client.post(review_of(assignment, "files/0/read"), {"on": "1"})

    assert page.context["files"][0].is_read is False
    assert ReadMark.objects.count() == 2


@pytest.mark.parametrize("number", [1, 999_999, 99_999_999_999_999_999_999])
def test_a_file_that_is_not_there_cannot_be_marked(signed_in, assignment, number):
    assert signed_in.post(page_of(assignment, f"files/{number}/read"), {"on": "1"}).status_code == 404
    assert not ReadMark.objects.exists()


def test_a_mark_is_kept_by_the_files_name_when_its_number_changes(signed_in, assignment):
    signed_in.post(page_of(assignment, "files/0/read"), {"on": "1"})
    for page in PairPage.objects.all():
        (entry,) = page.index["files"]
        page.index["files"] = [entry | {"path": "first.py"}, entry]
        page.save()

    shown = signed_in.get(page_of(assignment)).context["files"]

    assert [file.is_read for file in shown] == [False, True]


# --- Strangers ------------------------------------------------------------------------------------------------

PLACES = ["files/0", "files/0/gaps/0", "files/0/image/a", "search?q=hello"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_stranger_gets_no_piece(client, assignment, sam, place, headers):
    client.force_login(sam)

    assert client.get(page_of(assignment, place), headers=headers).status_code == 404


def test_a_stranger_marks_nothing(client, assignment, sam):
    client.force_login(sam)

    assert client.post(page_of(assignment, "files/0/read"), {"on": "1"}).status_code == 404
    assert not ReadMark.objects.exists()


def test_who_is_no_rater_any_more_gets_no_piece(signed_in, riley, assignment):
    riley.roles = [Role.RESEARCHER]
    riley.save()

    assert signed_in.get(page_of(assignment, "files/0"), headers=HTMX).status_code == 404


def test_the_newest_pair_is_the_one_that_is_read(assignment):
    assert pieces.newest_of(assignment.pairs.all()) == assignment.pairs.get()


# --- The page -------------------------------------------------------------------------------------------------


def test_a_page_of_twenty_files_takes_as_many_queries_as_one_of_ten(signed_in, assignment):
    counts = []
    for size in (10, 20):
        for page in PairPage.objects.all():
            page.index["files"] = [page.index["files"][0]] * size
            page.save()
            Fragment.objects.bulk_create(
                [
                    Fragment(page=page, file=number, gap=0, body=Fragment.packed("<table></table>"))
                    for number in range(page.fragments.filter(view="pair").count(), size)
                ]
            )
        with CaptureQueriesContext(connection) as queries:
            shown = signed_in.get(page_of(assignment, "?view=pair")).context["files"]
        assert all(file.is_loaded for file in shown)
        counts.append(len(queries))

    assert counts[0] == counts[1]

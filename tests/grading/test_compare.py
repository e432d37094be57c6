"""The compare page of the rater who holds the task: look, save, submit."""

import pytest

from grading import queue, reading, submission
from grading.models import Assignment, Fragment, PairPage, Preference, Receipt, Revision
from marlin.models import Role
from marlin.sources import now
from tasks.models import AgentVersion
from tests import factories
from tests.grading.conftest import page_of, review_of, words_of

HTMX = {"HX-Request": "true"}
TABS = ("", "transcripts", "tests", "write-up")


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


# --- Looking --------------------------------------------------------------------------------------------------


def test_the_page_shows_both_patches_and_the_form(signed_in, assignment):
    response = signed_in.get(page_of(assignment))

    assert response.status_code == 200
    assert "README.md" in words_of(response)
    assert "hello" in words_of(response)
    assert f'action="{page_of(assignment, "submit")}"' in words_of(response)
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_is_there_with_the_form_beside_it(signed_in, assignment, tab):
    response = signed_in.get(page_of(assignment, tab))

    assert response.status_code == 200
    assert 'id="rate"' in words_of(response)


@pytest.mark.parametrize("tab", [*TABS, "files/0"])
def test_no_tab_names_an_agent(signed_in, assignment, tab):
    text = words_of(signed_in.get(page_of(assignment, tab)))

    for version in AgentVersion.objects.all():
        for name in (version.name, version.harness, version.model, version.provider, str(version.public_id)):
            assert name not in text


def test_the_transcripts_show_what_was_said(signed_in, assignment):
    assert "I added a file." in words_of(signed_in.get(page_of(assignment, "transcripts")))


def test_the_tab_of_tests_shows_checks_and_hidden_tests_of_both_sides_and_never_their_log(client, rosa):
    turn = factories.make_task().turns.get()
    tested = {
        "ran": True,
        "passed": 2,
        "failed": 1,
        "skipped": 0,
        "failures": ["t::secret"],
        "log": "assert 41",
    }
    checks = [{"name": "lint", "passed": False, "log": "E501"}, {"name": "build", "passed": True, "log": ""}]
    for candidate in turn.candidates.all():
        factories.finish_candidate(
            candidate, evidence={**tested, "log": "", "checks": checks, "hidden": tested}
        )
    factories.render(turn)
    client.force_login(rosa)
    assignment = queue.claim_next(rosa)

    text = words_of(client.get(page_of(assignment, "tests")))

    for words in ("Hidden tests", "lint does not pass", "build passes", "E501"):
        assert text.count(words) == 2
    assert "assert 41" not in text


def test_the_tab_of_tests_counts_what_fails(client, rosa):
    task = factories.make_task()
    for candidate in task.turns.get().candidates.all():
        factories.finish_candidate(
            candidate, evidence={"ran": True, "passed": 2, "failed": 1, "failures": ["a"]}
        )
    factories.render(task.turns.get())

    client.force_login(rosa)
    page = client.get(page_of(factories.make_assignment(rosa, task)))

    assert [tab["count"] for tab in page.context["reading"].tabs] == ["", "", "2 failing", "", ""]


@pytest.mark.parametrize("tab", [*TABS, "files/0", "files/0/gaps/1"])
def test_a_stranger_finds_nothing(client, assignment, sam, tab):
    client.force_login(sam)

    assert client.get(page_of(assignment, tab)).status_code == 404


@pytest.mark.parametrize("person", ["robin", "rowan", "ada"])
@pytest.mark.parametrize("tab", [*TABS, "files/0"])
def test_other_roles_find_nothing(client, request, assignment, person, tab):
    client.force_login(request.getfixturevalue(person))

    assert client.get(page_of(assignment, tab)).status_code == 404


def test_an_assignment_without_a_pair_is_not_found(signed_in, riley):
    assignment = riley.assignments.create(task=factories.make_task(), seat=0, lease_until=now())

    assert signed_in.get(page_of(assignment)).status_code == 404


@pytest.mark.parametrize("state", ["submitted", "accepted", "rejected", "released", "expired"])
def test_the_page_can_be_read_in_every_state(signed_in, riley, bells, state):
    assignment = factories.make_assignment(riley, state=state)

    response = signed_in.get(page_of(assignment))

    assert response.status_code == 200
    assert ('id="submit"' in words_of(response)) is (state == "expired")


def test_what_was_written_stands_in_the_form_again(signed_in, assignment):
    submission.save_draft(assignment, factories.filled(justification="Because of <b>line</b> 3."))

    text = words_of(signed_in.get(page_of(assignment)))

    assert "Because of &lt;b&gt;line&lt;/b&gt; 3." in text
    assert 'name="overall" value="2" checked' in text
    assert 'name="key_axis" value="clarity" checked' in text


# --- Files and gaps -------------------------------------------------------------------------------------------


def test_a_file_comes_alone_for_htmx_and_on_a_page_without(signed_in, assignment):
    part = signed_in.get(page_of(assignment, "files/0"), headers=HTMX)
    page = signed_in.get(page_of(assignment, "files/0"))

    assert words_of(part) == Fragment.objects.filter(view="pair", gap=0)[0].html
    assert words_of(part) in words_of(page)
    assert "<html" in words_of(page)


def test_a_gap_comes_as_its_rows(signed_in, assignment):
    for page in PairPage.objects.all():
        Fragment.objects.create(page=page, file=0, gap=1, body=Fragment.packed("<tr><td>between</td></tr>"))

    response = signed_in.get(page_of(assignment, "files/0/gaps/1"))

    assert words_of(response) == "<tr><td>between</td></tr>"


def test_a_notebook_comes_as_cells_or_as_its_file(signed_in, assignment):
    for page in PairPage.objects.all():
        (entry,) = page.index["files"]
        page.index["files"] = [entry | {"rows": {**entry["rows"], "cells": 1}}]
        page.save()
        Fragment.objects.create(page=page, view="cells", file=0, gap=0, body=Fragment.packed("<p># %% cell"))

    (cells,) = signed_in.get(page_of(assignment, "?view=pair")).context["files"]
    alone = words_of(signed_in.get(page_of(assignment, "files/0")))
    page = signed_in.get(page_of(assignment, "?notebook=file"))

    assert (cells.html, cells.cells) == ("<p># %% cell", "shown")
    assert words_of(signed_in.get(cells.url, headers=HTMX)) == "<p># %% cell"
    assert "<p># %% cell" in alone
    assert page.context["files"][0].cells == "offered"
    assert "hello" in page.context["files"][0].html
    assert 'href="?view=pair&amp;notebook=cells"' in words_of(page)
    assert "hello" in words_of(signed_in.get(page_of(assignment, "files/0")))  # remembered


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"only": "moved"}, "only moved lines"),
        ({"only": "blank"}, "only white space"),
        ({"relation": "differ", "differences": 3}, "A and B differ in 3 places"),
    ],
)
def test_the_list_tells_what_kind_of_change_a_file_has(signed_in, assignment, told, words):
    for page in PairPage.objects.all():
        page.index["files"] = [page.index["files"][0] | told]
        page.save()

    listed = (
        words_of(signed_in.get(page_of(assignment))).partition('tr class="file')[2].partition("</tbody>")[0]
    )

    assert f"> {words}</span>" in listed


@pytest.mark.parametrize("place", ["files/1", "files/999999999", "files/0/gaps/1", "files/1/gaps/0"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_beyond_the_last_file_and_gap_there_is_nothing(signed_in, assignment, place, headers):
    assert signed_in.get(page_of(assignment, place), headers=headers).status_code == 404


def test_files_beyond_the_first_rows_come_later_and_folded_ones_when_opened(
    signed_in, assignment, monkeypatch
):
    for page in PairPage.objects.all():
        (entry,) = page.index["files"]
        page.index["files"] = [entry | {"folded": True}, entry, entry, entry | {"rows": {"pair": 0}}]
        page.save()
        for number in (1, 2, 3):
            Fragment.objects.create(page=page, file=number, gap=0, body=Fragment.packed("<table></table>"))
    monkeypatch.setattr(reading, "FIRST_ROWS", 1)

    shown = signed_in.get(page_of(assignment, "?view=pair")).context["files"]

    assert [file.is_loaded for file in shown] == [False, True, False, False]
    assert shown[2].url.startswith(page_of(assignment, "files/2?view="))


@pytest.fixture
def beside(db, rosa):
    """Rosa holds a task of which one side left a scratch file and the other built something."""
    turn = factories.make_task().turns.get()
    for candidate, path in zip(turn.candidates.all(), ("debug_it.py", "dist/x.js"), strict=True):
        factories.finish_candidate(candidate, beside={path: f"inside {path}"})
    factories.render(turn)
    return factories.make_assignment(rosa, turn.task)


def test_what_is_set_apart_is_listed_with_counts_and_opens(client, rosa, beside):
    client.force_login(rosa)

    page = client.get(page_of(beside, "?view=pair"))
    listed = words_of(page).partition('<aside class="files"')[2].partition("</aside>")[0]

    files = page.context["files"]
    assert [(file.path, file.apart, file.folded, file.is_loaded) for file in files] == [
        ("README.md", "", False, True),
        ("dist/x.js", "build output", True, False),
        ("debug_it.py", "scratch", True, False),
    ]
    assert "Set apart as build output, folded" in listed
    assert "Set apart as scratch, folded" in listed
    assert listed.count("+1 <b>−0</b>") == 4
    assert page.context["counts"] == [f"{side}: 1 file, 1 line added, 0 removed." for side in "AB"]
    for number, path in ((1, "dist/x.js"), (2, "debug_it.py")):
        part = client.get(page_of(beside, f"files/{number}"), headers=HTMX)
        assert f"inside {path}" in words_of(part)
        assert words_of(part) in words_of(client.get(page_of(beside, f"files/{number}")))  # without script


def test_the_reviewer_opens_what_is_set_apart_as_well(client, robin, beside):
    factories.submit(beside)
    client.force_login(robin)

    assert "Set apart as scratch, folded" in words_of(client.get(review_of(beside)))
    assert "inside debug_it.py" in words_of(client.get(review_of(beside, "files/2")))


def test_where_all_is_set_apart_the_answers_stand_first_and_the_files_below(client, rosa):
    turn = factories.make_task().turns.get()
    for candidate in turn.candidates.all():
        factories.finish_candidate(
            candidate, beside={"NOTES.md": "x"}, patch=b"", files=[], final_message="It is the clock."
        )
    factories.render(turn)
    client.force_login(rosa)

    page = client.get(page_of(factories.make_assignment(rosa, turn.task)))

    assert page.context["without_code"]
    assert words_of(page).index("It is the clock.") < words_of(page).index('id="look"')


# --- Saving ---------------------------------------------------------------------------------------------------


def test_saving_with_htmx_answers_with_the_part_that_changed(signed_in, assignment):
    form = factories.filled(tab="one", sequence="4")

    response = signed_in.post(page_of(assignment, "draft"), form, headers=HTMX)

    assert response.status_code == 200
    assert 'id="saved"' in words_of(response)
    assert "<html" not in words_of(response)
    for name, value in {"tab": "one", "sequence": "4", "revision": "1"}.items():
        assert f'name="{name}" value="{value}"' in words_of(response)
    assert Revision.objects.get().texts["justification"] == factories.JUSTIFICATION


def test_saving_without_htmx_leads_back_to_the_page(signed_in, assignment):
    response = signed_in.post(page_of(assignment, "draft"), factories.filled())

    assert (response.status_code, response.url) == (302, page_of(assignment))
    assert Revision.objects.count() == 1


def test_another_tab_is_mentioned(signed_in, assignment):
    for tab in ("one", "two"):
        form = factories.filled(tab=tab, sequence="1", revision="0", justification=f"From {tab}.")
        response = signed_in.post(page_of(assignment, "draft"), form, headers=HTMX)

    assert "Another tab wrote here too" in words_of(response)


@pytest.mark.parametrize("state", ["submitted", "released", "expired"])
def test_saving_is_answered_in_every_state(signed_in, riley, state):
    assignment = factories.make_assignment(riley, state=state)

    form = factories.filled(justification="Late words.")
    response = signed_in.post(page_of(assignment, "draft"), form, headers=HTMX)

    assert response.status_code == 200
    assert Revision.objects.order_by("-number")[0].texts["justification"] == "Late words."


@pytest.mark.parametrize("place", ["draft", "submit"])
def test_saving_and_submitting_reject_get(signed_in, assignment, place):
    assert signed_in.get(page_of(assignment, place)).status_code == 405
    assert not Preference.objects.exists()


@pytest.mark.parametrize("place", ["draft", "submit"])
def test_a_stranger_cannot_write(client, assignment, sam, place):
    client.force_login(sam)

    assert client.post(page_of(assignment, place), factories.filled()).status_code == 404
    assert not Revision.objects.exists()


@pytest.mark.parametrize("place", ["draft", "submit"])
def test_a_rater_who_is_none_any_more_cannot_write(signed_in, riley, assignment, place):
    riley.roles = [Role.RESEARCHER]
    riley.save()

    assert signed_in.post(page_of(assignment, place), factories.filled()).status_code == 404


# --- Submitting -----------------------------------------------------------------------------------------------


def test_submitting_leads_to_the_receipt(signed_in, assignment):
    response = signed_in.post(page_of(assignment, "submit"), factories.filled())

    assert (response.status_code, response.url) == (302, f"/receipts/{Receipt.objects.get().public_id}")
    assert Preference.objects.get().state == "locked"


def test_submitting_twice_leads_to_the_same_receipt(signed_in, assignment):
    first, second = (signed_in.post(page_of(assignment, "submit"), factories.filled()) for _ in range(2))

    assert first.url == second.url
    assert Receipt.objects.count() == 1


def test_submitting_again_with_less_keeps_what_counts(signed_in, assignment):
    first = signed_in.post(page_of(assignment, "submit"), factories.filled())

    second = signed_in.post(page_of(assignment, "submit"), factories.filled(justification="Oh."))

    assert first.url == second.url
    assert Preference.objects.get().locked_revision.texts["justification"] == factories.JUSTIFICATION
    assert Revision.objects.count() == 2


def test_what_is_refused_is_shown_as_it_was_typed(signed_in, assignment):
    response = signed_in.post(
        page_of(assignment, "submit"),
        factories.filled(justification="Too short.", b_strengths="Typed <here>"),
    )

    assert response.status_code == 422
    assert "The reason has 2 of the 5 words it needs." in words_of(response)
    assert "Too short." in words_of(response)
    assert "Typed &lt;here&gt;" in words_of(response)
    assert 'name="overall" value="2" checked' in words_of(response)
    assert assignment.is_now("claimed")


def test_what_was_given_back_is_refused_and_kept(signed_in, riley):
    assignment = factories.make_assignment(riley, state="released")

    response = signed_in.post(page_of(assignment, "submit"), factories.filled())

    assert response.status_code == 422
    assert response.context["refused"].sentence
    assert Revision.objects.count() == 1
    assert not Receipt.objects.exists()


def test_submitting_after_the_time_takes_the_task_back(signed_in, riley):
    assignment = factories.make_assignment(riley, state="expired")

    response = signed_in.post(page_of(assignment, "submit"), factories.filled())

    assert response.status_code == 302
    assert assignment.is_now("submitted")

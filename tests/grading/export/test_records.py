"""The row a researcher gets: the right name on the right side, whichever way the coin fell."""

import csv
import hashlib
import json

import pytest
from django.db import connection

from grading import guessing
from grading.export import judging, records, schema
from grading.export.writers import csv as table
from grading.export.writers.pieces import Block
from grading.models import Judgement, Preference, Pseudonym
from marlin.models import User
from marlin.sources import using
from tasks.models import Candidate, Failure
from tests import factories
from tests.grading.conftest import Coins

LEFT, RIGHT = 0.49, 0.51  # where the coin puts the experiment's first arm


def make_judged(rater, coin=LEFT, points=8, task=None, **form):
    experiment = None if task else factories.make_experiment(rubric=factories.make_rubric(points=points))
    task = task or factories.make_ready_task(experiment)
    with using(Coins(coin)):
        assignment = factories.make_assignment(rater, task, state="accepted", **form)
    judging.write_for(assignment.pk)
    return Judgement.objects.get(preference__pair__assignment=assignment)


def arms_of(judgement):
    experiment = judgement.preference.pair.assignment.task.experiment
    return [arm.agent_version for arm in experiment.arms.order_by("position")]


@pytest.mark.parametrize(("coin", "side"), [(LEFT, "L"), (RIGHT, "R")])
def test_each_name_stands_on_the_side_where_its_patch_was_shown(riley, bells, coin, side):
    judgement = make_judged(riley, coin)
    record, (first, second) = judgement.record, arms_of(judgement)
    pair = judgement.preference.pair

    shown = {"A": pair.a.origin.agent_version.name, "B": pair.b.origin.agent_version.name}
    assert (record["model_a"], record["model_b"], record["side"]) == (first.name, second.name, side)
    assert {letter: record["shown"][letter] for letter in "AB"} == shown
    assert shown["A"] == (first.name if side == "L" else second.name)
    assert record["candidate_a"]["id"] == str((pair.a if side == "L" else pair.b).public_id)
    assert record["candidate_b"]["id"] == str((pair.b if side == "L" else pair.a).public_id)


@pytest.mark.parametrize(("points", "overall", "for_a"), [(8, 2, 3), (8, 5, -1), (7, 4, 0), (7, 7, -3)])
@pytest.mark.parametrize(("coin", "sign"), [(LEFT, 1), (RIGHT, -1)])
def test_ratings_are_positive_when_model_a_is_better(riley, bells, points, overall, for_a, coin, sign):
    record = make_judged(riley, coin, points, overall=str(overall), efficiency="1", clarity="7").record

    assert record["rating"] == sign * for_a
    strongest = points // 2
    assert record["axes"] == {
        "efficiency": sign * strongest,
        "clarity": sign * (-3 if points == 8 else -strongest),
    }
    assert record["shown"]["ratings"] == {"overall": overall, "efficiency": 1, "clarity": 7}
    assert record["rubric"]["points"] == points


def test_an_axis_that_does_not_apply_has_no_rating_and_is_named(riley, bells):
    rubric = factories.make_rubric(may_skip=True)
    task = factories.make_ready_task(factories.make_experiment(rubric=rubric))

    record = make_judged(riley, task=task, efficiency="na", clarity="1").record

    assert record["not_applicable"] == ["efficiency"]
    assert record["axes"] == {"efficiency": None, "clarity": 4}
    cells = b"".join(piece.data for piece in table.write(Block.of([record]), ["efficiency", "clarity"]))
    row = dict(
        zip(*csv.reader((table.header(["efficiency", "clarity"]) + cells).decode().splitlines()), strict=True)
    )
    assert (row["efficiency"], row["not_applicable"], row["is_gold"]) == ("", "efficiency", "False")


@pytest.mark.parametrize(("coin", "own", "other"), [(LEFT, "a", "b"), (RIGHT, "b", "a")])
def test_texts_follow_their_candidate(riley, bells, coin, own, other):
    form = {
        "a_strengths": "strong a",
        "a_weaknesses": "weak a",
        "b_strengths": "strong b",
        "b_weaknesses": "weak b",
    }

    texts = make_judged(riley, coin, **form).record["texts"]

    assert (texts.pop("masked"), texts.pop("names_an_agent")) == (0, False)
    assert texts == {
        "strengths_a": f"strong {own}",
        "weaknesses_a": f"weak {own}",
        "strengths_b": f"strong {other}",
        "weaknesses_b": f"weak {other}",
        "justification": factories.JUSTIFICATION,
    }


@pytest.mark.parametrize(
    ("coin", "said", "guess"),
    [(LEFT, "a", "a"), (RIGHT, "a", "b"), (RIGHT, "b", "a"), (RIGHT, "unknown", "unknown")],
)
def test_a_guess_is_told_by_model_and_as_it_was_shown(riley, bells, coin, said, guess):
    with using(Coins(coin)):
        assignment = factories.make_assignment(riley, state="submitted")
    guessing.answer(assignment.last_receipt(), {"newer-1-1": said})
    factories.decide(assignment, "accept")
    judging.write_for(assignment.pk)

    blinding = Judgement.objects.get().record["blinding"]

    assert blinding.pop("told_at")
    assert blinding == {"guess": guess, "shown": said}


def test_without_an_answer_the_guess_is_null(riley, bells):
    assert make_judged(riley).record["blinding"] == {"guess": None, "shown": None, "told_at": None}


def test_a_reviewers_words_are_told_without_names(riley, bells):
    assignment = factories.make_assignment(riley, state="submitted")
    factories.decide(assignment, "accept", reason="Riley and Robin wrote to bo@reef.example.org: fine.")
    judging.write_for(assignment.pk)

    assert Judgement.objects.get().record["review"]["reason"] == (
        "[somebody] and [somebody] wrote to [somebody]: fine."
    )


def test_a_record_tells_where_it_comes_from(riley, bells):
    judgement = make_judged(riley)
    record, assignment = judgement.record, judgement.preference.pair.assignment
    task = assignment.task

    assert record["task"] == str(task.public_id)
    assert record["experiment"] == {"id": str(task.experiment.public_id), "name": task.experiment.name}
    assert record["scenario"]["title"] == task.scenario.title
    assert record["scenario"]["base_commit"] == factories.BASE_COMMIT
    assert (record["turn"], record["attempt"], record["seat"], record["revision"]) == (1, 1, 0, 1)
    assert (record["draw"]["method"], record["draw"]["probability"]) == ("coin", 0.5)
    assert (record["nth_task"], record["timing"]["saves"]) == (1, 1)
    assert (record["review"]["decision"], record["review"]["disputed"]) == ("accept", False)
    assert record["candidate_a"]["run"]["seconds"] == 1.0
    assert record["candidate_a"]["run"]["id"] != record["candidate_b"]["run"]["id"]
    assert record["candidate_a"]["patch"] == factories.PATCH.decode()
    assert record["candidate_a"]["transcript_length"] == sum(
        len(step["text"]) for step in judgement.preference.pair.a.transcript
    )
    assert (record["timing"]["tabs"], record["timing"]["files_marked"], record["checks"]) == (0, 0, [])
    assert (record["candidate_a"]["added"], record["candidate_a"]["evidence"]["passed"]) == (1, 3)
    assert record["agent_a"]["model"] == arms_of(judgement)[0].model
    assert record["submitted_at"] == assignment.submitted_at.isoformat()


def test_a_record_names_no_person(riley, bells):
    record = make_judged(riley).record

    assert riley.email not in str(record)
    assert riley.name not in str(record)
    assert str(riley.public_id) not in str(record)


def test_a_pseudonym_is_stable_within_an_experiment_and_unrelated_between_two(riley, rosa):
    one, other = factories.make_experiment(), factories.make_experiment()

    names = {records.pseudonym(person, place) for person in (riley, rosa) for place in (one, other)}

    assert records.pseudonym(User.objects.get(pk=riley.pk), one) == records.pseudonym(riley, one)
    assert len(names) == 4


def test_a_pseudonym_hangs_on_our_key_and_survives_its_change(riley, settings):
    experiment = factories.make_experiment()
    settings.SECRET_KEY = "one key"
    before = records.pseudonym(riley, experiment)

    settings.SECRET_KEY = "another key"

    assert records.pseudonym(riley, experiment) == before
    Pseudonym.objects.all().delete()
    assert records.pseudonym(riley, experiment) != before


def test_a_record_has_the_columns_of_the_schema_and_no_other(riley, bells):
    record = make_judged(riley).record

    assert_fits(record, schema.columns_for(["efficiency", "clarity"]))


def assert_fits(values, columns, path=""):
    assert set(values) == {column.name for column in columns}, path
    for column in columns:
        if column.kind == "group":
            assert_fits(values[column.name], column.columns, f"{path}.{column.name}")


def test_an_axis_that_was_skipped_is_null(riley, bells):
    rubric = factories.make_rubric(may_skip=True)
    task = factories.make_ready_task(factories.make_experiment(rubric=rubric))

    record = make_judged(riley, task=task, efficiency="").record

    assert record["axes"]["efficiency"] is None
    assert record["shown"]["ratings"]["efficiency"] is None
    assert record["axes"]["clarity"] is not None


def test_addresses_and_the_raters_name_are_masked_in_texts(riley, bells):
    words = "Ask riley or bo@reef.example.org about README.md, rileys excepted, and nobody else."

    texts = make_judged(riley, justification=words).record["texts"]

    assert texts["justification"] == (
        "Ask [somebody] or [somebody] about README.md, rileys excepted, and nobody else."
    )
    assert texts["masked"] == 2


def test_a_text_that_names_an_agent_is_marked(riley, bells):
    task = factories.make_ready_task()
    name = task.experiment.arms.first().agent_version.model

    texts = make_judged(
        riley, task=task, justification=f"README.md reads as if {name.upper()} had written it."
    ).record["texts"]

    assert texts["names_an_agent"]


def test_a_failed_candidate_is_recorded_as_failed(riley, bells):
    task = factories.make_task(grades_failures=True)
    turn = task.turns.get()
    failed, finished = turn.candidates.all()
    factories.fail_candidate(failed, Failure.TIME)
    factories.finish_candidate(finished)
    factories.render(turn)

    record = make_judged(riley, task=task).record

    by_id = {record[name]["id"]: record[name] for name in ("candidate_a", "candidate_b")}
    assert by_id[str(failed.public_id)]["failure"] == "time"
    assert by_id[str(failed.public_id)]["patch"] == ""
    assert by_id[str(finished.public_id)]["state"] == "ready"


@pytest.mark.parametrize(
    ("patch", "text"), [(b"+\xff\n", "+\\xff\n"), (b"+a\0b\n", "+a\\x00b\n"), ("+ü\n".encode(), "+ü\n")]
)
def test_any_bytes_of_a_patch_become_text_that_can_be_stored(riley, bells, patch, text):
    task = factories.make_ready_task()
    Candidate.objects.update(patch=patch)

    record = make_judged(riley, task=task).record

    assert record["candidate_a"]["patch"] == text


# --- Judgements -----------------------------------------------------------------------------------------------


def test_a_judgement_is_written_once_per_locked_revision(riley, bells):
    judgement = make_judged(riley)
    assignment = judgement.preference.pair.assignment

    assert judging.write_for(assignment.pk) == judging.write_missing() == 0
    assert list(Judgement.objects.values_list("pk", "revision")) == [
        (judgement.pk, judgement.preference.locked_revision_id)
    ]


def test_a_later_locked_revision_gets_a_judgement_of_its_own(riley, bells):
    first = make_judged(riley)
    preference = Preference.objects.get()
    later = preference.revisions.create(
        number=2, ratings={"overall": 8, "efficiency": 8, "clarity": 8}, key_axis="clarity"
    )
    Preference.objects.update(locked_revision=later)

    assert judging.write_missing() == 1

    assert Judgement.objects.get(revision=later).record["rating"] == -4
    assert Judgement.objects.get(pk=first.pk).record["rating"] == 3


@pytest.mark.parametrize("state", ["claimed", "submitted", "rejected", "expired"])
def test_what_was_not_accepted_is_not_judged(riley, bells, state):
    factories.make_assignment(riley, state=state)

    assert judging.write_missing() == 0


def test_what_is_missing_can_be_written_for_one_experiment(riley, bells):
    tasks = [factories.make_ready_task(), factories.make_ready_task()]
    for task in tasks:
        factories.make_assignment(riley, task, state="accepted")

    assert judging.write_missing(tasks[1].experiment.pk) == 1
    assert Judgement.objects.get().preference.pair.assignment.task == tasks[1]
    assert judging.write_missing() == 1


def test_the_digest_is_that_of_the_stored_record(riley, bells):
    judgement = make_judged(riley)

    assert judgement.digest == judgement.record["row_hash"] == records.digest_of(judgement.record)
    without = {name: value for name, value in judgement.record.items() if name != "row_hash"}
    assert judgement.digest == hashlib.sha256(records.as_line(without).encode()).hexdigest()
    assert json.loads(records.as_line(judgement.record)) == judgement.record


def test_the_stored_text_is_the_canonical_line(riley, bells):
    judgement = make_judged(riley, justification='README.md says \\ and "ü\u2028", \t and more words.')

    with connection.cursor() as cursor:
        cursor.execute("SELECT record::text FROM grading_judgement")
        assert cursor.fetchone()[0] == records.as_line(judgement.record)


def test_what_an_older_version_wrote_is_written_anew(riley, bells):
    judgement = make_judged(riley)
    Judgement.objects.update(format=1, record={"old": True}, digest="")

    assert [judging.write_missing(), judging.write_missing()] == [1, 0]

    anew = Judgement.objects.get()
    assert (anew.pk, anew.record, anew.digest) == (judgement.pk, judgement.record, judgement.digest)

"""Masked records: what raters wrote, under their letters, and nothing that names an agent or joins two tasks."""

import pytest

from grading import queue
from grading.models import Preference
from marlin.models import Event, Role, User
from tasks.models import AgentVersion, Experiment
from tests import factories
from tests.grading.api.conftest import program_of
from tests.grading.conftest import make_tasks


@pytest.fixture(scope="module")
def handed_in(standing):
    """Riley's five, of which four are accepted."""
    riley, tasks = factories.make_person("Riley", Role.RATER), make_tasks(5)
    return [
        factories.make_assignment(riley, task, state="submitted" if task == tasks[0] else "accepted")
        for task in tasks
    ]


@pytest.fixture
def experiment(handed_in, db, bells):
    return Experiment.objects.get(tasks=handed_in[0].task)


@pytest.fixture
def riley(handed_in, db):
    return User.objects.get(pk=handed_in[0].rater_id)


def records(program, experiment, **question):
    return program.all(f"/experiments/{experiment.public_id}/records", **question)


def test_a_record_says_what_its_rater_saw_and_wrote(program, experiment):
    shown = records(program, experiment)[0]
    preference = Preference.objects.get(public_id=shown["id"])
    pair = preference.pair

    assert shown["ratings"] == {"overall": 2, "efficiency": 3, "clarity": 2}
    assert shown["key_axis"] == "clarity"
    assert shown["justification"] == factories.JUSTIFICATION
    assert shown["a"]["candidate"] == str(pair.a.public_id)
    assert shown["b"]["candidate"] == str(pair.b.public_id)
    assert (shown["a"]["strengths"], shown["b"]["weaknesses"]) == ("Small.", "Long.")
    assert (shown["a"]["files"], shown["a"]["added"], shown["a"]["removed"]) == (1, 1, 0)
    assert shown["task"] == str(pair.assignment.task.public_id)
    assert shown["scenario"]["title"] == pair.assignment.task.scenario.title
    assert (shown["turn"], shown["attempt"], shown["seat"]) == (1, 1, 0)


def test_only_accepted_records_of_this_experiment_are_listed(program, experiment, rosa):
    elsewhere = factories.make_assignment(rosa, state="accepted")
    mine = {str(p.public_id) for p in Preference.objects.exclude(pair__assignment=elsewhere)}

    shown = {record["id"] for record in records(program, experiment, limit=2)}

    assert len(shown) == 4
    assert shown < mine


def test_records_stand_in_the_order_of_their_ids_whatever_the_size_of_a_page(program, experiment):
    whole = records(program, experiment)

    assert whole == sorted(whole, key=lambda record: record["id"])
    assert [records(program, experiment, limit=limit) for limit in (1, 3, 4)] == [whole] * 3


def test_nothing_names_an_agent_or_says_how_a_side_was_drawn(program, experiment):
    text = program.get(f"/experiments/{experiment.public_id}/records").content.decode()

    for version in AgentVersion.objects.all():
        for word in (version.name, version.harness, version.model, version.provider, str(version.public_id)):
            assert word not in text
    assert "coin" not in text
    assert "probability" not in text


def test_a_text_does_not_tell_who_wrote_it(program, riley, bells):
    task = factories.make_ready_task()
    told = f"A is smaller, says {riley.name}, whom you reach at riley@example.org about README.md."
    factories.make_assignment(riley, task, state="accepted", justification=told, a_strengths=told)

    (shown,) = records(program, task.experiment)

    masked = "A is smaller, says [somebody], whom you reach at [somebody] about README.md."
    assert (shown["justification"], shown["a"]["strengths"]) == (masked, masked)


def test_the_rater_is_a_pseudonym(program, experiment, riley):
    shown = records(program, experiment)

    assert len({record["rater"] for record in shown}) == 1
    for secret in (riley.name, riley.email, str(riley.public_id)):
        assert secret not in str(shown)


def test_who_reads_verdicts_cannot_rate_in_that_experiment_any_more(db, bells):
    task = factories.make_ready_task()
    both = factories.make_person("Bo", Role.RESEARCHER, Role.RATER)
    program = program_of(both)
    program.get(f"/experiments/{task.experiment.public_id}")
    assert list(queue.offered_to(both)) == [task]

    for _ in range(2):
        records(program, task.experiment)

    event = Event.objects.get(name="experiment.results_seen")
    assert (event.actor, event.subject) == (both, str(task.experiment.public_id))
    assert event.detail == {"token": str(both.tokens.get().public_id)}
    assert not queue.offered_to(both).exists()


def test_four_records_need_as_many_queries_as_one(program, experiment, queries):
    records(program, experiment)  # notes the reading
    counts = []
    for limit in (1, 4):
        with queries:
            program.get(f"/experiments/{experiment.public_id}/records", limit=limit)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_patches_and_transcripts_are_not_even_asked_for(program, experiment, queries):
    with queries:
        program.get(f"/experiments/{experiment.public_id}/records")

    (statement,) = (
        q["sql"] for q in queries.captured_queries if '"grading_preference"."public_id"' in q["sql"]
    )
    for column in ("patch", "transcript", "evidence"):
        assert f'"{column}"' not in statement

"""What programs read of experiments: the rubric, and never what is compared."""

from datetime import timedelta

import pytest

from marlin.sources import Seeded, using
from tasks.models import Experiment
from tests import factories
from tests.grading.api.conftest import problem_of


@pytest.fixture
def experiments(db):
    """Eleven of one rubric, made a minute apart, and a draft that nobody reads yet."""
    rubric, scenario = factories.make_rubric(), factories.make_scenario()
    versions = [factories.make_agent_version(), factories.make_agent_version()]
    made = []
    with using(Seeded("experiments")) as world:
        for number in range(11):
            world.advance(timedelta(minutes=1))
            made.append(
                factories.make_experiment(
                    rubric=rubric, scenarios=[scenario], versions=versions, name=f"experiment no. {number}"
                )
            )
        Experiment.objects.create(name="draft", rubric=rubric)
    return made


def test_an_experiment_with_its_rubric(program, experiments):
    last = experiments[-1]

    shown = program.get(f"/experiments/{last.public_id}").json()

    assert shown == program.get("/experiments", limit=1).json()["items"][0]
    assert shown["id"] == str(last.public_id)
    assert (shown["name"], shown["state"]) == ("experiment no. 10", "running")
    assert shown["rubric"]["points"] == 8
    assert [axis["key"] for axis in shown["rubric"]["axes"]] == ["efficiency", "clarity"]


def test_the_list_is_newest_first_and_without_drafts(program, experiments):
    names = [item["name"] for item in program.all("/experiments", limit=4)]

    assert names == [f"experiment no. {number}" for number in range(10, -1, -1)]


def test_what_is_made_meanwhile_moves_nothing(program, experiments):
    first = program.get("/experiments", limit=5).json()
    factories.make_experiment(name="made meanwhile")

    second = program.get("/experiments", limit=200, cursor=first["next"]).json()

    names = [item["name"] for item in first["items"] + second["items"]]
    assert names == [f"experiment no. {number}" for number in range(10, -1, -1)]
    assert second["next"] is None


def test_the_cursor_of_something_else_is_refused(program, experiments):
    draft = Experiment.objects.get(name="draft")

    problem_of(program.get("/experiments", cursor=draft.public_id), 404)


def test_a_draft_is_not_found(program, experiments):
    draft = Experiment.objects.get(name="draft")

    problem_of(program.get(f"/experiments/{draft.public_id}"), 404)


def test_ten_experiments_need_as_many_queries_as_one(program, experiments, queries):
    program.get("/experiments")  # notes the first use
    counts = []
    for limit in (1, 10):
        with queries:
            program.get("/experiments", limit=limit)
        counts.append(len(queries))

    assert counts[0] == counts[1]

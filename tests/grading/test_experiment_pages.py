"""The admin's experiments: the list, the draft and its refusals, starting and pausing, scenarios, gold."""

import pytest

from grading import queue
from grading.models import Gold
from marlin.models import Event
from tasks.models import Arm, Category, Experiment, Guidelines, Qualification, Quota, Rubric
from tests import factories
from tests.grading.conftest import experiment_of, words_of

PAGE = "/experiments/"
FIRST = list(Category.values).index("bug fix")


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


def typed(**fields: object) -> dict[str, object]:
    """A draft as a browser posts it, with two versions to compare."""
    rubric = Rubric.objects.first() or factories.make_rubric()
    versions = [factories.make_agent_version().pk for _ in range(2)]
    return {
        "name": "Autumn",
        "rubric": rubric.pk,
        "versions": versions,
        "pairing": "random",
        "raters_wanted": "2",
        "second_share": "10",
        "gold_share": "5",
        "practice_wanted": "1",
        "turns_least": "1",
        "turns_wanted": "1",
        "language": "portuguese",
        "lead": "author",
        "author_days": "3",
        "rate": "280",
        "scenario_rate": "100",
        "review_rate": "40",
        "currency": "usd",
        "pay_budget": "5000",
        "provider_budget": "12.5",
        "run_budget": "1.25",
        "stop_after": "0",
        "gathers": "on",
        f"takes_{FIRST}": "on",
        f"wanted_{FIRST}": "40",
        "guidelines": "Read the **tests** too.",
    } | fields


def address(experiment: Experiment, act: str = "") -> str:
    return f"{PAGE}{experiment.public_id}/{act}"


# --- The list ---------------------------------------------------------------------------------------------------------


def test_the_empty_list_says_what_to_do_next(admin):
    assert "Make the first" in words_of(admin.get(PAGE))


def test_words_state_order_and_page_stand_in_the_address(admin, bells):
    for name in ("Herring", "Heron", "Kestrel"):
        experiment_of(1, name=name)
    Experiment.objects.filter(name="Heron").update(state="paused")

    page = words_of(admin.get(f"{PAGE}?q=her&sort=-name"))
    paused = words_of(admin.get(f"{PAGE}?state=paused&page=9"))
    nothing = words_of(admin.get(f"{PAGE}?q=owl"))

    assert page.index("Herring") < page.index("Heron</a>")
    assert "Kestrel" not in page
    assert ("Heron" in paused, "Herring" in paused) == (True, False)
    assert "None of these." in nothing


# --- The draft --------------------------------------------------------------------------------------------------------


def test_a_draft_keeps_everything_that_was_typed(admin, ada):
    qualification = Qualification.objects.create(name="Python")
    answer = admin.post(f"{PAGE}new", typed(qualifications=[qualification.pk]))

    draft = Experiment.objects.get()
    assert (answer.status_code, answer.url) == (302, address(draft))
    assert (draft.state, draft.name, draft.currency, draft.language) == (
        "draft",
        "Autumn",
        "USD",
        "Portuguese",
    )
    assert (draft.raters_wanted, draft.gold_share, draft.second_share, str(draft.rate)) == (
        2,
        5,
        10,
        "280.00",
    )
    assert Arm.objects.filter(experiment=draft).count() == 2
    assert list(draft.qualifications.all()) == [qualification]
    assert list(Quota.objects.values_list("category", "wanted")) == [("bug fix", 40)]
    assert Guidelines.objects.get().text == "Read the **tests** too."


def test_who_chooses_what_is_compared_rates_there_no_more(admin, ada):
    admin.post(f"{PAGE}new", typed())

    draft = Experiment.objects.get()
    assert queue.knows(ada, draft)
    assert Event.objects.filter(name="experiment.configured", actor=ada).count() == 1


def test_a_draft_is_opened_again_as_it_was_kept(admin):
    admin.post(f"{PAGE}new", typed(name="Autumn"))
    draft = Experiment.objects.get()

    page = admin.get(address(draft, "edit"))
    form = page.context["form"]
    again = {name: form[name].value() for name in ("rate", "language", "guidelines", f"wanted_{FIRST}")}

    assert [option.is_chosen for option in form.version_boxes()] == [True, True]
    assert again == {
        "rate": draft.rate,
        "language": "Portuguese",
        "guidelines": "Read the **tests** too.",
        f"wanted_{FIRST}": 40,
    }


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "Give it a name; raters read it."),
        ({"name": "Quillworks against the others"}, "would tell them what is compared."),
        ({"name": "Taken"}, "There is an experiment of this name."),
        ({"rubric": ""}, "Choose what raters are asked."),
        ({"versions": ["987654321"]}, "One of these agent versions is gone."),
        ({"pairing": "control"}, "Choose the version that the others are set against."),
        ({"turns_least": "3", "turns_wanted": "2"}, "The fewest cannot be more than the most, 2."),
        ({"turns_wanted": "0"}, "A session has a turn at least."),
        ({"raters_wanted": "0"}, "A task needs a rater at least."),
        ({"raters_wanted": "two"}, "Write a whole number."),
        ({"second_share": "101"}, "A share is of 100"),
        ({"gold_share": "101"}, "A share is of 100"),
        ({"rate": "-1"}, "This cannot be negative."),
        ({"rate": "much"}, "Write a number, such as 280"),
        ({"currency": "dollars"}, "at most 3 characters"),
        ({"currency": "U5D"}, "Three letters, such as USD or EUR."),
        ({"pay_budget": "279"}, "This does not pay for a single comparison."),
        ({f"wanted_{FIRST + 1}": "9"}, "too, or leave its number empty."),
        ({f"wanted_{FIRST}": "some"}, "Write a whole number."),
    ],
)
def test_each_refusal_is_told_by_name_and_loses_nothing(admin, fields, sentence):
    factories.make_agent_version(provider="Quillworks")
    Experiment.objects.create(name="Taken", rubric=factories.make_rubric())
    sent = typed(**fields)

    answer = admin.post(f"{PAGE}new", sent)
    page = words_of(answer).replace("&#x27;", "'")

    assert answer.status_code == 422
    assert sentence in page
    assert "Read the **tests** too." in page
    for value in (sent["name"], sent["pay_budget"], sent["turns_least"]):
        assert f'value="{value}"' in page
    assert [option.is_chosen for option in answer.context["form"].version_boxes()].count(True) in (0, 2)
    assert Experiment.objects.count() == 1


def test_what_has_been_started_is_not_edited(admin, bells):
    experiment = experiment_of(1)

    answer = admin.post(address(experiment, "edit"), typed())

    assert (answer.status_code, answer.url) == (302, address(experiment))
    assert Experiment.objects.get().name == experiment.name


# --- Starting, pausing, looking ---------------------------------------------------------------------------------------


def test_from_a_draft_to_running_paused_and_finished(admin, bells):
    admin.post(f"{PAGE}new", typed())
    draft = Experiment.objects.get()
    states = []
    for act in ("start", "start", "pause", "resume", "pause", "finish", "finish"):
        assert admin.post(address(draft, act)).status_code == 302
        draft.refresh_from_db()
        states.append(draft.state)

    assert states == ["running", "running", "paused", "running", "paused", "finished", "finished"]
    assert ("tasks.jobs.open_tasks",) in bells
    assert ("tasks.jobs.halt_runs",) in bells


def test_a_draft_that_cannot_start_says_why(admin, bells):
    admin.post(f"{PAGE}new", typed(versions=[]))
    draft = Experiment.objects.get()

    page = words_of(admin.get(address(draft)))
    told = words_of(admin.post(address(draft, "start"), follow=True))

    assert "compares two agent versions or more" in page
    assert "compares two agent versions or more" in told
    assert Experiment.objects.get().state == "draft"


def test_what_is_compared_is_shown_only_to_who_asked_for_it(admin, ada, bells):
    experiment = experiment_of(1)
    name = experiment.arms.first().agent_version.name

    before = words_of(admin.get(address(experiment)))
    admin.post(address(experiment, "look"))
    after = words_of(admin.get(address(experiment)))

    assert (name in before, name in after) == (False, True)
    assert queue.knows(ada, experiment)


def test_new_guidelines_are_a_new_version_while_it_runs(admin, bells):
    experiment = experiment_of(1)
    for text in ("One.", "Two.", "Two."):
        admin.post(address(experiment, "guidelines"), {"guidelines": text})

    assert list(Guidelines.objects.values_list("version", "text")) == [(1, "One."), (2, "Two.")]


# --- Scenarios and gold -----------------------------------------------------------------------------------------------


def test_scenarios_are_added_and_taken_out_but_those_with_a_task(admin, bells):
    experiment = experiment_of(2)
    task = factories.make_task(experiment)
    other = factories.make_scenario()
    everything = [str(one.public_id) for one in [other, *experiment.scenarios.all()]]

    admin.post(address(experiment, "scenarios"), {"scenario": everything, "act": "add"})
    added = experiment.scenarios.count()
    admin.post(address(experiment, "scenarios"), {"scenario": [*everything, "x" * 36], "act": "remove"})

    assert added == 3
    assert [one.pk for one in experiment.scenarios.all()] == [task.scenario_id]


def test_a_task_is_made_gold_with_its_answer_and_why(admin, ada, bells):
    task = factories.make_ready_task()
    pair = task.turns.get().pair(1)
    said = {
        "kind": "gold",
        "expected": "2",
        "why": "It handles the edge.",
        "share": "3",
        "retires_on": "2099-01-31",
    }

    answer = admin.post(f"/gold/{task.public_id}/", said)
    again = admin.get(f"/gold/{task.public_id}/")

    gold = Gold.objects.get()
    assert answer.url == address(task.experiment, "tasks")
    assert (gold.expected, gold.why, gold.share, str(gold.retires_on)) == (
        pair[1],
        "It handles the edge.",
        3,
        "2099-01-31",
    )
    assert 'value="2099-01-31"' in words_of(again)
    assert "gold" in words_of(admin.get(f"{address(task.experiment, 'tasks')}?kind=gold"))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": ""}, "Choose whether it is gold or practice."),
        ({"expected": ""}, "Choose the expected answer."),
        ({"why": " "}, "Say why; whoever is measured by it may ask."),
        ({"share": "0"}, "Write 1 to 100."),
        ({"retires_on": "soon"}, "Write a date as 2027-03-31."),
        ({"retires_on": "2020-01-01"}, "Choose a day that is still to come."),
    ],
)
def test_gold_without_an_answer_and_a_reason_is_refused(admin, bells, fields, sentence):
    task = factories.make_ready_task()
    said = {"kind": "practice", "expected": "same", "why": "Alike.", "share": "1", "retires_on": ""} | fields

    answer = admin.post(f"/gold/{task.public_id}/", said)

    assert (answer.status_code, sentence in words_of(answer)) == (422, True)
    assert not Gold.objects.exists()


# --- What the rater reads ---------------------------------------------------------------------------------------------


def test_a_rater_confirms_the_guidelines_on_the_way_to_the_task(client, riley, ada, bells):
    task = factories.make_ready_task()
    place = f"/guidelines/{task.experiment.public_id}/"
    client.force_login(ada)
    client.post(address(task.experiment, "guidelines"), {"guidelines": "Read the **tests**."})
    client.force_login(riley)

    work = words_of(client.get("/work/"))
    sent = client.post("/work/claim")
    page = words_of(client.get(place))
    client.post(place, {"version": "7"})
    too_early = client.post("/work/claim")
    client.post(place, {"version": "1"})
    claimed = client.post("/work/claim")

    assert "To read before the next task" in work
    assert (sent.url, too_early.url) == (place, place)
    assert "<strong>tests</strong>" in page
    assert claimed.url == f"/work/{riley.assignments.get().public_id}/"


def test_guidelines_of_work_that_is_not_theirs_are_not_found(client, sam, riley, ada, bells):
    task = factories.make_ready_task()
    queue.claim_next(riley)
    Guidelines.objects.create(experiment=task.experiment, version=1, text="Read.", written_by=ada)
    client.force_login(sam)

    assert client.get(f"/guidelines/{task.experiment.public_id}/").status_code == 404

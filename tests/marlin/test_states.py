"""One way to change a state."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from marlin.management.commands import draw_states
from marlin.models import Event, Role
from marlin.states import Stateful, WrongState
from tasks.models import Environment, Repository, Scenario
from tests import factories
from tests.races import race

STATEFUL = [model for model in apps.get_models() if issubclass(model, Stateful)]


@pytest.fixture
def draft(db: None) -> Scenario:
    return make_draft()


@pytest.fixture
def repository(db: None) -> Repository:
    return Repository.objects.create(name="tide", url="https://example.org/tide.git")


def make_draft() -> Scenario:
    return Scenario.objects.create(
        repository=factories.make_repository(), category="bug fix", title="A title", prompt="Do it."
    )


def test_a_move_changes_the_row_and_writes_one_event(draft):
    riley = factories.make_person("Riley", Role.RATER)

    draft.propose(by=riley)

    assert Scenario.objects.get().state == "in_review"
    event = Event.objects.get(name="scenario.in_review")
    assert (event.before, event.after, event.actor) == ("draft", "in_review", riley)
    assert event.subject == str(draft.public_id)


def test_the_second_of_two_movers_gets_wrong_state(draft):
    other = Scenario.objects.get()
    draft.propose(by=None)

    with pytest.raises(WrongState):
        other.propose(by=None)

    assert Event.objects.filter(name="scenario.in_review").count() == 1


def test_a_move_that_is_not_in_the_table_is_refused(draft):
    with pytest.raises(WrongState):
        draft.approve(by=None)


def test_a_refused_move_leaves_the_copy_in_hand_as_it_was(draft):
    other = Scenario.objects.get()
    draft.propose(by=None)

    with pytest.raises(WrongState, match=r"no longer draft"):
        other.propose(by=None)

    assert other.state == "draft"


def test_a_reason_is_written_into_the_event(draft):
    robin = factories.make_person("Robin", Role.REVIEWER)
    draft.propose(by=None)

    draft.send_back(by=robin, why="The prompt gives the answer away.")

    assert Event.objects.get(name="scenario.sent_back").why == "The prompt gives the answer away."


def test_events_of_guarded_models_carry_no_words(db, bells):
    candidate = factories.make_task().turns.get().candidates.first()
    run = factories.start_run(candidate)

    run.move_to("lost", held=run.token, why="Quillback was killed.")

    event = Event.objects.get(name="run.lost")
    assert (event.why, event.detail) == ("", {})


def test_an_event_belongs_to_the_story_of_its_task(db, bells):
    task = factories.make_task()
    factories.finish_candidate(task.turns.get().candidates.first())

    assert Event.objects.get(name="candidate.ready").story == str(task.public_id)


def test_a_copy_may_ask_the_database(draft):
    other = Scenario.objects.get()
    draft.propose(by=None)

    assert other.is_now("in_review", "approved")
    assert not other.is_now("draft")


def test_of_eight_racing_movers_one_wins(committed):
    copies = [Scenario.objects.get(pk=draft.pk) for draft in [make_draft()] for _ in range(8)]

    outcomes = race(*[lambda copy=copy: copy.propose(by=None) for copy in copies])

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 7
    assert Event.objects.filter(name="scenario.in_review").count() == 1


@pytest.mark.parametrize("model", STATEFUL, ids=lambda model: model.__name__)
def test_every_state_has_its_row_and_every_arc_ends_in_a_state(model):
    states = set(model.State.values)

    assert set(model.TRANSITIONS) == states
    assert set().union(*model.TRANSITIONS.values()) <= states


@pytest.mark.parametrize("model", STATEFUL, ids=lambda model: model.__name__)
def test_every_state_has_a_comment_for_the_drawing(model):
    assert [state for state, _ in draw_states._comments(model)] == model.State.values


def test_the_drawing_of_the_states_is_current():
    call_command("draw_states", check=True)


def test_a_stale_drawing_is_noticed(tmp_path, monkeypatch):
    page = tmp_path / "states.md"
    monkeypatch.setattr(draw_states, "PAGE", page)
    call_command("draw_states")
    page.write_text(page.read_text().replace("cloning --> broken", "cloning --> usable"))

    with pytest.raises(CommandError, match="stale"):
        call_command("draw_states", check=True)


def test_a_missing_drawing_is_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(draw_states, "PAGE", tmp_path / "states.md")

    with pytest.raises(CommandError):
        call_command("draw_states", check=True)


def test_a_lease_keeps_others_away(repository):
    repository.take_lease("cloning", 60)

    with pytest.raises(WrongState, match="somebody works on it"):
        Repository.objects.get().take_lease("cloning", 60)


def test_a_lease_that_ran_out_is_free(repository):
    repository.take_lease("cloning", -1)

    assert Repository.objects.get().take_lease("cloning", 60)


def test_a_lease_is_only_for_the_state_it_names(repository):
    with pytest.raises(WrongState):
        repository.take_lease("baseline", 60)


def test_a_lease_is_renewed_by_its_holder(repository):
    token = repository.take_lease("cloning", 1)

    assert repository.renew_lease(token, 3600)
    assert Repository.objects.filter(lease_until__gt=Now() + timedelta(seconds=3000)).exists()


def test_a_lease_that_was_taken_over_cannot_be_renewed(repository):
    token = repository.take_lease("cloning", -1)
    Repository.objects.get().take_lease("cloning", 60)

    assert not repository.renew_lease(token, 60)


def test_a_holder_who_lost_the_lease_cannot_write(repository):
    late = repository.take_lease("cloning", -1)
    Repository.objects.get().take_lease("cloning", 60)

    with pytest.raises(WrongState):
        repository.cloned(head=factories.BASE_COMMIT, token=late)

    assert Repository.objects.get().state == "cloning"


def test_a_finished_lease_cannot_be_renewed(repository):
    token = repository.take_lease("cloning", 60)
    repository.cloned(head=factories.BASE_COMMIT, token=token)

    assert not repository.renew_lease(token, 60)


def test_of_eight_workers_one_takes_the_lease(committed):
    pk = Repository.objects.create(name="tide", url="https://example.org/tide.git").pk
    copies = [Repository.objects.get(pk=pk) for _ in range(8)]

    outcomes = race(*[lambda copy=copy: copy.take_lease("cloning", 60) for copy in copies])

    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1


def test_what_is_unleased_is_free_to_take(repository):
    environment = Environment.objects.create(repository=repository, base_commit=factories.BASE_COMMIT)
    assert list(Environment.objects.unleased()) == [environment]

    environment.take_lease("baseline", 60)

    assert not Environment.objects.unleased().exists()

"""One way to change a state."""

import pytest

from marlin.models import Event, Role
from marlin.states import WrongState
from tasks.models import Scenario
from tests import factories


@pytest.fixture
def draft(db: None) -> Scenario:
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

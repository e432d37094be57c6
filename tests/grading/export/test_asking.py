"""Two who ask for the same export in the same moment, with real commits."""

from grading.export import snapshot
from grading.models import Export
from marlin.models import Event, Role
from tests import factories
from tests.grading.conftest import at_once


def test_two_clicks_at_once_ask_for_one_export(committed, bells):
    experiment, rowan = factories.make_experiment(), factories.make_person("Rowan", Role.RESEARCHER)
    question = {"by": rowan, "reason": "For the paper in May."}

    first, second = at_once(*[lambda: snapshot.ask(str(experiment.public_id), **question)] * 2)

    assert first == second == Export.objects.get()
    assert Event.objects.filter(name="experiment.unblinded").count() == 1

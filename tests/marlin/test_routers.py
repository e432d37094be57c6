"""In a web process a guarded model is refused before PostgreSQL has to."""

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from marlin.logins import is_guarded
from marlin.models import User
from marlin.routers import Guard, GuardedModel
from tasks.models import AgentVersion, Candidate, Origin, Run
from tests import factories
from tests.conftest import as_role

GUARDED_MODELS = [model for model in apps.get_models() if is_guarded(model._meta.label)]


@pytest.mark.parametrize("model", GUARDED_MODELS, ids=lambda model: model.__name__)
def test_a_page_cannot_ask_for_a_guarded_model(db, model):
    with as_role("web"), pytest.raises(GuardedModel, match=model.__name__):
        model.objects.first()


def test_a_page_cannot_write_a_guarded_model(db):
    with as_role("web"), pytest.raises(GuardedModel):
        AgentVersion.objects.create(name="Quillback")


def test_a_page_cannot_walk_from_a_candidate_to_its_origin(db, bells):
    candidate = factories.make_task().turns.get().candidates.first()

    with as_role("web"), pytest.raises(GuardedModel):
        str(candidate.origin)


def test_a_join_that_slips_past_the_router_is_stopped_by_the_database(db, bells):
    factories.make_task()

    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        as_role("web"),
    ):
        list(Candidate.objects.filter(origin__agent_version__name="Quillback"))


def test_a_page_reads_everything_else(db, bells):
    factories.make_task()

    with as_role("web"):
        assert Candidate.objects.count() == 2


@pytest.mark.parametrize("model", [Origin, Run, AgentVersion])
def test_a_worker_reads_guarded_models(db, model):
    with as_role("worker"):
        assert model.objects.count() == 0


def test_what_came_through_an_alias_is_asked_for_through_it():
    guard, person = Guard(), User()
    person._state.db = "unblind"

    assert guard.db_for_read(User, instance=person) == "unblind"
    assert guard.db_for_write(User, instance=person) == "unblind"
    assert guard.allow_relation(person, User())


def test_migrations_run_on_one_alias():
    assert Guard().allow_migrate("default", "tasks")
    assert not Guard().allow_migrate("unblind", "tasks")
    assert connection.alias == "default"

"""`manage.py seed_demo` builds the demo once, and says how to sign in."""

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from marlin.models import Role, User
from tasks import rubrics
from tasks.management.commands.seed_demo import EXPERIMENT, PASSWORD, seed
from tasks.models import AgentVersion, Environment, Experiment, Repository, Rubric, Scenario


@pytest.fixture
def demo(db: None, bells: list[tuple[object, ...]]) -> Experiment:
    return seed()


def test_the_demo_has_somebody_for_every_role(demo):
    assert {role for person in User.objects.all() for role in person.roles} == set(Role.values)


def test_the_demo_compares_two_versions_on_three_kinds_of_work(demo, bells):
    assert demo.state == "running"
    assert demo.arms.count() == 2
    assert set(Scenario.objects.values_list("category", flat=True)) == {
        "new feature",
        "bug fix",
        "refactoring",
    }
    assert set(Scenario.objects.values_list("state", flat=True)) == {"approved"}
    assert Environment.objects.count() == Scenario.objects.values("base_commit").distinct().count()
    assert {"tasks.jobs.clone_repository", "tasks.jobs.open_tasks"} <= {bell[0] for bell in bells}


def test_seeding_again_changes_nothing(demo, bells):
    bells.clear()

    assert seed() == demo

    assert Repository.objects.count() == 1
    assert AgentVersion.objects.count() == 2
    assert Experiment.objects.get().name == EXPERIMENT
    assert bells == []


def test_the_command_prints_how_to_sign_in_as_each_person(db, bells, capsys):
    call_command("seed_demo")

    printed = capsys.readouterr().out
    for person in User.objects.all():
        assert person.email in printed
        assert authenticate(email=person.email, password=PASSWORD) == person


def test_the_default_rubric_is_made_once(db):
    rubric = rubrics.shipped()

    assert rubrics.shipped() == rubric == Rubric.objects.get()
    assert rubric.points == 8
    assert [axis.key for axis in rubric.axes.all()] == [
        "efficiency",
        "clarity",
        "maintainability",
        "correctness",
        "ready",
    ]

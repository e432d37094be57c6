"""Every list in one world: the same number of queries for ten rows and for a hundred, each order, each odd address."""

from __future__ import annotations

import itertools
import re

import pytest

from grading.models import Assignment, Export, Receipt, Review
from marlin.models import User
from marlin.sources import now
from tasks.models import (
    AgentVersion,
    Category,
    Experiment,
    Grant,
    Import,
    ImportFile,
    Provider,
    Qualification,
    Repository,
    Rubric,
    Scenario,
    ScenarioReview,
    Task,
)
from tests import factories


@pytest.fixture
def world(db, bells, ada, riley, robin):
    """Somebody who may open every list; one of what the rows belong to."""
    ada.roles = ["rater", "reviewer", "admin", "researcher"]
    ada.save()
    return {
        "repository": factories.make_repository(name="shared"),
        "experiment": factories.make_experiment(),
        "qualification": Qualification.objects.create(name="Python"),
    }


def fill(world, ada, riley, robin, number):
    """So many rows more of everything that is listed."""
    names = [f"{number} {one:03}" for one in range(number)]
    Repository.objects.bulk_create(
        Repository(name=f"r {name}", url="https://example.org/r.git", state="usable") for name in names
    )
    Rubric.objects.bulk_create(Rubric(name=f"u {name}", version=1, points=8) for name in names)
    rubric = Rubric.objects.order_by("pk").first()
    Experiment.objects.bulk_create(Experiment(name=f"e {name}", rubric=rubric) for name in names)
    people = User.objects.bulk_create(
        User(email=f"{name.replace(' ', '-')}@example.org", name=name) for name in names
    )
    Grant.objects.bulk_create(Grant(person=one, qualification=world["qualification"]) for one in people)
    imports = Import.objects.bulk_create(Import(kind="tasks", dataset="d", by=ada) for _ in names)
    ImportFile.objects.bulk_create(
        ImportFile(asked=one, name=f"{one.pk}-{half}.jsonl") for one in imports for half in "ab"
    )
    common = {"repository": world["repository"], "base_commit": "b" * 40, "category": Category.values[0]}
    own, waiting, approved = (
        Scenario.objects.bulk_create(
            Scenario(author=author, state=state, title=f"{state} {name}", prompt="Do it.", **common)
            for name in names
        )
        for author, state in ((ada, "draft"), (riley, "in_review"), (riley, "approved"))
    )
    assert len(own) == len(waiting) == len(approved)
    ScenarioReview.objects.bulk_create(
        ScenarioReview(scenario=one, reviewer=ada, decision="approved") for one in approved
    )
    tasks = Task.objects.bulk_create(
        Task(experiment=world["experiment"], scenario=one, state="open") for one in approved
    )
    submitted, accepted = (
        Assignment.objects.bulk_create(
            Assignment(task=task, rater=rater, seat=seat, state=state, submitted_at=now()) for task in tasks
        )
        for seat, (state, rater) in enumerate((("submitted", riley), ("accepted", robin)))
    )
    assert len(submitted) == len(accepted)
    receipts = Receipt.objects.bulk_create(Receipt(assignment=one) for one in accepted)
    Review.objects.bulk_create(
        Review(assignment=one.assignment, receipt=one, reviewer=ada, decision="accept") for one in receipts
    )
    experiments = Experiment.objects.filter(name__startswith=f"e {number} ")
    experiments.update(state="running")
    Export.objects.bulk_create(
        Export(experiment=one, asked_by=ada, reason="To count.") for one in experiments
    )
    Provider.objects.bulk_create(
        Provider(name=f"p {name}", dialect=dialect, base_url=f"https://{dialect}.example/{name}")
        for name, dialect in zip(names, itertools.cycle(("anthropic", "openai")))
    )
    AgentVersion.objects.bulk_create(
        AgentVersion(name=f"a {name}", harness="scripted", model="m", provider="p") for name in names
    )


LISTS = {
    "/scenarios/": ("title", "repository", "category", "begun", "state"),
    "/approvals/": ("title", "repository", "category", "proposed"),
    "/approvals/decided/": ("scenario", "repository", "decided", "decision"),
    "/review/": ("task", "repository", "category", "handed_in"),
    "/review/decided/": ("task", "repository", "decided", "decision"),
    "/results/": ("name", "made"),
    "/exports/": ("name", "asked"),
    "/providers/": ("name", "dialect", "address"),
    "/agents/": ("name", "harness", "model", "provider"),
    "/imports/": ("asked", "kind", "dataset"),
    "/repositories/": ("name", "address", "language", "state"),
    "/experiments/": ("name", "tasks", "accepted", "created"),
    "/experiments/{id}/scenarios": ("title", "repository", "category", "begun"),
    "/experiments/{id}/tasks": ("title", "repository", "kind", "accepted", "opened", "state"),
    "/people/": ("name", "joined"),
    "/rubrics/": ("name", "version", "scale", "axes", "used", "written"),
}


def test_every_list_asks_as_often_for_a_hundred_rows_as_for_ten(client, world, ada, riley, robin, queries):
    client.force_login(ada)
    pages = [place.format(id=world["experiment"].public_id) for place in LISTS]
    counts = []
    for number in (10, 90):
        fill(world, ada, riley, robin, number)
        counts.append({})
        for page in pages:
            with queries as captured:
                answer = client.get(page)
            assert answer.status_code == 200
            counts[-1][page] = len(captured)

    assert counts[0] == counts[1]
    assert "Page 1 of 3" in answer.content.decode()


@pytest.mark.parametrize("place", LISTS)
def test_every_order_and_odd_word_has_an_answer(client, world, ada, riley, robin, place):
    client.force_login(ada)
    fill(world, ada, riley, robin, 3)
    page = place.format(id=world["experiment"].public_id)

    for key in LISTS[place]:
        up, down = (_first_row(client.get(page, {"sort": sort})) for sort in (key, f"-{key}"))
        assert up != down
    odd = client.get(page, {"q": "no such\0 words", "sort": "--", "page": "x", "state": "odd"})
    assert "Show all</a>" in odd.content.decode()


def _first_row(answer) -> str:
    text = answer.content.decode()
    row = re.search(r"<tbody[^>]*>\s*(<tr.*?</tr>)|<ul class=\"items\">\s*(<li.*?</li>)", text, re.DOTALL)
    assert row
    return row[0]

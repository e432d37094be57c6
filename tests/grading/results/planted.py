"""A world whose truth is known: who is better by how much, which side is favoured, who is careless, what leaks."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from django.db import connection, transaction

from grading.export.records import FORMAT, digest_of, pseudonym, record_of
from grading.models import Assignment, BlindPair, Judgement, Preference, Revision
from grading.rubric import canonical
from marlin.models import Role, User
from tasks.models import Arm, Axis, Candidate, Experiment, Origin, Repository, Scenario, Task, Turn
from tests import factories

#: θ of each arm, in log units: the second is the best, the third hardly better than the first.
THETA = (0.0, 1.8, 0.3)
#: How much the tasks differ in what all their readers see alike: a standard deviation, in the same units.
SHARED = 2.0
#: What the left side is worth.
SIDE = 0.45
#: Cut points between the levels of eight.
CUTS = (-2.4, -1.5, -0.7, 0.0, 0.7, 1.5, 2.4)
AXES = {
    "efficiency": 0.0,
    "clarity": 1.3,
    "maintainability": 1.1,
    "correctness": 0.6,
}  # how much of a lead is seen on an axis
NAMES = ("Quillback", "Halyard", "Petrel")
RELEASED = (date(2026, 1, 10), date(2026, 3, 20), date(2026, 6, 1))
LANGUAGES = {
    "waymark": "Python",
    "tideline": "Python",
    "sounding": "Go",
    "lodestar": "Rust",
    "leadline": "Go",
}
LEAKING = "waymark"
BEGIN = datetime(2026, 9, 1, 9, tzinfo=UTC)


@dataclass
class World:
    """What was planted, by the names that a page would use."""

    experiment: Experiment
    careless: str = ""
    raters: list[User] = field(default_factory=list)
    arms: list[Arm] = field(default_factory=list)


@transaction.atomic  # a worker that is already running must not judge half of it
def plant(
    *, tasks: int = 240, raters: int = 10, readers: int = 3, seed: int = 7, theta: tuple[float, ...] = THETA
) -> World:
    """So many tasks, each read by so many raters, over ten weeks; accepted, and judged as the job would."""
    random = Random(seed)
    world = _people_and_arms(tasks, raters, readers, theta)
    template = _template(world)
    scenarios = list(world.experiment.scenarios.select_related("repository").order_by("pk"))
    made = Task.objects.bulk_create(
        Task(experiment=world.experiment, scenario=scenario, state="open") for scenario in scenarios
    )
    turns = Turn.objects.bulk_create(
        Turn(task=task, number=1, prompt=task.scenario.prompt, base_commit=task.scenario.base_commit)
        for task in made
    )
    pairs = [(0, 1), (0, 2), (1, 2)] if len(theta) > 2 else [(0, 1)]
    compared = [pairs[number % len(pairs)] for number in range(len(turns))]
    candidates = _candidates(world, turns, compared)
    readings = []
    for number, turn in enumerate(turns):
        for seat, rater in enumerate(_readers(world, random, readers)):
            readings.append(_Reading(turn, compared[number], candidates[number], rater, seat, number))
    _store(world, random, readings, template, theta, tasks)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself; else joins of all these read whole tables
    return world


@dataclass
class _Reading:
    turn: Turn
    arms: tuple[int, int]
    candidates: tuple[Candidate, Candidate]
    rater: User
    seat: int
    number: int


def _people_and_arms(tasks: int, raters: int, readers: int, theta: tuple[float, ...]) -> World:
    repositories = [
        Repository.objects.create(name=name, url=f"https://example.org/{name}.git", language=language)
        for name, language in LANGUAGES.items()
    ]
    versions = [
        factories.make_agent_version(name=name, released_on=RELEASED[place])
        for place, name in enumerate(NAMES[: len(theta)])
    ]
    rubric = factories.make_rubric(points=8, name="default", version=3)
    for place, key in enumerate(list(AXES)[2:], 2):
        Axis.objects.create(rubric=rubric, key=key, name=key.capitalize(), question="Which?", position=place)
    experiment = Experiment.objects.create(
        name="Autumn comparison",
        rubric=rubric,
        rate="280.00",
        raters_wanted=readers,
        lead=Experiment.Lead.ANYONE,
        state="running",
    )
    categories = ("bug fix", "new feature", "refactoring")
    scenarios = Scenario.objects.bulk_create(
        Scenario(
            repository=repositories[number % len(repositories)],
            base_commit=factories.BASE_COMMIT,
            category=categories[number % 3],
            title=f"Change {number + 1} of {repositories[number % len(repositories)].name}",
            prompt="Entries must not come back when the clock is set back.",
            state="approved",
        )
        for number in range(tasks)
    )
    experiment.scenarios.set(scenarios)
    arms = [
        Arm.objects.create(experiment=experiment, agent_version=version, position=place)
        for place, version in enumerate(versions)
    ]
    people = [factories.make_person(f"Rater{number}", Role.RATER) for number in range(raters)]
    return World(experiment, pseudonym(people[-1], experiment), people, arms)


def _candidates(
    world: World, turns: list[Turn], compared: list[tuple[int, int]]
) -> list[tuple[Candidate, Candidate]]:
    # A result reads records alone; what is cancelled keeps workers from rendering these patches.
    made = Candidate.objects.bulk_create(
        Candidate(
            turn=turn, state="cancelled", patch=factories.PATCH, tree=factories.TREE, files=factories.FILES
        )
        for turn in turns
        for _ in range(2)
    )
    both = [(made[2 * number], made[2 * number + 1]) for number in range(len(turns))]
    Origin.objects.bulk_create(
        Origin(
            candidate=candidate,
            arm=world.arms[arm],
            agent_version_id=world.arms[arm].agent_version_id,
        )
        for (first, second), arms in zip(both, compared, strict=True)
        for candidate, arm in zip((first, second), arms, strict=True)
    )
    return both


def _readers(world: World, random: Random, readers: int) -> list[User]:
    return random.sample(world.raters, min(readers, len(world.raters)))


def _template(world: World) -> dict[str, Any]:
    """One record as the job writes it, whose numbers are replaced."""
    task = Task(experiment=world.experiment, scenario=world.experiment.scenarios.all()[0], state="open")
    task.save()
    turn = Turn.objects.create(task=task, number=1, prompt="Begin.", base_commit=factories.BASE_COMMIT)
    ((first, second),) = _candidates(world, [turn], [(0, 1)])
    assignment = Assignment(task=task, rater=world.raters[0], submitted_at=BEGIN, seat=0, state="accepted")
    pair = BlindPair(
        assignment=assignment, turn=turn, attempt=1, a=first, b=second, method="coin", probability=0.5
    )
    revision = Revision(number=1, ratings={"overall": 1}, texts={"justification": factories.JUSTIFICATION})
    record = record_of(Preference(pair=pair), revision)
    Origin.objects.filter(candidate__in=(first, second)).delete()
    Candidate.objects.filter(turn=turn).delete()
    turn.delete()
    task.delete()
    return record


def _store(
    world: World,
    random: Random,
    readings: list[_Reading],
    template: dict[str, Any],
    theta: tuple[float, ...],
    tasks: int,
) -> None:
    assignments = Assignment.objects.bulk_create(
        Assignment(
            task=reading.turn.task,
            rater=reading.rater,
            seat=reading.seat,
            state="accepted",
            submitted_at=BEGIN + timedelta(days=70 * reading.number / tasks),
        )
        for reading in readings
    )
    flips = [random.random() < 0.5 for _ in readings]
    pairs = BlindPair.objects.bulk_create(
        BlindPair(
            assignment=assignment,
            turn=reading.turn,
            attempt=1,
            a=reading.candidates[1 if flip else 0],
            b=reading.candidates[0 if flip else 1],
            method="coin",
            probability=0.5,
        )
        for reading, assignment, flip in zip(readings, assignments, flips, strict=True)
    )
    preferences = Preference.objects.bulk_create(Preference(pair=pair) for pair in pairs)
    ratings = [
        _ratings(world, random, reading, flip, theta) for reading, flip in zip(readings, flips, strict=True)
    ]
    revisions = Revision.objects.bulk_create(
        Revision(
            preference=preference,
            number=1,
            ratings=given,
            key_axis="clarity",
            texts={"justification": factories.JUSTIFICATION},
        )
        for preference, given in zip(preferences, ratings, strict=True)
    )
    for preference, revision in zip(preferences, revisions, strict=True):
        preference.state, preference.locked_revision = "locked", revision
    Preference.objects.bulk_update(preferences, ["state", "locked_revision"], batch_size=500)
    judgements = []
    for reading, flip, assignment, revision, preference in zip(
        readings, flips, assignments, revisions, preferences, strict=True
    ):
        record = _record(world, random, template, reading, flip, assignment, revision, preference)
        judgements.append(
            Judgement(
                preference=preference,
                revision=revision,
                record=record,
                format=FORMAT,
                digest=digest_of(record),
            )
        )
    Judgement.objects.bulk_create(judgements, batch_size=500)


def _ratings(
    world: World, random: Random, reading: _Reading, flip: bool, theta: tuple[float, ...]
) -> dict[str, int]:
    """As shown: 1 is "A clearly". The last rater does not look at what is rated."""
    if reading.rater == world.raters[-1]:
        return {axis: random.randint(1, 8) for axis in ("overall", *AXES)}
    one, other = reading.arms
    ahead = theta[one] - theta[other]
    shared = Random(f"{reading.number}").gauss(0, SHARED)  # what all readers of a task see alike
    found = {}
    for axis, seen in {"overall": 1.0, **AXES}.items():
        for_first = seen * ahead + shared
        found[axis] = _level(random, (-for_first if flip else for_first) + SIDE)
    return found


def _level(random: Random, for_left: float) -> int:
    noise = math.log(1 / random.uniform(1e-9, 1 - 1e-9) - 1)
    return 8 - sum(for_left + noise > cut for cut in CUTS)


def _record(
    world: World,
    random: Random,
    template: dict[str, Any],
    reading: _Reading,
    flip: bool,
    assignment: Assignment,
    revision: Revision,
    preference: Preference,
) -> dict[str, Any]:
    record = copy.deepcopy(template)
    scenario = reading.turn.task.scenario
    one, other = reading.arms
    given = revision.ratings
    record |= {
        "preference": str(preference.public_id),
        "task": str(reading.turn.task.public_id),
        "rater": pseudonym(reading.rater, world.experiment),
        "seat": reading.seat,
        "model_a": NAMES[one],
        "model_b": NAMES[other],
        "side": "R" if flip else "L",
        "rating": canonical(8, given["overall"], a_is_first=not flip),
        "axes": {axis: canonical(8, given[axis], a_is_first=not flip) for axis in AXES},
        "submitted_at": assignment.submitted_at.isoformat() if assignment.submitted_at else None,
        "blinding": record["blinding"] | {"guess": _guess(random, scenario.repository.name, reading.arms)},
        "key_axis": "clarity",
    }
    record["shown"] = {
        "A": NAMES[other if flip else one],
        "B": NAMES[one if flip else other],
        "ratings": given,
    }
    record["scenario"] |= {
        "title": scenario.title,
        "category": scenario.category,
        "repository": scenario.repository.name,
        "language": scenario.repository.language,
    }
    record["agent_a"]["released_on"] = RELEASED[one].isoformat()
    record["agent_b"]["released_on"] = RELEASED[other].isoformat()
    # The better one also writes more: style control has something to explain.
    sizes = Random(f"size {reading.number}")
    for side, arm in (("a", one), ("b", other)):
        record[f"candidate_{side}"] |= {
            "added": 20 + 25 * arm + sizes.randint(0, 60),
            "files": 1 + sizes.randint(0, 3),
            "transcript_length": 400 + sizes.randint(0, 4000),
            "final_message": "I added a file. " * (1 + sizes.randint(0, 5)),
            "evidence": {"ran": sizes.random() < 0.8, "passed": 3, "failed": 0, "skipped": 0, "failures": []},
        }
    return record


def _guess(random: Random, repository: str, arms: tuple[int, int]) -> str:
    newer, older = ("a", "b") if RELEASED[arms[0]] > RELEASED[arms[1]] else ("b", "a")
    if repository == LEAKING:
        return newer if random.random() < 0.85 else older
    return random.choice(("unknown", "unknown", "unknown", newer, older))

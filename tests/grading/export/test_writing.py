"""The writer: frozen lists in parts, killed workers, filters, and counts of what stayed out."""

import fcntl
import json
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.http import QueryDict

from grading import jobs
from grading.checks import Refused
from grading.export import filters, snapshot, stream, writing
from grading.export.filters import Filters
from grading.models import Assignment, Export, ExportPart, Judgement, Preference
from marlin.models import Event, Role
from tasks.models import Experiment
from tests import factories
from tests.grading.conftest import make_tasks

REASON = "For the paper in May."


class Killed(BaseException):
    """As if the process were gone: nobody's `except Exception` sees it."""


@pytest.fixture(scope="module")
def five_accepted(standing):
    riley, tasks = factories.make_person("Riley", Role.RATER), make_tasks(5)
    return [factories.make_assignment(riley, task, state="accepted") for task in tasks]


@pytest.fixture
def experiment(five_accepted, db, bells, monkeypatch):
    """Five accepted preferences, written in parts of two."""
    monkeypatch.setattr(snapshot, "PART", 2)
    return Experiment.objects.get(tasks=five_accepted[0].task)


def ask(experiment, **chosen):
    return snapshot.ask(str(experiment.public_id), by=None, reason=REASON, **chosen)


def written(export):
    jobs.write_export(export.pk)
    export.refresh_from_db()
    assert export.state == "ready", export.failure
    return export


def read(export, name):
    with snapshot.open_file(export, name, by=None) as file:
        return file.read()


def data_of(export):
    return {
        file["name"]: read(export, file["name"])
        for file in export.manifest["files"]
        if file["format"] != "about"
    }


def kill_at(monkeypatch, part):
    """The worker dies in the middle of this part, after some of it was written."""
    blocks = stream.blocks

    def until_killed(export, number, places):
        yield from blocks(export, number, places)
        if number == part:
            raise Killed

    monkeypatch.setattr(stream, "blocks", until_killed)


def let_the_sweep_find(export):
    Export.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert jobs.requeue_exports() == 1


# --- Freezing ---------------------------------------------------------------------------------------------------


def test_the_list_is_frozen_in_parts_by_public_id(experiment):
    export = written(ask(experiment))

    parts = list(ExportPart.objects.order_by("number").values_list("preferences", "revisions"))
    preferences = list(Preference.objects.order_by("public_id").values_list("pk", "locked_revision"))
    assert [len(part) for part, _ in parts] == [2, 2, 1]
    pairs = [pair for part in parts for pair in zip(*part, strict=True)]
    assert pairs == preferences
    assert (export.rows(), export.percent()) == (5, 100)


def test_what_is_locked_anew_after_freezing_does_not_change_the_bytes(experiment, monkeypatch):
    kill_at(monkeypatch, part=0)
    export = ask(experiment)
    with pytest.raises(Killed):
        jobs.write_export(export.pk)
    preference = Preference.objects.order_by("public_id").last()
    later = preference.revisions.create(number=2, ratings={"overall": 8}, key_axis="clarity")
    Preference.objects.filter(pk=preference.pk).update(locked_revision=later)
    monkeypatch.undo()
    let_the_sweep_find(export)

    lines = read(written(export), "preferences.jsonl").splitlines()

    assert json.loads(lines[-1])["revision"] == 1


def test_a_deleted_judgement_is_no_silent_gap(experiment):
    export = ask(experiment)
    token = export.take_lease("queued", 60)
    export.start(token=token)
    with writing._workplace(export) as folder:
        writing.write(export, token, folder)
    Judgement.objects.first().delete()

    with pytest.raises(stream.Gone, match="was deleted"):
        sum(len(block) for number in range(3) for block in stream.blocks(export, number, range(2)))


# --- Going on ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_killed_writer_is_gone_on_from_with_the_same_bytes(experiment, monkeypatch, part):
    whole = data_of(written(ask(experiment)))
    export = ask(experiment)
    with monkeypatch.context() as patch:
        kill_at(patch, part)
        with pytest.raises(Killed):
            jobs.write_export(export.pk)
    let_the_sweep_find(export)
    asked = []
    blocks = stream.blocks
    monkeypatch.setattr(
        stream,
        "blocks",
        lambda export, number, places: asked.append(number) or blocks(export, number, places),
    )

    again = data_of(written(export))

    assert again == whole
    assert asked == list(range(part, 3))  # what was done is not done again


def test_a_writer_without_the_files_of_the_first_begins_anew(experiment, monkeypatch):
    whole = data_of(written(ask(experiment)))
    export = ask(experiment)
    with monkeypatch.context() as patch:
        kill_at(patch, 1)
        with pytest.raises(Killed):
            jobs.write_export(export.pk)
    (settings.WORK_AREA / "exports" / str(export.public_id) / "preferences.csv").unlink()
    let_the_sweep_find(export)

    assert data_of(written(export)) == whole


def test_who_lost_the_lease_stops_at_the_next_part(experiment, monkeypatch):
    export = ask(experiment)
    blocks = stream.blocks

    def taken_meanwhile(mine, number, places):
        Export.objects.update(token="somebody else's")
        yield from blocks(mine, number, places)

    monkeypatch.setattr(stream, "blocks", taken_meanwhile)
    jobs.write_export(export.pk)

    assert export.is_now("writing")
    assert Export.objects.get().progress == {}


def test_progress_is_told_within_a_part(experiment, monkeypatch):
    """Between two slices the connection is free: told within one, the writer would wait for itself."""
    monkeypatch.setattr(snapshot, "PART", 100)
    monkeypatch.setattr(stream, "SLICE", 2)
    monkeypatch.setattr(writing, "SIGN", -1)
    told = []
    keep = Export.keep

    def noted(export, **changes):
        told.append(changes.get("progress", {}).get("rows"))
        keep(export, **changes)

    monkeypatch.setattr(Export, "keep", noted)

    export = written(ask(experiment))

    assert told == [None, 2, 4, 5, 5, 5]
    assert len(read(export, "preferences.jsonl").splitlines()) == 5


def test_two_processes_never_write_in_one_folder(experiment):
    export = ask(experiment)
    folder = settings.WORK_AREA / "exports" / str(export.public_id)
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        jobs.write_export(export.pk)
        assert export.is_now("queued")

    written(export)
    assert not folder.exists()


def test_the_sweep_clears_the_folder_of_who_died_at_the_very_end(experiment):
    export = written(ask(experiment))
    folder = settings.WORK_AREA / "exports" / str(export.public_id)
    folder.mkdir()

    jobs.requeue_exports()

    assert not folder.exists()


def test_the_checksum_of_the_manifest_goes_into_the_audit_chain(experiment):
    export = written(ask(experiment))

    event = Event.objects.get(name="export.signed")
    assert event.detail == {"manifest": snapshot.checksum(export)}


# --- Filters ----------------------------------------------------------------------------------------------------


def test_filters_choose_and_every_other_preference_is_counted_with_its_reason(riley, rosa, bells):
    go = factories.make_repository(name="reef", language="Go")
    rust = factories.make_repository(name="kelp", language="Rust")
    scenarios = [factories.make_scenario(repository=place) for place in (go, go, rust, go, go)]
    experiment = factories.make_experiment(scenarios=scenarios)
    tasks = [factories.make_ready_task(experiment) for _ in scenarios]
    states = ("accepted", "accepted", "accepted", "rejected", "submitted")
    for task, state in zip(tasks, states, strict=True):
        factories.make_assignment(riley, task, state=state)
    second = tasks[1].scenario
    second.category = "testing"
    second.save()

    export = written(ask(experiment, wanted=Filters(languages=("Go",), categories=("bug fix",))))

    assert export.manifest["counts"]["left_out"] == {
        "filtered: category": 1,
        "filtered: language": 1,
        "not accepted: rejected": 1,
        "not accepted: submitted": 1,
    }
    assert (export.manifest["counts"]["preferences"], export.manifest["rows"]) == (5, 1)
    assert export.manifest["filters"]["languages"] == ["Go"]
    card = read(export, "README.md").decode()
    for words in ("Language: Go", "Category: bug fix", "| not accepted: rejected | 1 |"):
        assert words in card


def test_days_are_those_of_utc_with_the_last_included(experiment):
    day = Assignment.objects.first().submitted_at.date()
    before, after = day - timedelta(days=1), day + timedelta(days=1)

    def rows(**days):
        return written(ask(experiment, wanted=Filters(**days), keys=["jsonl"])).manifest["rows"]

    assert rows(since=before, until=after) == 5
    assert rows(until=before) == 0
    assert rows(since=after) == 0


def test_turns_and_repositories_filter_too(experiment):
    name = experiment.tasks.first().scenario.repository.name

    for wanted, rows in (
        (Filters(turns=(1,), repositories=(name,)), 5),
        (Filters(turns=(2,)), 0),
        (Filters(repositories=("elsewhere",)), 0),
    ):
        assert written(ask(experiment, wanted=wanted, keys=["jsonl"])).manifest["rows"] == rows


def test_filters_survive_being_stored():
    chosen = Filters(("Go",), ("reef",), ("testing",), (1, 2), date(2026, 1, 2), date(2026, 3, 4))

    assert Filters.from_json(json.loads(json.dumps(chosen.as_json()))) == chosen
    assert Filters.from_json(Filters().as_json()) == Filters()
    assert Filters().as_json() == {}


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ("since=yesterday", "since"),
        ("since=2026-02-02&until=2026-02-01", "until"),
        ("turns=one", "turns"),
        ("turns=²", "turns"),
        ("categories=love", "categories"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(posted, field):
    with pytest.raises(Refused) as refused:
        filters.read(QueryDict(posted))

    assert refused.value.field == field

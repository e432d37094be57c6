"""An export from the question to the files, in the job and from the command line."""

import hashlib
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from grading import jobs
from grading.checks import Refused
from grading.export import formats, snapshot, writing
from grading.models import Export, Judgement
from marlin.models import Event, Role, User
from marlin.states import WrongState
from tasks.models import Experiment
from tests import factories
from tests.grading.conftest import make_tasks

REASON = "For the paper in May."


@pytest.fixture(scope="module")
def three_accepted(standing):
    """Preferences of Riley's, of which none has a judgement yet."""
    riley, tasks = factories.make_person("Riley", Role.RATER), make_tasks(3)
    return [factories.make_assignment(riley, task, state="accepted") for task in tasks]


@pytest.fixture
def experiment(three_accepted, db, bells):
    return Experiment.objects.get(tasks=three_accepted[0].task)


@pytest.fixture
def riley(three_accepted, db):
    return User.objects.get(pk=three_accepted[0].rater_id)


def ask(experiment, by=None):
    return snapshot.ask(str(experiment.public_id), by=by, reason=REASON)


def export_of(experiment, by=None):
    """Written by the job."""
    export = ask(experiment, by)
    jobs.write_export(export.pk)
    export.refresh_from_db()
    return export


def read(export, name):
    with snapshot.open_file(export, name, by=None) as file:
        return file.read()


# --- Asking ---------------------------------------------------------------------------------------------------


def test_asking_is_written_down_with_name_and_reason_and_rings(experiment, rowan, bells):
    bells.clear()

    export = ask(experiment, by=rowan)

    assert (export.state, export.asked_by, export.reason) == ("queued", rowan, REASON)
    event = Event.objects.get(name="experiment.unblinded")
    assert (event.actor, event.subject, event.why) == (rowan, str(experiment.public_id), REASON)
    assert bells == [("grading.jobs.write_export", export.pk)]


@pytest.mark.parametrize("differs", ["reason", "formats", "person", "ready"])
def test_another_question_is_another_export(experiment, rowan, differs):
    first = ask(experiment, by=rowan)
    if differs == "ready":
        jobs.write_export(first.pk)

    again = {"by": rowan, "reason": REASON, "keys": formats.USUAL}
    again |= {
        "reason": {"reason": "For the paper in June."},
        "formats": {"keys": ["csv"]},
        "person": {"by": factories.make_person("Rhea", Role.RESEARCHER)},
        "ready": {},
    }[differs]

    assert snapshot.ask(str(experiment.public_id), **again) != first


@pytest.mark.parametrize("reason", ["", "  ", "For May", "\0 \0 \0"])
def test_asking_needs_a_reason(experiment, rowan, reason):
    with pytest.raises(Refused, match="what the export is for") as refused:
        snapshot.ask(str(experiment.public_id), by=rowan, reason=reason)

    assert refused.value.field == "reason"
    assert not Export.objects.exists()
    assert not Event.objects.filter(name="experiment.unblinded").exists()


@pytest.mark.parametrize("nonsense", ["", "x", "\0", "00000000-0000-4000-8000-000000000000"])
def test_asking_needs_an_experiment(db, rowan, nonsense):
    with pytest.raises(Refused, match="Choose an experiment") as refused:
        snapshot.ask(nonsense, by=rowan, reason=REASON)

    assert refused.value.field == "experiment"


def test_a_draft_of_an_experiment_cannot_be_exported(experiment, rowan):
    type(experiment).objects.update(state="draft")

    with pytest.raises(Refused):
        ask(experiment, by=rowan)


# --- Writing --------------------------------------------------------------------------------------------------


def test_no_accepted_preference_is_absent(experiment):
    assert not Judgement.objects.exists()

    export = export_of(experiment)

    assert (export.state, export.manifest["rows"]) == ("ready", 3)
    assert Judgement.objects.count() == 3
    lines = read(export, "preferences.jsonl").decode().splitlines()
    assert [json.loads(line) for line in lines] == list(
        Judgement.objects.order_by("preference__public_id").values_list("record", flat=True)
    )


def test_only_what_was_accepted_in_this_experiment_is_exported(experiment, riley, bells):
    factories.make_assignment(riley, state="accepted")
    factories.make_assignment(riley, state="rejected")

    assert export_of(experiment).manifest["rows"] == 3


def test_the_manifest_describes_the_files(experiment):
    export = export_of(experiment)

    manifest = json.loads(read(export, "manifest.json"))
    assert manifest == export.manifest
    names = [file["name"] for file in manifest["files"]]
    assert names == [
        "preferences.jsonl",
        "preferences-00000-of-00001.parquet",
        "preferences.csv",
        "trl-preference.jsonl",
        "trl-implicit.jsonl",
        "README.md",
        "croissant.json",
        "rubric.md",
    ]
    for file in manifest["files"]:
        body = read(export, file["name"])
        assert file["sha256"] == hashlib.sha256(body).hexdigest()
        assert file["bytes"] == len(body)
        assert file["rows"] == (None if file["format"] == "about" else manifest["rows"])
    assert read(export, "preferences.csv").count(b"\r\n") == 1 + manifest["rows"]
    assert manifest["asked_because"] == REASON
    assert manifest["filters"] == {"experiment": str(experiment.public_id), "state": "accepted"}
    assert set(manifest["versions"]) == {"marlin", "django", "pyarrow"}


def test_the_same_preferences_are_the_same_bytes(experiment):
    first, second = export_of(experiment), export_of(experiment)

    data = [
        [file for file in export.manifest["files"] if file["format"] != "about"] for export in (first, second)
    ]
    assert len(data[0]) == 5
    assert data[0] == data[1]


def test_an_experiment_without_preferences_gives_empty_files(db, bells):
    export = export_of(factories.make_experiment())

    assert (export.state, export.manifest["rows"]) == ("ready", 0)
    assert read(export, "preferences.jsonl") == b""


def test_what_comes_later_is_not_in_a_frozen_export(experiment, riley, bells):
    export = export_of(experiment)
    before = read(export, "preferences.jsonl")
    Judgement.objects.filter(pk=Judgement.objects.first().pk).delete()

    assert read(export, "preferences.jsonl") == before


def test_before_it_is_ready_there_are_no_files(experiment):
    export = ask(experiment)

    assert snapshot.files_of(export) == []


def test_taking_a_file_is_written_down(experiment, rowan):
    export = export_of(experiment, by=rowan)

    snapshot.open_file(export, "preferences.csv", by=rowan).close()

    event = Event.objects.get(name="export.downloaded")
    assert (event.actor, event.detail) == (rowan, {"name_of_file": "preferences.csv"})


# --- The job --------------------------------------------------------------------------------------------------


def test_a_bell_rung_twice_writes_once(experiment):
    export = export_of(experiment)

    jobs.write_export(export.pk)

    assert Event.objects.filter(name="export.ready").count() == 1


def test_an_export_that_fails_says_why_and_may_be_asked_for_again(experiment, rowan, monkeypatch):
    def no_room(*arguments):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "_describe", no_room)
        with pytest.raises(OSError, match="No space left"):
            export_of(experiment)

    export = Export.objects.get()
    assert (export.state, snapshot.files_of(export)) == ("failed", [])
    assert export.failure == "Writing failed: OSError. Try again, or see the worker's log."

    export.retry(by=rowan)
    jobs.write_export(export.pk)
    assert export.is_now("ready")


def test_who_lost_the_lease_meanwhile_leaves_the_row_alone(experiment, monkeypatch):
    export = ask(experiment)
    write = writing.write

    def write_slowly(mine, *arguments):
        Export.objects.update(token="somebody else's")
        return write(mine, *arguments)

    monkeypatch.setattr(writing, "write", write_slowly)
    jobs.write_export(export.pk)

    assert export.is_now("writing")
    assert Export.objects.get().manifest == {}


def test_the_sweep_queues_again_what_a_silent_worker_held(experiment, bells):
    export = ask(experiment)
    token = export.take_lease("queued", 60)
    export.start(token=token)
    bells.clear()

    assert jobs.requeue_exports() == 0
    Export.objects.update(lease_until=Now() - timedelta(seconds=1))

    assert jobs.requeue_exports() == 1
    assert bells == [("grading.jobs.write_export", export.pk)]
    with pytest.raises(WrongState):
        export.finish(token="another", manifest={})
    jobs.write_export(export.pk)
    assert export.is_now("ready")


def test_the_sweep_leaves_what_is_finished_in_this_very_moment(experiment, bells, monkeypatch):
    export = ask(experiment)
    export.start(token=export.take_lease("queued", 60))
    Export.objects.update(lease_until=Now() - timedelta(seconds=1))

    def finished_first(self, *, token):
        raise WrongState("It is ready.")

    monkeypatch.setattr(Export, "give_back", finished_first)

    assert jobs.requeue_exports() == 0


def test_the_sweep_rings_for_what_waits(experiment, bells):
    export = ask(experiment)
    bells.clear()

    assert jobs.requeue_exports() == 1
    assert bells == [("grading.jobs.write_export", export.pk)]


def test_the_jobs_of_judgement_may_be_rung_twice(experiment):
    assignment = experiment.tasks.first().assignments.get()

    assert [jobs.write_judgements(assignment.pk) for _ in range(2)] == [1, 0]
    assert [jobs.write_missing_judgements() for _ in range(2)] == [2, 0]


def test_the_job_of_leases_ends_what_is_overdue(riley):
    assignment = factories.make_assignment(riley)
    riley.assignments.update(lease_until=Now() - timedelta(seconds=1))

    assert jobs.expire_assignments() == 1
    assert assignment.is_now("expired")


# --- manage.py export_preferences -------------------------------------------------------------------------------


def run(experiment, out, **options):
    said = StringIO()
    call_command("export_preferences", experiment, out=out, stdout=said, **({"reason": REASON} | options))
    return said.getvalue()


@pytest.mark.parametrize("named_by", ["name", "public_id"])
def test_the_command_writes_a_directory(experiment, tmp_path, rowan, named_by):
    out = tmp_path / "new" / "export"

    said = run(str(getattr(experiment, named_by)), out, by=rowan.email.upper())

    assert said == f"3 preferences in {out}, described by manifest.json.\n"
    listed = [file["name"] for file in json.loads((out / "manifest.json").read_text())["files"]]
    assert {file.name for file in out.iterdir()} == {*listed, "manifest.json", "manifest.sig"}
    for file in json.loads((out / "manifest.json").read_text())["files"]:
        assert hashlib.sha256((out / file["name"]).read_bytes()).hexdigest() == file["sha256"]
    assert Event.objects.get(name="experiment.unblinded").actor == rowan


def test_the_command_needs_no_name_of_a_person(experiment, tmp_path):
    run(experiment.name, tmp_path)

    assert Export.objects.get().asked_by is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"reason": "Because"}, "Say in a few words what the export is for."),
        ({"by": "nobody@example.org"}, "Nobody here has the e-mail address nobody@example.org."),
    ],
)
def test_the_command_says_what_is_missing(experiment, tmp_path, options, sentence):
    with pytest.raises(CommandError) as refused:
        run(experiment.name, tmp_path / "out", **options)

    assert str(refused.value) == sentence
    assert not Export.objects.exists()
    assert not (tmp_path / "out").exists()


def test_the_command_does_not_know_every_experiment(db, tmp_path):
    with pytest.raises(CommandError, match="Choose an experiment"):
        run("Autumn", tmp_path)


def test_the_command_overwrites_nothing(experiment, tmp_path):
    (tmp_path / "mine").write_text("mine")

    for out in (tmp_path, tmp_path / "mine"):
        with pytest.raises(CommandError, match="is not an empty directory"):
            run(experiment.name, out)

    assert (tmp_path / "mine").read_text() == "mine"

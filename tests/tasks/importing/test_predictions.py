"""Outputs made elsewhere become pairs to grade, once, whatever is repeated or killed."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import jsonschema_rs
import pyarrow
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command

import tasks.jobs
from grading import rendering
from grading.models import Fragment
from tasks.importing import formats, predictions, reading
from tasks.importing.rows import Refused
from tasks.models import (
    AgentVersion,
    Candidate,
    Category,
    Experiment,
    ImportSource,
    RecordedOutput,
    Repository,
    Scenario,
    Task,
)
from tests import factories, repositories
from tests.databases import ROOT

MODELS = ("kestrel-1", "heron-2")
PATCH = """From 1234 Mon Sep 17 00:00:00 2001
From: kestrel-1 <kestrel@example.org>
Subject: [PATCH] by kestrel-1

---
diff --git a/src/tide.py b/src/tide.py
index 307e987e..1c422e6f 100644
--- a/src/tide.py
+++ b/src/tide.py
@@ -10,3 +10,4 @@ class Tide:
     def high(self):
-        return self.moon
+        moon = self.moon
+        return {value}
     # the end
--\x20
2.39.5
"""


def instance(key: str, **fields: object) -> dict[str, object]:
    return {
        "instance_id": key,
        "repo": "octocat/tides",
        "base_commit": "a" * 40,
        "problem_statement": f"# Tides come late\n\nSee {key}.",
    } | fields


def prediction(key: str, model: str, **fields: object) -> dict[str, object]:
    return {
        "instance_id": key,
        "model_name_or_path": model,
        "model_patch": PATCH.replace("{value}", f"moon * {len(model)}"),
    } | fields


@pytest.fixture
def files(tmp_path: Path):
    """Writes rows to a file and gives its path."""

    def write(name: str, rows: list[object]) -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
        return path

    return write


@pytest.fixture
def sets(files):
    """Three tasks, two models; the second model has no answer to the third."""
    return (
        files("tasks.jsonl", [instance(key) for key in ("one", "two", "three")]),
        files("first.jsonl", [prediction(key, MODELS[0]) for key in ("one", "two", "three")]),
        files("second.jsonl", [prediction(key, MODELS[1]) for key in ("one", "two")]),
    )


def run(instances: Path, *files: Path, **options: object) -> None:
    call_command("import_predictions", *map(str, files), instances=instances, **options)


def counts() -> list[int]:
    return [
        model.objects.count() for model in (Repository, Scenario, RecordedOutput, AgentVersion, Experiment)
    ]


def test_two_files_become_pairs_that_can_be_graded(db, bells, sets, capsys):
    run(*sets)
    tasks.jobs.open_tasks()
    for candidate in Candidate.objects.all():
        tasks.jobs.generate_candidate(candidate.pk)
    rendered = [rendering.render(*pair) for pair in rendering.waiting()]

    assert rendered == [True, True]
    assert set(Candidate.objects.values_list("state", flat=True)) == {"ready"}
    assert Candidate.objects.first().evidence["sentence"].startswith("Tests not run")
    assert "“Imported predictions”: 2 tasks" in capsys.readouterr().out


def test_nothing_of_who_sent_a_patch_is_kept_with_it(db, bells, sets):
    run(*sets)
    tasks.jobs.open_tasks()
    for candidate in Candidate.objects.all():
        tasks.jobs.generate_candidate(candidate.pk)
    rendering.render(*rendering.waiting()[0])

    stored = [bytes(candidate.patch).decode() for candidate in Candidate.objects.all()]
    stored += [fragment.html for fragment in Fragment.objects.all()]
    assert stored
    assert not any(word in text for text in stored for word in ("kestrel", "Subject", "2.39.5"))
    assert all(text.startswith("diff --git") for text in stored if "@@ -10" in text)


def test_the_same_rows_again_change_nothing(db, bells, sets, capsys):
    run(*sets)
    before = counts()

    run(*sets)

    assert counts() == before == [1, 3, 5, 2, 1]
    assert "3 rows, 0 new, 3 known, 0 refused" in capsys.readouterr().out


def test_a_killed_import_goes_on_where_it_was(db, bells, files, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 2)
    tasks_file = files("tasks.jsonl", [instance(f"n{number}") for number in range(5)])
    first = files("first.jsonl", [prediction(f"n{number}", MODELS[0]) for number in range(5)])
    call_command("import_tasks", tasks_file)
    batches = iter([None, None])

    def dies(self, source, tally):
        if next(batches, "gone") == "gone":
            raise KeyboardInterrupt

    reader = predictions.Predictions("swe-bench").reader
    with monkeypatch.context() as patched:
        patched.setattr(reading.Reader, "_count", dies)
        with pytest.raises(KeyboardInterrupt):
            reader.read(first)
    assert RecordedOutput.objects.count() == 4

    tally = predictions.Predictions("swe-bench").reader.read(first)

    assert (tally.added, tally.known) == (1, 4)
    assert RecordedOutput.objects.count() == 5


def test_each_refused_row_is_told_with_its_line_and_the_others_go_through(db, bells, files, capsys):
    tasks_file = files(
        "tasks.jsonl",
        [
            instance("good"),
            "{not json",
            instance("bad/../commit", base_commit="HEAD"),
            instance("bad-repo", repo="../../etc"),
            instance("bad-kind", category="riddle"),
            instance("nul", problem_statement="a\0b"),
            ["a", "list"],
            {"repo": "octocat/tides"},
        ],
    )

    call_command("import_tasks", tasks_file)

    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[1] for line in told[:-1]] == ["2", "3", "4", "5", "6", "7", "8"]
    assert told[-1] == "tasks.jsonl: 8 rows, 1 new, 0 known, 7 refused."
    assert (
        ImportSource.objects.get().refused[2][1].endswith("is not an owner and a name, as in octocat/hello.")
    )


def test_all_or_nothing_stores_nothing_when_a_row_is_refused(db, bells, files):
    tasks_file = files("tasks.jsonl", [instance("good"), instance("bad", base_commit="short")])

    with pytest.raises(CommandError, match="1 of 2 rows were refused, so none was stored"):
        call_command("import_tasks", tasks_file, all_or_nothing=True)

    assert counts() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (prediction("nowhere", "m"), "There is no task nowhere"),
        (prediction("one", ""), "names no model"),
        (prediction("one", "m" * 101), "longer than 100 characters"),
        ({"instance_id": "one", "model_name_or_path": "m"}, "has no model_patch"),
        (prediction("one", "m", model_patch=["x"]), "model_patch is not a text"),
        (prediction("one", "m", transcript=3), "neither a text nor a list of steps"),
        (prediction("one", MODELS[0], model_patch="another"), "Another patch of this model"),
        (prediction("one", "Quillback"), "is an agent that runs here"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_prediction_that_cannot_be_used_is_refused_with_its_reason(db, bells, sets, files, row, sentence):
    AgentVersion.objects.create(name="Quillback", harness="q", model="q")
    run(*sets)

    tally = predictions.Predictions("swe-bench").reader.read(files("third.jsonl", [row]))

    assert tally.refused_rows == 1
    assert sentence in tally.refused[0][1]


def test_one_model_alone_is_nothing_to_compare(db, bells, sets):
    with pytest.raises(CommandError, match="two models or more"):
        run(*sets[:2])


def test_an_experiment_that_has_begun_takes_no_new_models(db, bells, sets, files):
    run(*sets)
    third = files("third.jsonl", [prediction("one", "third")])

    with pytest.raises(CommandError, match="give another name"):
        call_command("import_predictions", str(sets[1]), str(third))

    assert not Task.objects.exists()


def test_with_its_repository_a_pair_shows_whole_files_and_a_missing_commit_is_refused(
    db, bells, files, tmp_path, capsys
):
    bare = tmp_path / "bare"
    bare.mkdir()
    repositories.provide_bare(bare / "octocat+tides")
    rows = [instance("here", base_commit=repositories.COMMIT), instance("gone")]
    patch = factories.PATCH.decode()
    outputs = [files(f"{model}.jsonl", [prediction("here", model, model_patch=patch)]) for model in MODELS]

    run(files("tasks.jsonl", rows), *outputs, repositories=bare)
    tasks.jobs.open_tasks()
    for candidate in Candidate.objects.all():
        tasks.jobs.generate_candidate(candidate.pk)

    assert f"The commit {'a' * 40} is not in octocat/tides." in capsys.readouterr().out
    assert [candidate.state for candidate in Candidate.objects.all()] == ["ready", "ready"]
    assert all(candidate.tree for candidate in Candidate.objects.all())


def test_parquet_and_objects_by_name_are_read_alike(db, bells, sets, tmp_path):
    rows = [instance(key) for key in ("one", "two")]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "tasks.parquet")
    by_name = {key: {"model_name_or_path": "m", "model_patch": ""} for key in ("one", "two")}
    (tmp_path / "outputs.json").write_text(json.dumps(by_name))

    call_command("import_tasks", tmp_path / "tasks.parquet")
    tally = predictions.Predictions("swe-bench").reader.read(tmp_path / "outputs.json")

    assert (Scenario.objects.count(), tally.added) == (2, 2)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("absent.jsonl", None, "there is no such file"),
        ("broken.parquet", b"PAR0", "not a Parquet file"),
        ("broken.json", b"{", "is not JSON"),
        ("number.json", b"3", "neither a list nor an object"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_a_sentence(db, tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=sentence):
        call_command("import_tasks", path)


@pytest.mark.parametrize(
    ("fields", "is_valid"),
    [
        ({}, True),
        ({"model_patch": None, "transcript": [{"kind": "says", "text": "Done."}]}, True),
        ({"model_patch": 1}, False),
        ({"model_name_or_path": " "}, False),
        ({"instance_id": "a b"}, False),
        ({"transcript": [1]}, False),
    ],
)
def test_the_published_schema_of_outputs_refuses_what_reading_refuses(fields, is_valid):
    row = prediction("n1", MODELS[0]) | fields

    assert validator_of("import-prediction").is_valid(row) is is_valid
    with nullcontext() if is_valid else pytest.raises(Refused):
        formats.prediction_of(row)


def validator_of(name):
    return jsonschema_rs.validator_for(json.loads((ROOT / "docs" / f"{name}.schema.json").read_text()))


def test_the_published_schema_knows_what_is_read():
    schema = json.loads((ROOT / "docs" / "import-task.schema.json").read_text())["properties"]

    assert set(schema["category"]["enum"]) == set(Category.values)
    assert set(formats.WRITE_UP) < set(schema)
    for name, pattern in (
        ("instance_id", formats.INSTANCE),
        ("repo", formats.REPOSITORY),
        ("base_commit", formats.COMMIT),
    ):
        assert schema[name]["pattern"] == f"^{pattern.pattern}$"

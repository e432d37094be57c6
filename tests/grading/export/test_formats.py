"""Every format as a stranger meets it: loaded by `datasets`, with the columns its own documentation asks for."""

import csv
import json

import datasets
import pyarrow.parquet
import pytest

from grading import jobs
from grading.checks import Refused
from grading.export import formats, schema, snapshot
from grading.export.writers import conversation, elsewhere, trl
from grading.export.writers.pieces import Block
from grading.models import Judgement
from marlin.models import Role
from tests import factories
from tests.databases import ROOT
from tests.grading.conftest import make_tasks

ALL = [each.key for each in formats.FORMATS if each.key != "kto"]
#: What each documentation asks for, exactly or among others.
COLUMNS = {
    "trl": {"preference", *trl.EXPLICIT},
    "trl-implicit": {"preference", *trl.IMPLICIT},
    "openai": {"input", "preferred_output", "non_preferred_output"},
    "hh": {"chosen", "rejected"},
    "rewardbench": {"id", "prompt", "chosen", "chosen_model", "rejected", "rejected_model", "subset"},
    "arena": {
        *("id", "model_a", "model_b", "winner", "evaluation_session_id", "evaluation_order", "judge"),
        *("conversation_a", "conversation_b", "category_tag", "language", "is_code"),
    },
    "helpsteer": {
        *("domain", "language", "context", "response1", "response2"),
        *("overall_preference", "individual_preference"),
    },
}


@pytest.fixture(scope="module")
def written(standing, tmp_path_factory):
    """Three preferences of seven points, one of them a tie, in every format and in parts of two."""
    riley, tasks = (
        factories.make_person("Riley", Role.RATER),
        make_tasks(3, rubric=factories.make_rubric(points=7)),
    )
    for task, overall in zip(tasks, ("1", "4", "6"), strict=True):
        factories.make_assignment(riley, task, state="accepted", overall=overall)
    export = snapshot.ask(str(tasks[0].experiment.public_id), by=None, reason="To load it.", keys=ALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "PART", 2)
        jobs.write_export(export.pk)
    export.refresh_from_db()
    out = tmp_path_factory.mktemp("written") / "export"
    out.mkdir()
    for name in snapshot.files_of(export):
        with snapshot.open_file(export, name, by=None) as file:
            (out / name).write_bytes(file.read())
    return out


def test_datasets_loads_every_format(written, db, tmp_path):
    records = list(Judgement.objects.order_by("preference__public_id").values_list("record", flat=True))
    cache = str(tmp_path / "cache")
    lines = [key for key in ALL if key not in ("parquet", "csv")]
    found = {key: datasets.load_dataset(str(written), key, cache_dir=cache) for key in lines}
    # One reader serves a whole card: these two are named.
    for key, name in (("parquet", "preferences-*.parquet"), ("csv", "preferences.csv")):
        found[key] = datasets.load_dataset(key, data_files=str(written / name), cache_dir=cache)

    rows = {key: {split: len(data) for split, data in splits.items()} for key, splits in found.items()}
    with_ties = {each.key for each in formats.FORMATS if each.ties}
    assert rows == {key: {"train": 2, "ties": 1} if key in with_ties else {"train": 3} for key in ALL}
    for key, columns in COLUMNS.items():
        assert set(found[key]["train"].column_names) == columns
    for key in ("jsonl", "parquet"):
        loaded = found[key]["train"]
        assert [row["row_hash"] for row in loaded] == [record["row_hash"] for record in records]
        assert [row["candidate_a"]["patch"] for row in loaded] == [
            record["candidate_a"]["patch"] for record in records
        ]
        assert [row["axes"] for row in loaded] == [record["axes"] for record in records]
    assert found["jsonl"]["train"][0] == records[0]
    assert_trl(found, records)


def assert_trl(found, records):
    """The documented shapes: conversational, and in both the preferred side first."""
    by_id = {record["preference"]: record for record in records}
    for row in found["trl"]["train"]:
        record = by_id[row["preference"]]
        good, other = ("a", "b") if record["rating"] > 0 else ("b", "a")
        assert row["prompt"] == [{"role": "user", "content": record["prompt"]}]
        assert row["chosen"] == conversation.reply(record, good)
        assert row["rejected"] == conversation.reply(record, other)
        assert row["margin"] == abs(record["rating"]) / 3
    explicit, implicit = found["trl"]["train"], found["trl-implicit"]["train"]
    for one, other in zip(explicit, implicit, strict=True):
        assert other["chosen"] == [*one["prompt"], *one["chosen"]]
        assert other["rejected"] == [*one["prompt"], *one["rejected"]]
        assert other["margin"] == one["margin"]
    assert [row["margin"] for row in found["trl"]["ties"]] == [0.0]


def test_parquet_is_sharded_and_typed_and_equal_to_the_lines(written):
    shards = sorted(written.glob("*.parquet"))
    tables = [pyarrow.parquet.read_table(shard) for shard in shards]

    assert [shard.name for shard in shards] == [
        "preferences-00000-of-00002.parquet",
        "preferences-00001-of-00002.parquet",
    ]
    assert [table.num_rows for table in tables] == [2, 1]
    assert str(tables[0].schema.field("submitted_at").type) == "timestamp[us, tz=UTC]"
    lines = [json.loads(line) for line in (written / "preferences.jsonl").read_bytes().splitlines()]
    rows = [row for table in tables for row in table.to_pylist()]
    assert [row["submitted_at"].isoformat() for row in rows] == [line["submitted_at"] for line in lines]
    assert [row["rating"] for row in rows] == [line["rating"] for line in lines]


def test_csv_keeps_the_order_and_the_ratings(written):
    with (written / "preferences.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (written / "preferences.jsonl").read_bytes().splitlines()]

    assert [(row["preference"], int(row["rating"])) for row in cells] == [
        (line["preference"], line["rating"]) for line in lines
    ]


def test_the_manifest_counts_everything_in_and_out(written):
    manifest = json.loads((written / "manifest.json").read_bytes())

    assert manifest["counts"] == {
        "preferences": 3,
        "written": 3,
        "left_out": {},
        "left_out_of_formats": {},
    }
    rows = {}
    for file in manifest["files"]:
        rows[file["format"]] = rows.get(file["format"], 0) + (file["rows"] or 0)
    assert rows == {**dict.fromkeys(ALL, 3), "about": 0}


def test_croissant_names_every_file_with_its_sum_and_every_column(written):
    found = json.loads((written / "croissant.json").read_bytes())
    manifest = json.loads((written / "manifest.json").read_bytes())

    sums = {file["name"]: file["sha256"] for file in manifest["files"] if file["format"] != "about"}
    assert {file["@id"]: file["sha256"] for file in found["distribution"]} == sums
    assert "http://mlcommons.org/croissant/1.1" in found["conformsTo"]
    for name in ("name", "description", "license", "url", "creator", "datePublished", "rai:dataCollection"):
        assert found[name]
    (record_set,) = found["recordSet"]
    paths = [place for field in record_set["field"] for place in places_of(field)]
    columns = schema.columns_for(["efficiency", "clarity"])
    assert paths == [f"$.{path}" for path, _ in schema.paths(columns)]


def places_of(field):
    if "subField" in field:
        return [place for inner in field["subField"] for place in places_of(inner)]
    return [field["source"]["extract"]["jsonPath"]]


def test_the_documentation_tells_every_column():
    told = (ROOT / "docs" / "exports.md").read_text()

    for path, column in schema.paths(schema.COLUMNS):
        kind = "whole" if column.kind == "group" else column.kind  # one for each axis
        assert f"| `{path}` | {kind} | {column.says} |\n" in told


# --- Single formats ---------------------------------------------------------------------------------------------

RECORD = {
    "preference": "p-1",
    "task": "t-1",
    "turn": 1,
    "rater": "4fe1",
    "prompt": "Fix it.",
    "model_a": "Heron",
    "model_b": "Kestrel",
    "side": "R",
    "rating": -3,
    "rubric": {"points": 8},
    "scenario": {"category": "bug fix", "language": "Go"},
    "acceptable_a": None,
    "acceptable_b": True,
    "texts": {
        "justification": "It runs.",
        **dict.fromkeys(["strengths_a", "weaknesses_b"], "Short."),
        **dict.fromkeys(["weaknesses_a", "strengths_b"], ""),
    },
    "candidate_a": {"final_message": "Done.", "patch": "+a\n```\n"},
    "candidate_b": {"final_message": "", "patch": "+b"},
}


def rows(write, **changes):
    return [json.loads(piece.data) for piece in write(Block.of([RECORD | changes])) if piece.data]


def test_an_answer_is_what_was_said_and_a_fence_that_the_patch_cannot_close():
    assert conversation.answer(RECORD, "a") == "Done.\n\n````diff\n+a\n```\n````"
    assert conversation.answer(RECORD, "b") == "```diff\n+b\n```"
    failed = {"candidate_a": {"final_message": " I could not. ", "patch": ""}}
    assert conversation.answer(RECORD | failed, "a") == "I could not."


def test_kto_has_a_row_for_each_answered_side_and_counts_the_others():
    pieces = list(trl.unpaired(Block.of([RECORD])))

    assert [(piece.split, piece.rows) for piece in pieces] == [(trl.UNANSWERED, 1), ("train", 1)]
    row = json.loads(pieces[1].data)
    assert set(row) == {"preference", *trl.UNPAIRED}
    assert row["label"] is True
    assert row["completion"] == conversation.reply(RECORD, "b")


def test_kto_is_refused_where_nobody_was_asked(db, bells):
    experiment = factories.make_experiment()

    with pytest.raises(Refused, match="only compares") as refused:
        snapshot.ask(str(experiment.public_id), by=None, reason="For the paper in May.", keys=["kto"])

    assert refused.value.field == "formats"
    assert not experiment.exports.exists()


@pytest.mark.parametrize("keys", [[], ["xml"], ["jsonl", "xml"]])
def test_a_format_is_one_of_the_list(db, keys):
    experiment = factories.make_experiment()

    with pytest.raises(Refused, match="at least one format"):
        snapshot.ask(str(experiment.public_id), by=None, reason="For the paper in May.", keys=keys)


@pytest.mark.parametrize(
    ("side", "rating", "winner", "score"),
    [
        ("L", 4, "model_a", -3),
        ("L", -3, "model_b", 2),
        ("R", 4, "model_b", 3),
        ("R", -1, "model_a", -1),
        ("R", 0, "tie", 0),
    ],
)
def test_signs_follow_each_formats_own_convention(side, rating, winner, score):
    """LMArena's and HelpSteer's first is the left one, and HelpSteer's plus is the second."""
    (battle,) = rows(elsewhere.arena, side=side, rating=rating)
    (steered,) = rows(elsewhere.helpsteer, side=side, rating=rating)

    assert battle["winner"] == winner
    assert battle["model_a"] == ("Heron" if side == "L" else "Kestrel")
    assert steered["overall_preference"] == score
    left = conversation.answer(RECORD, "a" if side == "L" else "b")
    assert steered["response1"] == battle["conversation_a"][1]["content"] == left


def test_hh_is_one_text_a_side():
    (row,) = rows(elsewhere.hh)

    assert row["chosen"] == "\n\nHuman: Fix it.\n\nAssistant: ```diff\n+b\n```"
    assert row["rejected"].startswith("\n\nHuman: Fix it.\n\nAssistant: Done.")

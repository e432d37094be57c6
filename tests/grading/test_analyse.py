"""`manage.py analyse FILE`: what a file of preferences says, in lines or as JSON."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from grading import jobs
from grading.export import snapshot
from grading.export.writers import csv as table
from grading.export.writers import jsonl
from grading.export.writers.pieces import Block
from tests import factories
from tests.grading.conftest import make_tasks

ROWS = """rater,task,model_a,model_b,side,rating
riley,t1,heron,tern,L,2
robin,t1,heron,tern,R,1
riley,t2,heron,tern,R,-1
robin,t2,tern,heron,L,0
riley,t3,tern,heron,R,-3
robin,t4,heron,tern,L,1
riley,t5,tern,heron,L,2
robin,t6,heron,tern,L,-1
"""
ESTIMATES = ("bt_halfwin", "davidson", "davidson_side", "ordinal", "ordinal_side")


@pytest.fixture
def file(tmp_path):
    def file(content, name="votes.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


def analyse(*arguments):
    out = io.StringIO()
    call_command("analyse", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_json_has_every_estimate_under_its_name(file):
    found = json.loads(analyse(file(ROWS), "--json"))

    for name in ESTIMATES:
        assert found[name]["theta"]["heron"] == -found[name]["theta"]["tern"] != 0
    assert found["position_bias"]["left"] == 5
    assert found["agreement"]["shared_units"] == 2
    assert found["decision"]["pairs"][0]["wins"] == 3


def test_a_reference_and_a_price_are_taken(file):
    found = json.loads(analyse(file(ROWS), "--json", "--reference", "heron", "--price", "280"))

    assert found["to_reference"]["reference"] == "heron"
    assert found["power"]["rows"][0]["cost"] == 280 * found["power"]["rows"][0]["tasks"]


def test_without_json_there_are_lines_to_read(file):
    lines = analyse(file(ROWS)).splitlines()

    for name in (*ESTIMATES, "position_bias", "agreement", "decision"):
        assert name in lines


def test_no_votes_are_no_failure(file):
    found = json.loads(analyse(file(""), "--json"))

    assert {found[name] for name in (*ESTIMATES, "decision")} == {"There are no votes."}


def test_an_export_of_either_kind_says_the_same(file):
    records = [record(at, rating) for at, rating in enumerate((3, 1, -2, 4, -1, 2))]

    block = Block.of(records)
    written = [jsonl.write(block), table.write(block, ["clarity"])]
    written_lines, written_cells = (b"".join(piece.data for piece in pieces) for pieces in written)
    lines = analyse(file(written_lines, "preferences.jsonl"), "--json")
    cells = analyse(file(table.header(["clarity"]) + written_cells, "preferences.csv"), "--json")

    from_lines, from_cells = json.loads(lines), json.loads(cells)
    assert from_lines["counts"]["points"] == 8
    assert from_lines.pop("style_control") != from_cells.pop(
        "style_control"
    )  # sizes are in the records alone
    assert from_lines == from_cells
    assert from_lines["axes"]["clarity"]["ordinal"]["theta"]["Heron"] > 0


def record(at, rating):
    sizes = {
        "files": 1 + at,
        "added": 10 * at,
        "removed": 3,
        "final_message": "Done.",
        "evidence": {"ran": at},
    }
    return {
        "preference": f"p-{at}",
        "experiment": {"id": "e", "name": "Spring"},
        "task": f"t-{at}",
        "turn": 1,
        "attempt": 1,
        "rater": f"r-{at % 2}",
        "model_a": "Heron",
        "model_b": "Kestrel",
        "side": "LRRLLR"[at],
        "rating": rating,
        "axes": {"clarity": rating},
        "rubric": {"points": 8},
        "key_axis": "clarity",
        "scenario": {"category": "bug fix", "repository": "tidecache"},
        "draw": {"method": "coin", "probability": 0.5},
        "texts": {"justification": "Because."},
        "candidate_a": sizes,
        "candidate_b": sizes | {"added": 30, "files": 2},
    }


def test_a_real_export_is_understood(file, riley, bells):
    tasks = make_tasks(2)
    for task in tasks:
        factories.make_assignment(riley, task, state="accepted")
    export = snapshot.ask(str(tasks[0].experiment.public_id), by=None, reason="For the paper in May.")
    jobs.write_export(export.pk)
    export.refresh_from_db()

    for name in (jsonl.NAME, table.NAME):
        with snapshot.open_file(export, name, by=None) as written:
            counts = json.loads(analyse(file(written.read(), name), "--json"))["counts"]
        assert (counts["votes"], counts["tasks"], counts["raters"], len(counts["models"])) == (2, 2, 1, 2)
        assert counts["points"] == tasks[0].experiment.rubric.points


def test_a_bad_row_is_refused_with_its_line(file):
    with pytest.raises(CommandError, match=r"^Line 3 has the side 'X', which is neither L nor R\.$"):
        analyse(file(ROWS.replace("robin,t1,heron,tern,R", "robin,t1,heron,tern,X")))


def test_the_scale_is_asked_for_where_the_file_is_silent(file):
    silent = file(ROWS.replace(",0\n", ",1\n"))

    with pytest.raises(CommandError, match="--points") as refused:
        analyse(silent)
    assert refused.value.returncode == 2
    assert json.loads(analyse(silent, "--json", "--points", "8"))["counts"]["points"] == 8


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(CommandError, match=r"cannot be read: No such file or directory\.") as refused:
        analyse(tmp_path / "nowhere.csv")
    assert refused.value.returncode == 2


def test_other_scales_are_not_offered(file):
    with pytest.raises(CommandError, match="invalid choice"):
        analyse(file(ROWS), "--points", "5")

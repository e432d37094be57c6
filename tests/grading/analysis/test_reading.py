"""Files become votes, and a row that makes no sense is refused with its line."""

import json
import math
from datetime import date

import pytest

from grading.analysis import reading
from grading.analysis.votes import UNRATED, BadVotes
from grading.export.writers import csv as table
from grading.export.writers import jsonl
from grading.export.writers.pieces import Block

HEAD = "rater,task,model_a,model_b,side,rating\n"
RECORD = {
    "preference": "p-1",
    "experiment": {"id": "e-1", "name": "Spring"},
    "task": "t-1",
    "turn": 1,
    "attempt": 1,
    "rater": "4fe1",
    "model_a": "Heron",
    "model_b": "-Kestrel",
    "side": "R",
    "rating": -3,
    "axes": {"clarity": 4, "scope": -1},
    "rubric": {"points": 8},
    "key_axis": "clarity",
    "scenario": {"category": "bug fix", "repository": "tidecache"},
    "draw": {"method": "coin", "probability": 0.5},
    "texts": {"justification": 'It says "no",\nand means it.'},
    "candidate_a": {"files": 3, "added": 10, "removed": 4, "final_message": "Done.", "evidence": {"ran": 12}},
    "candidate_b": {"files": 1, "added": 4, "removed": 0, "final_message": "", "evidence": {"ran": 12}},
}
OTHER = RECORD | {"preference": "p-2", "task": "t-2", "side": "L", "rating": 1, "axes": {"clarity": -2}}


@pytest.fixture
def read(tmp_path):
    def read(text, points=None):
        path = tmp_path / "preferences"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return reading.read(path, points)

    return read


AXES = ["clarity", "scope"]


def written(writer, records, *axes):
    """The file that an export writes of these records."""
    header = writer.header(*axes) if axes else b""
    return header + b"".join(piece.data for piece in writer.write(Block.of(records), *axes))


@pytest.mark.parametrize(
    "file",
    [written(jsonl, [RECORD, OTHER]), written(table, [RECORD, OTHER], AXES)],
    ids=["jsonl", "csv"],
)
def test_what_we_export_comes_back(read, file):
    found = read(file)

    assert found.models == ("-Kestrel", "Heron")
    assert found.tasks == ("t-1", "t-2")
    assert found.raters == ("4fe1",)
    assert found.points == 8
    assert found.first.tolist() == [1, 1]
    assert found.left.tolist() == [0, 1]
    assert found.rating.tolist() == [-3, 1]
    assert found.for_left.tolist() == [3, 1]
    assert found.canonical.tolist() == [3, -1]
    assert {axis: values.tolist() for axis, values in found.axes.items()} == {
        "clarity": [4, -2],
        "scope": [-1, UNRATED],
    }


@pytest.mark.parametrize("known", ["is_gold", "is_practice"])
@pytest.mark.parametrize("writer", [(jsonl,), (table, AXES)], ids=["jsonl", "csv"])
def test_answers_that_were_known_are_left_out(read, known, writer):
    marked = [RECORD | {known: True}, OTHER | {"is_gold": False, "is_practice": False}]

    votes = read(written(writer[0], marked, *writer[1:]))

    assert (votes.number, votes.rating.tolist()) == (1, [1])


def test_a_plain_table_is_read(read):
    found = read(
        "rating,rater,task,model_a,model_b,side\n+2,riley,t1,heron,tern,L\n\n0,sam,t1,tern,heron,R\n"
    )

    assert found.models == ("heron", "tern")
    assert found.raters == ("riley", "sam")
    assert found.rating.tolist() == [2, 0]
    assert found.on_left.tolist() == [True, False]
    assert found.unit.tolist() == [0, 0]
    assert found.points == 7


def test_a_mark_of_byte_order_and_foreign_line_ends_do_no_harm(read):
    assert len(read(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode() + b"r,t,a,b,L,0\r\n")) == 1


def test_turns_are_units_of_their_own(read):
    found = read(HEAD.replace("\n", ",turn\n") + "r,t,a,b,L,0,1\nr,t,a,b,L,0,2\ns,t,b,a,L,0,2\n")

    assert found.unit.tolist() == [0, 1, 1]


@pytest.mark.parametrize(("rating", "points"), [("0", 7), ("4", 8), ("-4", 8)])
def test_some_ratings_tell_the_scale(read, rating, points):
    assert read(f"{HEAD}r,t,a,b,L,1\nr,t,a,b,L,{rating}\n").points == points


def test_a_plain_table_may_name_its_scale(read):
    assert read(HEAD.replace("\n", ",points\n") + "r,t,a,b,L,1,8\n").points == 8


def test_a_scale_that_nothing_tells_must_be_said(read):
    with pytest.raises(BadVotes, match="--points"):
        read(HEAD + "r,t,a,b,L,1\n")

    assert read(HEAD + "r,t,a,b,L,1\n", 8).levels.tolist() == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert read(HEAD + "r,t,a,b,L,1\n", 7).levels.tolist() == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.parametrize("text", ["", "\n\n", HEAD])
def test_a_file_without_votes_is_read(read, text):
    assert len(read(text)) == 0


def test_differences_in_style_are_logarithms_and_belong_to_model_a(read):
    styles = read(written(jsonl, [RECORD])).styles

    assert {name: round(values.item(), 4) for name, values in styles.items()} == {
        "changed_lines": 1.0986,  # ln 15/5
        "files": 0.6931,
        "message_length": 1.7918,
    }


PATCH = """diff --git a/src/cache.py b/src/cache.py
--- a/src/cache.py
+++ b/src/cache.py
@@ -1,2 +1,4 @@
 import time
+# The clock may go back.
++ 1
-    // gone
+x = 1  # no line of its own
diff --git a/tests/test_cache.py b/tests/test_cache.py
--- /dev/null
+++ b/tests/test_cache.py
@@ -0,0 +1,3 @@
+def test_it():
+    # It works.
+    assert True
"""


def test_tests_and_comments_are_counted_in_the_patch(read):
    record = RECORD | {
        "candidate_a": {"patch": PATCH, "transcript_length": 9},
        "candidate_b": {"patch": "", "transcript": [{}] * 4},
    }

    styles = read(written(jsonl, [record])).styles

    assert {name: round(math.exp(values.item())) for name, values in styles.items()} == {
        "comments": 1 + 2,
        "tests": 1 + 3,
        "transcript_length": (9 + 1) / (4 + 1),
    }


def test_the_day_is_that_of_submission(read):
    times = [RECORD | {"submitted_at": "2026-03-02T23:59:00+00:00"}, OTHER | {"submitted_at": "2026-03-09"}]

    assert read(written(jsonl, times)).day.tolist() == [MONDAY, MONDAY + 7]
    assert read(written(jsonl, [times[0], OTHER])).day is None
    with pytest.raises(BadVotes, match="Line 1 was submitted at 'noon'"):
        read(written(jsonl, [RECORD | {"submitted_at": "noon"}]))


MONDAY = date(2026, 3, 2).toordinal()


def test_a_style_that_one_vote_does_not_tell_is_left_out(read):
    mute = OTHER | {"candidate_b": RECORD["candidate_b"] | {"final_message": None}}

    assert sorted(read(written(jsonl, [RECORD, mute])).styles) == ["changed_lines", "files"]


def test_an_axis_takes_the_place_of_the_overall_rating(read):
    scope = read(written(jsonl, [RECORD, OTHER])).of_axis("scope")

    assert scope.rating.tolist() == [-1]
    assert scope.tasks == ("t-1",)


def test_some_votes_forget_who_is_left_without_any(read):
    found = read(HEAD + "r,t,a,b,L,0\ns,u,b,c,R,-1\n").where([False, True])

    assert (found.models, found.raters, found.tasks) == (("b", "c"), ("s",), ("u",))
    assert (found.first.tolist(), found.second.tolist()) == ([0], [1])


def line_of(**changes):
    return json.dumps(RECORD | changes) + "\n"


REFUSED = {
    "no rater": (HEAD + ",t,a,b,L,0\n", "Line 2 has no rater"),
    "blank task": (HEAD + "r, ,a,b,L,0\n", "Line 2 has no task"),
    "itself": (HEAD + "r,t,a,b,L,0\nr,t,a,a,L,0\n", "Line 3 compares a with itself"),
    "side": (HEAD + "r,t,a,b,left,0\n", "Line 2 has the side 'left'"),
    "a word": (HEAD + "r,t,a,b,L,good\n", "Line 2 has the rating 'good'"),
    "a fraction": (HEAD + "r,t,a,b,L,1.5\n", "Line 2 has the rating '1.5'"),
    "no rating": (HEAD + "r,t,a,b,L,\n", "Line 2 has the rating ''"),
    "far off": (HEAD + "r,t,a,b,L,5\n", "Line 2 has the rating 5, which is on no scale"),
    "two scales": (HEAD + "r,t,a,b,L,0\nr,t,a,b,L,4\n", "Line 3 has the rating 4, which a scale of 7"),
    "two scales, turned": (
        HEAD + "r,t,a,b,L,4\nr,t,a,b,L,0\n",
        "Line 3 has the rating 0, which a scale of 8",
    ),
    "short": (HEAD + "r,t,a,b,L\n", "Line 2 has 5 cells"),
    "after a blank line": ("\n" + HEAD + "\nr,t,a,b,X,0\n", "Line 4 has the side"),
    "no column": ("rater,task,model_a,model_b,side\n", "names no column rating"),
    "a column twice": ("rater,rater,task,model_a,model_b,side,rating\n", "names a column twice"),
    "open quote": (HEAD + 'r,t,a,"b,L,0\n', "is not CSV"),
    "no text": (b"\xff\xfe\x00", "not text in UTF-8"),
    "no JSON": (line_of() + "{\n", "Line 2 is not JSON"),
    "deep": (line_of() + '{"a":' * 100_000, "Line 2 is not JSON"),
    "a list": (line_of() + "[1]\n", "Line 2 is not a record"),
    "true": (line_of(rating=True), "Line 1 has the rating True"),
    "a number as text": (line_of(rating="1"), "Line 1 has the rating '1'"),
    "no model": (line_of(model_b=None), "Line 1 has no model_b"),
    "an axis": (line_of(axes={"clarity": 0}), "Line 1 has the rating 0, which a scale of 8"),
    "axes": (line_of(axes=[1]), "Line 1 has a rubric or axes"),
    "nine points": (line_of(rubric={"points": 9}), "Line 1 names a scale of 9 points"),
    "another scale": (
        line_of() + line_of(preference="p-2", rubric={"points": 7}),
        "Line 2 is on another scale (7 points)",
    ),
    "twice": (line_of() + "\n" + line_of(), "Line 3 repeats the preference of line 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_row_that_makes_no_sense_is_refused_with_its_line(read, case):
    text, sentence = REFUSED[case]

    with pytest.raises(BadVotes) as why:
        read(text)

    assert sentence in str(why.value)
    assert str(why.value).endswith(".")


def test_a_scale_is_not_argued_with(read):
    with pytest.raises(BadVotes, match="8 points, not 7"):
        read(line_of(), 7)

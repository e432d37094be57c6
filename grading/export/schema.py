"""The columns of a record, once: names, kinds and meaning, for Parquet, the data set card and the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

#: Counts up when a column is added or means something else.
FORMAT = 4


@dataclass(frozen=True)
class Column:
    """`kind` is text, whole, real, truth, time (ISO 8601 with its zone, UTC), texts (a list) or group."""

    name: str
    kind: str
    says: str
    columns: tuple[Column, ...] = ()


def _group(name: str, says: str, *columns: Column) -> Column:
    return Column(name, "group", says, columns)


def _both(name: str, kind: str, says: str) -> tuple[Column, Column]:
    return (
        Column(f"{name}_a", kind, f"{says} of `model_a`"),
        Column(f"{name}_b", kind, f"{says} of `model_b`"),
    )


_AGENT = (
    Column("name", "text", "the agent version's name; the same as `model_a` or `model_b`"),
    Column("kind", "text", "`command`: run in the sandbox; `replay`: a recorded output"),
    Column("harness", "text", "the program around the model"),
    Column("harness_version", "text", "its version"),
    Column("model", "text", "the model's own name"),
    Column("provider", "text", "who serves the model"),
    Column("released_on", "text", "date of release, or null"),
    Column("settings_sha256", "text", "of the settings as canonical JSON; the settings may hold secrets"),
)
_CANDIDATE = (
    Column("id", "text", "random id of the candidate"),
    Column("state", "text", "`ready`, or `failed` where the experiment grades failures"),
    Column("failure", "text", "why there is no patch, from a closed list; empty when ready"),
    Column("patch", "text", "git's diff against `scenario.base_commit`; bytes that are no UTF-8 are escaped"),
    Column("patch_sha256", "text", "of the patch's very bytes"),
    Column("tree", "text", "git tree the patch leads to"),
    Column("files", "whole", "files the patch changes"),
    Column("added", "whole", "lines added"),
    Column("removed", "whole", "lines removed"),
    Column("final_message", "text", "what the agent said at its end"),
    Column("transcript_sha256", "text", "of the neutral transcript as canonical JSON"),
    Column("steps", "whole", "steps of the transcript"),
    Column("transcript_length", "whole", "characters of the transcript's texts"),
    Column("set_apart", "texts", "new files that a rule took out of both sides' patches, rule first"),
    Column("notes", "texts", "what was left out of the patch, and why"),
    _group(
        "evidence",
        "the repository's own tests on a fresh copy with the patch",
        Column("ran", "truth", "whether they ran"),
        Column("passed", "whole", "how many passed"),
        Column("failed", "whole", "how many failed"),
        Column("skipped", "whole", "how many were skipped"),
        Column("failures", "texts", "names of those that failed"),
    ),
    _group(
        "run",
        "the run that produced it",
        Column("id", "whole", "number of the run in this installation"),
        Column("attempts", "whole", "runs of this candidate, lost ones among them"),
        Column("started_at", "time", "when it began"),
        Column("ended_at", "time", "when it ended"),
        Column("seconds", "real", "how long the agent took"),
        Column("exit_code", "whole", "the agent's exit code"),
        Column("cost", "text", "what the provider charged, as a decimal"),
    ),
)

#: Where a rubric's axes stand, one column for each: see `columns_for`.
_AXES = "axes"

COLUMNS = (
    Column("format", "whole", f"version of this table: {FORMAT}"),
    Column("preference", "text", "random id of the preference; one record each"),
    Column("revision", "whole", "which save of it was handed in"),
    Column("row_hash", "text", "SHA-256 of the record as canonical JSON without this field"),
    _group(
        "experiment",
        "what it was collected for",
        Column("id", "text", "random id"),
        Column("name", "text", "its name"),
    ),
    Column("task", "text", "random id of the task: a scenario given to two agent versions"),
    Column("turn", "whole", "number of the turn within the task, from 1"),
    Column("attempt", "whole", "which pair of this turn; more than 1 when it was generated anew"),
    Column("rater", "text", "pseudonym, the same within an experiment and unrelated between two"),
    Column("seat", "whole", "0 leads the task, the others read second; null is an extra reading"),
    Column("nth_task", "whole", "the how-manieth task of this rater in the experiment"),
    Column("session_complete", "truth", "false when the lead left before the last turn"),
    Column(
        "is_gold",
        "truth",
        "the task's answer was known: its rater is measured by it, and states no preference",
    ),
    Column("is_practice", "truth", "the same, openly, before the others"),
    _group(
        "scenario",
        "what both sides were asked",
        Column("id", "text", "random id"),
        Column("title", "text", "its title"),
        Column("category", "text", "kind of work"),
        Column("repository", "text", "name of the repository"),
        Column("language", "text", "its language"),
        Column("licence", "text", "its licence"),
        Column("base_commit", "text", "the commit both sides started from"),
        Column("acceptance", "text", "when the work counts as done"),
        Column("author", "text", "pseudonym of who wrote it; null when it was imported"),
        Column("approved_by", "text", "pseudonym of who approved it, or null"),
        Column("approved_at", "time", "when it was approved"),
        Column("imported_as", "text", "“data set:instance” of an imported scenario, or null"),
    ),
    Column("prompt", "text", "the prompt of this turn, as both sides got it"),
    Column("prompt_sha256", "text", "of the prompt in UTF-8"),
    Column("model_a", "text", "the agent version that comes first in the experiment, wherever it was shown"),
    Column("model_b", "text", "the other one"),
    Column("side", "text", "where `model_a` was shown: L (as A) or R (as B)"),
    _group(
        "draw",
        "how the sides were drawn",
        Column("method", "text", "`coin`, `stick` (forced, one side led by three) or `mirror`"),
        Column("probability", "real", "of this arrangement under that rule"),
        Column("drawn_at", "time", "when"),
    ),
    _group(
        "rubric",
        "what was asked, and on which scale",
        Column("name", "text", "its name"),
        Column("version", "whole", "its version"),
        Column("points", "whole", "7 has a neutral middle, 8 has none"),
        Column("axes", "texts", "the axes in the order they were asked"),
    ),
    Column("rating", "whole", "overall, symmetric about zero, positive when `model_a` is better"),
    Column(_AXES, "group", "each axis on the scale of `rating`; null when it was skipped"),
    Column(
        "not_applicable", "texts", "the axes that the rater said do not apply here; their ratings are null"
    ),
    Column("key_axis", "text", "the axis that decided"),
    _group(
        "shown",
        "the same as the rater saw it",
        Column("A", "text", "agent version on the left"),
        Column("B", "text", "agent version on the right"),
        Column("ratings", "group", "positions from 1, “A clearly”, to `rubric.points`, “B clearly”"),
    ),
    *_both("acceptable", "truth", "answer to an absolute question, null where none was asked,"),
    _group(
        "texts",
        "in the rater's words; e-mail addresses and the rater's name are masked",
        *_both("strengths", "text", "strengths"),
        *_both("weaknesses", "text", "weaknesses"),
        Column("justification", "text", "why; its letters A and B are those of `shown`"),
        Column("masked", "whole", "how many places were masked"),
        Column("names_an_agent", "truth", "a text holds an agent's, model's or provider's name"),
    ),
    _group(
        "timing",
        "by the server's clock",
        Column("claimed_at", "time", "the task was taken"),
        Column("started_at", "time", "first input"),
        Column("saved_at", "time", "last save"),
        Column("wall_seconds", "real", "from taking the task to handing it in, pauses included"),
        Column("saves", "whole", "revisions of the form"),
        Column("tabs", "whole", "browser tabs that wrote them"),
        Column("files_marked", "whole", "files that the rater marked as read"),
    ),
    Column("submitted_at", "time", "when it was handed in"),
    _group(
        "review",
        "the reviewer's last decision",
        Column("decision", "text", "`accept`; empty where an objection was upheld without one"),
        Column("reviewer", "text", "pseudonym"),
        Column("decided_at", "time", "when"),
        Column("sent_back", "whole", "how often it was sent back for repair"),
        Column("disputed", "truth", "it was rejected first, and the rater objected"),
        Column("reason", "text", "the reviewer's words, masked as `texts` are"),
    ),
    Column("checks", "texts", "what our own checks say of it, as the reviewer read it"),
    _group(
        "blinding",
        "which side the rater took for the newer version, asked after handing in; answering is optional",
        Column("guess", "text", "`a` for `model_a`, `b`, or `unknown`; null when there was no answer"),
        Column("shown", "text", "the same by the letters that the rater saw"),
        Column("told_at", "time", "when"),
    ),
    _group("agent_a", "who `model_a` is", *_AGENT),
    _group("agent_b", "who `model_b` is", *_AGENT),
    _group("candidate_a", "what `model_a` made", *_CANDIDATE),
    _group("candidate_b", "what `model_b` made", *_CANDIDATE),
    _group(
        "versions",
        "of the programs that showed and wrote this",
        Column("marlin", "text", "Marlin"),
        Column("drawing", "whole", "the drawing of the comparison"),
    ),
)


def columns_for(axes: list[str]) -> tuple[Column, ...]:
    """The columns of an experiment whose rubric has these axes."""
    rated = tuple(Column(axis, "whole", axis) for axis in sorted(axes))
    seen = tuple(Column(axis, "whole", axis) for axis in sorted([*axes, "overall"]))
    return tuple(_filled(column, rated, seen) for column in COLUMNS)


def paths(columns: tuple[Column, ...], before: str = "") -> Iterator[tuple[str, Column]]:
    """Every column that holds a value, as `group.column`."""
    for column in columns:
        name = f"{before}{column.name}"
        if column.columns:
            yield from paths(column.columns, f"{name}.")
        else:
            yield name, column


#: How `datasets` calls the kinds; a time in JSON is text.
_DTYPES = {
    "text": "string",
    "time": "string",
    "whole": "int64",
    "real": "float64",
    "truth": "bool",
}


def features(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """The columns as the `dataset_info.features` of a data set card."""
    found: list[dict[str, Any]] = []
    for column in columns:
        if column.kind == "group":
            found.append({"name": column.name, "struct": features(column.columns)})
        elif column.kind == "texts":
            found.append({"name": column.name, "list": "string"})
        else:
            found.append({"name": column.name, "dtype": _DTYPES[column.kind]})
    return found


def _filled(column: Column, rated: tuple[Column, ...], seen: tuple[Column, ...]) -> Column:
    if column.name == _AXES and column.kind == "group":
        return replace(column, columns=rated)
    if column.name == "shown":
        inner = (replace(each, columns=seen) if each.name == "ratings" else each for each in column.columns)
        return replace(column, columns=tuple(inner))
    return column

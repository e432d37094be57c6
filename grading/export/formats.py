"""The formats one may choose: names, files and when there is none. Plain data, fit for a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grading.checks import Refused
from tasks.models import Experiment, Rubric


@dataclass(frozen=True)
class Format:
    """`stem` begins the names of its files; `ties` tells that undecided ones get a file of their own."""

    key: str
    name: str
    says: str
    stem: str
    ending: str
    ties: bool = False


FORMATS = (
    Format("jsonl", "JSONL", "the whole record, one a line", "preferences", "jsonl"),
    Format("parquet", "Parquet", "the same, typed and compressed", "preferences", "parquet"),
    Format("csv", "CSV", "the flat columns, safe in a spreadsheet", "preferences", "csv"),
    Format(
        "trl", "TRL preference", "prompt, chosen, rejected, margin: DPO", "trl-preference", "jsonl", ties=True
    ),
    Format(
        "trl-implicit",
        "TRL preference, implicit prompt",
        "chosen, rejected, margin: reward models",
        "trl-implicit",
        "jsonl",
        ties=True,
    ),
    Format("kto", "TRL unpaired", "prompt, completion, label: KTO", "kto", "jsonl"),
    Format("openai", "OpenAI preference", "input and two outputs", "openai-preference", "jsonl", ties=True),
    Format("hh", "Anthropic HH", "two conversations as text", "anthropic-hh", "jsonl", ties=True),
    Format(
        "rewardbench", "RewardBench", "prompt, chosen, rejected, subset", "rewardbench", "jsonl", ties=True
    ),
    Format("arena", "LMArena battles", "model_a, model_b, winner, conversations", "arena-battles", "jsonl"),
    Format("helpsteer", "HelpSteer3", "two responses, −3 to 3", "helpsteer3-preference", "jsonl"),
)
BY_KEY = {each.key: each for each in FORMATS}
USUAL = ("jsonl", "parquet", "csv", "trl", "trl-implicit")


def refusal(key: str, rubric: Rubric) -> str:
    """Why this rubric's answers do not make this format; empty when they do."""
    if key == "kto" and not asks_absolutely(rubric):
        return (
            "KTO needs an answer to whether each side is acceptable by itself, and this experiment’s rubric only "
            "compares: the preferred side may still be bad."
        )
    return ""


def asks_absolutely(rubric: Rubric) -> bool:
    """Whether raters also say, of each side alone, if it is acceptable."""
    asked = {axis.key for axis in rubric.axes.all()}
    return {"a_acceptable", "b_acceptable"} <= asked


def chosen(keys: Iterable[str], experiment: Experiment) -> list[str]:
    """The keys in our order. Raises Refused for none, for unknown ones, and for what the rubric cannot give."""
    wanted = set(keys)
    if not wanted or not wanted <= set(BY_KEY):
        raise Refused("Choose at least one format.", field="formats")
    for key in wanted:
        if why := refusal(key, experiment.rubric):
            raise Refused(why, field="formats")
    return [each.key for each in FORMATS if each.key in wanted]

"""Rules about a preference. Each can say no, or look here, in a sentence fit for the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grading.models import Revision
from grading.rubric import is_strong, steps
from tasks.models import Need, Rubric


class Refused(Exception):
    """A person asked for something that cannot be done as it stands; the sentence says what is missing."""

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


@dataclass(frozen=True)
class Finding:
    """One sentence about one field. `stops` bars handing in; the others are for the rater to weigh."""

    sentence: str
    field: str
    stops: bool = False


#: Words that mean something only to who saw both sides: the agents never hear of them.
SIDES = re.compile(
    r"\b(?:side|candidate|version|patch|solution|response|answer|agent|model|option)\s+[“\"'(]?[AB]\b"
    r"|\b[AB]['’]s\b|\b(?:[Bb]oth|[Ee]ither|[Nn]either)\s+(?:sides?|candidates?|versions?|agents?|models?)\b"
    r"|\b[Tt]he other (?:one|side|candidate|version|agent|model|solution|patch)\b"
    r"|\b(?:like|than|from|unlike|as) [AB]\b(?! [a-z])|\b[AB] and [AB]\b"
)

Rule = Callable[[Rubric, Revision], Finding | None]


def overall_is_rated(rubric: Rubric, revision: Revision) -> Finding | None:
    if "overall" not in revision.ratings:
        return Finding("“Overall” is not rated yet.", "overall", stops=True)
    return None


def every_axis_is_rated(rubric: Rubric, revision: Revision) -> Finding | None:
    for axis in rubric.axes.all():
        skipped = rubric.may_skip and axis.key in revision.not_applicable
        if axis.key not in revision.ratings and not skipped:
            return Finding(f"“{axis.name}” is not rated yet.", axis.key, stops=not rubric.may_skip)
    return None


def key_axis_is_named(rubric: Rubric, revision: Revision) -> Finding | None:
    if not revision.key_axis:
        return Finding("Name the axis that decided.", "key_axis", stops=True)
    return None


def justification_is_long_enough(rubric: Rubric, revision: Revision) -> Finding | None:
    words = len(revision.texts.get("justification", "").split())
    needed = rubric.justification == Need.ALWAYS or (
        rubric.justification == Need.LEANING and bool(_preferred(rubric, revision))
    )
    if needed and words < rubric.least_words:
        return Finding(
            f"The reason has {words} of the {rubric.least_words} words it needs.", "justification", stops=True
        )
    return None


def _preferred(rubric: Rubric, revision: Revision) -> str:
    """The side that the overall rating prefers: "a", "b", or "" for none."""
    overall = revision.ratings.get("overall")
    return steps(rubric.points)[overall - 1].side if overall else ""


def _text_is_written(kind: str, side: str) -> Rule:
    """The strengths or weaknesses of one side, where the rubric needs them."""

    def rule(rubric: Rubric, revision: Revision) -> Finding | None:
        need, least = getattr(rubric, kind), max(getattr(rubric, f"{kind}_words"), 1)
        words = len(revision.texts.get(f"{side}_{kind}", "").split())
        if not _needs(rubric, revision, need, kind, side) or words >= least:
            return None
        name = f"{kind.capitalize()} of {side.upper()}"
        sentence = f"{name} are not written yet." if not words else f"{name} have {words} of {least} words."
        return Finding(sentence, f"{side}_{kind}", stops=True)

    return rule


def _needs(rubric: Rubric, revision: Revision, need: str, kind: str, side: str) -> bool:
    """Who prefers a side says what is good about it, and what is not about the other."""
    if need != Need.LEANING:
        return need == Need.ALWAYS
    preferred = _preferred(rubric, revision)
    return bool(preferred) and (side == preferred) == (kind == "strengths")


def strong_words_have_reasons(rubric: Rubric, revision: Revision) -> Finding | None:
    overall = revision.ratings.get("overall")
    words = len(revision.texts.get("justification", "").split())
    if overall and is_strong(rubric.points, overall) and words < 2 * rubric.least_words:
        return Finding("A clear preference deserves a few sentences on why.", "justification")
    return None


def overall_agrees_with_the_key_axis(rubric: Rubric, revision: Revision) -> Finding | None:
    overall, key = revision.ratings.get("overall"), revision.ratings.get(revision.key_axis)
    if overall is None or key is None:
        return None
    middle = (rubric.points + 1) / 2
    if (overall - middle) * (key - middle) < 0:
        return Finding("The axis that decided points to the other side than “Overall”.", "key_axis")
    return None


def next_prompt_names_no_side(rubric: Rubric, revision: Revision) -> Finding | None:
    if found := SIDES.search(revision.next_prompt):
        return Finding(
            f"The next prompt says “{found[0]}”: both agents read it, and neither knows of sides.",
            "next_prompt",
        )
    return None


RULES: tuple[Rule, ...] = (
    overall_is_rated,
    every_axis_is_rated,
    key_axis_is_named,
    justification_is_long_enough,
    *(_text_is_written(kind, side) for kind in ("strengths", "weaknesses") for side in "ab"),
    strong_words_have_reasons,
    overall_agrees_with_the_key_axis,
    next_prompt_names_no_side,
)


def findings(rubric: Rubric, revision: Revision | None) -> Iterator[Finding]:
    """What stands in the way first, then what is worth a look."""
    if revision is None:
        yield Finding("Nothing is written yet.", "overall", stops=True)
        return
    found = [finding for rule in RULES if (finding := rule(rubric, revision))]
    yield from sorted(found, key=lambda finding: not finding.stops)


def demand(rubric: Rubric, revision: Revision | None) -> None:
    """Raise `Refused` with the first thing that is missing."""
    for finding in findings(rubric, revision):
        if finding.stops:
            raise Refused(finding.sentence, field=finding.field)

"""What a prompt should not do, found while it is typed. Checks warn with a sentence and a place; people decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

SHORTEST, LONGEST = 15, 1_000  # words of a prompt
MOST_STEPS = 5  # numbered steps; more dictate the work
MOST_FOUND = 3  # places told of one check in one field

#: The fields whose words the agents read, or that a reviewer compares with them.
PROMPT, ACCEPTANCE = "prompt", "acceptance"


@dataclass(frozen=True)
class Finding:
    """`start` and `end` are characters of the field's text; equal where it is about the whole text."""

    check: str
    field: str
    start: int
    end: int
    sentence: str


def findings(texts: Mapping[str, str]) -> list[Finding]:
    """Of a write-up by field, in the order in which a person should look at them. Linear in the length of the text."""
    prompt = texts.get(PROMPT, "")
    if not prompt.strip():
        return []
    return [finding for check in CHECKS for finding in check(prompt, texts)]


_NUMBERED = re.compile(
    r"\b(?:pull request|merge request|pr|mr|issue|ticket|bug)[ \t]{0,3}(?:no\.?|number)?[ \t]{0,3}#?\d{1,7}\b"
    r"|(?<![\w&])(?:#|gh-)\d{1,7}\b|\bgithub\.com/[\w.-]{1,80}/[\w.-]{1,80}/(?:pull|issues|commit)/\w{1,40}"
    r"|\b[0-9a-f]{40}\b|\bbranch(?:es)?[ \t]+[`'\"][\w./-]{1,80}[`'\"]|\b(?:origin|upstream)/[\w./-]{1,80}",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"\b(?:you are|you're|act as|behave as|pretend (?:to be|you are|that you are)|imagine (?:that )?you(?: are|'re))"
    r" (?:an? |the )?(?:\w{1,20}[ -]){0,3}(?:engineer|developer|programmer|expert|architect|assistant|reviewer"
    r"|maintainer|hacker|ai|model|agent|coder|specialist)\b"
    r"|\bas an? (?:senior|expert|experienced|world[- ]class|staff|principal)\b",
    re.IGNORECASE,
)
_INSTRUCTIONS = re.compile(
    r"\b(?:CLAUDE|AGENTS|GEMINI|CONVENTIONS)\.md\b|(?<!\w)\.cursor(?:rules\b|/rules\b)|\bcopilot-instructions\b",
    re.IGNORECASE,
)
_DICTATED = re.compile(
    r"\b(?:on |in |at )?lines? \d{1,6}(?:[ \t]{0,2}(?:-|–|to|and)[ \t]{0,2}\d{1,6})?\b"
    r"|\bopen (?:the )?(?:file )?[`'\"]?[\w./-]{1,100}[`'\"]? and (?:change|replace|add|remove|edit|insert|delete)\b",
    re.IGNORECASE,
)
_STEP = re.compile(r"(?m)^[ \t]{0,8}(?:step )?\d{1,2}[.):][ \t]", re.IGNORECASE)
_NETWORK = re.compile(
    r"\bhttps?://[^\s)>\]]{1,200}|\b(?:curl|wget)\b"
    r"|\b(?:pip|npm|yarn|cargo|go|gem|apt|apt-get|brew) (?:install|add|get)\b"
    r"|\b(?:download|look up|search) (?:\w{1,20} ){0,3}(?:from|on) the (?:web|internet)\b",
    re.IGNORECASE,
)
_OUTCOME = re.compile(
    r"\b(?:should|must|shall|needs? to|has to|expect\w*|returns?|raises?|throws?|prints?|shows?|displays?|reports?"
    r"|accepts?|rejects?|refuses?|passes|fails?|responds?|produces?|so that|instead of|no longer|when(?:ever)?"
    r"|exit code|error message|output|faster|slower|at (?:most|least)|explain\w*|answers?|describ\w+|document\w*)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def _places(check: str, pattern: re.Pattern[str], text: str, sentence: str) -> Iterator[Finding]:
    for number, found in enumerate(pattern.finditer(text)):
        if number == MOST_FOUND:
            return
        yield Finding(check, PROMPT, found.start(), found.end(), sentence.format(found[0][:60].strip()))


def _named(prompt: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    return _places(
        "reference", _NUMBERED, prompt, "“{}” names where the work came from; say what is wanted instead."
    )


def _played(prompt: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    return _places("role", _ROLE, prompt, "“{}” gives the agent a role; ask as a colleague would.")


def _instructed(prompt: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    return _places(
        "instructions",
        _INSTRUCTIONS,
        prompt,
        "“{}” is an agent's own instruction file; agents differ in theirs.",
    )


def _dictated(prompt: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    yield from _places(
        "dictated", _DICTATED, prompt, "“{}” dictates the change; say what should be different."
    )
    steps = list(_STEP.finditer(prompt))
    if len(steps) > MOST_STEPS:
        yield Finding(
            "dictated",
            PROMPT,
            steps[0].start(),
            steps[-1].end(),
            f"{len(steps)} numbered steps leave nothing to decide; keep the outcome and the limits.",
        )


def _without_outcome(prompt: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    if not _OUTCOME.search(prompt):
        yield Finding(
            "outcome",
            PROMPT,
            0,
            0,
            "Nothing says what can be observed when it is done; add what should happen.",
        )


def _sized(prompt: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    words = sum(1 for _ in _WORD.finditer(prompt))
    if words < SHORTEST:
        yield Finding(
            "length", PROMPT, 0, 0, f"{words} words are hardly enough; most good prompts have 40 or more."
        )
    elif words > LONGEST:
        yield Finding(
            "length",
            PROMPT,
            0,
            0,
            f"{words:,} words are more than a colleague would read; {LONGEST:,} is plenty.",
        )


def _networked(prompt: str, texts: Mapping[str, str]) -> Iterator[Finding]:
    return _places("network", _NETWORK, prompt, "“{}” needs the network, which the agents do not have.")


Check = Callable[[str, Mapping[str, str]], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    _named,
    _played,
    _instructed,
    _dictated,
    _without_outcome,
    _sized,
    _networked,
)

"""What the findings say, in words: the verdict, and the sentence that stands where a number would mislead."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from grading.results.look import Look, Versus

#: Shares of tasks within so many points of one half count as alike.
MARGIN = 0.03
#: From the outcome of one task nobody can say how many more it takes.
LEAST_DECIDED = 2


@dataclass(frozen=True)
class Verdict:
    """`state` is the pill (its shape and its word), `sentence` the heading, `rest` what belongs to it."""

    shape: str
    state: str
    sentence: str
    rest: str = ""


def verdict(look: Look) -> Verdict:
    if why := nothing_to_say(look):
        return Verdict("waiting", "Not enough to say", why)
    pairs = [look.versus(pair["one"], pair["other"]) for pair in look.found["pairs"]]
    compared = [pair for pair in pairs if pair]
    if len(look.arms) == 2 and compared:
        return _of_two(look, compared[0])
    return _of_several(look, compared)


def nothing_to_say(look: Look) -> str:
    """The sentence instead of numbers: no data, one vote, all ties, one task, arms without a link."""
    counts = look.found["counts"]
    if not counts["votes"]:
        return "Nothing to say yet: no preference counts under these filters."
    if counts["votes"] == 1:
        return "Nothing to say yet: there is only one preference."
    if counts["votes"] == sum(pair["ties"] for pair in look.found["pairs"]):
        return f"Nothing to say: all {counts['votes']:,} preferences are ties."
    if counts["tasks"] == 1:
        return f"Nothing to say yet: all {counts['votes']:,} preferences are about one task."
    if apart := disconnected(look):
        return f"Not enough to say: {counts['votes']:,} preferences, and {apart}."
    return ""


def disconnected(look: Look) -> str:
    """Which arms no chain of comparisons leads to, or "" when there is a chain between any two."""
    groups: list[set[int]] = [{arm} for arm in look.arms]
    for pair in look.found["pairs"]:
        joined = [group for group in groups if pair["one"] in group or pair["other"] in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    if len(groups) < 2:
        return ""
    rest = sorted(groups, key=lambda group: (-len(group), min(group)))[1:]
    left = sorted(arm for group in rest for arm in group)
    said = listed([look.name(arm) for arm in left])
    return f"{said} {'was' if len(left) == 1 else 'were'} never compared with the others"


def _of_two(look: Look, pair: Versus) -> Verdict:
    ahead = pair if (pair.share or 0) >= 0.5 else look.versus(pair.other, pair.one)
    assert ahead is not None
    one, other = look.name(ahead.one), look.name(ahead.other)
    if ahead.share is None:
        return Verdict(
            "waiting", "Keep collecting", f"No task has been decided between {one} and {other} yet."
        )
    said = f"{percent(ahead.share)} {interval_of(ahead)} of {ahead.decided_tasks:,} decided tasks"
    if ahead.state == "decided":
        sentence = (
            f"{one} writes better code than {other}: raters prefer it in {_of_hundred(ahead.share)} tasks."
        )
        return Verdict("good", "Decided", sentence, f"{_truth(ahead)} {_axes(look, ahead)}".strip())
    if ahead.state == "equivalent":
        sentence = f"{one} and {other} are equivalent within ±{100 * MARGIN:.0f} points."
        return Verdict("good", "Equivalent", sentence, f"{one} was preferred in {said}.")
    sentence = f"{one} leads {other} with {said}."
    if ahead.share == 0.5:
        sentence = f"{one} and {other} are level after {ahead.decided_tasks:,} decided tasks."
    return Verdict("busy", "Keep collecting", sentence, missing(look, ahead))


def _of_several(look: Look, compared: list[Versus]) -> Verdict:
    decided = [pair for pair in compared if pair.decided]
    beats = {
        (pair.one, pair.other) if (pair.share or 0) > 0.5 else (pair.other, pair.one) for pair in decided
    }
    counted = f"{len(decided)} of {len(compared)} pairs {'is' if len(decided) == 1 else 'are'} decided"
    best = [arm for arm in look.arms if all((arm, other) in beats for other in look.arms if other != arm)]
    if best:
        sentence = f"{look.name(best[0])} writes better code than each of the other {len(look.arms) - 1}."
        return Verdict("good", "Decided", sentence, f"{_over_each(look, best[0])} {counted}.")
    open_pairs = [pair for pair in compared if not pair.decided and pair.more]
    nearest = min(open_pairs, key=lambda pair: pair.more or 0, default=None)
    rest = ""
    if nearest:
        rest = f"Nearest: {look.name(nearest.one)} and {look.name(nearest.other)}. {missing(look, nearest)}"
    return Verdict("busy", "Keep collecting", _undecided(look, compared, beats, counted), rest)


def _undecided(look: Look, compared: list[Versus], beats: set[tuple[int, int]], counted: str) -> str:
    if not beats:
        return f"None of the {len(compared)} pairs is decided yet."
    unbeaten = [arm for arm in look.arms if not any(loser == arm for _, loser in beats)]
    if not unbeaten:
        return f"No arm is best: {counted}, and they go round in a circle."
    said = listed([look.name(arm) for arm in unbeaten])
    return f"{counted}, and {said} {'is' if len(unbeaten) == 1 else 'are'} beaten by none."


def _over_each(look: Look, best: int) -> str:
    """In how many of a hundred tasks it was preferred to each of the others."""
    pairs = [look.versus(best, other) for other in look.arms if other != best]
    told = [
        f"to {look.name(pair.other)} in {round(100 * pair.share)} {interval_of(pair)}"
        for pair in pairs
        if pair and pair.share is not None
    ]
    return f"Of 100 tasks raters prefer it {listed(told)}."


def missing(look: Look, pair: Versus) -> str:
    """How many tasks a decision may still take, and their cost."""
    if pair.more is None:
        return "At this share no end is in sight; the two may be alike."
    if pair.more == 0:
        return "That is enough for one comparison, but not among so many."
    return f"About {pair.more:,} more tasks, {cost(look, pair.more)}, would decide it if this goes on."


def missing_short(look: Look, pair: Versus | None) -> str:
    if pair is None:
        return "never compared"
    if pair.state in ("decided", "equivalent"):
        return pair.state
    if pair.state == "none":
        return "no task decided"
    if pair.decided_tasks < LEAST_DECIDED:
        return "too few to say"
    return f"about {pair.more:,} more" if pair.more else "no end in sight" if pair.more is None else "nearly"


def cost(look: Look, tasks: int) -> str:
    return money(tasks * Decimal(look.found["rate"]), look.found["currency"])


def money(amount: Decimal, currency: str) -> str:
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(currency, f"{currency} ")
    return f"{sign}{amount:,.0f}"


def percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def interval_of(pair: Versus) -> str:
    low, high = pair.interval
    return f"[{100 * low:.0f}, {100 * high:.0f}]"


def listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _of_hundred(share: float) -> str:
    """ "61 of 100", and nothing that rounds to a certainty it is not."""
    tasks = round(100 * share)
    return "nearly all" if tasks == 100 and share < 1 else "all" if tasks == 100 else f"{tasks} of 100"


def _truth(pair: Versus) -> str:
    low, high = pair.interval
    return f"The true share lies between {100 * low:.0f} and {100 * high:.0f}."


def _axes(look: Look, pair: Versus) -> str:
    """Which axes are surely with the one ahead, and which surely against it."""
    ahead, behind = [], []
    for axis in look.found["axes"]:
        told = look.difference(axis, pair.one, pair.other)
        if told and told[1] > 0:
            ahead.append(axis["name"].lower())
        elif told and told[2] < 0:
            behind.append(axis["name"].lower())
    parts = []
    if ahead:
        parts.append(f"{listed(ahead).capitalize()} {'carries' if len(ahead) == 1 else 'carry'} it.")
    if behind:
        parts.append(f"In {listed(behind)} it is behind.")
    return " ".join(parts)

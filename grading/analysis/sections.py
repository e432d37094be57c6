"""The parts of the report, each a dictionary for JSON."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from grading.analysis import agreement as agreeing
from grading.analysis import blindness, intervals, ratings, sequential, tallies
from grading.analysis import raters as raters_of
from grading.analysis.bootstrap import bootstrap as resampled_ratings
from grading.analysis.cells import Guess
from grading.analysis.distributions import two_sided
from grading.analysis.intervals import Covariance, Spread
from grading.analysis.power import plan as planned
from grading.analysis.ratings import Fit, NoEstimate
from grading.analysis.sequential import Duel
from grading.analysis.votes import Floats, Votes

#: What a reader gets: a dictionary of numbers, or one sentence.
Section: TypeAlias = dict[str, Any] | str

ALPHA = 0.05
NO_VOTES = "There are no votes."


@dataclass(frozen=True)
class Choices:
    """What the votes do not tell: whom to compare with, what a task costs, how small a difference is none."""

    reference: str | None = None  # a model's name; None takes the one with the most votes
    price: Decimal | None = None  # of one more task
    currency: str = "$"
    margin: float = 0.03  # of a share, to both sides of one half
    repetitions: int = 1000  # of the bootstrap
    seed: int = 0


DEFAULT = Choices()


class Study:
    """One table of votes, and what several parts need of it, computed once."""

    def __init__(self, votes: Votes, choices: Choices) -> None:
        self.votes, self.choices = votes, choices
        self._spreads: dict[str, Spread | NoEstimate] = {}

    def spread(self, name: str) -> Spread:
        """The fit of this name with its covariances. Raises NoEstimate."""
        if name not in self._spreads:
            try:
                self._spreads[name] = Spread(MODELS[name](self.votes), self.votes)
            except NoEstimate as why:
                self._spreads[name] = why
        found = self._spreads[name]
        if isinstance(found, NoEstimate):
            raise NoEstimate(str(found))
        return found

    @property
    def headline(self) -> Spread:
        return self.spread(HEADLINE)

    @property
    def reference(self) -> int:
        """The model to compare with, by its number."""
        votes = self.votes
        if self.choices.reference in votes.models:
            return votes.models.index(self.choices.reference)
        shown = [np.bincount(side, votes.count, len(votes.models)) for side in (votes.first, votes.second)]
        return int((shown[0] + shown[1]).argmax())


def written(part: Callable[..., dict[str, Any]], *values: Any) -> Section:
    """What the part says, or why it cannot."""
    try:
        return part(*values)
    except NoEstimate as why:
        return str(why)


def counts(votes: Votes) -> dict[str, Any]:
    return {
        "votes": votes.number,
        "tasks": len(votes.tasks),
        "raters": len(votes.raters),
        "models": list(votes.models),
        "points": votes.points,
    }


def estimate(spread: Spread) -> dict[str, Any]:
    """Ratings with all five standard errors, and what follows from those clustered by task."""
    fit = spread.fit
    covariances = {
        "se_hessian": spread.hessian,
        "se_sandwich": spread.sandwich,
        "se_cluster_task": spread.by_task,
        "se_cluster_rater": spread.by_rater,
        "se_two_way": spread.two_way,
    }
    errors = {name: written(_errors, fit, covariance) for name, covariance in covariances.items()}
    found: dict[str, Any] = {"theta": _by_model(fit, fit.theta), **errors}
    found |= _compared(fit, spread.by_task)
    if fit.also:
        found["coefficients"] = fit.coefficients
        found["coefficients_se"] = {
            name: written(_of_coefficients, fit, covariance) for name, covariance in covariances.items()
        }
    found["influence"] = written(influence, spread)
    found["log_likelihood"] = fit.log_likelihood
    found["notes"] = {name: each.note for name, each in covariances.items() if each.note}
    return found


def estimate_called(name: str, study: Study) -> dict[str, Any]:
    return estimate(study.spread(name))


MODELS: Mapping[str, Callable[[Votes], Fit]] = {
    "bt_halfwin": ratings.bt_halfwin,
    "davidson": ratings.davidson,
    "davidson_side": partial(ratings.davidson, side=True),
    "ordinal": ratings.ordinal,
    "ordinal_side": partial(ratings.ordinal, side=True),
}
HEADLINE = "ordinal_side"
ESTIMATES = {name: partial(estimate_called, name) for name in MODELS}


def _by_model(fit: Fit, values: Floats) -> dict[str, float]:
    return dict(zip(fit.models, values.tolist(), strict=True))


def _errors(fit: Fit, covariance: Covariance) -> dict[str, float]:
    return _by_model(fit, covariance.errors(len(fit.models)))


def _of_coefficients(fit: Fit, covariance: Covariance) -> dict[str, float]:
    count = len(fit.models)
    errors = covariance.errors(count + len(fit.also))[count:]
    return dict(zip(fit.also, errors.tolist(), strict=True))


def _compared(fit: Fit, by_task: Covariance) -> dict[str, Any]:
    """95 % intervals clustered by task: of each rating, of neighbours' differences; and ranks."""
    if by_task.matrix is None:
        return dict.fromkeys(("interval", "rank", "differences"), by_task.why_not)
    half = by_task.quantile() * by_task.errors(len(fit.models))
    order = [int(each) for each in (-fit.theta).argsort(kind="stable")]
    return {
        "interval": {
            model: [theta - width, theta + width]
            for model, theta, width in zip(fit.models, fit.theta.tolist(), half.tolist(), strict=True)
        },
        "rank": dict(zip(fit.models, map(list, intervals.rank_ranges(fit, by_task)), strict=True)),
        "differences": [
            {
                "model_a": fit.models[one],
                "model_b": fit.models[other],
                "difference": float(fit.theta[one] - fit.theta[other]),
                "interval": list(intervals.difference(fit, by_task, one, other)),
            }
            for one, other in pairwise(order)
        ],
    }


def influence(spread: Spread) -> dict[str, float]:
    """By rater the largest move of any rating without them, in one step."""
    raters = spread.votes.raters
    if len(raters) < 2:
        raise NoEstimate("All votes are of one rater, so none can be left out.")
    return dict(zip(raters, abs(spread.influence).max(axis=1).tolist(), strict=True))


def style_control(study: Study) -> dict[str, Any]:
    """The headline less what styles explain, and the headline itself beside it."""
    raw = study.headline.fit
    found = estimate(Spread(ratings.style_controlled(study.votes), study.votes))
    return found | {"raw": _by_model(raw, raw.theta)}


def bootstrap(study: Study) -> dict[str, Any]:
    """Of the headline: what resampled tasks say, beside the errors that formulas give."""
    fit, choices = study.headline.fit, study.choices
    draws = resampled_ratings(fit, study.votes, repetitions=choices.repetitions, seed=choices.seed)
    return {
        "repetitions": len(draws),
        "se": _by_model(fit, draws.std(axis=0)),
        "interval": dict(zip(fit.models, map(list, intervals.percentiles(draws)), strict=True)),
    }


def to_reference(study: Study) -> dict[str, Any]:
    """How far each model is ahead of one of them, by the headline, with intervals clustered by task."""
    fit, by_task, reference = study.headline.fit, study.headline.by_task, study.reference
    return {
        "reference": fit.models[reference],
        "rows": [
            {
                "model": model,
                "difference": float(fit.theta[at] - fit.theta[reference]),
                "interval": by_task.why_not or list(intervals.difference(fit, by_task, at, reference)),
                "expected_share": 1 / (1 + math.exp(fit.theta[reference] - fit.theta[at])),
            }
            for at, model in enumerate(fit.models)
            if at != reference
        ],
    }


def win_rates(study: Study) -> dict[str, Any]:
    rates = [asdict(rate) for rate in tallies.win_rates(study.votes)]
    one_task = "All votes are of one task, so the spread between tasks is unknown."
    return {"pairs": [rate | {"interval": list(rate["interval"] or ()) or one_task} for rate in rates]}


def distribution(study: Study) -> dict[str, Any]:
    """How often each rating was given, by pair: positive is in favour of model_a."""
    votes = study.votes
    if not len(votes):
        raise NoEstimate(NO_VOTES)
    return {
        "levels": votes.levels.tolist(),
        "pairs": [
            {"model_a": one, "model_b": other, "votes": given}
            for (one, other), given in tallies.distribution(votes).items()
        ],
    }


def _require_several(votes: Votes) -> None:
    if votes.number == 1:
        raise NoEstimate("There is only one vote, which shows no pattern.")


def position_bias(study: Study) -> dict[str, Any]:
    _require_several(study.votes)
    bias = asdict(blindness.position_bias(study.votes))
    return bias | {"interval": list(bias["interval"]), "side": written(_side_term, study)}


def _side_term(study: Study) -> dict[str, Any]:
    spread = study.spread("davidson_side")
    ratio, p_value = blindness.side_test(spread.fit, study.spread("davidson").fit)
    return {
        "davidson": spread.fit.coefficients["side"],
        "se_hessian": _of_coefficients(spread.fit, spread.hessian)["side"],
        "likelihood_ratio": ratio,
        "p_value": p_value,
    }


def side_balance(study: Study) -> dict[str, Any]:
    _require_several(study.votes)
    balance = blindness.side_balance(study.votes)
    return {
        "left": {model: left for model, (left, _) in balance.lefts.items()},
        "shown": {model: shown for model, (_, shown) in balance.lefts.items()},
        "interval": {model: list(interval) for model, interval in balance.shares.items()},
        "chi_square": balance.chi_square,
        "freedom": balance.freedom,
        "p_value": balance.p_value,
    }


def agreement(study: Study) -> dict[str, Any]:
    votes, choices = study.votes, study.choices
    if not len(votes):
        raise NoEstimate(NO_VOTES)
    if len(votes.raters) < 2:
        raise NoEstimate("All votes are of one rater, so there is nobody to agree with.")
    table = agreeing.table_of(votes)
    shared = table.shared
    if not len(shared.counts):
        raise NoEstimate(agreeing.UNSHARED)
    coefficients = {
        "alpha_nominal": partial(agreeing.alpha_of, table, "nominal"),
        "alpha_ordinal": partial(agreeing.alpha_of, table, "ordinal"),
        "alpha_interval": partial(agreeing.alpha_of, table, "interval"),
        "ac2_ordinal": partial(agreeing.ac2_of, table, "ordinal"),
        "ac2_quadratic": partial(agreeing.ac2_of, table, "quadratic"),
    }
    kappas = agreeing.kappa_of_pairs(votes, seed=choices.seed)
    return {
        "shared_units": len(shared.counts),
        **{name: written(_coefficient, find, choices.seed) for name, find in coefficients.items()},
        "kappa_quadratic": [
            {"raters": list(kappa.raters), "units": kappa.units, **_told(kappa.quadratic)} for kappa in kappas
        ]
        or agreeing.ALIKE,
        "self_consistency": {rater: asdict(each) for rater, each in agreeing.self_consistency(votes).items()}
        or "Nobody rated anything twice.",
        "by_week": written(_by_week, shared, choices.seed),
    }


def _coefficient(find: Callable[..., agreeing.Coefficient], seed: int) -> dict[str, Any]:
    return _told(find(seed=seed))


def _told(coefficient: agreeing.Coefficient) -> dict[str, Any]:
    return {
        "value": coefficient.value,
        "interval": list(coefficient.interval) if coefficient.interval else coefficient.why_not,
    }


def _by_week(shared: agreeing.Table, seed: int) -> dict[str, Any]:
    """Alpha of the units whose last rating came in each week, by its Monday."""
    if shared.days is None:
        raise NoEstimate(sequential.UNDATED)
    return {
        date.fromordinal(monday).isoformat(): {
            "units": len(week.counts),
            "alpha_ordinal": written(_coefficient, partial(agreeing.alpha_of, week, "ordinal"), seed),
        }
        for monday, week in shared.weeks
    }


def raters(study: Study) -> dict[str, Any]:
    """By rater: how much, which side, how surprising by the headline, and how the ratings would move without them."""
    if not len(study.votes):
        raise NoEstimate(NO_VOTES)
    surprises, moves = written(_surprises, study), written(_moves, study)
    return {
        each.name: {
            "votes": each.votes,
            "ties": each.ties,
            "left": each.left,
            "left_interval": list(each.left_interval or ()) or "All of these votes are ties.",
            "surprise": surprises if isinstance(surprises, str) else surprises[each.name],
            "influence": moves if isinstance(moves, str) else moves[each.name],
        }
        for each in raters_of.side_shares(study.votes)
    }


def _surprises(study: Study) -> dict[str, float]:
    return dict(zip(study.votes.raters, raters_of.surprise(study.headline).tolist(), strict=True))


def _moves(study: Study) -> dict[str, float]:
    return influence(study.headline)


#: True shares that one might want to find.
SHARES = (0.55, 0.6, 0.65, 0.7)


def power(study: Study) -> dict[str, Any]:
    """What it takes to find shares of a size at one look, with the ties and the clustering of these votes."""
    votes, headline = study.votes, study.headline
    several = votes.number / len(votes.bouts.task)
    ties = float(votes.tally.count[votes.tally.rating == 0].sum()) / votes.number
    count = len(votes.models)
    ratio = (headline.by_task.errors(count) ** 2).sum() / (headline.sandwich.errors(count) ** 2).sum()
    correlation = min(1.0, max(0.0, float(ratio - 1) / (several - 1))) if several > 1 else 0.0
    plans = {
        share: planned(
            share,
            ties=ties,
            votes_a_task=several,
            correlation=correlation,
            price=study.choices.price or Decimal(0),
        )
        for share in SHARES
    }
    return {
        "ties": ties,
        "votes_a_task": several,
        "correlation": correlation,
        "rows": [
            {
                "share": share,
                "votes": plan.votes,
                "tasks": plan.tasks,
                "cost": None if study.choices.price is None else float(plan.cost),
            }
            for share, plan in plans.items()
        ],
    }


def blinding(guesses: Sequence[Guess]) -> dict[str, Any]:
    """The indices over all answers, and the pooled leak of each group and rater."""
    left, right = blindness.counted(guesses)
    if not left.total + right.total:
        raise NoEstimate("Nobody was asked which side was the newer one.")
    return {
        "asked": left.total + right.total,
        "arms": {"newer_on_left": written(_arm, left), "newer_on_right": written(_arm, right)},
        "james": written(_index, partial(blindness.james, left, right)),
        "leak": written(_leak, left, right),
        "groups": _leaks(guesses, "group"),
        "raters": _leaks(guesses, "rater"),
    }


def _arm(arm: blindness.Guesses) -> dict[str, Any]:
    return asdict(arm) | {"bang": _index(partial(blindness.bang, arm))}


def _index(find: Callable[[], blindness.Index]) -> dict[str, Any]:
    index = find()
    return {"value": index.value, "se": index.error, "interval": list(index.interval())}


def _leak(left: blindness.Guesses, right: blindness.Guesses) -> dict[str, Any]:
    index = blindness.leak(left, right)
    correct, wrong = left.correct + right.correct, left.wrong + right.wrong
    return {
        **_index(lambda: index),
        "p_value": two_sided(index.z),
        "correct": correct,
        "wrong": wrong,
        # Valid however often one looks, since this is watched daily.
        "e_value": sequential.e_value(correct, wrong),
    }


def _leaks(guesses: Sequence[Guess], by: str) -> list[dict[str, Any]]:
    """One row for each group or rater; those of a list are found leaking together, by e-BH."""
    answers: dict[str, list[Guess]] = defaultdict(list)
    for guess in guesses:
        answers[getattr(guess, by)].append(guess)
    arms = {name: blindness.counted(each) for name, each in sorted(answers.items()) if name}
    evidence = {
        name: sequential.log_e_value(left.correct + right.correct, left.wrong + right.wrong)
        for name, (left, right) in arms.items()
    }
    sure = sequential.e_bh(evidence, ALPHA)
    return [
        {
            by: name,
            "asked": left.total + right.total,
            "leak": written(_leak, left, right),
            "leaks": name in sure and left.correct + right.correct > left.wrong + right.wrong,
        }
        for name, (left, right) in arms.items()
    ]


def decision(study: Study, by_axis: Mapping[str, Study]) -> dict[str, Any]:
    votes, choices = study.votes, study.choices
    if not len(votes):
        raise NoEstimate(NO_VOTES)
    if not votes.tally.rating.any():
        raise NoEstimate("Every vote is a tie, so there is nothing to decide on.")
    if len(votes.tasks) == 1:
        raise NoEstimate("All votes are of one task, which has one voice: nothing can be decided.")
    overall = {("", duel.one, duel.other): duel for duel in sequential.duels(votes)}
    pairs = _judged(overall, choices)
    decided = {(row["model_a"], row["model_b"]) for row in pairs if row["decided"]}
    return {
        "verdict": sequential.overall_verdict(
            list(overall.values()),
            decided,
            [row["verdict"] for row in pairs],
            alpha=ALPHA,
            price=choices.price,
            currency=choices.currency,
        ),
        "alpha": ALPHA,
        "pairs": pairs,
        "axes": _judged(
            {
                (axis, duel.one, duel.other): duel
                for axis, rated in by_axis.items()
                for duel in sequential.duels(rated.votes)
            },
            choices,
        ),
    }


def _judged(duels: Mapping[tuple[str, str, str], Duel], choices: Choices) -> list[dict[str, Any]]:
    """One row each; those of a list are decided together, by e-BH."""
    judged = sequential.judged(duels, ALPHA)
    return [
        {
            **({"axis": key[0]} if key[0] else {}),
            "model_a": duel.one,
            "model_b": duel.other,
            "wins": duel.wins,
            "losses": duel.losses,
            "ties": duel.ties,
            "e_value": judged[key].e_value,
            "log_e_value": judged[key].log_e_value,
            "interval": list(judged[key].interval),
            "decided": judged[key].decided,
            "verdict": sequential.verdict(
                duel,
                judged[key].interval,
                decided=judged[key].decided,
                margin=choices.margin,
                alpha=ALPHA,
                price=choices.price,
                currency=choices.currency,
            ),
        }
        for key, duel in duels.items()
    ]


def path(study: Study) -> dict[str, Any]:
    """The confidence sequence of each model against the reference, as it grew from day to day."""
    if not len(study.votes):
        raise NoEstimate(NO_VOTES)
    models, reference = study.votes.models, study.reference
    return {
        "reference": models[reference],
        "pairs": [
            {"model": model, "steps": written(_steps, study.votes, at, reference)}
            for at, model in enumerate(models)
            if at != reference
        ],
    }


def _steps(votes: Votes, one: int, other: int) -> Any:
    return [
        asdict(step) | {"day": date.fromordinal(step.day).isoformat(), "interval": list(step.interval)}
        for step in sequential.path(votes, one, other, alpha=ALPHA)
    ]

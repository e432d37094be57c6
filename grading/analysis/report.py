"""Everything the votes say, as plain values for JSON: each number under its name, or the sentence why not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

from grading.analysis import agreement, blindness, intervals, ratings, sequential
from grading.analysis.intervals import Covariance
from grading.analysis.ratings import Fit, NoEstimate
from grading.analysis.votes import Floats, Ints, Votes

#: What a reader gets: a dictionary of numbers, or one sentence.
Section: TypeAlias = dict[str, Any] | str

ESTIMATES: Mapping[str, Callable[[Votes], Fit]] = {
    "bt_halfwin": ratings.bt_halfwin,
    "davidson": ratings.davidson,
    "davidson_side": partial(ratings.davidson, side=True),
    "ordinal": ratings.ordinal,
    "ordinal_side": partial(ratings.ordinal, side=True),
}
HEADLINE = "ordinal_side"
ALPHA = 0.05
NO_VOTES = "There are no votes."


def report(votes: Votes, *, seed: int = 0) -> dict[str, Any]:
    """Overall, and below `axes` the same for each axis. The same votes and seed give the same report."""
    per_axis = {axis: votes.of_axis(axis) for axis in votes.axes}
    return {
        "counts": _counts(votes),
        **_sections(votes, seed),
        "decision": _decision(votes, per_axis),
        "style_control": _section(_style_control, votes),
        "axes": {
            axis: {"counts": _counts(rated), **_sections(rated, seed)} for axis, rated in per_axis.items()
        },
    }


def _counts(votes: Votes) -> dict[str, Any]:
    return {
        "votes": len(votes),
        "tasks": len(votes.tasks),
        "raters": len(votes.raters),
        "models": list(votes.models),
        "points": votes.points,
    }


def _sections(votes: Votes, seed: int) -> dict[str, Section]:
    return {
        **{name: _section(_estimate, votes, fitted) for name, fitted in ESTIMATES.items()},
        "position_bias": _section(_position_bias, votes),
        "side_balance": _section(_side_balance, votes),
        "agreement": _section(_agreement, votes, seed),
    }


def _section(write: Callable[..., dict[str, Any]], *values: Any) -> Section:
    """What `write` says, or why it cannot."""
    try:
        return write(*values)
    except NoEstimate as why:
        return str(why)


def _estimate(votes: Votes, fitted: Callable[[Votes], Fit]) -> dict[str, Any]:
    fit = fitted(votes)
    covariances = {
        "se_hessian": intervals.hessian(fit),
        "se_sandwich": intervals.sandwich(fit),
        "se_cluster_task": intervals.by_task(fit, votes),
        "se_cluster_rater": intervals.by_rater(fit, votes),
        "se_two_way": intervals.two_way(fit, votes),
    }
    errors = {name: _section(_errors, fit, covariance) for name, covariance in covariances.items()}
    found: dict[str, Any] = {"theta": _by_model(fit, fit.theta), **errors}
    found |= _compared(fit, covariances["se_cluster_task"])
    if fit.also:
        found["coefficients"] = fit.coefficients
        found["coefficients_se"] = {
            name: _section(_of_coefficients, fit, covariance) for name, covariance in covariances.items()
        }
    found["influence"] = _section(_influence, fit, votes)
    found["log_likelihood"] = fit.log_likelihood
    found["notes"] = {name: each.note for name, each in covariances.items() if each.note}
    return found


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


def _influence(fit: Fit, votes: Votes) -> dict[str, float]:
    """By rater the largest move of any rating without them, in one step."""
    if len(votes.raters) < 2:
        raise NoEstimate("All votes are of one rater, so none can be left out.")
    moves = abs(intervals.influence(fit, votes)).max(axis=1)
    return dict(zip(votes.raters, moves.tolist(), strict=True))


def _require_several(votes: Votes) -> None:
    if len(votes) == 1:
        raise NoEstimate("There is only one vote, which shows no pattern.")


def _position_bias(votes: Votes) -> dict[str, Any]:
    _require_several(votes)
    bias = asdict(blindness.position_bias(votes))
    return bias | {"interval": list(bias["interval"]), "side": _section(_side_term, votes)}


def _side_term(votes: Votes) -> dict[str, Any]:
    ratio, p_value = blindness.side_test(votes)
    fit = ratings.davidson(votes, side=True)
    return {
        "davidson": fit.coefficients["side"],
        "se_hessian": _of_coefficients(fit, intervals.hessian(fit))["side"],
        "likelihood_ratio": ratio,
        "p_value": p_value,
    }


def _side_balance(votes: Votes) -> dict[str, Any]:
    _require_several(votes)
    balance = blindness.side_balance(votes)
    return {
        "left": {model: counts[0] for model, counts in balance.lefts.items()},
        "shown": {model: counts[1] for model, counts in balance.lefts.items()},
        "interval": {model: list(interval) for model, interval in balance.shares.items()},
        "chi_square": balance.chi_square,
        "freedom": balance.freedom,
        "p_value": balance.p_value,
    }


def _agreement(votes: Votes, seed: int) -> dict[str, Any]:
    if not len(votes):
        raise NoEstimate(NO_VOTES)
    if len(votes.raters) < 2:
        raise NoEstimate("All votes are of one rater, so there is nobody to agree with.")
    table = agreement.table_of(votes)
    shared = table.shared
    if not len(shared.counts):
        raise NoEstimate(agreement.UNSHARED)
    coefficients: dict[str, agreement.Coefficient] = {
        "alpha_nominal": partial(_alpha, table, "nominal"),
        "alpha_ordinal": partial(_alpha, table, "ordinal"),
        "alpha_interval": partial(_alpha, table, "interval"),
        "ac2_ordinal": partial(_ac2, "ordinal"),
        "ac2_quadratic": partial(_ac2, "quadratic"),
    }
    kappas = agreement.kappa_of_pairs(votes)
    return {
        "shared_units": len(shared.counts),
        **{name: _section(_coefficient, table, each, seed) for name, each in coefficients.items()},
        "kappa_quadratic": [{"raters": list(raters), "value": kappa} for raters, kappa in kappas.items()]
        or agreement.ALIKE,
        "self_consistency": {rater: asdict(each) for rater, each in agreement.self_consistency(votes).items()}
        or "Nobody rated anything twice.",
    }


def _alpha(table: agreement.Table, metric: str, counts: Ints, weights: Floats | None) -> float:
    return agreement.alpha(counts, table.levels, metric, weights)


def _ac2(kind: str, counts: Ints, weights: Floats | None) -> float:
    return agreement.ac2(counts, kind, weights)


def _coefficient(table: agreement.Table, coefficient: agreement.Coefficient, seed: int) -> dict[str, Any]:
    value = coefficient(table.counts, None)

    def spread() -> dict[str, Any]:
        return {"interval": list(agreement.interval(table, coefficient, seed=seed))}

    found = _section(spread)
    return {"value": value} | (found if isinstance(found, dict) else {"interval": found})


def _decision(votes: Votes, per_axis: Mapping[str, Votes]) -> Section:
    if not len(votes):
        return NO_VOTES
    if not votes.rating.any():
        return "Every vote is a tie, so there is nothing to decide on."
    if len(votes.tasks) == 1:
        return "All votes are of one task, which has one voice: nothing can be decided."
    return {
        "alpha": ALPHA,
        "pairs": _judged({("", duel.one, duel.other): duel for duel in sequential.duels(votes)}),
        "axes": _judged(
            {
                (axis, duel.one, duel.other): duel
                for axis, rated in per_axis.items()
                for duel in sequential.duels(rated)
            }
        ),
    }


def _judged(duels: Mapping[tuple[str, str, str], sequential.Duel]) -> list[dict[str, Any]]:
    """One row each; those of a list are decided together, by e-BH."""
    evidence = {key: sequential.log_e_value(duel.wins, duel.losses) for key, duel in duels.items()}
    decided = sequential.e_bh(evidence, ALPHA)
    return [
        {
            **({"axis": key[0]} if key[0] else {}),
            "model_a": duel.one,
            "model_b": duel.other,
            "wins": duel.wins,
            "losses": duel.losses,
            "ties": duel.ties,
            "e_value": math.exp(min(sequential.MOST_LOG, evidence[key])),
            "log_e_value": evidence[key],
            "interval": list(sequential.confidence_sequence(duel.wins, duel.losses, ALPHA)),
            "decided": key in decided,
            "verdict": sequential.verdict(duel, decided=key in decided, alpha=ALPHA),
        }
        for key, duel in duels.items()
    ]


def _style_control(votes: Votes) -> dict[str, Any]:
    if not len(votes):
        raise NoEstimate(NO_VOTES)
    return _estimate(votes, ratings.style_controlled)


def as_text(found: Mapping[str, Any]) -> str:
    """The report for a terminal: names as in the JSON, indented, numbers to four digits."""
    return "\n".join(_lines(found, 0))


def _lines(value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for name, inner in value.items():
            flat = _flat(inner)
            if flat is None:
                lines += [f"{indent}{name}", *_lines(inner, depth + 1)]
            else:
                lines.append(f"{indent}{name}: {flat}")
        return lines
    return [line for row in value for line in (f"{indent}-", *_lines(row, depth + 1))]


def _flat(value: Any) -> str | None:
    """A value that fits on a line; None for what needs several."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) >= 1e-12 else "0"
    if isinstance(value, Mapping):
        return None if value else "none"
    if isinstance(value, list):
        parts = [_flat(each) for each in value]
        return None if None in parts else f"[{', '.join(part or '' for part in parts)}]"
    return str(value)

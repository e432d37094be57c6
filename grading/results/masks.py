"""Arms are called by numbers that were drawn for the experiment; here are the numbers, and the names behind them."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from grading.models import MaskedArm
from marlin.sources import source
from tasks.models import Arm, Experiment


def draw(experiment: Experiment) -> dict[int, int]:
    """The number of each arm by its key, drawn the first time. Needs rights on the guarded tables."""
    drawn = numbers(experiment)
    arms = list(Arm.objects.filter(experiment=experiment).order_by("position").values_list("pk", flat=True))
    if len(drawn) < len(arms):
        _draw_missing(experiment, [arm for arm in arms if arm not in drawn], len(drawn))
        drawn = numbers(experiment)
    return drawn


def numbers(experiment: Experiment) -> dict[int, int]:
    return dict(MaskedArm.objects.filter(experiment=experiment).values_list("arm", "number"))


def names(experiment: Experiment, *, using: str = "unblind") -> dict[int, str]:
    """What un-blinding shows: the agent version behind each number."""
    masks = MaskedArm.objects.using(using).filter(experiment=experiment)
    return dict(masks.values_list("number", "arm__agent_version__name"))


def masked(arms: list[int]) -> dict[int, str]:
    return {arm: f"Arm {arm}" for arm in arms}


def _draw_missing(experiment: Experiment, arms: list[int], taken: int) -> None:
    source().shuffle("masks", arms)
    try:
        with transaction.atomic():
            MaskedArm.objects.bulk_create(
                MaskedArm(arm_id=arm, experiment=experiment, number=number)
                for number, arm in enumerate(arms, taken + 1)
            )
    except IntegrityError:
        return  # another worker has drawn in this very moment; that draw counts

"""Lifting the veil for one person and one experiment: written down, and from then on they judge nothing in it."""

from __future__ import annotations

from django.db import transaction

from marlin.events import record
from marlin.models import Event, User
from tasks.models import Experiment

UNBLINDED = "experiment.unblinded"
#: Words of a reason.
LEAST_REASON = 3


def has_unblinded(person: User, experiment: Experiment) -> bool:
    return Event.objects.filter(actor=person, name=UNBLINDED, subject=str(experiment.public_id)).exists()


def unblind(experiment: Experiment, *, by: User, reason: str) -> None:
    """From now on this person reads names, and rates here no more."""
    with transaction.atomic(using="unblind"):
        record(UNBLINDED, experiment, by=by, why=reason, using="unblind")

"""Money owed for accepted work."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from grading.models.assignment import Assignment
from marlin.models import User
from marlin.sources import new_public_id, now
from marlin.states import Stateful


class Payout(Stateful):
    """What one accepted assignment is worth."""

    class State(models.TextChoices):
        DUE = "due"  # owed since the work was accepted
        APPROVED = "approved"  # part of a batch
        PAID = "paid"  # the money went out
        VOID = "void"  # not owed after all

    TRANSITIONS = {
        State.DUE: {State.APPROVED, State.VOID},
        State.APPROVED: {State.PAID, State.VOID},
        State.PAID: set(),
        State.VOID: set(),
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="payout")
    state = models.CharField(max_length=20, choices=State, default=State.DUE)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3)
    due_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="nobody_owes_us")]

    def approve(self, *, by: User) -> None:
        self.move_to(self.State.APPROVED, by=by)

    def pay(self, *, by: User) -> None:
        self.move_to(self.State.PAID, by=by)

    def void(self, *, by: User, why: str) -> None:
        self.move_to(self.State.VOID, by=by, why=why)

    def story(self) -> str:
        return self.assignment.story()

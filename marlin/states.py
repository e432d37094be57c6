"""States and the one way to change them: a conditional UPDATE and an Event, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models, router, transaction
from django.db.models import Q
from django.db.models.functions import Now

from marlin.events import record
from marlin.logins import is_guarded
from marlin.sources import source

if TYPE_CHECKING:
    from marlin.models import User


class WrongState(Exception):
    """Somebody was faster, or the move is not in the table. Nothing was changed."""


class Stateful(models.Model):
    """A model with a `state`, a `TRANSITIONS` table beside it, and a named method for each arc."""

    TRANSITIONS: ClassVar[Mapping[str, Set[str]]] = {}

    state = models.CharField(max_length=20)

    class Meta:
        abstract = True

    def move_to(
        self, state: str, *, by: User | None = None, held: str | None = None, why: str = "", **changes: Any
    ) -> None:
        """Move from the state we believe we are in, and write it down. The loser of a race gets `WrongState`.

        With `held`, the row must still carry that token: a worker that was taken for dead cannot write any more.
        """
        if state not in self.TRANSITIONS[self.state]:
            raise WrongState(f"{self._name()} cannot go from {self.state} to {state}.")
        alias = self._state.db or router.db_for_write(type(self), instance=self)
        condition = {"pk": self.pk, "state": self.state}
        if held is not None:
            condition["token"] = held
        with transaction.atomic(using=alias):
            rows = type(self)._base_manager.using(alias).filter(**condition)
            if not rows.update(state=state, **changes):
                raise WrongState(f"{self._name()} is no longer {self.state}.")
            record(
                f"{self._meta.model_name}.{state}",
                self,
                by=by,
                before=self.state,
                after=state,
                # Web may read events: what a person wrote about a guarded row must not stand there.
                why="" if is_guarded(self._meta.label) else why,
                using=alias,
            )
        self.state = state
        for name, value in changes.items():
            setattr(self, name, value)

    def is_now(self, *states: str) -> bool:
        """Ask the database, not this copy."""
        alias = self._state.db or "default"
        return type(self)._base_manager.using(alias).filter(pk=self.pk, state__in=states).exists()

    def story(self) -> str:
        """The public id of the task this belongs to, where there is one."""
        return ""

    def _name(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}".capitalize()


class LeasedQuerySet(models.QuerySet[Any]):
    def unleased(self) -> LeasedQuerySet:
        """What nobody works on: never taken, or taken by somebody who went silent."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lt=Now()))


class Leased(Stateful):
    """Work that a job takes for some time. The lease is by the database's clock, the token fences writes."""

    token = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        abstract = True

    def take_lease(self, state: str, seconds: float, **told: Any) -> str:
        """Take the row while it is in `state`, and nobody else has it; `told` goes with it. Raises `WrongState`."""
        token = source().token("lease")
        free = type(self).objects.filter(pk=self.pk, state=state).unleased()
        if not free.update(token=token, lease_until=Now() + timedelta(seconds=seconds), **told):
            raise WrongState(f"{self._name()} is not {state}, or somebody works on it.")
        self.token = token
        return token

    def renew_lease(self, token: str, seconds: float) -> bool:
        """Whether the row is still ours; then it is for some time longer."""
        mine = type(self).objects.filter(pk=self.pk, token=token, lease_until__isnull=False)
        return bool(mine.update(lease_until=Now() + timedelta(seconds=seconds)))

"""People, and what happened."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import Func

from marlin.sources import new_public_id, now

__all__ = ["Event", "EventSeal", "Role", "User"]


class Role(models.TextChoices):
    RATER = "rater"  # writes scenarios, compares patches
    REVIEWER = "reviewer"  # checks scenarios and submissions
    ADMIN = "admin"  # runs experiments
    RESEARCHER = "researcher"  # exports the preferences


class People(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person, who may hold several roles."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = People()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=[role.value for role in Role]), name="roles_are_known"
            ),
        ]

    def has_role(self, *roles: str) -> bool:
        return any(role in self.roles for role in roles)

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper() or "?"

    def get_full_name(self) -> str:
        return self.name


class CurrentTransaction(Func):
    """The id of the writing transaction: what the sealer orders by."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()


class Event(models.Model):
    """One thing that happened. Rows are added and never changed: a trigger refuses it."""

    at = models.DateTimeField()
    name = models.CharField(max_length=60)
    subject = models.CharField(max_length=80)
    story = models.CharField(max_length=40, blank=True)
    actor = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, related_name="+")
    before = models.CharField(max_length=20, blank=True)
    after = models.CharField(max_length=20, blank=True)
    why = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    transaction = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["subject"], name="event_by_subject"),
            models.Index(fields=["story"], name="event_by_story"),
            models.Index(fields=["actor", "name"], name="event_by_actor"),
        ]


class EventSeal(models.Model):
    """A link of the chain: the digest of an event and of all that were sealed before it."""

    event = models.OneToOneField(Event, on_delete=models.DO_NOTHING, related_name="seal")
    position = models.BigIntegerField(unique=True)
    digest = models.CharField(max_length=64)

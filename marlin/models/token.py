"""A key to the API, and how often it was used in this minute."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from marlin.models.people import User
from marlin.sources import new_public_id, now


class Scope(models.TextChoices):
    RECORDS_READ = "records:read", "Read experiments and masked records"
    RESULTS_READ = "results:read", "Read experiments and masked results"
    EXPORTS_READ = "exports:read", "Fetch your exports, which name the agents"
    EXPORTS_WRITE = "exports:write", "Ask for exports, which un-blinds you"


class TokenQuerySet(models.QuerySet["Token"]):
    def not_revoked(self) -> TokenQuerySet:
        return self.filter(revoked_at=None)


class Token(models.Model):
    """Lets a person's programs in. Only the digest is kept: the token itself is shown once."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=60)
    #: SHA-256 of the token, in hexadecimal. Its 256 random bits need neither salt nor slowness.
    digest = models.CharField(max_length=64, unique=True)
    #: The last characters of the token, so that its owner knows which it is.
    ending = models.CharField(max_length=8)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    #: To the minute.
    last_used_at = models.DateTimeField(null=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "name"], condition=Q(revoked_at=None), name="one_token_of_a_name"
            ),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=[scope.value for scope in Scope], scopes__len__gt=0),
                name="token_has_known_scopes",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="token_expires_later"),
        ]

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def has_expired(self, at: datetime | None = None) -> bool:
        return self.expires_at <= (at or now())

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "ended" if self.has_expired() else "usable"

    def labels(self) -> list[str]:
        return [Scope(scope).label for scope in self.scopes]


class TokenUse(models.Model):
    """How many requests a token made in the newest window. One row for each token, see `marlin.tokens.count`."""

    token = models.OneToOneField(Token, on_delete=models.CASCADE, primary_key=True, related_name="use")
    window = models.DateTimeField()
    requests = models.PositiveIntegerField()

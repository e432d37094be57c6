"""Tokens of the API: made, found by their digest, counted, taken back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from marlin.events import record
from marlin.models import Role, Scope, Token, User
from marlin.sources import now, source

#: So that a person, or a scanner of published code, knows one when it lies somewhere.
PREFIX = "marlin_"
SHAPE = re.compile(r"marlin_[0-9a-f]{64}")
ENDING = 4

WINDOW = timedelta(minutes=1)
#: Live tokens of one person.
MOST = 20


class Invalid(Exception):
    """The token opens nothing, or no longer; the sentence says why."""


class TooMany(Exception):
    """The requests of this window are used up. `wait` is in whole seconds, at least one."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"This token may make {settings.API_RATE} requests a minute; wait {wait} s.")
        self.wait = wait


@transaction.atomic
def create(person: User, *, name: str, scopes: Sequence[Scope], days: int) -> tuple[Token, str]:
    """The row, and the token itself: the only time anybody sees it."""
    secret = PREFIX + source().token("api token") + source().token("api token")  # 256 random bits
    token = Token.objects.create(
        person=person,
        name=name,
        digest=_digest_of(secret),
        ending=secret[-ENDING:],
        scopes=list(scopes),
        expires_at=now() + timedelta(days=days),
    )
    record(
        "token.created",
        token,
        by=person,
        token_name=name,
        scopes=list(scopes),
        expires_at=token.expires_at.isoformat(),
    )
    return token, secret


@transaction.atomic
def revoke(token: Token, *, by: User) -> None:
    """For good. Doing it twice ends where doing it once does."""
    if Token.objects.not_revoked().filter(pk=token.pk).update(revoked_at=now()):
        record("token.revoked", token, by=by, token_name=token.name)


def find(secret: str) -> Token:
    """The token whose digest this is, with its person. Raises `Invalid` with the reason.

    The index compares digests, which nobody can choose byte by byte: how long it takes tells nothing about
    a token. Only who has the token itself learns why it is refused.
    """
    token = None
    if SHAPE.fullmatch(secret):
        token = Token.objects.select_related("person").filter(digest=_digest_of(secret)).first()
    if token is None:
        raise Invalid("This is not a token of Marlin.")
    if token.revoked_at:
        raise Invalid(f"This token was revoked on {token.revoked_at:%-d %B %Y}.")
    if token.has_expired():
        raise Invalid(f"This token ended on {token.expires_at:%-d %B %Y}.")
    if not token.person.is_active:
        raise Invalid("The account of this token is closed.")
    if not token.person.has_role(Role.RESEARCHER):
        raise Invalid("The API is for researchers, and whose token this is no longer is one.")
    return token


def count(token: Token) -> None:
    """One more request of this window. Raises `TooMany`.

    One statement, so that requests at the same moment are all counted. A clock that lags behind another
    counts on in the newer window.
    """
    at = now()
    window = _window_of(at)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO marlin_tokenuse AS used (token_id, "window", requests) VALUES (%s, %s, 1)
            ON CONFLICT (token_id) DO UPDATE SET
                requests = CASE WHEN excluded."window" > used."window" THEN 1 ELSE used.requests + 1 END,
                "window" = greatest(used."window", excluded."window")
            RETURNING "window", requests
            """,
            [token.pk, window],
        )
        window, requests = cursor.fetchone()
    if requests > settings.API_RATE:
        raise TooMany(max(1, round((window + WINDOW - at).total_seconds())))


def note_use(token: Token) -> None:
    """Last use is kept to the minute: not every request writes it."""
    minute = _window_of(now())
    if token.last_used_at is None or token.last_used_at < minute:
        Token.objects.filter(pk=token.pk).update(last_used_at=minute)
        token.last_used_at = minute


def _window_of(at: datetime) -> datetime:
    seconds = WINDOW.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def _digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

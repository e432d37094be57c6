"""Who may ask: the bearer of a researcher's token, so often a minute, for what the token may."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security import HttpBearer

from grading.api.problems import NotAllowed
from marlin import tokens
from marlin.models import Scope, Token


class TokenRequest(HttpRequest):
    """A request of a program that showed its token. Its session, if any, is never looked at."""

    auth: Token


class Bearer(HttpBearer):
    """Lets tokens through that have one of these scopes; none named means that any token does."""

    def __init__(self, *scopes: Scope) -> None:
        super().__init__()
        self.scopes = scopes

    def __call__(self, request: HttpRequest) -> Token:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != self.openapi_scheme:
            raise tokens.Invalid("Send a token: “Authorization: Bearer marlin_…”.")
        return self.authenticate(request, secret.strip())

    def authenticate(self, request: HttpRequest, token: str) -> Token:
        found = tokens.find(token)
        tokens.count(found)
        tokens.note_use(found)
        if self.scopes and not any(found.may(scope) for scope in self.scopes):
            raise NotAllowed(f"This token lacks the scope {' or '.join(self.scopes)}.")
        return found

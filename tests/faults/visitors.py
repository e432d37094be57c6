"""People at the real web server, over real HTTP, with nothing between."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth import SESSION_KEY
from django.test import Client

from marlin.models import User
from tests.stack import Stack

#: Django takes an unmasked secret for the token, so that a visitor need not read a page first.
CSRF = "a" * 32


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str
    seconds: float


class Visitor:
    """Somebody who is signed in. A server that is away is an OSError or an HTTPException."""

    def __init__(self, stack: Stack, person: User, *, timeout: float = 20) -> None:
        self.stack = stack
        self.person = person
        self.timeout = timeout
        client = Client()
        client.force_login(person)
        assert client.session[SESSION_KEY] == str(person.pk)
        self.cookie = f"sessionid={client.cookies['sessionid'].value}; csrftoken={CSRF}"

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, form: Mapping[str, str] | None = None, *, htmx: bool = False) -> Answer:
        body = urlencode({**(form or {}), "csrfmiddlewaretoken": CSRF})
        return self._ask("POST", path, body, htmx=htmx)

    def _ask(self, method: str, path: str, body: str | None, *, htmx: bool = False) -> Answer:
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        if htmx:
            headers["HX-Request"] = "true"
        began = time.monotonic()
        connection = http.client.HTTPConnection("localhost", self.stack.port, timeout=self.timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, dict(response.getheaders()), text, time.monotonic() - began)
        finally:
            connection.close()

"""Programs of researchers, each with a token."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marlin import tokens
from marlin.models import Scope, User
from tests.conftest import WebClient

ROOT = "/api/v1"


class Program:
    """Asks the API as somebody's program would, under the login of web processes."""

    def __init__(self, secret: str = "") -> None:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self.client = WebClient(headers=headers)

    def get(self, path: str, **question: Any) -> Any:
        return self.client.get(f"{ROOT}{path}", question)

    def post(self, path: str, body: object) -> Any:
        return self.client.post(f"{ROOT}{path}", json.dumps(body), content_type="application/json")

    def all(self, path: str, **question: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **question, **cursor).json()
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}


def program_of(person: User, *scopes: Scope) -> Program:
    """With these scopes, or with all."""
    name = f"token {person.tokens.count()}"
    _, secret = tokens.create(person, name=name, scopes=scopes or list(Scope), days=7)
    return Program(secret)


@pytest.fixture
def program(rowan: User) -> Program:
    return program_of(rowan)


def problem_of(response: Any, status: int) -> str:
    """The sentence of a refusal, which is always made alike."""
    body = response.json()
    assert (response.status_code, body["status"]) == (status, status), body
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert sorted(body) == ["detail", "status", "title", "type"]
    assert body["detail"].endswith(".")
    return str(body["detail"])

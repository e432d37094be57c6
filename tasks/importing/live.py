"""Asks a host's API for pull requests and writes them down as an export would hold them.

GitHub REST API, "Pulls": https://docs.github.com/en/rest/pulls/pulls. No redirect is followed, and the address is
looked at before the first byte is sent, as it is for repositories.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marlin.sources import now
from tasks.addresses import API, PORT, REPOSITORY, RefusedUrl, as_ip, check_url, looked_up
from tasks.importing.rows import Refused

TIMEOUT = 30.0  # seconds
MOST_WAIT = 24 * 3600  # seconds that a host may tell us to wait
MOST_ANSWER = 64 * 1024 * 1024  # bytes
PAGE = 100
MOST_PAGES = 30  # of files: the API itself lists no more

#: (path below the API, what to accept) gives a body.
Get = Callable[[str, str], bytes]


class NotThere(Refused):
    """The host knows no such pull request; the others may be there."""


def write(
    repository: str, numbers: Sequence[int], into: Path, *, token: str, api: str = API, get: Get | None = None
) -> None:
    """One pull request a line, with `files` and `diff` put in. Raises Refused."""
    if not REPOSITORY.fullmatch(repository):
        raise Refused(f"“{repository[:80]}” is not an owner and a name, as in octocat/hello.")
    if not numbers:
        raise Refused("Name the pull requests with --numbers.")
    get = get or Host(api, token).get
    with into.open("w", encoding="utf-8") as file:
        for number in numbers:
            file.write(json.dumps(asked(repository, number, get)) + "\n")


def asked(repository: str, number: int, get: Get) -> dict[str, Any]:
    """One pull request as an export would hold it. Raises NotThere, and Refused when asking on is no use."""
    pull = f"/{repository}/pulls/{int(number)}"
    row = _json(get(pull, "application/vnd.github+json"))
    if not isinstance(row, dict):
        raise Refused(f"The API's answer about #{number} is not an object.")
    row["files"] = _files(get, pull)
    row["diff"] = get(pull, "application/vnd.github.diff").decode("utf-8", "replace")
    return row


def _files(get: Get, pull: str) -> list[Any]:
    files: list[Any] = []
    for page in range(1, MOST_PAGES + 1):
        listed = _json(get(f"{pull}/files?per_page={PAGE}&page={page}", "application/vnd.github+json"))
        if not isinstance(listed, list):
            raise Refused("The API's list of files is not a list.")
        files += listed
        if len(listed) < PAGE:
            break
    return files


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as why:
        raise Refused(f"The API's answer is not JSON: {why}.") from why


class Host:
    """One API, asked over a connection to the very address that was looked at."""

    def __init__(self, api: str, token: str) -> None:
        try:
            check_url(api)
        except RefusedUrl as why:
            raise Refused(str(why)) from why
        parts = urlsplit(api)
        self.name, self.path, self.token = parts.hostname or "", parts.path.rstrip("/"), token

    def get(self, path: str, accept: str) -> bytes:
        connection = _Pinned(self.name, _address(self.name))
        headers = {"Accept": accept, "User-Agent": "marlin", "Host": self.name}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request("GET", self.path + path, headers=headers)
            answer = connection.getresponse()
            body = answer.read(MOST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as why:
            raise Refused(f"{self.name} did not answer: {type(why).__name__}.") from why
        finally:
            connection.close()
        if answer.status != 200:
            raise _refusal(answer.status, answer.headers, path)
        if len(body) > MOST_ANSWER:
            raise Refused(f"The answer is larger than {MOST_ANSWER:,} bytes.")
        return body


def _refusal(status: int, headers: Message, path: str) -> Refused:
    if status in (403, 429) and (again := _again_at(headers)):
        return Refused(f"The API's limit is reached; it answers again at {again:%H:%M} UTC.")
    if status == 404:
        name = path.partition("?")[0].lstrip("/")
        return NotThere(f"There is no {name}, or the token may not see it.")
    told = {
        401: "The API does not accept the token; keep a new one.",
        403: "The API refuses: a token may be missing, or may not read this.",
        429: "The API's limit is reached; try again later.",
    }
    return Refused(told.get(status, f"The API answered with {status}; redirects are not followed."))


def _again_at(headers: Message) -> datetime | None:
    """When it takes requests again, if it says: https://docs.github.com/en/rest/using-the-rest-api/rate-limits."""
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    try:
        if after:
            return now() + timedelta(seconds=min(int(after), MOST_WAIT))
        if headers.get("X-RateLimit-Remaining") == "0":
            return datetime.fromtimestamp(int(reset), UTC)
    except (ValueError, OverflowError, OSError):
        pass  # it is not told in a form we know
    return None


class _Pinned(http.client.HTTPSConnection):
    """TLS with the host's name, TCP to the address we looked at: a name cannot lead elsewhere meanwhile."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(name, PORT, timeout=TIMEOUT, context=ssl.create_default_context())
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, PORT), self.timeout)
        self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


def _address(name: str) -> str:
    if as_ip(name) is not None:
        return name
    try:
        return looked_up(name)[0]
    except OSError:
        raise Refused(f"The host {name} could not be found.") from None
    except RefusedUrl as why:
        raise Refused(str(why)) from None

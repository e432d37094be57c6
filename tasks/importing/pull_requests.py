"""Stores merged pull requests as the host's API describes them: what scenarios begin from, and a reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks.addresses import REPOSITORY
from tasks.generation import places
from tasks.git import mirrors
from tasks.importing.formats import COMMIT, MOST_PATCH, MOST_TEXT
from tasks.importing.reading import Reader, Tally
from tasks.importing.rows import Refused
from tasks.models import ImportSource, PullRequest, Repository

MOST_FILES = 5_000


@dataclass(frozen=True)
class Described:
    """A pull request of which repository; `fields` are those of its row."""

    repository: str
    number: int
    fields: Mapping[str, Any]


def described(row: Mapping[str, Any]) -> Described:
    """The shape of `GET /repos/{owner}/{repo}/pulls/{number}`, with `files` and `diff` put in. Raises Refused."""
    base = _object(row, "base")
    number = row.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 1 << 31:
        raise Refused("It has no number.")
    name = str(_object(base, "repo", "base.repo").get("full_name") or "")
    if not REPOSITORY.fullmatch(name):
        raise Refused(f"Its base.repo.full_name “{name[:80]}” is not an owner and a name.")
    commit = str(base.get("sha") or "")
    if not COMMIT.fullmatch(commit):
        raise Refused(f"Its base.sha “{commit[:80]}” is not a commit of 40 hexadecimal digits.")
    title = " ".join(_text(row, "title").split())
    if not title:
        raise Refused("It has no title.")
    files = _files(row.get("files"))
    fields = {
        "title": title[:300],
        "body": _text(row, "body"),
        "base_commit": commit,
        "files": [[file["filename"], _count(file, "additions"), _count(file, "deletions")] for file in files],
        "diff": _text(row, "diff", most=MOST_PATCH) or "".join(_diff_of(file) for file in files),
        "merged_at": _moment(row.get("merged_at")),
    }
    return Described(name, number, fields)


class PullRequests:
    """Reads pull requests of repositories that are here. What is newer than the row that is here replaces it."""

    def __init__(self) -> None:
        self._known: dict[str, Repository | None] = {}

    @property
    def reader(self) -> Reader[Described]:
        return Reader(described, self._store)

    def _store(self, batch: list[tuple[int, Described]], source: ImportSource, tally: Tally) -> None:
        for line, one in batch:
            repository = self._repository(one.repository)
            if repository is None:
                tally.refuse(line, f"There is no repository {one.repository} here. Add it first.")
                continue
            base = str(one.fields["base_commit"])
            if not repository.patch_only and not mirrors.has_commit(places.mirror_of(repository), base):
                tally.refuse(line, f"Its base {base} is not in {repository.name}; copy the repository again.")
                continue
            row, is_new = PullRequest.objects.get_or_create(
                repository=repository, number=one.number, defaults=one.fields
            )
            if is_new:
                tally.added += 1
                continue
            tally.known += 1
            if any(getattr(row, name) != value for name, value in one.fields.items()):
                PullRequest.objects.filter(pk=row.pk).update(**one.fields)

    def _repository(self, name: str) -> Repository | None:
        """By the end of its address, or by its name: admins call it as they like."""
        if name not in self._known:
            ends = (f"/{name}", f"/{name}.git")
            found = [
                repository
                for repository in Repository.objects.filter(url__icontains=f"/{name}").order_by("pk")
                if repository.url.lower().endswith(tuple(end.lower() for end in ends))
            ]
            named = Repository.objects.filter(name=name).first()
            self._known[name] = named or next(iter(found), None)
        return self._known[name]


def _object(row: Mapping[str, Any], name: str, called: str = "") -> Mapping[str, Any]:
    value = row.get(name)
    if not isinstance(value, dict):
        raise Refused(f"It has no {called or name}, which tells what it starts from.")
    return value


def _text(row: Mapping[str, Any], name: str, *, most: int = MOST_TEXT) -> str:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(f"Its {name} is not a text.")
    text = (value or "").replace("\0", "")
    if len(text) > most:
        raise Refused(f"Its {name} is longer than {most:,} characters.")
    return text


def _files(value: Any) -> list[Mapping[str, Any]]:
    """As `GET …/pulls/{number}/files` lists them."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(
        isinstance(file, dict) and isinstance(file.get("filename"), str) for file in value
    ):
        raise Refused("Its files are not a list of objects with a filename.")
    if len(value) > MOST_FILES:
        raise Refused(f"It changes {len(value):,} files; {MOST_FILES:,} is the most.")
    return value


def _count(file: Mapping[str, Any], name: str) -> int:
    value = file.get(name)
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else 0


def _diff_of(file: Mapping[str, Any]) -> str:
    """The API gives each file's hunks alone; git's header is put around them."""
    patch = file.get("patch")
    if not isinstance(patch, str):
        return ""
    old = file.get("previous_filename") or file["filename"]
    before = "/dev/null" if file.get("status") == "added" else f"a/{old}"
    after = "/dev/null" if file.get("status") == "removed" else f"b/{file['filename']}"
    return f"diff --git a/{old} b/{file['filename']}\n--- {before}\n+++ {after}\n{patch}\n".replace("\0", "")


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise Refused(f"Its merged_at “{str(value)[:40]}” is not a moment.") from None
    if moment.tzinfo is None:
        raise Refused(f"Its merged_at “{str(value)[:40]}” names no time zone.")
    return moment

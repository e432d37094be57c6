"""Any file of a repository at a commit, to read around a patch. Finished rows only: jobs prepare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.http import Http404

from grading import search
from grading.diffs.version import VERSION
from grading.models import BaseFile, BaseTree
from grading.models.tree import MOST_BYTES, Entry
from marlin.jobs import ring
from tasks.models import Repository

#: So many of the paths that hold the words are shown; all are counted.
MOST_FOUND = 200
LINK, SUBMODULE = "120000", "160000"
READING = "The texts of this commit are being gathered for the search."
PREPARING = "The files of this commit are being prepared."


@dataclass(frozen=True)
class Item:
    """A file or a folder of the list."""

    name: str
    path: str
    is_folder: bool = False
    size: int = 0


@dataclass(frozen=True)
class Place:
    """What stands at a path of a repository. `is_waiting`: a job is at it, ask again."""

    path: str = ""
    query: str = ""
    items: tuple[Item, ...] = ()
    #: How many files the folder holds, or paths the words were found in.
    total: int = 0
    is_file: bool = False
    is_link: bool = False
    html: str = ""
    lines: int = 0
    sentence: str = ""
    is_waiting: bool = False
    #: What was found inside the files; `is_reading`: a job gathers their lines, ask again.
    found: search.Found | None = None
    is_reading: bool = False
    #: The way from the top.
    folders: tuple[Item, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_partial(self) -> bool:
        return bool(self.query) and self.total > MOST_FOUND


def look(
    repository: Repository, commit: str, path: str = "", query: str = "", *, inside: bool = False
) -> Place:
    """The folder or file at this path of a commit, or the paths that hold some words, or with `inside` the lines.

    Raises Http404.
    """
    if repository.patch_only:
        return Place(sentence="Of this repository there are patches alone: its other files are not at hand.")
    tree = BaseTree.objects.filter(repository=repository, commit=commit).first()
    if tree is None or not tree.is_ready:
        ring("grading.jobs.prepare_tree", repository.pk, commit)
        return Place(sentence=PREPARING, is_waiting=True)
    entries = tree.listed()
    path = path.strip("/")
    if query.strip() and inside:
        return _found_inside(tree, entries, query.strip())
    if query.strip():
        return _found(entries, query.strip())
    for number, entry in enumerate(entries):
        if entry.path == path:
            return _file(tree, number, entry)
    return _folder(entries, path)


def _found(entries: Sequence[Entry], query: str) -> Place:
    words = query.lower()
    found = [entry for entry in entries if words in entry.path.lower()]
    items = tuple(Item(entry.path, entry.path, size=entry.size) for entry in found[:MOST_FOUND])
    return Place(query=query, items=items, total=len(found))


def _found_inside(tree: BaseTree, entries: Sequence[Entry], query: str) -> Place:
    words = tree.words_at_hand()
    if words is None:
        ring("grading.jobs.write_tree_words", tree.pk)
        return Place(query=query, sentence=READING, is_reading=True)
    return Place(query=query, found=search.search(words, query, [entry.path for entry in entries]))


def _folder(entries: Sequence[Entry], path: str) -> Place:
    """Folders before files, each once."""
    below = f"{path}/" if path else ""
    inside = [entry for entry in entries if entry.path.startswith(below)]
    if path and not inside:
        raise Http404
    folders: dict[str, Item] = {}
    files = []
    for entry in inside:
        name, deeper, _ = entry.path.removeprefix(below).partition("/")
        if deeper:
            folders[name] = Item(name, below + name, is_folder=True)
        else:
            files.append(Item(name, entry.path, size=entry.size))
    return Place(path, items=(*folders.values(), *files), total=len(inside), folders=_above(path))


def _file(tree: BaseTree, number: int, entry: Entry) -> Place:
    place = Place(entry.path, is_file=True, is_link=entry.mode == LINK, folders=_above(entry.path))
    if entry.mode == SUBMODULE:
        return replace(place, sentence=f"Another repository, at its commit {entry.name}.")
    if entry.size > MOST_BYTES:
        return replace(place, sentence=f"This file has {entry.size:,} bytes: too large to be shown.")
    file = BaseFile.objects.filter(name=entry.name, lexer=entry.lexer, version=VERSION).first()
    if file is None:
        ring("grading.jobs.write_base_file", tree.pk, number)
        return replace(place, sentence="This file is being prepared.", is_waiting=True)
    return replace(place, html=file.html, lines=file.lines, sentence=file.note)


def _above(path: str) -> tuple[Item, ...]:
    """The folders that lead to a path, from the top."""
    parts = path.split("/")[:-1]
    return tuple(
        Item(name, "/".join(parts[:depth]), is_folder=True) for depth, name in enumerate(parts, start=1)
    )

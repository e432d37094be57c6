"""Prepares the files of a repository at a commit: the list once a commit, the rows of a text once and for all."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from grading import search
from grading.diffs import kinds
from grading.diffs.highlight import lexer_of
from grading.diffs.version import VERSION
from grading.diffs.whole import Written, write_in_child
from grading.models import BaseFile, BaseTree, Fragment, TreeWords
from grading.models.tree import MOST_BYTES, Entry
from marlin.sources import now
from tasks.contents import SUBMODULE, GitFailed, TreeFile, files_of, texts_of
from tasks.turns import bases_in_use

logger = logging.getLogger(__name__)

#: So much text is written before anybody asks; the rest when somebody does.
AHEAD_BYTES = 2_000_000
BATCH_BYTES = 250_000
#: So much text of a commit is searched: it is read through while somebody waits.
SEARCHED_BYTES = 4_000_000
BINARY_HEAD = 8_000  # bytes among which a zero tells that it is no text, as git has it
WORDS_KEPT = timedelta(days=30)
MOST_REST = 24 * 3600  # seconds until a commit that always fails is tried again


def wanted() -> list[tuple[int, str]]:
    """(repository id, commit) of what is compared, has no list of files yet, and may be tried now."""
    known = set(BaseTree.objects.exclude(entries=b"").values_list("repository", "commit"))
    known.update(BaseTree.objects.filter(again_at__gt=Now()).values_list("repository", "commit"))
    return [base for base in bases_in_use() if base not in known]


def prepare(repository_id: int, commit: str) -> None:
    """List the files of a commit, and write the rows of the first of them."""
    tree = _begin(repository_id, commit)
    if tree is None:
        return
    try:
        entries = [_entry(file) for file in files_of(tree.repository, commit)]
    except GitFailed as why:
        BaseTree.objects.filter(pk=tree.pk).update(reason=str(why))
        logger.warning("The files of repository %s at %s cannot be listed: %s", repository_id, commit, why)
        return
    entries.sort()
    BaseTree.objects.filter(pk=tree.pk).update(
        entries=BaseTree.packed(entries), count=len(entries), reason=""
    )
    for batch in _batches(_first(entries, AHEAD_BYTES)):
        write(tree, batch)


@transaction.atomic
def _begin(repository_id: int, commit: str) -> BaseTree | None:
    """Count the try before it is made, as rendering does; None when there is a list already, or somebody at it."""
    if not _mine(f"tree {repository_id} {commit}"):
        return None
    tree, _ = BaseTree.objects.select_related("repository").get_or_create(
        repository_id=repository_id, commit=commit, defaults={"again_at": Now()}
    )
    if tree.is_ready:
        return None
    rest = min(settings.SWEEP * 2 ** min(tree.tries, 20), MOST_REST)
    again_at = Now() + timedelta(seconds=rest)
    BaseTree.objects.filter(pk=tree.pk).update(tries=F("tries") + 1, again_at=again_at)
    return tree


def _mine(name: str) -> bool:
    """A lock that ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def _entry(file: TreeFile) -> Entry:
    lexer = lexer_of(file.path.rpartition("/")[2])
    return Entry(file.path, file.mode, file.name, file.size, lexer.name if lexer else "")


def _first(entries: Iterable[Entry], room: int) -> Iterator[Entry]:
    """Source before tests before docs, while there is room."""
    left = room
    readable = [entry for entry in entries if is_readable(entry)]
    for entry in sorted(readable, key=lambda entry: (kinds.ORDER[kinds.group_of(entry.path)], entry.path)):
        left -= entry.size
        if left < 0:
            return
        yield entry


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if sum(entry.size for entry in batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def is_readable(entry: Entry) -> bool:
    return entry.mode != SUBMODULE and entry.size <= MOST_BYTES


@transaction.atomic
def write_one(tree_id: int, number: int) -> None:
    """The rows of the file at this place of the list, for somebody who asks for it. Safe to do twice."""
    if not _mine(f"file {number} of tree {tree_id}"):
        return
    tree = BaseTree.objects.select_related("repository").get(pk=tree_id)
    entry = tree.listed()[number]
    if is_readable(entry):
        write(tree, [entry])


@transaction.atomic
def write(tree: BaseTree, entries: Sequence[Entry]) -> None:
    """Write what no commit of no repository has had yet, and note that this tree holds all of it."""
    wanted = {(entry.name, entry.lexer): entry for entry in entries}
    missing = {
        key: wanted[key] for key in wanted.keys() - {(file.name, file.lexer) for file in _stored(wanted)}
    }
    if missing:
        BaseFile.objects.bulk_create(
            [_file(key, written) for key, written in _written(tree, missing).items()], ignore_conflicts=True
        )
    tree.files.add(*_stored(wanted))


def _stored(wanted: Iterable[tuple[str, str]]) -> list[BaseFile]:
    keys = set(wanted)
    found = BaseFile.objects.filter(version=VERSION, name__in={name for name, _ in keys}).defer("body")
    return [file for file in found if (file.name, file.lexer) in keys]


def _written(tree: BaseTree, missing: dict[tuple[str, str], Entry]) -> dict[tuple[str, str], Written]:
    texts = texts_of(tree.repository, tree.commit, {name for name, _ in missing}, most=MOST_BYTES)
    asked = {
        str(number): (entry.path, texts[entry.name] or b"") for number, entry in enumerate(missing.values())
    }
    answer = write_in_child(asked)
    return {key: answer[str(number)] for number, key in enumerate(missing)}


def _file(key: tuple[str, str], written: Written) -> BaseFile:
    name, lexer = key
    return BaseFile(
        name=name,
        lexer=lexer,
        version=VERSION,
        lines=written.lines,
        note=written.note,
        body=Fragment.packed(written.html),
    )


@transaction.atomic
def write_words(tree_id: int) -> None:
    """Gather the lines of a tree's texts for the search, source first, while there is room. Safe to do twice."""
    if not _mine(f"words of tree {tree_id}"):
        return
    tree = BaseTree.objects.select_related("repository").get(pk=tree_id)
    if not tree.is_ready or tree.words_at_hand():
        return
    entries = tree.listed()
    chosen = list(_first(entries, SEARCHED_BYTES))
    lines = {path: told for batch in _batches(chosen) for path, told in _lines(tree, batch)}
    places, texts = search.packed(lines.get(entry.path, "") for entry in entries)
    cut = len(chosen) < sum(map(is_readable, entries))
    TreeWords.objects.create(tree=tree, places=places, lines=texts, cut=cut)


def _lines(tree: BaseTree, entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    """(path, its lines as the search packs them); of what is no text nothing."""
    texts = texts_of(tree.repository, tree.commit, {entry.name for entry in entries}, most=MOST_BYTES)
    for entry in entries:
        body = texts[entry.name] or b""
        if b"\0" not in body[:BINARY_HEAD]:
            read = enumerate(body.decode("utf-8", "backslashreplace").split("\n"), 1)
            yield entry.path, "\n".join(f"=\t{number}\t \t{line}" for number, line in read if line.strip())


def sweep() -> int:
    """Remove rows that no tree holds any more, those of before a change of the engine, and words long unused."""
    TreeWords.objects.filter(written_at__lt=now() - WORDS_KEPT).delete()
    orphans, _ = BaseFile.objects.filter(trees=None).delete()
    older, _ = BaseFile.objects.filter(version__lt=VERSION).delete()
    return orphans + older

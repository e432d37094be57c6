"""What somebody changed: taken from a worktree we do not trust, applied to a base we do."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.git import trees
from tasks.git.command import GitFailed, OutputTooLarge, empty_repository, git
from tasks.git.mirrors import resolve
from tasks.git.templates import Template
from tasks.git.walk import Found, TakeLimits, Tracked, Walk, looks_like_git, shown
from tasks.git.worktrees import write_tree

__all__ = [
    "Applied", "ChangedFile", "FileStat", "PatchDoesNotApply", "TakeLimits", "Taken",
    "apply", "changed_files", "materialise", "take", "without",
]  # fmt: skip

# The one form in which patches are stored: complete enough to be applied anywhere, the same on every machine.
CANONICAL = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--diff-algorithm=myers"),
    *(
        "--find-renames",
        "--ignore-submodules=none",
        "--submodule=short",
        "--src-prefix=a/",
        "--dst-prefix=b/",
    ),
)
APPLY_TIMEOUT = 60.0  # seconds
MOST_PATCH = 128 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class FileStat:
    """One changed file. `added` and `removed` are lines as git counts them, 0 for binary files."""

    path: str
    old_path: str | None  # set for a rename
    status: str  # git's letter: A, D, M, R or T
    added: int
    removed: int
    binary: bool
    old_mode: str  # six octal digits, 000000 for a new file
    new_mode: str


@dataclass(frozen=True)
class Taken:
    """What was taken from a worktree; `notes` are sentences about what was not."""

    patch: bytes
    tree: str
    files: tuple[FileStat, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Applied:
    """A patch on its base: the tree it makes, and the same change in canonical form."""

    patch: bytes
    tree: str
    files: tuple[FileStat, ...]


@dataclass(frozen=True)
class ChangedFile:
    """One changed file with its content before and after; None where there is none or it is too large."""

    path: str
    old_path: str | None
    status: str
    added: int
    removed: int
    binary: bool
    old_mode: str
    new_mode: str
    base: bytes | None
    result: bytes | None
    too_large: bool


class PatchDoesNotApply(GitFailed):
    """The patch is not one for this base; the message names file and line where git does."""


@dataclass(frozen=True)
class _Change:
    stat: FileStat
    old_object: str
    new_object: str


def take(
    worktree: Path,
    base: Path,
    commit: str,
    *,
    left: Collection[bytes] = (),
    limits: TakeLimits | None = None,
    scratch: Path | None = None,
) -> Taken:
    """The change between `commit` and the files of a worktree, made without trusting anything in it.

    Only names and bytes are read from the worktree, by our own walk; its repository is never opened, and the
    rules on what to ignore are those of the base, and what set-up `left` there belongs to nobody. Needs every
    process of the worktree to have ended. Raises GitFailed.
    """
    limits = limits or TakeLimits()
    with _scratch_repository(base, scratch) as repository:
        base_tree = _tree_of(repository, resolve(base, commit))
        tracked = _tracked(repository, base_tree)
        found = _walk(worktree, repository, base_tree, tracked, limits, frozenset(left))
        tree = _write_result(repository, found, tracked)
        try:
            patch = _canonical(repository, base_tree, tree, limits.patch_bytes)
        except OutputTooLarge:
            raise GitFailed(f"The change is larger than {limits.patch_bytes:,} bytes as a patch.") from None
        if _apply_to(repository, base_tree, patch, index=repository.parent / "verify-index") != tree:
            raise GitFailed("The patch taken from the worktree does not lead back to its files.")
        return Taken(patch, tree, _stats(repository, base_tree, tree), tuple(found.notes))


def apply(base: Path, commit: str, patch: bytes, *, scratch: Path | None = None) -> Applied:
    """Apply a patch from elsewhere to `commit`, in its own index. Raises PatchDoesNotApply, GitFailed."""
    with _applied(base, commit, patch, scratch) as (repository, base_tree, tree):
        canonical = _canonical(repository, base_tree, tree, MOST_PATCH)
        return Applied(canonical, tree, _stats(repository, base_tree, tree))


def without(base: Path, commit: str, patch: bytes, paths: Collection[str], *, scratch: Path) -> Applied:
    """The same change but for some of the files it adds. Raises PatchDoesNotApply, GitFailed."""
    with _applied(base, commit, patch, scratch) as (repository, base_tree, _tree):
        index = repository.parent / "apply-index"
        gone = b"".join(b"0 %s\t%s\0" % (b"0" * 40, path.encode()) for path in paths)
        git("update-index", "-z", "--index-info", git_dir=repository, index=index, stdin=gone)
        rest = git("write-tree", git_dir=repository, index=index).decode("ascii").strip()
        canonical = _canonical(repository, base_tree, rest, MOST_PATCH)
        return Applied(canonical, rest, _stats(repository, base_tree, rest))


def changed_files(
    base: Path,
    commit: str,
    patch: bytes,
    *,
    scratch: Path | None = None,
    max_bytes_per_file: int = 1024 * 1024,
) -> list[ChangedFile]:
    """The changed files with their contents, read from objects alone. Raises PatchDoesNotApply, GitFailed."""
    with _applied(base, commit, patch, scratch) as (repository, base_tree, tree):
        changes = _changes(repository, base_tree, tree)
        contents = trees.contents(repository, _blobs_of(changes), max_bytes_per_file)
        return [_with_contents(change, contents) for change in changes]


def materialise(
    base: Path,
    commit: str,
    patch: bytes,
    into: Path,
    *,
    over: bytes = b"",
    template: Template | None = None,
    scratch: Path | None = None,
) -> str:
    """Write the plain files of `commit` with the patch applied to the empty `into`; gives the tree's name.

    Files that the patch `over` touches are those of `commit` with it, whatever the first patch made of them.
    What set-up made is there too when a template is given.
    Links stay links, wherever they point: whoever runs something in there needs the sandbox anyway. Raises
    PatchDoesNotApply, GitFailed.
    """
    with _applied(base, commit, patch, scratch) as (repository, base_tree, tree):
        if over.strip():
            tree = _laid_over(repository, base_tree, tree, over)
        if template is None:
            write_tree(repository, tree, into)
        else:
            template.fill(into, repository=repository, tree=tree)
        return tree


def apply_within(repository: Path, commit: str, patch: bytes) -> str:
    """The tree of `commit` with the patch, stored in that very repository. Raises PatchDoesNotApply, GitFailed."""
    with tempfile.TemporaryDirectory(prefix="marlin-git-") as folder:
        index = Path(folder) / "index"
        return _apply_to(repository, _tree_of(repository, commit), patch, index=index)


@contextmanager
def _applied(base: Path, commit: str, patch: bytes, scratch: Path | None) -> Iterator[tuple[Path, str, str]]:
    with _scratch_repository(base, scratch) as repository:
        base_tree = _tree_of(repository, resolve(base, commit))
        yield (
            repository,
            base_tree,
            _apply_to(repository, base_tree, patch, index=repository.parent / "apply-index"),
        )


@contextmanager
def _scratch_repository(base: Path, scratch: Path | None) -> Iterator[Path]:
    """A repository of ours for one piece of work: reads the base's objects, writes its own."""
    with tempfile.TemporaryDirectory(prefix="marlin-git-", dir=scratch) as folder:
        yield empty_repository(Path(folder) / "git", objects_of=base)


def _tree_of(repository: Path, commit: str) -> str:
    return git("rev-parse", "--verify", f"{commit}^{{tree}}", git_dir=repository).decode("ascii").strip()


def _tracked(repository: Path, tree: str) -> dict[bytes, Tracked]:
    tracked = {}
    for record in git("ls-tree", "-r", "-l", "-z", "--full-tree", tree, git_dir=repository).split(b"\0")[:-1]:
        described, _, path = record.partition(b"\t")
        mode, _, object_id, size = described.decode("ascii").split()
        tracked[path] = Tracked(mode, object_id, int(size) if size.isdigit() else None)
    return tracked


def _walk(
    worktree: Path,
    repository: Path,
    base_tree: str,
    tracked: dict[bytes, Tracked],
    limits: TakeLimits,
    left: frozenset[bytes],
) -> Found:
    rules = _ignore_rules(repository, base_tree, tracked)

    def ignored(paths: list[bytes]) -> set[bytes]:
        if not paths:
            return set()
        answer = git(
            *["check-ignore", "-z", "--stdin", "--no-index"],
            git_dir=repository,
            work_tree=rules,
            stdin=b"\0".join(paths) + b"\0",
            accept=(0, 1),
        )
        return set(answer.split(b"\0")) | left.intersection(paths)

    stream = repository.parent / "new-blobs"
    with stream.open("wb") as blobs:

        def store(_: str, content: bytes) -> None:
            blobs.write(b"blob\ndata %d\n" % len(content) + content + b"\n")

        found = Walk(worktree, tracked, limits=limits, ignored=ignored, store=store).run()
    with stream.open("rb") as written:
        git("fast-import", "--quiet", "--force", git_dir=repository, stdin=written)
    return found


def _ignore_rules(repository: Path, base_tree: str, tracked: dict[bytes, Tracked]) -> Path:
    """A directory that holds nothing but the base's .gitignore files: the agent's own hide nothing."""
    folder = repository.parent / "rules"
    folder.mkdir()
    rules = [path for path, entry in tracked.items() if _is_ignore_file(path, entry)]
    if rules:
        index = repository.parent / "rules-index"
        listed = b"".join(
            f"{tracked[path].mode} {tracked[path].object_id}\t".encode() + path + b"\0" for path in rules
        )
        git("update-index", "-z", "--index-info", git_dir=repository, index=index, stdin=listed)
        git("checkout-index", "--all", "--force", git_dir=repository, work_tree=folder, index=index)
    return folder


def _is_ignore_file(path: bytes, entry: Tracked) -> bool:
    return path.rpartition(b"/")[2] == b".gitignore" and entry.mode in ("100644", "100755")


def _write_result(repository: Path, found: Found, tracked: dict[bytes, Tracked]) -> str:
    """Write the tree of what was found; what was left alone stays as the base has it."""
    entries = dict(found.entries)
    for path, entry in tracked.items():
        if path not in entries and _stays(path, entry, found) and not _hidden_by(path, entries):
            entries[path] = (entry.mode, entry.object_id)
    index = repository.parent / "result-index"
    listed = b"".join(f"{mode} {name}\t".encode() + path + b"\0" for path, (mode, name) in entries.items())
    git("update-index", "-z", "--index-info", git_dir=repository, index=index, stdin=listed)
    return git("write-tree", git_dir=repository, index=index).decode("ascii").strip()


def _stays(path: bytes, entry: Tracked, found: Found) -> bool:
    if entry.mode == "160000" or any(looks_like_git(name) for name in path.split(b"/")):
        return True  # a submodule is another repository: nobody's work here
    return any(parent in found.left_alone for parent in _self_and_parents(path))


def _hidden_by(path: bytes, entries: dict[bytes, tuple[str, str]]) -> bool:
    """Whether a parent of this path is a file now, so that the two cannot stand in one tree."""
    return any(parent in entries for parent in _self_and_parents(path))


def _self_and_parents(path: bytes) -> Iterator[bytes]:
    yield path
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path
    yield b""


def _canonical(repository: Path, base_tree: str, tree: str, most: int) -> bytes:
    return git(
        *["diff-tree", "-r", "-p", "--binary", "--full-index", "--no-commit-id", *CANONICAL],
        *[base_tree, tree, "--"],
        git_dir=repository,
        output=most,
    )


def _apply_to(repository: Path, base_tree: str, patch: bytes, *, index: Path) -> str:
    """The tree of the base with the patch; git itself refuses paths that lead out, to .git, over links."""
    if not patch.strip():
        return base_tree
    git("read-tree", base_tree, git_dir=repository, index=index)
    try:
        git(
            *["apply", "--cached", "--whitespace=nowarn", "-p1", "-"],
            git_dir=repository,
            index=index,
            stdin=patch,
            timeout=APPLY_TIMEOUT,
        )
    except GitFailed as why:
        raise PatchDoesNotApply(f"The patch does not apply: {_reason(why)}") from None
    return git("write-tree", git_dir=repository, index=index).decode("ascii").strip()


def _laid_over(repository: Path, base_tree: str, tree: str, over: bytes) -> str:
    """From object to object: no link that somebody made in the tree can lead a write elsewhere."""
    wanted = _apply_to(repository, base_tree, over, index=repository.parent / "over-index")
    printed = git(
        *["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", base_tree, wanted, "--"],
        git_dir=repository,
    )
    fields = printed.split(b"\0")[:-1]
    entries = b""
    for described, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, name, _ = described.decode("ascii").split()
        entries += f"{mode if mode != '000000' else '0'} {name}\t".encode() + path + b"\0"
    index = repository.parent / "laid-over-index"
    git("read-tree", tree, git_dir=repository, index=index)
    git("update-index", "-z", "--replace", "--index-info", git_dir=repository, index=index, stdin=entries)
    return git("write-tree", git_dir=repository, index=index).decode("ascii").strip()


def _reason(why: GitFailed) -> str:
    return str(why).removeprefix("git apply failed: ").rstrip(".") + "."


def _stats(repository: Path, base_tree: str, tree: str) -> tuple[FileStat, ...]:
    return tuple(change.stat for change in _changes(repository, base_tree, tree))


def _changes(repository: Path, base_tree: str, tree: str) -> list[_Change]:
    """Changed files in git's order, from the records of --raw and --numstat (git-diff-tree(1))."""
    printed = git(
        *["diff-tree", "-r", "-z", "--raw", "--numstat", "--no-abbrev", "--no-commit-id", *CANONICAL],
        *[base_tree, tree, "--"],
        git_dir=repository,
    )
    fields = iter(printed.split(b"\0")[:-1])
    raw: list[tuple[list[str], bytes | None, bytes]] = []
    counts: dict[bytes, tuple[bytes, bytes]] = {}
    for record in fields:
        if record.startswith(b":"):
            described = record[1:].decode("ascii").split()
            first = next(fields)
            renamed = described[4][0] in "RC"
            raw.append((described, first if renamed else None, next(fields) if renamed else first))
        else:
            added, removed, path = record.split(b"\t", 2)
            if not path:  # a rename: the two names follow
                next(fields)
                path = next(fields)
            counts[path] = (added, removed)
    return [_change(described, old, path, counts[path]) for described, old, path in raw]


def _change(described: list[str], old: bytes | None, path: bytes, counted: tuple[bytes, bytes]) -> _Change:
    old_mode, new_mode, old_object, new_object, status = described
    binary = counted == (b"-", b"-")
    stat = FileStat(
        path=shown(path),
        old_path=None if old is None else shown(old),
        status=status[0],
        added=0 if binary else int(counted[0]),
        removed=0 if binary else int(counted[1]),
        binary=binary,
        old_mode=old_mode,
        new_mode=new_mode,
    )
    return _Change(stat, old_object, new_object)


def _blobs_of(changes: list[_Change]) -> list[str]:
    names = {change.old_object for change in changes if _is_content(change.stat.old_mode)}
    names |= {change.new_object for change in changes if _is_content(change.stat.new_mode)}
    return sorted(names)


def _is_content(mode: str) -> bool:
    return mode not in ("000000", "160000")


def _with_contents(change: _Change, contents: dict[str, bytes | None]) -> ChangedFile:
    stat = change.stat
    base = contents.get(change.old_object) if _is_content(stat.old_mode) else None
    result = contents.get(change.new_object) if _is_content(stat.new_mode) else None
    too_large = (_is_content(stat.old_mode) and base is None) or (
        _is_content(stat.new_mode) and result is None
    )
    return ChangedFile(**vars(stat), base=base, result=result, too_large=too_large)

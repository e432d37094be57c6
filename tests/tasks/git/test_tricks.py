"""What an agent may leave behind for whoever takes its patch: none of it works on us, all of it on a naive one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tasks.git import patches, worktrees
from tasks.git.command import GitFailed
from tests.tasks.conftest import STRANGER

HONEST = b"def height(hour):\n    return hour % 24\n\n\ndef name():\n    return 'tide'\n"
EXECUTABLE = b"#!/bin/sh\nexit 0\n"

#: What one would write first, and what one would write next.
NAIVE = "git add -A && git diff --cached --binary {commit}"
SINCE_HEAD = "git add -A && git diff --cached --binary HEAD"
COMMITTING = "git add -A && git commit --quiet -m Work && git diff --binary {commit} HEAD"
FLAGS = "git -c core.fsmonitor= -c core.hooksPath=/dev/null -c diff.external="
CAREFUL = (
    "export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null;"
    f"{FLAGS} add -A && {FLAGS} diff --cached --binary --no-ext-diff --no-textconv {{commit}}"
)

#: A path that was changed: its mode and content now, None where it is gone.
Changes = dict[str, tuple[str, bytes | None]]


@dataclass(frozen=True)
class World:
    """An agent's worktree, and a program of the agent's that leaves a mark when somebody runs it."""

    worktree: Path
    folder: Path
    commit: str

    @property
    def git_dir(self) -> Path:
        return self.worktree / ".git"

    @property
    def evil(self) -> Path:
        return self.folder / "evil"

    @property
    def was_run(self) -> bool:
        return (self.folder / "marks" / "run").exists()

    def git(self, *arguments: str) -> str:
        """As the agent would."""
        command = ["git", "-c", "safe.directory=*", "-C", str(self.worktree), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name: str, content: str | bytes) -> None:
        path = self.worktree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


Plant = Callable[[World], None]


@dataclass(frozen=True)
class Trick:
    plant: Plant
    #: What was changed besides tide.py, as an honest reader would tell it.
    changes: Changes = field(default_factory=dict)
    works_on: str = NAIVE


def setting(text: str, *, attributes: str = "") -> Plant:
    """Lines for the config of the agent's repository, and attributes there that win over those of the base."""

    def plant(world: World) -> None:
        with (world.git_dir / "config").open("a") as config:
            config.write(text.format(evil=world.evil, folder=world.folder))
        if attributes:
            (world.git_dir / "info" / "attributes").write_text(attributes)

    return plant


def hook(name: str) -> Plant:
    def plant(world: World) -> None:
        (world.git_dir / "hooks").mkdir(exist_ok=True)
        (world.git_dir / "hooks" / name).symlink_to(world.evil)

    return plant


def attributes(text: str) -> Plant:
    def plant(world: World) -> None:
        (world.git_dir / "info" / "attributes").unlink()
        world.write(".gitattributes", text)

    return plant


def attributes_over(rules: str, name: str, content: str) -> Plant:
    def plant(world: World) -> None:
        attributes(rules)(world)
        world.write(name, content)

    return plant


def hooks_elsewhere(world: World) -> None:
    (world.folder / "post-index-change").symlink_to(world.evil)
    setting("[core]\n\thooksPath = {folder}\n")(world)


def included(world: World) -> None:
    (world.folder / "included").write_text(f"[core]\n\tfsmonitor = {world.evil}\n")
    setting("[include]\n\tpath = {folder}/included\n")(world)


def included_if(world: World) -> None:
    (world.folder / "included").write_text(f"[diff]\n\texternal = {world.evil}\n")
    setting('[includeIf "gitdir:**"]\n\tpath = {folder}/included\n')(world)


def lazily_fetched(world: World) -> None:
    """An object of the base is missing, and the remote that is promised to have it is asked by the agent's command."""
    blob = world.git("rev-parse", f"{world.commit}:run.sh")
    forget(world, blob)
    world.write("run.sh", EXECUTABLE + b"# more\n")
    setting(
        "[extensions]\n\tpartialClone = origin\n[core]\n\tsshCommand = {evil}\n"
        '[remote "origin"]\n\turl = ssh://nowhere/x\n\tpromisor = true\n'
    )(world)


def forget(world: World, name: str) -> None:
    """Leaves every object but this one, each in a file of its own."""
    packs = [pack.read_bytes() for pack in (world.git_dir / "objects" / "pack").glob("*.pack")]
    worktrees.remove(world.git_dir / "objects" / "pack")
    (world.git_dir / "objects" / "pack").mkdir()
    for pack in packs:
        command = ["git", "-c", "safe.directory=*", "-C", str(world.worktree), "unpack-objects", "-q"]
        subprocess.run(command, input=pack, check=True)
    (world.git_dir / "objects" / name[:2] / name[2:]).unlink()


def hidden_by(name: str) -> Plant:
    def plant(world: World) -> None:
        world.write(name, "hidden.py\n")
        world.write("hidden.py", "x = 1\n")

    return plant


def excluded_elsewhere(world: World) -> None:
    (world.folder / "excludes").write_text("hidden.py\n")
    setting("[core]\n\texcludesFile = {folder}/excludes\n")(world)
    world.write("hidden.py", "x = 1\n")


def marked(bit: str) -> Plant:
    def plant(world: World) -> None:
        world.git("update-index", bit, "tide.py")

    return plant


def ignored_below(world: World) -> None:
    world.write("docs/.gitignore", "*\n")
    world.write("docs/new", "x")


def nothing(_: World) -> None:
    """What an agent does that plays no tricks."""


def sparse(world: World) -> None:
    setting("[core]\n\tsparseCheckout = true\n")(world)
    (world.git_dir / "info" / "sparse-checkout").write_text("/docs/\n")
    world.git("update-index", "--skip-worktree", "tide.py")


def committed(world: World) -> None:
    world.git("add", "--all")
    world.git("commit", "--quiet", "-m", "Work")


def replaced(world: World) -> None:
    committed(world)
    world.git("replace", world.commit, "HEAD")


def repository_elsewhere(world: World) -> None:
    there = world.folder / "there"
    world.git_dir.rename(there)
    (there / "config").write_text(f"[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {world.evil}\n")
    world.git_dir.write_text(f"gitdir: {there}\n")


def config_elsewhere(world: World) -> None:
    there = world.folder / "there"
    there.mkdir()
    for name in ("objects", "refs", "config", "info"):
        (world.git_dir / name).rename(there / name)
    with (there / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {world.evil}\n")
    (world.git_dir / "commondir").write_text(f"{there}\n")


def unreadable(world: World) -> None:
    world.write("secret", "x")
    (world.worktree / "secret").chmod(0)


def enormous(world: World) -> None:
    with (world.worktree / "enormous").open("wb") as file:
        file.truncate(2**40)


def pipe(world: World) -> None:
    (world.worktree / "run.sh").unlink()
    os.mkfifo(world.worktree / "run.sh")


def nested(world: World) -> None:
    world.git("init", "--quiet", "vendor")
    world.write("vendor/file", "x")


def nested_with_a_commit(world: World) -> None:
    nested(world)
    identity = ("-c", "user.name=Sam", "-c", "user.email=sam@example.org")
    world.git("-C", "vendor", *identity, "commit", "--quiet", "--allow-empty", "-m", "Begin")


def executable(world: World) -> None:
    setting("[core]\n\tfileMode = false\n")(world)
    (world.worktree / "run.sh").chmod(0o644)


def another_case(world: World) -> None:
    setting("[core]\n\tignoreCase = true\n")(world)
    world.write("TIDE.py", "x = 1\n")


def ends_of_lines(world: World) -> None:
    setting("[core]\n\tautocrlf = input\n")(world)
    (world.git_dir / "info" / "attributes").unlink()
    world.write("new.py", "x = 1\r\n")


def locked(world: World) -> None:
    (world.git_dir / "index.lock").touch()


def emptied(world: World) -> None:
    worktrees.remove(world.git_dir / "objects")


def removed(world: World) -> None:
    worktrees.remove(world.git_dir)


def closed(world: World) -> None:
    world.git_dir.chmod(0)


HIDDEN: Changes = {"hidden.py": ("100644", b"x = 1\n")}


def text(name: str, content: str) -> Changes:
    return {name: ("100644", content.encode())}


#: Their program is run.
RUN = {
    "fsmonitor": Trick(setting("[core]\n\tfsmonitor = {evil}\n")),
    "a hook": Trick(hook("post-index-change")),
    "hooks elsewhere": Trick(hooks_elsewhere),
    "a hook on commit": Trick(hook("pre-commit"), works_on=COMMITTING),
    "a hook on references": Trick(hook("reference-transaction"), works_on=COMMITTING),
    "a clean filter": Trick(setting('[filter "x"]\n\tclean = {evil}\n', attributes="* filter=x\n")),
    "a process filter": Trick(setting('[filter "x"]\n\tprocess = {evil}\n', attributes="* filter=x\n")),
    "an external diff": Trick(setting("[diff]\n\texternal = {evil}\n")),
    "a diff driver": Trick(setting('[diff "x"]\n\tcommand = {evil}\n', attributes="* diff=x\n")),
    "a text conversion": Trick(setting('[diff "x"]\n\ttextconv = {evil}\n', attributes="* diff=x\n")),
    "an included file": Trick(included),
    "a file included if": Trick(included_if),
    "a program that signs": Trick(
        setting("[gpg]\n\tprogram = {evil}\n[commit]\n\tgpgsign = true\n"), works_on=COMMITTING
    ),
    "a promised object": Trick(lazily_fetched, {"run.sh": ("100755", EXECUTABLE + b"# more\n")}),
    "a repository elsewhere": Trick(repository_elsewhere),
    "a config elsewhere": Trick(config_elsewhere),
}

#: What they changed is not told, or not as it is.
MISLED = {
    "an ignore file": Trick(hidden_by(".gitignore"), {**HIDDEN, **text(".gitignore", "hidden.py\n")}),
    "an inner ignore file": Trick(
        ignored_below,
        {**text("docs/.gitignore", "*\n"), **text("docs/new", "x")},
    ),
    "info/exclude": Trick(hidden_by(".git/info/exclude"), HIDDEN),
    "core.excludesFile": Trick(excluded_elsewhere, HIDDEN),
    "assume-unchanged": Trick(marked("--assume-unchanged")),
    "skip-worktree": Trick(marked("--skip-worktree")),
    "a sparse checkout": Trick(sparse),
    "its own commit": Trick(committed, works_on=SINCE_HEAD),
    "a replaced commit": Trick(replaced),
    "attributes -diff": Trick(attributes("*.py -diff\n"), text(".gitattributes", "*.py -diff\n")),
    "attributes of an encoding": Trick(
        attributes("*.py working-tree-encoding=utf-16le\n"),
        text(".gitattributes", "*.py working-tree-encoding=utf-16le\n"),
    ),
    "attributes of an id": Trick(
        attributes_over("*.py ident\n", "new.py", "# $Id: 1$\n"),
        {**text(".gitattributes", "*.py ident\n"), **text("new.py", "# $Id: 1$\n")},
    ),
    "ends of lines": Trick(ends_of_lines, text("new.py", "x = 1\r\n")),
    "file modes": Trick(executable, {"run.sh": ("100644", EXECUTABLE)}),
    "another case": Trick(another_case, text("TIDE.py", "x = 1\n")),
    "no prefixes": Trick(setting("[diff]\n\tnoprefix = true\n")),
    "colours": Trick(setting("[color]\n\tui = always\n")),
    "no context": Trick(setting("[diff]\n\tcontext = 0\n")),
    "an order file": Trick(setting("[diff]\n\torderFile = {folder}/nowhere\n")),
    "a worktree elsewhere": Trick(setting("[core]\n\tworktree = {folder}\n")),
    "a bare repository": Trick(setting("[core]\n\tbare = true\n")),
    "a format of tomorrow": Trick(setting("[core]\n\trepositoryformatversion = 99\n")),
    "nonsense": Trick(setting("nonsense [[[\n")),
    "a pipe for a file": Trick(pipe),
    "an unreadable file": Trick(unreadable),
    "an enormous file": Trick(enormous),
    "a nested repository": Trick(nested),
    "a nested repository with a commit": Trick(nested_with_a_commit),
    "a lock": Trick(locked),
    "no objects": Trick(emptied),
    "no repository": Trick(removed),
    "a closed repository": Trick(closed),
}
TRICKS = RUN | MISLED


@pytest.fixture
def world(worktree: Path, commit: str, reachable: Path) -> World:
    folder = reachable / "agents"
    (folder / "marks").mkdir(parents=True)
    evil = folder / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {folder}/marks/run\n")
    evil.chmod(0o755)
    world = World(worktree, folder, commit)
    world.write("tide.py", HONEST)
    return world


def planted(trick: Trick, world: World) -> None:
    trick.plant(world)
    worktrees.remove(world.folder / "marks")
    (world.folder / "marks").mkdir()
    if os.getuid() == 0:  # all of it belongs to the ordinary user who is the agent
        subprocess.run(["chown", "-hR", f"{STRANGER}:{STRANGER}", world.worktree, world.folder], check=True)


def collected(script: str, world: World) -> bytes:
    """The patch of a collector that works in the agent's repository, as the agent's own user."""
    # Seconds of CPU, so that nothing waits for a terabyte to be read.
    command = ["/bin/sh", "-c", f"ulimit -t 1; {script.format(commit=world.commit)}"]
    user = {"user": STRANGER, "group": STRANGER, "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(
        command,
        cwd=world.worktree,
        env={"PATH": os.environ["PATH"], "HOME": str(world.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        **user,
    )
    return done.stdout if done.returncode == 0 else b""


def told(base: Path, commit: str, patch: bytes) -> Changes:
    """What a reader learns from a patch."""
    files = patches.changed_files(base, commit, patch)
    return {file.path: (file.new_mode, file.result) for file in files}


def is_right(trick: Trick, base: Path, world: World, patch: bytes) -> bool:
    try:
        changes = told(base, world.commit, patch)
    except GitFailed:
        return False
    wanted = {"tide.py": ("100644", HONEST), **trick.changes}
    return changes == wanted and b"+    return hour % 24\n" in patch


@pytest.mark.parametrize("name", TRICKS)
def test_no_trick_works(base: Path, world: World, reachable: Path, name: str) -> None:
    trick = TRICKS[name]
    planted(trick, world)

    taken = patches.take(world.worktree, base, world.commit, scratch=reachable)

    assert not world.was_run
    assert is_right(trick, base, world, taken.patch)


@pytest.mark.parametrize("name", TRICKS)
def test_on_a_naive_collector_it_does(base: Path, world: World, name: str) -> None:
    trick = TRICKS[name]
    planted(trick, world)

    patch = collected(trick.works_on, world)

    assert world.was_run if name in RUN else not is_right(trick, base, world, patch)


@pytest.mark.parametrize("collector", [NAIVE, SINCE_HEAD, COMMITTING, CAREFUL])
def test_a_naive_collector_does_as_long_as_nobody_tricks_it(base: Path, world: World, collector: str) -> None:
    honest = Trick(nothing)
    planted(honest, world)

    assert is_right(honest, base, world, collected(collector, world))
    assert not world.was_run


@pytest.mark.parametrize("name", ["a clean filter", "a process filter", "a promised object"])
def test_nor_is_a_careful_one_safe(world: World, name: str) -> None:
    planted(TRICKS[name], world)

    collected(CAREFUL, world)

    assert world.was_run

"""Repositories as a file: what a bundle or a tarball becomes, and what is refused by name."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.git import archives, mirrors
from tasks.git.archives import Bounds, Refused
from tasks.git.command import GitFailed, git

SMALL = Bounds(files=20, bytes=100_000, file_bytes=50_000)


def tarball(path: Path, *members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member, io.BytesIO(b"\0" * member.size) if member.isreg() else None)
            else:
                entry = tarfile.TarInfo(member[0])
                entry.size = len(member[1])
                tar.addfile(entry, io.BytesIO(member[1]))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, size
    return member


def shown(mirror: Path, path: str) -> bytes:
    return git("show", f"HEAD:{path}", git_dir=mirror)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tarball_becomes_one_commit_without_the_folder_around_it(tmp_path, mode):
    program = entry("tides-1.0/run.sh")
    program.mode = 0o755
    link = entry("tides-1.0/docs/now", tarfile.SYMTYPE, "../tide.py")
    made = tarball(
        tmp_path / "a.tar",
        ("tides-1.0/tide.py", b"HIGH = 1\n"),
        program,
        link,
        ('tides-1.0/a "b".txt', b""),
        mode=mode,
    )

    archives.unpack(made, tmp_path / "mirror.git")

    listed = git("ls-tree", "-r", "-z", "HEAD", git_dir=tmp_path / "mirror.git").decode()
    assert {(line.split()[0], line.split("\t")[1]) for line in listed.split("\0")[:-1]} == {
        ("100644", 'a "b".txt'),
        ("120000", "docs/now"),
        ("100755", "run.sh"),
        ("100644", "tide.py"),
    }
    assert shown(tmp_path / "mirror.git", "tide.py") == b"HIGH = 1\n"


def test_a_second_tarball_follows_the_first(tmp_path):
    for content in (b"HIGH = 1\n", b"HIGH = 2\n"):
        archives.unpack(
            tarball(tmp_path / "a.tgz", ("tide.py", content), ("b", b"")), tmp_path / "mirror.git"
        )

    assert shown(tmp_path / "mirror.git", "tide.py") == b"HIGH = 2\n"
    assert git("show", "HEAD~1:tide.py", git_dir=tmp_path / "mirror.git") == b"HIGH = 1\n"


def liar(path: Path) -> Path:
    """An extended header that claims to be of a gigabyte, which tarfile would read as a whole."""
    member = entry("pax", tarfile.XHDTYPE, size=1 << 30)
    path.write_bytes(member.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 1024)
    return path


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda to: tarball(to, ("../evil", b"x")), "leads out of the folder"),
        (lambda to: tarball(to, ("a/../../evil", b"x")), "leads out of the folder"),
        (lambda to: tarball(to, ("/etc/passwd", b"x")), "is an absolute path"),
        (lambda to: tarball(to, entry("a", tarfile.SYMTYPE, "../../etc/passwd")), "The link “a” leads out"),
        (lambda to: tarball(to, entry("a", tarfile.SYMTYPE, "/etc/passwd")), "The link “a” leads out"),
        (lambda to: tarball(to, ("b", b""), entry("a", tarfile.LNKTYPE, "b")), "is a hard link"),
        (lambda to: tarball(to, entry("a", tarfile.CHRTYPE)), "neither a file nor a folder"),
        (lambda to: tarball(to, entry("a", tarfile.FIFOTYPE)), "neither a file nor a folder"),
        (lambda to: tarball(to, ("a/.git/hooks/post-checkout", b"x")), "holds a .git folder"),
        (lambda to: tarball(to, ("a/.GIT/config", b"x")), "holds a .git folder"),
        (lambda to: tarball(to, ("a\nb", b"x")), "a control character"),
        (lambda to: tarball(to, entry("a", size=60_000)), "has 60,000 bytes; 50,000 is the most"),
        (
            lambda to: tarball(to, *(entry(str(n), size=49_000) for n in range(9))),
            "Unpacked it has more than",
        ),
        (lambda to: tarball(to, *((str(n), b"") for n in range(21))), "more than 20 files"),
        (liar, "A header of the tarball has 1,073,741,824 bytes"),
        (lambda to: tarball(to), "holds no files"),
        (lambda to: to.write_bytes(b"PK\x03\x04 a zip file") and to, "neither a git bundle nor a tarball"),
        (lambda to: to.write_bytes(b"") or to, "holds no files|neither a git bundle"),
        (
            lambda to: (
                to.write_bytes(tarball(to, ("a", b"x" * 40_000), mode="w").read_bytes()[:20_000]) and to
            ),
            "neither",
        ),
    ],
)
def test_a_tarball_that_is_refused_says_why_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Path], Path], sentence: str
) -> None:
    made = make(tmp_path / "a.tar")

    with pytest.raises(Refused, match=sentence):
        archives.unpack(made, tmp_path / "mirror.git", bounds=SMALL)

    assert not (tmp_path / "mirror.git").exists()


def bundle(origin, into: Path, *what: str) -> Path:
    origin.run("bundle", "create", "--quiet", str(into), *(what or ("--all", "HEAD")))
    return into


def test_a_bundle_brings_its_whole_history_and_its_branch(origin, commit, future, reachable):
    origin.run("branch", "aside", commit)

    archives.unpack(bundle(origin, reachable / "a.bundle"), reachable / "mirror.git")

    assert mirrors.resolve(reachable / "mirror.git", "HEAD") == future
    assert mirrors.resolve(reachable / "mirror.git", "aside") == commit


def test_a_bundle_of_head_alone_and_a_newer_one_after_it(origin, future, reachable):
    archives.unpack(bundle(origin, reachable / "a.bundle", "HEAD"), reachable / "mirror.git")
    assert mirrors.resolve(reachable / "mirror.git", "HEAD") == future
    newest = origin.commit("Later")

    archives.unpack(bundle(origin, reachable / "b.bundle", "HEAD", f"^{future}"), reachable / "mirror.git")

    assert mirrors.resolve(reachable / "mirror.git", "HEAD") == newest


def test_a_bundle_that_is_refused_says_why_and_leaves_nothing(origin, future, reachable):
    origin.write({"large.bin": b"x" * 60_000})
    origin.commit("Large")
    part, whole = (
        bundle(origin, reachable / "part.bundle", "main", f"^{future}"),
        bundle(origin, reachable / "a.bundle"),
    )
    cut = reachable / "cut.bundle"
    cut.write_bytes(whole.read_bytes()[:-200])

    for made, error, sentence in (
        (part, Refused, "git bundle create NAME.bundle --all"),
        (whole, Refused, "One of its files has 60,000 bytes; 50,000 is the most"),
        (cut, GitFailed, "git fetch failed"),
    ):
        with pytest.raises(error, match=sentence):
            archives.unpack(made, reachable / "mirror.git", bounds=SMALL)
        assert not (reachable / "mirror.git").exists()


def test_a_bundle_whose_tree_leads_into_git_is_refused(origin, reachable):
    """Written object by object: git itself would never commit it."""
    blob = subprocess.run(
        ["git", "-C", str(origin.path), "hash-object", "-w", "--stdin"],
        input=b"x",
        capture_output=True,
        check=True,
    ).stdout.strip()
    tree = subprocess.run(
        ["git", "-C", str(origin.path), "hash-object", "-w", "-t", "tree", "--literally", "--stdin"],
        input=b"100644 .git\0" + bytes.fromhex(blob.decode()),
        capture_output=True,
        check=True,
    ).stdout.strip()
    commit = origin.run("commit-tree", tree.decode(), "-m", "Evil")
    origin.run("update-ref", "refs/heads/main", commit)

    with pytest.raises(Refused, match=r"holds a \.git folder"):
        archives.unpack(bundle(origin, reachable / "a.bundle"), reachable / "mirror.git")

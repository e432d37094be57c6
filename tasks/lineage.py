"""The commit that a later turn starts from: what a candidate left, under a name that anybody can work out."""

from __future__ import annotations

import hashlib

#: Nothing of the candidate, the machine or the moment: whoever builds it gets the same commit.
SIGNATURE = "Developer <developer@localhost> 0 +0000"
MESSAGE = "Work so far\n"


def content_after(parent: str, tree: str) -> bytes:
    """The commit that holds `tree` and follows `parent`, as git stores it (git-cat-file, "commit")."""
    return f"tree {tree}\nparent {parent}\nauthor {SIGNATURE}\ncommitter {SIGNATURE}\n\n{MESSAGE}".encode(
        "ascii"
    )


def commit_after(parent: str, tree: str) -> str:
    """Its name; needs no repository."""
    content = content_after(parent, tree)
    return hashlib.sha1(b"commit %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

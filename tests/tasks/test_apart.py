"""Scratch files, build output and dependencies are taken out of both patches by the same rule."""

import pytest

from tasks.generation import apart

BASE = ("src/a.py", "tools/build/rules.py", "test_tide.py")


def patch(**files: str) -> bytes:
    return "".join(
        f"diff --git a/{path} b/{path}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{line}\n"
        for path, line in files.items()
    ).encode()


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("node_modules/x/y.js", "dependencies"),
        ("web/.venv/lib/site.py", "dependencies"),
        ("a/__pycache__/b.pyc", "build output"),
        ("dist/bundle.js", "build output"),
        ("tide.egg-info/PKG-INFO", "build output"),
        (".coverage", "build output"),
        ("reproduce_issue.py", "scratch"),
        ("test_fix_77.py", "scratch"),
        ("NOTES.md", "scratch"),
        ("src/a.py.orig", "scratch"),
        ("src/debug.py", None),
        ("tools/build/new.py", None),
        ("test_moon.py", None),
        ("distant/moon.py", None),
        ("docs/NOTES.md", None),
    ],
)
def test_a_rule_looks_at_the_path_and_the_base(path, rule):
    assert apart.chosen([path], base=BASE, patch=patch(**{path: "x"})).get(path) == rule


def test_a_file_that_other_work_names_is_work():
    files = {"verify.py": "def check(): ...", "src/a.py": "from verify import check"}

    assert apart.chosen(["verify.py"], base=BASE, patch=patch(**files)) == {}
    assert apart.chosen(["verify.py"], base=BASE, patch=patch(**{"verify.py": "verify"})) != {}


def test_the_list_is_short_and_tells_how_many_there_are():
    rules = {f"node_modules/{number}.js": "dependencies" for number in range(300)}

    (told,) = apart.listed(rules | {})
    assert (told["files"], len(told["paths"])) == (300, apart.MOST_LISTED)

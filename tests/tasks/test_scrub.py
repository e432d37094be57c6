"""Agents like to say who they are; their readers must not know."""

import pytest

from tasks import versions
from tasks.generation import traces
from tasks.generation.scrub import known_names, masked
from tasks.presets import presets
from tests import factories

NAMES = frozenset({"Quillback", "Quillback Large", "c++ bot", "GPT"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I am Quillback.", "I am [name]."),
        ("QUILLBACK and quillback", "[name] and [name]"),
        ("Quillback Large wrote this", "[name] wrote this"),
        ("quillback-large", "[name]-large"),
        ("~/.quillback/settings", "~/.[name]/settings"),
        ("Quillbacks swim", "Quillbacks swim"),
        ("the c++ bot", "the [name]"),
        ("", ""),
    ],
)
def test_names_are_masked_as_whole_words_in_any_case(text, shown):
    assert masked(text, NAMES) == shown


def test_without_names_nothing_is_masked():
    assert masked("Quillback", []) == "Quillback"


def test_a_model_is_known_by_its_id_its_aliases_and_what_its_agent_is_called(db):
    provider = factories.make_provider(models=["southbank-mini-20260131"])
    factories.make_agent_version(
        model="hub/perch-2@latest",
        served_by=provider,
        settings={"argv": ["true"], "known_as": ["Perch Pilot"]},
    )

    expected = {"southbank-mini-20260131", "southbank-mini", "hub/perch-2@latest", "perch-2", "Perch Pilot"}
    assert expected <= known_names()


@pytest.mark.parametrize("preset", [name for name, one in presets().items() if "known_as" in one.settings])
def test_a_preset_adds_names_that_nothing_else_gives_away(db, preset):
    names = presets()[preset].settings["known_as"]
    text = "; ".join(f"it said {name}, twice" for name in names)
    before = masked(text, known_names())

    versions.add(preset, name="Reader 2", model="reader-2", provider="Readers", directory="/opt/reader")

    assert before == text, "a name that is known already belongs to no preset"
    assert masked(text, known_names()) == "; ".join(["it said [name], twice"] * len(names))


def test_every_name_of_every_version_is_known_but_words_of_the_language(db):
    factories.make_agent_version(name="Quillback 9", harness="hx", model="qb-large", provider="Quillworks")

    assert known_names() == {"Quillback 9", "qb-large", "Quillworks"}


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        (
            "diff --git a/.claude/x.bin b/.claude/x.bin\nnew file mode 100644\nGIT binary patch\n",
            ".claude/x.bin",
        ),
        ("diff --git a/GEMINI.md b/GEMINI.md\nnew file mode 100644\nindex 000..e69\n", "GEMINI.md"),
        ("diff --git a/x.md b/AGENTS.md\nrename from x.md\nrename to AGENTS.md\n", "AGENTS.md"),
        (
            "diff --git a/CLAUDE.md b/CLAUDE.md\nnew file mode 100644\n--- /dev/null\n+++ b/CLAUDE.md\n",
            "CLAUDE.md",
        ),
    ],
)
def test_a_name_of_a_file_is_found_once_whatever_the_file_holds(patch, path):
    (hit,) = traces.hits(patch.encode())

    assert (hit.path, hit.line) == (path, 0)


def test_a_line_that_looks_like_a_head_is_one_of_the_file():
    patch = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n-x\n+rename to codex\n"

    assert [(hit.path, hit.line, hit.word) for hit in traces.hits(patch.encode())] == [("a", 1, "codex")]

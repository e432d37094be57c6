"""Agents like to say who they are; their readers must not know."""

import pytest

from tasks import versions
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

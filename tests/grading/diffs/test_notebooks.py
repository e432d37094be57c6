"""A notebook reads as cells, and whatever changes in it is seen there."""

from __future__ import annotations

import copy
import json

import pytest

from grading.diffs.caps import CAPS
from grading.diffs.compare import Side, compare_both
from grading.diffs.drawing import Drawing
from tests.grading.diffs.test_compare import is_harmless
from tests.grading.diffs.test_views import listed, unfolded

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# Tides\n", "by the hour"]},
        {
            "cell_type": "code",
            "execution_count": 3,
            "id": "c",
            "metadata": {},
            "outputs": [
                {"name": "stdout", "output_type": "stream", "text": [f"{hour}\n" for hour in range(30)]},
                {
                    "data": {"image/png": "iVBOR", "text/plain": "<Figure>"},
                    "metadata": {},
                    "output_type": "display_data",
                },
                {
                    "ename": "E",
                    "evalue": "bad",
                    "output_type": "error",
                    "traceback": ["\u001b[31mline\u001b[0m"],
                },
            ],
            "source": "rise()\nplot('<b>')",
        },
    ],
    "metadata": {"language_info": {"file_extension": ".py", "name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def written(notebook: object) -> bytes:
    return json.dumps(notebook, indent=1).encode()


def cells(base: bytes, left: bytes, right: bytes):
    file = listed(base, left, right)._replace(path="tide.ipynb")
    return [view.views.get("cells") for view in Drawing(CAPS).draw_both(0, file)]


CHANGES = {
    "source": lambda n: n["cells"][1].update(source="fall()\nplot('<b>')"),
    "prose": lambda n: n["cells"][0].update(source=["# Waves\n", "by the hour"]),
    "count": lambda n: n["cells"][1].update(execution_count=4),
    "end of a long output": lambda n: n["cells"][1]["outputs"][0]["text"].append("31\n"),
    "image": lambda n: n["cells"][1]["outputs"][1]["data"].update({"image/png": "iVBOS"}),
    "error": lambda n: n["cells"][1]["outputs"][2].update(evalue="worse"),
    "settings of a cell": lambda n: n["cells"][1].update(metadata={"tags": ["skip"]}),
    "settings of all": lambda n: n["metadata"].update(kernelspec={"name": "x"}),
    "version": lambda n: n.update(nbformat_minor=4),
    "anything else": lambda n: n["cells"][1].update(attachments={"a.png": {"image/png": "x"}}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_of_a_notebook_is_seen_in_its_cells(what):
    changed = copy.deepcopy(NOTEBOOK)
    CHANGES[what](changed)

    forward, backward = cells(written(NOTEBOOK), written(changed), written(NOTEBOOK))

    assert " class=a " in forward.html or ' class="a ' in forward.html
    assert is_harmless(forward.html + "".join(forward.gaps))
    assert [row[1].text for row in unfolded(forward)] == [row[2].text for row in unfolded(backward)]


def test_cells_read_as_source_prose_and_short_outputs():
    changed = copy.deepcopy(NOTEBOOK)
    changed["cells"][1]["source"] = "fall()"
    changed["cells"][1]["outputs"][2]["traceback"] = []

    lines = [row[1].text.rstrip("\n") for row in unfolded(cells(written(NOTEBOOK), written(changed), b"")[0])]

    assert lines[:4] == ["# %% [markdown]", "# # Tides", "# by the hour", "# %% In [3]"]
    assert "#> 19" in lines
    assert "#> 20" not in lines
    assert any(line.startswith("#> … 11 more lines of stdout, SHA-256 ") for line in lines)
    assert any(line.startswith("#> image/png, 5 characters, SHA-256 ") for line in lines)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"cells": 3}',
        b'{"cells": [{}], "metadata": {}}',
        b"[" * 50_000,
        b'{"cells": [], "metadata": 1}',
    ],
)
def test_what_is_no_notebook_is_drawn_as_text_alone(content):
    assert cells(b"x\n", content, content) == [None, None]


def test_a_notebook_that_one_side_adds_has_cells(repository):
    side = repository.side({}, {"tide.ipynb": written(NOTEBOOK)})

    forward, _ = compare_both(side, Side(b"", {}), {})

    assert set(forward.files[0].views) == {"pair", "three", "direct", "cells"}
    assert set(forward.files[0].as_entry()["sizes"]) == {"pair", "three", "direct", "cells"}

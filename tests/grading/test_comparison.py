"""What the page's own tags and filters make of a pair."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grading.reading import ShownFile
from grading.templatetags.comparison import LONG, PIECE, SLICE, blank_file, folders, in_slices, is_long

HEAD = "<table class=diff><caption class=sr-only>a.py</caption><thead><tr><th>A<th>B</thead>"


def shown(path: str, group: str = "") -> ShownFile:
    return replace(blank_file(), path=path, group=group)


def test_neighbours_of_a_folder_stand_under_its_name():
    found = folders(
        [shown("b/one"), shown("b/two"), shown("top"), shown("b/three"), shown("x/y", "generated")]
    )

    assert [(folder.name, len(folder.files)) for folder in found] == [
        ("b", 2),
        ("Top folder", 1),
        ("b", 1),
        ("Generated, folded", 1),
    ]
    assert not any(folder.goes_on for folder in found)


def test_a_large_folder_goes_on_in_pieces_under_one_heading():
    files = [shown(f"many/{number}") for number in range(2 * PIECE + 1)]

    found = folders(files)

    assert [(folder.goes_on, len(folder.files)) for folder in found] == [
        (False, PIECE),
        (True, PIECE),
        (True, 1),
    ]
    assert [file for folder in found for file in folder.files] == files


def test_only_a_list_longer_than_any_screen_is_laid_out_in_parts():
    assert not is_long([blank_file()] * LONG)
    assert is_long([blank_file()] * (LONG + 1))


@pytest.mark.parametrize("rows", [0, 1, SLICE])
def test_a_short_table_stays_as_it_is(rows):
    html = f"{HEAD}<tbody>{'<tr><td>x' * rows}</table>"

    assert in_slices(html) == html


def test_a_long_table_is_cut_into_tables_and_loses_no_row():
    rows = [f"<tr class=e><td data-n={number}>&lt;tr {number}" for number in range(2 * SLICE + 1)]

    cut = in_slices(f"{HEAD}<tbody>{''.join(rows)}</table>")

    tables = [part.partition("<tbody>") for part in cut.split('<div class="slice">')[1:]]
    assert [table[2].count("<tr ") for table in tables] == [SLICE, SLICE, 1]
    assert "".join(table[2] for table in tables).replace("</table></div>", "") == "".join(rows)
    assert ["caption" in table[0] for table in tables] == [True, False, False]
    assert all("<thead>" in table[0] for table in tables)

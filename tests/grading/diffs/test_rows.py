from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from grading.diffs.align import (
    Block,
    Row,
    align,
    blocks_of_contents,
    blocks_of_hunks,
    lines_of,
    reproduces,
)
from grading.diffs.parse import parse
from grading.diffs.rows import CONTEXT, Gap, Headings, Shown, fold

LINES = st.lists(st.sampled_from([b"a", b"b", b"  c", b"", b"d\r", b"\xff", b"e\x0c"]), max_size=14)
TEXTS = st.builds(lambda lines, end: b"\n".join(lines) + end, LINES, st.sampled_from([b"", b"\n"]))


def rejoined(rows: list[Row], base: list[bytes], left: list[bytes], right: list[bytes]) -> list[bytes]:
    """Base, A and B as the rows tell them."""
    found = [b"", b"", b""]
    for row in rows:
        for place, cell, lines in ((1, row.left, left), (2, row.right, right)):
            if cell is not None and cell.kind != "del":
                found[place] += lines[cell.number - 1]
        if row.base is not None:
            told = {
                base[cell.number - 1] if cell.kind == "del" else lines[cell.number - 1]
                for cell, lines in ((row.left, left), (row.right, right))
            }
            assert len(told) == 1
            found[0] += told.pop()
    return found


def aligned(base: bytes, left: bytes, right: bytes, *blocks: list[Block]) -> list[Row]:
    lines = [lines_of(text) for text in (base, left, right)]
    one, other = blocks or [blocks_of_contents(lines[0], lines[1]), blocks_of_contents(lines[0], lines[2])]
    return align(range(len(lines[0])), one, other, lines[1], lines[2])


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_rows_give_base_and_both_results_byte_for_byte(base, left, right):
    rows = aligned(base, left, right)

    assert rejoined(rows, lines_of(base), lines_of(left), lines_of(right)) == [base, left, right]


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_swapping_the_sides_swaps_the_cells(base, left, right):
    forward, backward = aligned(base, left, right), aligned(base, right, left)

    # Where both sides add at one place, A's own lines come first; apart from that the rows are the same.
    mirrored = [Row(row.base, row.right, row.left, row.alike) for row in backward]
    assert sorted(map(repr, forward)) == sorted(map(repr, mirrored))
    assert [row for row in forward if row.left and row.right] == [
        row for row in mirrored if row.left and row.right
    ]


@settings(max_examples=40, deadline=None)
@given(base=TEXTS, result=TEXTS)
def test_gits_hunks_reproduce_the_result(repository, base, result):
    patch = repository.patch(repository.tree({"f": base}), repository.tree({"f": result}))
    files = parse(patch)
    assert len(files) == (base != result)

    if files and not files[0].binary:
        blocks = blocks_of_hunks(files[0].hunks)
        assert reproduces(blocks, lines_of(base), lines_of(result))
        assert sum(block.high - block.low for block in blocks) == files[0].removed
        rows = aligned(base, result, result, blocks, blocks)
        assert rejoined(rows, lines_of(base), lines_of(result), lines_of(result)) == [base, result, result]
        assert all(row.alike for row in rows if row.base is None)


def test_blocks_that_do_not_fit_are_refused():
    assert not reproduces([Block(0, 1, 0, 1)], [b"a", b"b"], [b"x", b"c"])
    assert not reproduces([Block(0, 9, 0, 1)], [b"a"], [b"x"])
    assert not reproduces([Block(3, 3, 3, 4)], [b"a"], [b"x"])


def test_equal_additions_share_a_row_and_others_do_not():
    rows = aligned(b"top\n", b"top\nx\nboth\n", b"top\nboth\ny\n")

    assert [(bool(row.left), bool(row.right), row.alike) for row in rows] == [
        (True, True, False),
        (True, False, False),
        (True, True, True),
        (False, True, False),
    ]


def test_a_line_that_both_remove_is_one_row():
    (row,) = aligned(b"gone\n", b"", b"")

    assert (row.base, row.left, row.right, row.alike) == (1, ("del", 1), ("del", 1), True)


def test_many_repeated_lines_take_little_time():
    one, other = b"a\nb\n" * 20_000, b"b\na\nb\nb\n" * 10_000

    rows = aligned(b"", one, other)

    assert rejoined(rows, [], lines_of(one), lines_of(other))[1:] == [one, other]


def test_gaps_keep_context_and_name_the_definition_around():
    base = (
        b"import x\n\n\nclass Tide:\n"
        + b"    a = 1\n" * 20
        + b"    def rise(self):\n"
        + b"        pass\n" * 20
    )
    lines = lines_of(base)
    changed = b"".join([*lines[:35], b"        return 1\n", *lines[36:]])
    rows = aligned(base, changed, base)

    parts = fold(rows, Headings([line.decode().rstrip("\n") for line in lines]))

    assert parts == [
        Gap(0, 35 - CONTEXT, 1, 1, "def rise(self):", 35 - CONTEXT - 24),
        Shown(35 - CONTEXT, 37 + CONTEXT),
        Gap(37 + CONTEXT, 46, 2, 1, "", 0),
    ]


def test_parts_cover_every_row_once():
    base = b"".join(b"%d\n" % number for number in range(200))
    lines = lines_of(base)
    rows = aligned(base, b"".join(lines[:50] + lines[52:]), b"".join([*lines[:9], b"x\n", *lines[9:]]))

    parts = fold(rows)

    assert [number for part in parts for number in range(part.low, part.high)] == list(range(len(rows)))


def test_an_unchanged_file_is_one_gap():
    assert fold(aligned(b"a\n" * 9, b"a\n" * 9, b"a\n" * 9)) == [Gap(0, 9, 1, 1, "", 0)]


def test_c_functions_are_headings_and_loops_are_not():
    lines = ["int main(void) {", "    for (;;) {", "        x = 1;"]

    assert Headings(lines)(2) == (0, "int main(void) {")

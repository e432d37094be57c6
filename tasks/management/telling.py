"""How the import commands tell what became of the rows of a file."""

from __future__ import annotations

from django.core.management.base import OutputWrapper

from tasks.importing.reading import Tally


def tell(out: OutputWrapper, name: str, tally: Tally) -> None:
    """Each refused row with its line and the reason, then the counts."""
    for line, why in tally.refused:
        out.write(f"{name}:{line}: {why}")
    if tally.refused_rows > len(tally.refused):
        out.write(f"{name}: {tally.refused_rows - len(tally.refused):,} more rows were refused.")
    out.write(
        f"{name}: {tally.rows:,} rows, {tally.added:,} new, {tally.known:,} known, "
        f"{tally.refused_rows:,} refused."
    )

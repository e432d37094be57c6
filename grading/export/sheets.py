"""The growing files of an export: how long each is, what it sums up to, and how to go on with it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from grading.export.formats import FORMATS, Format
from grading.export.writers.pieces import TRAIN, Piece

CHUNK = 2**20


class Sheet:
    """One file that grows at its end."""

    def __init__(self, path: Path, told: dict[str, Any]) -> None:
        self.told = told  # its line in the manifest, kept up to date
        self.digest = hashlib.sha256()
        self.file = path.open("r+b" if told["bytes"] else "wb")
        self._go_on()

    def put(self, piece: Piece) -> None:
        self.file.write(piece.data)
        self.digest.update(piece.data)
        self.told["bytes"] += len(piece.data)
        self.told["rows"] += piece.rows

    def settle(self) -> None:
        """On the disk, not only on its way there."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def finish(self) -> dict[str, Any]:
        self.file.close()
        return self.told | {"sha256": self.digest.hexdigest()}

    def _go_on(self) -> None:
        """Sum up what is there, and cut off what came after the last part that counts."""
        left = self.told["bytes"]
        while left:
            chunk = self.file.read(min(CHUNK, left))
            self.digest.update(chunk)
            left -= len(chunk)
        self.file.truncate(self.told["bytes"])


class Sheets:
    """All files of an export, closed on the way out.

    `progress` is what an earlier writer left; without its files it counts for nothing.
    """

    def __init__(self, folder: Path, progress: dict[str, Any]) -> None:
        self.folder = folder
        if not self._are_there(progress):
            progress = {}
        self.parts = int(progress.get("parts", 0))
        self.rows = int(progress.get("settled", 0))
        self.left_out: dict[str, dict[str, int]] = progress.get("left_out", {})
        self._finished: list[dict[str, Any]] = []
        self._open: dict[str, Sheet] = {}
        for told in progress.get("files", []):
            if "sha256" in told:
                self._finished.append(told)
            else:
                self._open[told["name"]] = Sheet(self.path(told["name"]), dict(told))

    def __enter__(self) -> Sheets:
        return self

    def __exit__(self, *why: object) -> None:
        for sheet in self._open.values():
            sheet.file.close()

    def path(self, name: str) -> Path:
        return self.folder / name

    def put(self, to: Format, piece: Piece) -> None:
        if not piece.data and piece.rows:
            reasons = self.left_out.setdefault(to.key, {})
            reasons[piece.split] = reasons.get(piece.split, 0) + piece.rows
            return
        name = _name(to, piece.split)
        if name not in self._open:
            told = {"name": name, "format": to.key, "split": piece.split, "bytes": 0, "rows": 0}
            self._open[name] = Sheet(self.path(name), told)
        self._open[name].put(piece)

    def add_finished(self, to: Format, name: str, rows: int) -> None:
        """A file that somebody else wrote and closed."""
        path = self.path(name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        told = {"name": name, "format": to.key, "split": TRAIN, "rows": rows}
        self._finished.append(told | {"bytes": path.stat().st_size, "sha256": digest})

    def settle(self) -> None:
        for sheet in self._open.values():
            sheet.settle()

    def progress(self, rows: int) -> dict[str, Any]:
        """What the export's row remembers: enough to go on from here."""
        return {
            "parts": self.parts,
            "settled": self.rows,
            "rows": rows,
            "files": [*self._finished, *(dict(sheet.told) for sheet in self._open.values())],
            "left_out": self.left_out,
        }

    def described(self) -> list[dict[str, Any]]:
        """The line of each file in the manifest. Nothing can be put any more."""
        order = [each.key for each in FORMATS]
        lines = [*(sheet.finish() for sheet in self._open.values()), *self._finished]
        return sorted(lines, key=lambda told: (order.index(told["format"]), told["name"]))

    def _are_there(self, progress: dict[str, Any]) -> bool:
        """Another machine's folder, or one that lost a file, is begun anew."""
        for told in progress.get("files", []):
            path = self.path(told["name"])
            if not path.is_file() or path.stat().st_size < told["bytes"]:
                return False
        return True


def _name(to: Format, split: str) -> str:
    """The decided preferences have the format's own name."""
    return f"{to.stem}.{to.ending}" if split == TRAIN else f"{to.stem}-{split}.{to.ending}"

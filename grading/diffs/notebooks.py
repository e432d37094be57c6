"""Reads Jupyter notebooks as a person does: cells with their source, what they printed in short, no JSON.

Written in the percent format that editors know (jupytext.readthedocs.io, "The percent format"). What is shortened is
named by its hash, so that no change of it goes unseen; the rows of the file itself are drawn as those of any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

from grading.diffs.listing import Listed, Touch

MOST_OUTPUT = 20  # lines of what one cell printed
_EXTENSION = re.compile(r"\.[A-Za-z]{1,8}")


def as_cells(file: Listed) -> Listed | None:
    """The file with its texts made readable; None where one of them is no notebook (nbformat 4)."""
    if not file.path.endswith(".ipynb"):
        return None
    try:
        base = file.base and _readable(file.base)
        name = "cells" + _extension(file)
        left, right = (_touch(touch, name) for touch in (file.left, file.right))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return file._replace(base=base, left=left, right=right)


def _touch(touch: Touch | None, name: str) -> Touch | None:
    if touch is None:
        return None
    diff = replace(touch.diff, path=name, old_path=None, hunks=())
    if touch.result is None and diff.status != "deleted":
        raise ValueError("The text is not at hand.")
    return Touch(diff, touch.result and _readable(touch.result))


def _extension(file: Listed) -> str:
    texts = [file.base, *(touch.result for touch in (file.left, file.right) if touch)]
    notebook = json.loads(next(text for text in texts if text))
    found = notebook.get("metadata", {}).get("language_info", {}).get("file_extension", "")
    return found if isinstance(found, str) and _EXTENSION.fullmatch(found) else ".py"


def _readable(content: bytes) -> bytes:
    notebook = json.loads(content)
    lines = [line for cell in notebook["cells"] for line in _cell(cell)]
    lines += ["# %% metadata", *_settings(notebook["metadata"])]
    rest = {name: value for name, value in notebook.items() if name not in ("cells", "metadata")}
    lines += _settings(rest)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    kind, count = cell["cell_type"], cell.get("execution_count")
    is_code = kind == "code"
    yield "# %%" + ("" if is_code else f" [{kind}]") + (f" In [{count}]" if count is not None else "")
    if settings := cell.get("metadata"):
        yield f"# metadata {_compact(settings)}"
    yield from (line if is_code else f"# {line}" for line in _text(cell["source"]))
    for output in cell.get("outputs", ()):
        yield from (f"#> {line}" for line in _output(output))
    for name, forms in cell.get("attachments", {}).items():
        yield from (f"#> attachment {name}: {line}" for line in _forms(forms))
    known = ("id", "cell_type", "execution_count", "metadata", "source", "outputs", "attachments")
    yield from (f"# {line}" for line in _settings({k: v for k, v in cell.items() if k not in known}))


def _output(output: dict[str, Any]) -> Iterator[str]:
    kind = output["output_type"]
    if kind == "stream":
        yield from _shortened(str(output.get("name", "stream")), _text(output["text"]))
    elif kind == "error":
        yield f"error {output.get('ename')}: {output.get('evalue')}"
        yield from _shortened("traceback", [line for part in output["traceback"] for line in _text(part)])
    else:
        yield from _forms(output["data"])
    if settings := output.get("metadata"):
        yield f"metadata {_compact(settings)}"


def _forms(forms: dict[str, Any]) -> Iterator[str]:
    for form, value in sorted(forms.items()):
        if form == "text/plain":
            yield from _shortened(form, _text(value))
        else:
            text = "\n".join(_text(value)) if isinstance(value, str | list) else _compact(value)
            yield f"{form}, {len(text):,} characters, SHA-256 {_hash(text)}"


def _shortened(name: str, lines: list[str]) -> Iterator[str]:
    yield from lines[:MOST_OUTPUT]
    if len(lines) > MOST_OUTPUT:
        rest = lines[MOST_OUTPUT:]
        yield f"… {len(rest):,} more lines of {name}, SHA-256 {_hash(chr(10).join(rest))}"


def _text(value: str | list[str]) -> list[str]:
    """Lines of what nbformat stores as one string or as a list of lines."""
    return ("".join(value) if isinstance(value, list) else value + "").split("\n")


def _settings(values: dict[str, Any]) -> Iterator[str]:
    yield from (f"{name} = {_compact(value)}" for name, value in sorted(values.items()))


def _compact(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 500 else f"{len(text):,} characters, SHA-256 {_hash(text)}"


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]

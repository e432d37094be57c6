"""The data set card and the rubric as texts: what a stranger needs to use the files rightly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grading import rubric as scales
from grading.export import formats, schema
from grading.export.filters import Filters
from grading.models import Export
from tasks.models import Repository, Rubric

#: The sizes of the Hub's data set cards: below this many rows, this word.
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
LARGEST = "1M<n<10M"
#: Endings of files, each another reader of `datasets`, the preferred first.
READERS = ("jsonl", "parquet", "csv")


def readme(export: Export, files: list[dict[str, Any]]) -> str:
    """README.md: YAML that `datasets` and the Hub read, then words. https://huggingface.co/docs/hub/datasets-cards"""
    front = "\n".join(_yaml(_front(export, files)))
    return f"---\n{front}\n---\n\n{_words(export, files)}"


def rubric(of: Rubric) -> str:
    """rubric.md: what raters were asked and told, and the scale with its words."""
    steps = "\n".join(f"| {step.value} | {step.word} |" for step in scales.steps(of.points))
    axes = "\n".join(f"| `{axis.key}` | {axis.name} | {axis.question} |" for axis in of.axes.all())
    skip = "An axis may be skipped." if of.may_skip else "Every axis is rated."
    return f"""# Rubric {of.name}, version {of.version}

Raters see two patches to the same repository as A and B, and never learn who made them. They rate each axis and
“Overall” by choosing a position, name the axis that decided, and write what is strong and weak about each side.

| axis | name | question |
|---|---|---|
{axes}
| `overall` | Overall | Which patch would you rather merge? |

{skip} The overall rating is always asked for, with a justification of at least {of.least_words} words that names
what in the patches it rests on.

## Scale

Positions are stored as shown. In the records `rating` and `axes` are symmetric about zero and positive when `model_a`
is better, wherever it was shown.

| position | word |
|---|---|
{steps}

## Guidelines

1. Read what was asked before you read the patches; judge each by what was asked, not by what you would have liked.
2. Look for what breaks: wrong results, missing cases, changes that nobody asked for. The tests’ results are evidence,
   not the verdict.
3. Length is no merit. Style counts where it makes the next change harder.
4. Rate each axis by itself, then overall. “{_weakest(of)}” is for differences one could argue away.
5. Do not guess who made a patch, and do not write a guess down.
6. Your work is read by a reviewer, who accepts it, sends it back once for repair, or rejects it with a reason.
"""


def licences(export: Export) -> list[str]:
    """Those of the repositories whose code the patches change, as far as they are known."""
    used = Repository.objects.filter(scenarios__tasks__experiment=export.experiment)
    return list(used.exclude(licence="").order_by("licence").values_list("licence", flat=True).distinct())


def title(export: Export) -> str:
    return f"{export.experiment.name}: preferences between coding agents"


def citation(export: Export) -> str:
    day = export.frozen_at.date().isoformat() if export.frozen_at else ""
    return f"{title(export)}. Marlin export {export.public_id}, frozen {day}, {export.rows()} records."


def _front(export: Export, files: list[dict[str, Any]]) -> dict[str, Any]:
    axes = [axis.key for axis in export.experiment.rubric.axes.all()]
    configs = list(_configs(export, files))
    return {
        "pretty_name": title(export),
        "license": "other",
        "license_name": "see-the-licences-of-the-repositories",
        "language": ["en"],
        "annotations_creators": ["expert-generated"],
        "source_datasets": ["original"],
        "task_categories": ["text-ranking"],
        "tags": ["preference", "rlhf", "dpo", "code", "human-feedback", "croissant"],
        "size_categories": [_size(export.rows())],
        "configs": configs,
        "dataset_info": [
            {
                "config_name": "jsonl",
                "features": schema.features(schema.columns_for(axes)),
                "splits": [
                    {"name": file["split"], "num_bytes": file["bytes"], "num_examples": file["rows"]}
                    for file in files
                    if file["format"] == "jsonl"
                ],
            }
        ]
        if any(config["config_name"] == "jsonl" for config in configs)
        else [],
    }


def _configs(export: Export, files: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One for each format that has records: `datasets` reads no empty file. The first is the default.

    `datasets` reads all configurations of a card with one reader. So the card speaks of the JSON Lines where
    there are any; Parquet and CSV beside them are loaded by their names.
    """
    splits: dict[str, dict[str, list[str]]] = {}
    for file in files:
        if file["rows"]:
            splits.setdefault(file["format"], {}).setdefault(file["split"], []).append(file["name"])
    endings = {key: formats.BY_KEY[key].ending for key in export.formats if key in splits}
    spoken_of = next((ending for ending in READERS if ending in endings.values()), "")
    keys = [key for key, ending in endings.items() if ending == spoken_of]
    for key in keys:
        paths = [
            {"split": split, "path": names} for split, names in sorted(splits[key].items(), reverse=True)
        ]
        yield {"config_name": key, **({"default": True} if key == keys[0] else {}), "data_files": paths}


def _words(export: Export, files: list[dict[str, Any]]) -> str:
    axes = [axis.key for axis in export.experiment.rubric.axes.all()]
    chosen = Filters.from_json(export.filters).sentences()
    filters = "\n".join(f"- {sentence}" for sentence in chosen) or "- None: every accepted preference."
    rows = "\n".join(
        f"| `{file['name']}` | {formats.BY_KEY[file['format']].name} | {file['split']} | {file['rows']:,} |"
        for file in files
    )
    left_out = "\n".join(
        f"| {verdict} | {count:,} |"
        for verdict, count in sorted(export.counts.items())
        if verdict != "written"
    )
    columns = "\n".join(
        f"| `{path}` | {column.kind} | {column.says} |"
        for path, column in schema.paths(schema.columns_for(axes))
    )
    known = ", ".join(licences(export)) or "not recorded"
    return f"""# {title(export)}

Two coding agents got the same request in the same repository. People compared their patches without knowing who
made which, rated them, and wrote why. Each record is one accepted preference, with everything that is known about
where it comes from.

## Files

| file | format | split | rows |
|---|---|---|---|
{rows}

Preferences without a winner stand in a split of their own, `ties`: their `chosen` and `rejected` are in no order and
their margin is 0. `rubric.md` holds what raters were asked and told; `croissant.json` describes the files to machines.
`manifest.json` sums up every file, and `manifest.sig` signs it: `manage.py verify_export FOLDER` finds any changed bit.

## What is in, and what is not

{filters}

{export.rows():,} preferences are in. Left out, by the first reason that applies:

| reason | preferences |
|---|---|
{left_out or "| – | 0 |"}

## How it was collected

Sides are drawn by a fair coin, and forced only when one side leads by three; `draw` has the method and its
probability, `side` where `model_a` was shown. A second reader sees the mirror image of the first. A reviewer accepted
every record here. Raters are professionals who are paid for each task, whatever they prefer; they appear under
pseudonyms that differ between experiments. E-mail addresses and the rater’s own name in their texts are masked.

Not collected: raters’ demographics, the size of their screens, and how long they looked at which file.

## Licence

The patches change repositories under these licences: {known}. Whoever publishes the data set answers for the rest.

## Citation

{citation(export)}

## Columns

| column | kind | meaning |
|---|---|---|
{columns}
"""


def _yaml(value: Any, depth: int = 0) -> Iterator[str]:
    """Block YAML of plain values; texts are written as JSON, which YAML reads."""
    indent = "  " * depth
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in items:
        before = f"{indent}- " if key is None else f"{indent}{_scalar(key)}:"
        if not isinstance(item, dict | list) or not item:
            yield f"{before}{'' if key is None else ' '}{json.dumps(item, ensure_ascii=False)}"
            continue
        inner = list(_yaml(item, depth + 1))
        if key is None:
            # The first line of an item stands behind its dash.
            inner[0] = before + inner[0].removeprefix("  " * (depth + 1))
            yield from inner
        else:
            yield before
            yield from inner


def _scalar(key: str) -> str:
    return key if key.replace("_", "").isalpha() else json.dumps(key)


def _size(rows: int) -> str:
    return next((word for most, word in SIZES if rows < most), LARGEST)


def _weakest(of: Rubric) -> str:
    return scales.STRENGTHS[of.points][0].capitalize()

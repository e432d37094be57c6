"""croissant.json: the files and columns for machines, with how people made the data.

Sources: http://mlcommons.org/croissant/1.1 and http://mlcommons.org/croissant/RAI/1.0.
"""

from __future__ import annotations

import json
from typing import Any

from grading.export import card
from grading.export.schema import Column, columns_for
from grading.models import Export

#: The context that the specification prints.
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
ENCODINGS = {
    "jsonl": "application/jsonlines",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
}
_TYPES = {
    "text": "sc:Text",
    "texts": "sc:Text",
    "whole": "cr:Int64",
    "real": "cr:Float64",
    "truth": "sc:Boolean",
    "time": "sc:DateTime",
}


def described(export: Export, files: list[dict[str, Any]]) -> str:
    """The whole file. The record set is that of the canonical lines, where they were asked for."""
    return json.dumps(_dataset(export, files), indent=2, ensure_ascii=False) + "\n"


def _dataset(export: Export, files: list[dict[str, Any]]) -> dict[str, Any]:
    day = export.frozen_at.date().isoformat() if export.frozen_at else ""
    licences = card.licences(export)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": f"marlin-{export.public_id}",
        "alternateName": card.title(export),
        "description": (
            "Blind pairwise preferences of people between the patches of two coding agents, with ratings, "
            "reasons and complete provenance."
        ),
        "license": licences or ["https://choosealicense.com/no-permission/"],
        "url": f"urn:uuid:{export.public_id}",
        "version": "1.0.0",
        "creator": {"@type": "Organization", "name": "The organization that runs this Marlin"},
        "datePublished": day,
        "dateCreated": day,
        "citeAs": card.citation(export),
        "isLiveDataset": False,
        "keywords": ["preference", "code", "human feedback", "pairwise comparison"],
        **_responsibly(export),
        "distribution": [_file(file) for file in files],
        "recordSet": _record_sets(export, files),
    }


def _responsibly(export: Export) -> dict[str, Any]:
    """The vocabulary of responsible AI."""
    wanted = export.experiment.raters_wanted
    return {
        "rai:dataCollection": (
            "Each request was given to two coding agents in equal sandboxes. Raters compared the two patches without "
            "knowing who made which."
        ),
        "rai:dataCollectionType": ["Experiments", "Manual Human Curation"],
        "rai:dataAnnotationProtocol": (
            "Raters rate each axis of the rubric and an overall preference on one scale, and write why; see rubric.md. "
            "Sides are drawn by a fair coin, forced when one leads by three; the draw is part of each record."
        ),
        "rai:dataAnnotationPlatform": ["Marlin"],
        "rai:dataAnnotationAnalysis": [
            "Agreement, position bias and blindness can be estimated from the records: manage.py analyse."
        ],
        "rai:annotationsPerItem": f"{wanted} wanted for each task; a rater rates a task once.",
        "rai:annotatorDemographics": ["Not collected. Raters are professionals, named by pseudonyms."],
        "rai:machineAnnotationTools": [
            "None: ratings and texts are by people; patches are by the agents compared."
        ],
        "rai:dataBiases": [
            "Preferences are of the people who took part, for the repositories and requests of this experiment."
        ],
        "rai:dataUseCases": [
            "Comparing coding agents",
            "Training reward models",
            "Direct preference optimization",
        ],
        "rai:personalSensitiveInformation": [
            "Pseudonyms differ between experiments. E-mail addresses and raters’ own names in texts are masked."
        ],
        "rai:dataReleaseMaintenancePlan": "Frozen: a later state of the experiment is another export.",
    }


def _file(file: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file["name"],
        "name": file["name"],
        "contentUrl": file["name"],
        "contentSize": f"{file['bytes']} B",
        "encodingFormat": ENCODINGS[file["name"].rpartition(".")[2]],
        "sha256": file["sha256"],
    }


def _record_sets(export: Export, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = [file["name"] for file in files if file["format"] == "jsonl"]
    axes = [axis.key for axis in export.experiment.rubric.axes.all()]
    return [
        {
            "@type": "cr:RecordSet",
            "@id": "preferences",
            "name": "preferences",
            "key": {"@id": "preferences/preference"},
            "field": [_field(column, "preferences", "$", name) for column in columns_for(axes)],
        }
        for name in lines
    ]


def _field(column: Column, parent: str, path: str, file: str) -> dict[str, Any]:
    identity, place = f"{parent}/{column.name}", f"{path}.{column.name}"
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": identity,
        "name": column.name,
        "description": column.says,
    }
    if column.columns:
        return field | {"subField": [_field(inner, identity, place, file) for inner in column.columns]}
    field |= {
        "dataType": _TYPES[column.kind],
        "source": {"fileObject": {"@id": file}, "extract": {"jsonPath": place}},
    }
    # A list of texts, of any length.
    return field | ({"isArray": True, "arrayShape": "-1"} if column.kind == "texts" else {})

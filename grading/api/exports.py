"""Exports: ask for one, see how far it is, fetch its files. Only here do names appear, and it is written down."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from grading.api.access import Bearer, TokenRequest
from grading.api.paging import Page, Paging, PublicId, newest_first
from grading.api.problems import PROBLEM
from grading.export import filters, formats, snapshot
from grading.export.ranges import BYTES, send
from grading.models import Export
from marlin.models import Scope

READ, WRITE = Bearer(Scope.EXPORTS_READ), Bearer(Scope.EXPORTS_WRITE)
router = Router(tags=["Exports"])
FILE = {BYTES: {"schema": {"format": "binary"}}}


class FileOut(Schema):
    """One file of an export."""

    name: str
    rows: int | None = Field(description="Null for what describes the others.")
    bytes: int
    sha256: str
    url: str = Field(description="Where to fetch it, on this server.")


class ExportOut(Schema):
    """One export of yours."""

    id: UUID
    experiment: UUID
    formats: list[str]
    filters: Wanted
    reason: str
    state: str = Field(description="`queued`, `writing`, `ready` or `failed`.")
    failure: str = Field(description="Why it failed; empty otherwise.")
    asked_at: datetime
    files: list[FileOut] = Field(description="Empty until it is ready.")
    manifest: str | None = Field(description="Where the manifest is, once it is ready.")


class Wanted(Schema):
    """Which records; what is left out or empty leaves out nothing."""

    languages: list[str] = []
    repositories: list[str] = []
    categories: list[str] = []
    turns: list[int] = []
    since: date | None = Field(default=None, description="Handed in on this day or later, in UTC.")
    until: date | None = Field(default=None, description="Handed in on this day or earlier.")
    known: list[str] = Field(
        default=[], description="`gold`, `practice`: also answers to such tasks, which are no preferences."
    )


class ExportIn(Schema):
    """What to export, and what for."""

    experiment: UUID
    formats: list[str] = Field(
        list(formats.USUAL), description=f"Some of {', '.join(f'`{each.key}`' for each in formats.FORMATS)}."
    )
    filters: Wanted = Wanted()
    reason: str = Field(max_length=2000, description="A few words; they are kept with the export.")


@router.get("/exports", auth=READ, response=Page[ExportOut], operation_id="list_exports")
def exports(request: TokenRequest, paging: Query[Paging]) -> Page[ExportOut]:
    """Your exports, newest first."""
    items, following = newest_first(_mine(request), paging, _shown)
    return Page[ExportOut](items=items, next=following)


@router.post("/exports", auth=WRITE, response={201: ExportOut}, operation_id="ask_for_export")
def ask(request: TokenRequest, body: ExportIn, response: HttpResponse) -> Status[ExportOut]:
    """Ask for an export. A worker writes it; look at its state until it is `ready`.

    It un-blinds you: your reason is written down, and from then on you cannot rate or review in the experiment.
    """
    export = snapshot.ask(
        str(body.experiment),
        by=request.auth.person,
        reason=body.reason,
        wanted=filters.read(_as_posted(body.filters)),
        keys=body.formats,
    )
    response["Location"] = reverse("grading:api:export", args=[export.public_id])
    return Status(201, _shown(export))


@router.get("/exports/{public_id}", auth=READ, response=ExportOut, operation_id="get_export")
def export(request: TokenRequest, public_id: PublicId) -> ExportOut:
    """How far it is, and its files once they are there."""
    return _shown(_found(request, public_id))


@router.get(
    "/exports/{public_id}/files/{name}",
    auth=READ,
    operation_id="get_export_file",
    url_name="export_file",
    openapi_extra={
        "responses": {
            200: {"description": "The file.", "content": FILE},
            206: {"description": "The bytes that `Range` asked for.", "content": FILE},
            416: {"description": "The file ends before them.", "content": PROBLEM},
        }
    },
)
def file(request: TokenRequest, public_id: PublicId, name: str) -> HttpResponseBase:
    """The bytes of one file, or the range asked for. Each time is written down."""
    export = _found(request, public_id)
    if name not in snapshot.files_of(export):
        raise Http404
    return send(export, name, by=request.auth.person, headers=request.headers)


def _as_posted(wanted: Wanted) -> QueryDict:
    """As the form of the page would send it, so that both are read alike."""
    posted = QueryDict(mutable=True)
    for name, value in wanted.model_dump(mode="json", exclude_none=True).items():
        posted.setlist(name, [str(each) for each in value] if isinstance(value, list) else [value])
    return posted


def _mine(request: TokenRequest) -> QuerySet[Export]:
    return Export.objects.filter(asked_by=request.auth.person).select_related("experiment")


def _found(request: TokenRequest, public_id: UUID) -> Export:
    export: Export = get_object_or_404(_mine(request), public_id=public_id)
    return export


def _shown(export: Export) -> ExportOut:
    ready = export.state == Export.State.READY
    files = export.manifest["files"] if ready else []
    return ExportOut(
        id=export.public_id,
        experiment=export.experiment.public_id,
        formats=export.formats,
        filters=Wanted(**export.filters),
        reason=export.reason,
        state=export.state,
        failure=export.failure,
        asked_at=export.asked_at,
        files=[FileOut(**file, url=_url(export, file["name"])) for file in files],
        manifest=_url(export, snapshot.MANIFEST) if ready else None,
    )


def _url(export: Export, name: str) -> str:
    return reverse("grading:api:export_file", args=[export.public_id, name])

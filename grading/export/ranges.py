"""Files of an export as answers, whole or the range asked for: a download that broke off goes on.

After RFC 9110, section 14.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import IO

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from grading.export import snapshot
from grading.models import Export
from marlin.models import User

BYTES = "application/octet-stream"
CHUNK = 64 * 1024
#: One range of bytes. Several are answered with the whole file, as the standard allows.
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def send(export: Export, name: str, *, by: User, headers: Mapping[str, str]) -> HttpResponseBase:
    """A file of an export to somebody who may have it. Each time is written down."""
    file = snapshot.open_file(export, name, by=by)
    # We send no tag that If-Range could name, so whoever names one has another file: it gets the whole.
    asked = "" if "If-Range" in headers else headers.get("Range", "")
    response = respond(file, name, snapshot.size_of(export, name), asked)
    if digest := snapshot.digest_of(export, name):
        # RFC 9530: what the whole file sums up to, whichever part of it this is.
        response["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:"
    return response


def respond(file: IO[bytes], name: str, size: int, asked: str) -> HttpResponseBase:
    """The whole file, the range asked for, or the news that there is no such range. Closes the file when sent."""
    found = RANGE.fullmatch(asked.replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        response: HttpResponseBase = FileResponse(file, as_attachment=True, filename=name, content_type=BYTES)
    elif (span := _span(found, size)) is None:
        file.close()
        response = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    else:
        first, last = span
        response = StreamingHttpResponse(
            _between(file, first, last),
            status=206,
            content_type=BYTES,
            headers={
                "Content-Range": f"bytes {first}-{last}/{size}",
                "Content-Length": str(last - first + 1),
                "Content-Disposition": f'attachment; filename="{name}"',
            },
        )
    response["Accept-Ranges"] = "bytes"
    return response


def _span(found: re.Match[str], size: int) -> tuple[int, int] | None:
    """First and last byte, or None when the file has none of them."""
    begin, end = found.groups()
    if not begin:  # the last so many
        first, last = max(size - int(end), 0), size - 1
    else:
        first, last = int(begin), min(int(end), size - 1) if end else size - 1
    return (first, last) if first <= last else None


def _between(file: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        left = last - first + 1
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk

"""Files that people send: streamed to disk, from those who may send any, and never larger than allowed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest

from marlin.models import Role

#: Where a request remembers that it brought a file we did not keep.
LEFT_OUT = "marlin.left_out"


class Bounded(TemporaryFileUploadHandler):
    """Reads what is too large to its end without keeping it, so that the page can answer why."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.size = 0
        user: Any = getattr(self.request, "user", None)
        # Nobody else fills the disk, by sending files to whatever page.
        if not getattr(user, "is_authenticated", False) or not user.has_role(Role.ADMIN):
            self._leave_out("Only admins send files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.size > settings.UPLOAD_BYTES:
            self._leave_out(f"The file is larger than {settings.UPLOAD_BYTES:,} bytes, which is the most.")
        super().receive_data_chunk(raw_data, start)

    def _leave_out(self, why: str) -> None:
        assert self.request is not None
        self.request.META[LEFT_OUT] = why
        self.upload_interrupted()
        raise SkipFile


def left_out(request: HttpRequest) -> str:
    """Why a file of this request was not kept; "" when all were."""
    _ = request.POST  # reads the body, where a file may stand
    why: str = request.META.get(LEFT_OUT, "")
    return why

"""Which images a page may show: told by their first bytes, whatever they are called."""

import pytest

from grading.diffs.images import kind_of


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\1\0\1\0", "image/x-icon"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", ""),
        (b"<html>", ""),
        (b"", ""),
        (None, ""),
    ],
)
def test_an_image_is_told_by_its_first_bytes(content, kind):
    assert kind_of(content) == kind

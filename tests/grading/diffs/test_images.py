"""Which images a page may show: told by their first bytes, whatever they are called."""

import pytest

from grading.diffs.images import image_type


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"GIF89a", "gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"\0\0\0\x1cftypavif", "avif"),
        (b"\0\0\1\0\1\0", "ico"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", None),
        (b"<html>", None),
        (b"", None),
        (None, None),
    ],
)
def test_an_image_is_told_by_its_first_bytes(content, name):
    assert image_type(content) == name

"""`manage.py verify_export`: a changed bit, a missing file, an added one, another key."""

import hashlib
import json
import random
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from grading.export import signing, snapshot, verifying

SEED = bytes(range(32))
KEY = signing.public_key(SEED)
FILES = {"preferences.jsonl": b'{"rating":3}\n' * 20, "rubric.md": b"# Rubric\n", "empty.jsonl": b""}


@pytest.fixture
def folder(tmp_path):
    lines = [
        {"name": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        for name, body in FILES.items()
    ]
    for name, body in FILES.items():
        (tmp_path / name).write_bytes(body)
    sign(tmp_path, {"files": lines}, SEED)
    return tmp_path


def sign(folder, manifest, seed):
    body = snapshot.manifest_body(manifest)
    (folder / "manifest.json").write_bytes(body)
    (folder / "manifest.sig").write_bytes(verifying.signature_of(body, seed))


def test_what_nobody_touched_is_whole(folder):
    assert verifying.faults(folder, KEY) == []


def test_every_changed_bit_is_found(folder):
    """One in each of many places of every file, the signature's own among them."""
    places = random.Random(8)
    for path in sorted(folder.iterdir()):
        body = path.read_bytes()
        for place in places.sample(range(8 * len(body)), min(60, 8 * len(body))):
            changed = bytearray(body)
            changed[place // 8] ^= 1 << place % 8
            path.write_bytes(changed)
            assert verifying.faults(folder, KEY), (path.name, place)
        path.write_bytes(body)

    assert verifying.faults(folder, KEY) == []


def test_missing_added_and_cut_files_are_named(folder):
    (folder / "rubric.md").unlink()
    (folder / "deep").mkdir()
    (folder / "deep" / "more.txt").write_text("mine")
    (folder / "preferences.jsonl").write_bytes(FILES["preferences.jsonl"][:-1])

    assert verifying.faults(folder, KEY) == [
        "preferences.jsonl has 259 bytes instead of 260.",
        "rubric.md is missing.",
        "deep/more.txt is not in the manifest.",
    ]


def test_a_link_in_place_of_a_file_is_found(folder, tmp_path):
    (folder / "rubric.md").rename(tmp_path.parent / "elsewhere.md")
    (folder / "rubric.md").symlink_to(tmp_path.parent / "elsewhere.md")

    assert verifying.faults(folder, KEY) == ["rubric.md is missing."]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_without_a_signed_manifest_nothing_is_believed(folder, name):
    (folder / name).unlink()

    assert verifying.faults(folder, KEY) == [f"{name} is missing."]


def test_who_changes_everything_and_signs_again_has_another_key(folder):
    sign(folder, {"files": []}, bytes(32))

    (fault,) = verifying.faults(folder, KEY)
    assert fault == f"The manifest is signed with another key, {signing.public_key(bytes(32)).hex()}."


# --- manage.py verify_export ------------------------------------------------------------------------------------


def run(*arguments):
    said = StringIO()
    call_command("verify_export", *map(str, arguments), stdout=said)
    return said.getvalue()


def test_the_command_trusts_this_installation_or_the_key_it_is_told(folder):
    assert "is whole" in run(folder, "--key", KEY.hex())
    with pytest.raises(CommandError, match="another key"):
        run(folder)

    sign(folder, json.loads((folder / "manifest.json").read_bytes()), verifying.seed_of(settings.SECRET_KEY))
    assert "is whole" in run(folder)


def test_the_command_says_every_fault(folder):
    (folder / "rubric.md").unlink()
    (folder / "more.txt").write_text("mine")

    with pytest.raises(CommandError) as faults:
        run(folder, "--key", KEY.hex())

    assert str(faults.value) == "rubric.md is missing.\nmore.txt is not in the manifest."


def test_the_command_needs_a_folder_and_a_key(folder):
    with pytest.raises(CommandError, match="is not a folder"):
        run(folder / "manifest.json")
    with pytest.raises(CommandError, match="--key"):
        run(folder, "--key", "abc")

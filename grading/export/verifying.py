"""Whether a folder is still the export that was signed: any changed bit, any missing or added file."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from grading.export import signing
from grading.export.snapshot import MANIFEST, SIGNATURE

CHUNK = 2**20


def seed_of(secret: str) -> bytes:
    """An installation's signing key. It follows from the secret key, so there is nothing more to keep safe."""
    return hmac.new(secret.encode(), b"marlin export signature", hashlib.sha256).digest()


def signature_of(body: bytes, seed: bytes) -> bytes:
    """What stands in the file beside the manifest."""
    return _signature_file(signing.public_key(seed).hex(), signing.sign(seed, body).hex())


def faults(folder: Path, key: bytes) -> list[str]:
    """A sentence for each fault, none for an export that is whole. `key` is the public key to trust.

    Raises OSError when the folder cannot be read.
    """
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not _is_folder(path)}
    missing = [name for name in (MANIFEST, SIGNATURE) if name not in there]
    if missing:
        return [f"{name} is missing." for name in missing]
    body = (folder / MANIFEST).read_bytes()
    if why := _bad_signature(body, (folder / SIGNATURE).read_bytes(), key):
        # What the manifest says cannot be believed, so there is nothing to compare the files with.
        return [why]
    manifest = json.loads(body)
    listed = {file["name"]: file for file in manifest["files"]}
    added = there - set(listed) - {MANIFEST, SIGNATURE}
    return [
        *(why for name, file in listed.items() if (why := _fault(folder / name, file))),
        *(f"{name} is not in the manifest." for name in sorted(added)),
    ]


def _fault(path: Path, file: dict[str, Any]) -> str:
    if path.is_symlink() or not path.is_file():
        return f"{file['name']} is missing."
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    if size != file["bytes"]:
        return f"{file['name']} has {size:,} bytes instead of {file['bytes']:,}."
    return "" if digest.hexdigest() == file["sha256"] else f"{file['name']} was changed."


def _bad_signature(body: bytes, signature: bytes, key: bytes) -> str:
    try:
        told = json.loads(signature)
        public, signed = bytes.fromhex(told["public_key"]), bytes.fromhex(told["signature"])
    except (ValueError, KeyError, TypeError):
        return f"{SIGNATURE} was changed: it is no signature any more."
    if signature != _signature_file(public.hex(), signed.hex()):
        return f"{SIGNATURE} was changed: it is not written as Marlin writes it."
    if public != key:
        return f"The manifest is signed with another key, {public.hex()}."
    if not signing.verify(public, body, signed):
        return f"{MANIFEST} or {SIGNATURE} was changed: the signature does not fit."
    return ""


def _signature_file(public: str, signed: str) -> bytes:
    told = {"algorithm": "Ed25519", "public_key": public, "signature": signed, "signs": MANIFEST}
    return json.dumps(told, indent=2, sort_keys=True).encode() + b"\n"


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()

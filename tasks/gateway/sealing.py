"""Keys of providers, sealed by whoever sets them and opened by the gateway alone (HPKE, RFC 9180)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from tasks.models import Provider

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
PRIVATE_BYTES = 32


class CannotOpen(Exception):
    """A sealed key was not made for this gateway, or not for this provider at this address."""


class KeyUnusable(Exception):
    """The gateway's own key file is not what it should be; the message says what to do."""


def seal(key: str, *, public: str, provider: Provider) -> bytes:
    return SUITE.encrypt(
        key.encode(), X25519PublicKey.from_public_bytes(bytes.fromhex(public)), info=_bound_to(provider)
    )


def unseal(sealed: bytes, *, private: X25519PrivateKey, provider: Provider) -> str:
    """Raises CannotOpen."""
    try:
        return SUITE.decrypt(sealed, private, info=_bound_to(provider)).decode()
    except (InvalidTag, ValueError):
        raise CannotOpen(f"The key of {provider.name} was sealed for something else; set it again.") from None


def public_of(private: X25519PrivateKey) -> str:
    return private.public_key().public_bytes_raw().hex()


def read_or_make(path: Path) -> X25519PrivateKey:
    """The gateway's private key, made the first time. Raises KeyUnusable."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        _make(path)
    try:
        kept = path.read_bytes()
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(
                f"{path} can be read by others; chmod it to 0600, or remove it and set keys again."
            )
    except OSError as why:
        raise KeyUnusable(f"{path} cannot be read: {why.strerror}.") from None
    if len(kept) != PRIVATE_BYTES:
        raise KeyUnusable(
            f"{path} is not a key of {PRIVATE_BYTES} bytes; remove it and set providers' keys again."
        )
    return X25519PrivateKey.from_private_bytes(kept)


def _make(path: Path) -> None:
    """Whole or not at all: written beside it, then linked, which fails when there is one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(X25519PrivateKey.generate().private_bytes_raw())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    finally:
        partial.unlink()


def _bound_to(provider: Provider) -> bytes:
    """Whoever can change the address of a provider must not have its key sent there: it no longer opens."""
    return f"marlin provider {provider.public_id} at {provider.base_url}".encode()

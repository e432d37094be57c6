"""Tokens of hosts of private repositories: sealed by the page, opened by the job that copies and by nothing else."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from marlin.events import record
from marlin.models import User
from tasks.addresses import RefusedUrl, check_url
from tasks.gateway.sealing import SUITE, KeyUnusable, public_of, read_or_make
from tasks.models import HostToken, MirrorKey

#: Whose API is not at its own address.
API_OF = {"api.github.com": "github.com"}
TOKEN = re.compile(r"[\x21-\x7e]{8,500}")


class Refused(Exception):
    """It is not kept; the sentence says why."""


def listed() -> list[tuple[str, datetime]]:
    """(host, when its token was kept)."""
    return list(HostToken.objects.values_list("host").annotate(kept=Max("kept_at")).order_by("host"))


@transaction.atomic
def keep(host: str, token: str, *, by: User) -> None:
    """Seal a token for each machine that copies, in place of the one before. Raises Refused."""
    host, token = host.strip().lower().rstrip("."), token.strip()
    try:
        check_url(f"https://{host}/repository")
    except RefusedUrl as why:
        raise Refused(str(why)) from why
    if urlsplit(f"https://{host}/").hostname != host:
        raise Refused("Name the host alone, such as git.example.org.")
    if not TOKEN.fullmatch(token):
        raise Refused("A token is of 8 to 500 letters, digits and signs, without spaces.")
    keys = list(MirrorKey.objects.all())
    if not keys:
        raise Refused("No worker has made its key yet. It does within seconds of its start; try again then.")
    HostToken.objects.filter(host=host).delete()
    HostToken.objects.bulk_create(
        HostToken(host=host, key=key, sealed=_seal(key, host, token)) for key in keys
    )
    record("host.token_kept", keys[0], by=by, host=host)


@transaction.atomic
def forget(host: str, *, by: User) -> None:
    """Doing it twice ends where doing it once does."""
    if HostToken.objects.filter(host=host).delete()[0]:
        record("host.token_forgotten", by, by=by, host=host)


def _seal(key: MirrorKey, host: str, token: str) -> bytes:
    public = X25519PublicKey.from_public_bytes(bytes.fromhex(key.public))
    return SUITE.encrypt(token.encode(), public, info=_bound_to(host))


def _bound_to(host: str) -> bytes:
    """A token that is moved to another host's row does not open."""
    return f"marlin token of {host}".encode()


# --- On the machine that copies -------------------------------------------------------------------------------------


def make_key() -> None:
    """This machine's key pair, and its public half for pages to seal with. Raises KeyUnusable."""
    MirrorKey.objects.get_or_create(public=public_of(_private()))


def token_for(url: str) -> str:
    """What opens the repository at this address; "" when nothing was kept for its host. Raises KeyUnusable."""
    host = (urlsplit(url).hostname or "").lower()
    kept = HostToken.objects.filter(host=host).select_related("key")
    if not host or not kept:
        return ""
    private = _private()
    mine = next((token for token in kept if token.key.public == public_of(private)), None)
    if mine is None:
        raise KeyUnusable(f"The token of {host} was sealed for another machine; set it again.")
    try:
        return SUITE.decrypt(bytes(mine.sealed), private, info=_bound_to(host)).decode()
    except (InvalidTag, ValueError):
        raise KeyUnusable(f"The token of {host} does not open here; set it again.") from None


def token_of_api(api: str) -> str:
    """What was kept for the API's host, or for the host whose API it is. Raises KeyUnusable."""
    host = (urlsplit(api).hostname or "").lower()
    return token_for(api) or (token_for(f"https://{API_OF[host]}/") if host in API_OF else "")


def _private() -> X25519PrivateKey:
    return read_or_make(Path(settings.WORK_AREA) / "keys" / "mirrors.key")

"""What an agent remembers at the end of a turn, kept by its checksum; the next turn of both sides starts from it."""

from __future__ import annotations

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tasks.agents.base import Memory
from tasks.models import Candidate, Snapshot


def keep(candidate: Candidate, memory: Memory | None) -> Snapshot:
    """Needs a candidate that is ready. The same archive is stored once, however many turns end with it."""
    version = candidate.origin.agent_version
    return Snapshot.objects.create(
        candidate=candidate,
        tree=candidate.tree,
        harness=version.harness,
        harness_version=version.harness_version,
        session=memory.session if memory else "",
        archive=_stored(memory.state) if memory else "",
        size=len(memory.state) if memory else 0,
    )


def memory_of(snapshot: Snapshot) -> Memory | None:
    """None when there is none, or when its archive is gone: then the prompt tells what happened."""
    if not snapshot.session or not default_storage.exists(path_of(snapshot.archive)):
        return None
    with default_storage.open(path_of(snapshot.archive)) as file:
        return Memory(snapshot.session, file.read())


def path_of(archive: str) -> str:
    return f"states/{archive[:2]}/{archive}.tar"


def _stored(state: bytes) -> str:
    name = hashlib.sha256(state).hexdigest()
    if not default_storage.exists(path_of(name)):
        default_storage.save(path_of(name), ContentFile(state))
    return name

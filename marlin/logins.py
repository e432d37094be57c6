"""The four PostgreSQL logins: who may be what, and which tables rater pages can never read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Commands that change the schema sign in as the owner; every other command is a worker's.
OWNER_COMMANDS: Final = frozenset({"migrate", "makemigrations", "sqlmigrate", "showmigrations", "check"})
WEB_COMMANDS: Final = frozenset({"runserver"})

#: Models that name who made what, as `app_label.model_name`. Guarded as whole tables.
GUARDED: Final = frozenset(
    {
        "tasks.agentcheck",
        "tasks.agentversion",
        "tasks.arm",
        "tasks.origin",
        "tasks.run",
        "tasks.runlog",
        "tasks.scrubhit",
        "tasks.snapshot",
        "tasks.import",
        "tasks.importfile",
        "tasks.importsource",
        "tasks.recordedoutput",
        "tasks.provider",
        "tasks.providersecret",
        "tasks.price",
        "tasks.modelaccess",
        "tasks.modelrequest",
        "tasks.spending",
        "grading.judgement",
        "grading.maskedarm",
        "grading.vote",
    }
)

#: Tables of which `web` may only read and add rows.
APPEND_ONLY: Final = frozenset({"marlin.event", "grading.guess"})

#: The chain of seals is written by the sealer alone, workers and what pages show of strangers' code by jobs alone, and
#: what models used by the gateway. A web process that could write a sealing key could have keys sealed for itself.
READ_ONLY: Final = frozenset(
    {
        "marlin.eventseal",
        "tasks.worker",
        "tasks.holding",
        "tasks.mirrorkey",
        "tasks.sealingkey",
        "tasks.modelaccess",
        "tasks.modelrequest",
        "tasks.spending",
        "grading.pairpage",
        "grading.fragment",
        "grading.pagewords",
        "grading.picture",
        "grading.trouble",
        "grading.basetree",
        "grading.basetree_files",
        "grading.basefile",
    }
)


def process_of(arguments: Sequence[str]) -> str:
    """`owner`, `web` or `worker`: what a `manage.py` command signs in as."""
    command = arguments[0] if arguments else ""
    if command in OWNER_COMMANDS:
        return "owner"
    return "web" if command in WEB_COMMANDS else "worker"


def is_guarded(label: str) -> bool:
    return label.lower() in GUARDED

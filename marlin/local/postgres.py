"""A PostgreSQL of our own: made, started and stopped here, from the programs in a wheel."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from marlin.local import CannotServe
from marlin.local.area import Account
from marlin.local.processes import end, spawn, stop, wait_until, working_in
from marlin.local.programs import version_of

ROLES = Path(__file__).with_name("roles.sql")
DATABASE = "marlin"
SUPERUSER = "postgres"

#: Seconds until a server that lives is expected to accept connections, recovery after a crash included.
PATIENCE = 300

_ALWAYS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "150",
    "log_min_messages": "warning",
}
# Survives a killed server, though not a lost machine.
_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres:
    """One cluster in `folder`. It listens on a unix socket alone, and everybody signs in with a password."""

    def __init__(
        self,
        *,
        folder: Path,
        sockets: Path,
        programs: Path,
        log: Path,
        passwords: Mapping[str, str],
        account: Account | None = None,
        fast: bool = False,
    ) -> None:
        self.data = folder / "data"
        self.sockets = sockets
        self.programs = programs
        self.log = log
        self.passwords = passwords
        self.account = account
        self.fast = fast
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Ready for connections, with all roles, when it returns."""
        self._end_what_was_left()
        if not self.data.is_dir():
            self._create()
        self._check_version()
        self._launch()
        self._make_roles()

    def stop(self) -> None:
        if self.process:
            # SIGINT is PostgreSQL's fast shutdown, SIGQUIT the one that leaves recovery to the next start.
            stop(self.process, [(signal.SIGINT, 30), (signal.SIGQUIT, 5)])
            self.process = None

    def kill(self) -> None:
        """As a crash would: for tests of what comes after."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def restart_if_dead(self) -> bool:
        if self.process is None or self.process.poll() is None:
            return False
        self.start()
        return True

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address for the login `owner`, `web`, `worker` or `unblind`."""
        return (
            f"postgresql://{quote(role_name(role), safe='')}:{quote(self.passwords[role], safe='')}"
            f"@/{database}?host={quote(str(self.sockets), safe='')}"
        )

    def _create(self) -> None:
        partial = self.data.with_name("data.part")
        shutil.rmtree(partial, ignore_errors=True)
        with self._password_file() as password:
            self._run(
                "initdb",
                f"--pgdata={partial}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # The same order of words on every machine, whatever locales it has.
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *(["--no-sync"] if self.fast else []),
            )
        # Under its own name only when it is whole, so that an interrupted initdb starts over.
        partial.rename(self.data)

    @contextlib.contextmanager
    def _password_file(self) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile("w", dir=self.data.parent, prefix=".password-") as file:
            file.write(self.passwords[SUPERUSER])
            file.flush()
            if self.account:
                os.fchown(file.fileno(), self.account.uid, self.account.gid)
            yield Path(file.name)

    def _check_version(self) -> None:
        made = (self.data / "PG_VERSION").read_text().strip()
        have = version_of(self.programs / "postgres").split(".")[0]
        if made != have:
            raise CannotServe(
                f"{self.data} was made by PostgreSQL {made} and the installed one is {have}. Dump it "
                "with the old version and restore it with the new, or remove the folder to start empty."
            )

    def _launch(self) -> None:
        settings = _ALWAYS | (_FAST if self.fast else {}) | {"unix_socket_directories": str(self.sockets)}
        with self.log.open("ab") as log:
            self.process = spawn(
                [
                    self.programs / "postgres",
                    "-D",
                    self.data,
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                env=_bare_environment(),
                cwd=self.data if self.account is None else Path("/"),
                account=self.account,
                output=log.fileno(),
                # If we are killed it still closes its books.
                on_our_death=signal.SIGINT,
            )
        process = self.process
        wait_until(lambda: process.poll() is not None or self._is_ready(process.pid), PATIENCE)
        if process.poll() is not None or not self._is_ready(process.pid):
            self.stop()
            raise CannotServe(f"PostgreSQL did not start. The end of {self.log}:\n{last_lines(self.log)}")

    def _is_ready(self, pid: int) -> bool:
        # The postmaster writes its state into the eighth line; pg_ctl waits for the same word.
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
        return False

    def _make_roles(self) -> None:
        done = self._psql()
        if done.returncode and "password authentication failed" in done.stderr:
            # The file with the passwords was lost or restored from elsewhere: the data are ours all the same.
            self.stop()
            self._reset_superuser()
            self._launch()
            done = self._psql()
        if done.returncode:
            self.stop()
            raise CannotServe(f"The logins to PostgreSQL could not be made:\n{done.stderr.strip()}")

    def _psql(self) -> subprocess.CompletedProcess[str]:
        names = {name: value for name, value in os.environ.items() if name.startswith("MARLIN_ROLE_")}
        passwords = {
            f"MARLIN_{role.upper()}_PASSWORD": password
            for role, password in self.passwords.items()
            if role != SUPERUSER
        }
        return subprocess.run(
            [
                self.programs / "psql",
                "--no-psqlrc",
                "--no-password",
                "--quiet",
                f"--host={self.sockets}",
                f"--username={SUPERUSER}",
                f"--file={ROLES}",
                "postgres",
            ],
            env={
                **_bare_environment(),
                **names,
                **passwords,
                "PGPASSWORD": self.passwords[SUPERUSER],
                # Making a role that is there already is not news.
                "PGOPTIONS": "--client-min-messages=warning",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def _reset_superuser(self) -> None:
        password = self.passwords[SUPERUSER].replace("'", "''")
        self._run(
            "postgres",
            "--single",
            "-D",
            str(self.data),
            "postgres",
            stdin=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}';\n",
        )

    def _end_what_was_left(self) -> None:
        # We hold the lock of the area, so whoever works in these data is left from a start that was killed.
        end(lambda: working_in(self.data), first=signal.SIGINT, patience=10)
        # Its number may belong to somebody else by now, and PostgreSQL would take that for itself.
        for stale in (self.data / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd="/",
            env=_bare_environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        if done.returncode:
            raise CannotServe(f"{program} failed:\n{(done.stdout + done.stderr).strip()}")


def role_name(role: str) -> str:
    return os.environ.get(f"MARLIN_ROLE_{role.upper()}") or f"marlin_{role}"


def last_lines(log: Path, count: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def _bare_environment() -> dict[str, str]:
    # PG* variables of the caller would point our programs at somebody else's server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

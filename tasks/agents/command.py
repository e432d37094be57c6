"""Any coding agent that is a command line: a list of arguments with a few placeholders, never a shell."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tarfile import TarError
from typing import Any

from tasks.agents.base import AgentFailed, AgentJob, AgentResult, FailureKind, Memory, never
from tasks.agents.harness import CANDIDATE, filled, harness_from
from tasks.agents.parsers import PARSERS, Log
from tasks.agents.parsers.log import Fault
from tasks.agents.state import StateTooLarge, pack, unpack
from tasks.agents.transcripts import MOST_BYTES
from tasks.sandbox.base import HOME, WORKSPACE, Command, Ended, Finished, Mount, Sandbox, SandboxUnusable
from tasks.sandbox.door import through

AGENT = "/opt/agent"
PROMPT_FILE = "prompt.md"
TRANSCRIPT = "transcript.jsonl"
MOST_ARGUMENT = 128 * 1024 - 1  # bytes; the kernel takes no longer one (execve(2), MAX_ARG_STRLEN)
MOST_SHOWN = 2000  # characters of output quoted in a failure

FAILURES: Mapping[Ended, tuple[FailureKind, str]] = {
    "wall": ("time", "used up its time of {0.wall:.0f} seconds"),
    "idle": ("idle", "neither printed nor worked for {0.idle} seconds"),
    "memory": ("memory", "used more than {0.memory:,} bytes of memory"),
    "output": ("output", "printed more than {0.output:,} bytes"),
    "disk": ("disk", "wrote more than {0.disk:,} bytes"),
    "processes": ("processes", "ran more than {0.processes} processes"),
    "cancelled": ("cancelled", "was cancelled"),
}
#: What a harness says of its own end.
FAULTS: Mapping[Fault, FailureKind] = {"": "exit", "other": "exit", "limit": "limit", "provider": "provider"}


class CommandAgent:
    """Runs `argv` in the worktree. The prompt lies in a file, the transcript is read back from one.

    A literal brace is doubled; the placeholders are those of tasks.agents.harness.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None, **settings: Any) -> None:
        """Raises AgentMisconfigured."""
        self.harness = harness_from({"argv": argv, "env": env or {}, **settings})

    def run(
        self,
        job: AgentJob,
        sandbox: Sandbox,
        *,
        cancelled: Callable[[], bool] = never,
        on_output: Callable[[bytes], None] | None = None,
    ) -> AgentResult:
        values = self._values(job, sandbox)
        _provide(job, {path: filled(text, values) for path, text in self.harness.files.items()})
        command = self._command(job, values)
        try:
            reachable = through(command, job.door, sandbox)
            finished = sandbox.run(reachable, job.limits, cancelled=cancelled, on_output=on_output)
        except SandboxUnusable as why:
            raise AgentFailed("unusable", str(why)) from why
        _raise_for_limits(finished, job, command.argv[0])
        log = self._log(job.home, finished)
        self._raise_for(finished, log, command.argv[0])
        return AgentResult(
            steps=log.steps, final_message=log.final, finished=finished, memory=self._memory(job.home, log)
        )

    def _values(self, job: AgentJob, sandbox: Sandbox) -> dict[str, str]:
        home = sandbox.inside(job.home, HOME)
        return {
            "prompt": job.prompt,
            "prompt_file": f"{home}/{PROMPT_FILE}",
            "transcript": f"{home}/{TRANSCRIPT}",
            "home": home,
            "worktree": sandbox.inside(job.worktree, WORKSPACE),
            "agent": AGENT if job.agent_dir is None else sandbox.inside(job.agent_dir, AGENT),
            "model": CANDIDATE,
            "gateway": job.door.url if job.door else "",
            "session": job.resumed.session if job.resumed else "",
        }

    def _command(self, job: AgentJob, values: Mapping[str, str]) -> Command:
        template = self.harness.resume if job.resumed and self.harness.resume else self.harness.argv
        argv = tuple(filled(part, values) for part in template)
        env = {name: filled(value, values) for name, value in self.harness.env.items()}
        for part in (*argv, *env.values()):
            if "\0" in part or len(part.encode("utf-8", "surrogateescape")) > MOST_ARGUMENT:
                raise AgentFailed("unusable", "The prompt is too long for an argument; use {prompt_file}.")
        return Command(
            argv=argv,
            env=env,
            worktree=job.worktree,
            home=job.home,
            mounts=() if job.agent_dir is None else (Mount(job.agent_dir, AGENT),),
            stdin=filled(self.harness.stdin, values).encode("utf-8", "replace"),
        )

    def _log(self, home: Path, finished: Finished) -> Log:
        if self.harness.parser:
            printed = (
                read_back(home, self.harness.log, most=MOST_BYTES) if self.harness.log else finished.stdout
            )
            return PARSERS[self.harness.parser].read(printed or b"")
        written = read_back(home, TRANSCRIPT, most=MOST_BYTES)
        if written is not None and written.strip():
            return PARSERS["steps"].read(written)
        return PARSERS["plain"].read(finished.stdout)

    def _raise_for(self, finished: Finished, log: Log, program: str) -> None:
        """It went well if the exit code is 0, a result is on record where one is due, and that tells of no error."""
        outcome = log.outcome
        if outcome is not None and not outcome.succeeded:
            raise AgentFailed(
                FAULTS[outcome.fault],
                f"{program} gave up: {outcome.sentence[-MOST_SHOWN:]}",
                finished=finished,
            )
        if finished.exit_code != 0:
            printed = (finished.stderr.strip() or finished.stdout.strip()).decode("utf-8", "replace")
            told = f" It said: {printed[-MOST_SHOWN:]}" if printed else " It said nothing."
            raise AgentFailed(
                "exit", f"{program} ended with exit code {finished.exit_code}.{told}", finished=finished
            )
        if outcome is None and self.harness.parser and PARSERS[self.harness.parser].has_result:
            raise AgentFailed(
                "exit", f"{program} ended without the record that says how it went.", finished=finished
            )

    def _memory(self, home: Path, log: Log) -> Memory | None:
        if self.harness.history != "native" or not log.session:
            return None
        try:
            return Memory(log.session, pack(home, self.harness.state))
        except StateTooLarge:
            return None  # both sides of the next turn are told what happened in their prompts instead


def _raise_for_limits(finished: Finished, job: AgentJob, program: str) -> None:
    if finished.ended != "exited":
        kind, sentence = FAILURES[finished.ended]
        raise AgentFailed(kind, f"{program} {sentence.format(job.limits)}.", finished=finished)


def _provide(job: AgentJob, files: Mapping[str, str]) -> None:
    """Prompt, memory and settings, in a home that nobody else has written to."""
    try:
        if job.resumed:
            unpack(job.resumed.state, job.home)
        _write_prompt(job.home, job.prompt)
        for path, text in files.items():
            into = job.home / path
            into.parent.mkdir(parents=True, exist_ok=True)
            into.write_text(text)
    except (OSError, TarError) as why:
        raise AgentFailed("unusable", f"The agent's home could not be prepared: {why}") from why


def _write_prompt(home: Path, prompt: str) -> None:
    """A home may come from an earlier turn: whatever was left under our names is removed, never followed."""
    try:
        inside = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for name in (PROMPT_FILE, TRANSCRIPT):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=inside)
            fresh = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(PROMPT_FILE, fresh, 0o644, dir_fd=inside)
        finally:
            os.close(inside)
        with os.fdopen(handle, "wb") as file:
            file.write(prompt.encode("utf-8", "replace"))
    except OSError as why:
        raise AgentFailed(
            "unusable", f"The prompt could not be written into the home: {why.strerror}."
        ) from why


def read_back(folder: Path, name: str, *, most: int) -> bytes | None:
    """A file the agent may have written, in bounds; None for anything but a plain file."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        handle = os.open(name, flags, dir_fd=inside)
    except OSError:
        return None
    finally:
        os.close(inside)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(most + 1)  # one more, so that the reader can tell that there was more

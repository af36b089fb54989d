"""The journal of a run's folder: what happened when, one JSON object a line, only ever added to.

It is history, for people and for `xbatch logs`; nothing is decided by it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from xbatch.base.errors import FileError
from xbatch.base.files import canonical_json
from xbatch.plan.verdict import Reason
from xbatch.run.products import log_path
from xbatch.run.result import OUTCOMES, Event, StepResult

__all__ = ["Journal", "LastRun", "journal_path", "last_run", "read_journal"]

_MANY = 256


def journal_path(run_dir: Path) -> Path:
    """Give the path of a run folder's journal."""
    return run_dir / "journal.jsonl"


class Journal(AbstractContextManager["Journal"]):
    """Adds events to a journal.

    They are written when `flush` is called, which a run does before it waits for anything, or when there are many.

    Parameters
    ----------
    run_dir : Path

    Raises
    ------
    FileError
        The journal cannot be written.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = journal_path(run_dir)
        self._lines: list[bytes] = []
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            size = os.fstat(self._handle).st_size
            if size and os.pread(self._handle, 1, size - 1) != b"\n":
                os.write(self._handle, b"\n")  # a killed run has left half a line
        except OSError as error:
            raise self._unwritable(error) from error

    def add(self, event: Event) -> None:
        """Add an event.

        Raises
        ------
        FileError
            The journal cannot be written.
        """
        self._lines.append(canonical_json(event.as_dict()) + b"\n")
        if len(self._lines) >= _MANY:
            self.flush()

    def flush(self) -> None:
        """Write what was added.

        Raises
        ------
        FileError
            The journal cannot be written.
        """
        lines = b"".join(self._lines)
        self._lines.clear()
        try:
            while lines:
                lines = lines[os.write(self._handle, lines) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            os.close(self._handle)

    def _unwritable(self, error: OSError) -> FileError:
        return FileError(
            str(self._path), f"cannot be written: {error.strerror or error}", "Name another folder with --out"
        )


def read_journal(run_dir: Path) -> Iterator[dict[str, Any]]:
    """Give the entries of a journal in order; lines that a killed run has left half written are passed over.

    Raises
    ------
    FileError
        There is no journal.
    """
    path = journal_path(run_dir)
    try:
        with path.open("rb") as stream:
            for line in stream:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror or error}", "Name the folder of a run") from error


@dataclass(frozen=True)
class LastRun:
    """The last run in a folder, as its journal tells it.

    Attributes
    ----------
    started, ended : str
        ISO, UTC; `ended` is empty for a run that goes on or was killed.
    steps : Mapping of str to StepResult
        The steps that have ended, in that order. Their records are not looked up.
    running : tuple of str
        The steps that were started and have not ended.
    """

    started: str = ""
    ended: str = ""
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    running: tuple[str, ...] = ()


def last_run(run_dir: Path) -> LastRun:
    """Read the last run of a folder from its journal.

    Raises
    ------
    FileError
        There is no journal.
    """
    started = ended = ""
    steps: dict[str, StepResult] = {}
    running: dict[str, None] = {}
    for entry in read_journal(run_dir):
        match entry.get("event"):
            case "begin":
                started, ended = entry["time"], ""
                steps.clear()
                running.clear()
            case "started":
                running[entry["step"]] = None
            case "ended" if entry.get("outcome") in OUTCOMES:
                running.pop(entry["step"], None)
                steps[entry["step"]] = _result(run_dir, entry)
            case "end":
                ended = entry["time"]
    return LastRun(started, ended, steps, tuple(running))


def _result(run_dir: Path, entry: Mapping[str, Any]) -> StepResult:
    log = log_path(run_dir, entry["step"])
    return StepResult(
        entry["step"],
        entry["outcome"],
        key=entry.get("key"),
        reasons=tuple(Reason(**reason) for reason in entry.get("reasons", ())),
        message=entry.get("message", ""),
        log=log if log.is_file() else None,
        seconds=entry.get("seconds", 0.0),
    )

"""The events of a run as lines of JSON, for programs that look on (`schemas/events-1.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from xbatch import __version__
from xbatch.base.errors import XbatchError
from xbatch.report.durations import task_of
from xbatch.run.measure import now
from xbatch.run.products import log_path

if TYPE_CHECKING:
    from xbatch.run.result import Event, RunResult, StepResult

__all__ = ["EVENTS_VERSION", "EventLines"]

EVENTS_VERSION = 1


class EventLines(AbstractContextManager["EventLines"]):
    """Writes each event as one line and flushes it.

    The first is ``begin`` and the last is ``end``, told when the record of the run is there; also of a run that breaks
    off by an error. Only a killed process leaves it out. A reader that goes away is no reason to stop a run.

    Parameters
    ----------
    stream : text stream or None
        None for nowhere.
    run_dir, store_dir : Path
    """

    def __init__(self, stream: IO[str] | None, run_dir: Path, store_dir: Path) -> None:
        self._stream = stream
        self._run_dir = run_dir
        self._store_dir = store_dir
        self._begun = ""
        self._over = False
        self._unread = False
        self._total = 0
        self._counts: dict[str, int] = {}

    def take(self, event: Event) -> None:
        """Write an event; the run's own ``end`` waits for its record."""
        match event.kind:
            case "begin":
                self._begun, self._total = event.time, event.total
                head = {"events": EVENTS_VERSION, "xbatch": __version__}
                places = {"run": str(self._run_dir), "store": str(self._store_dir)}
                self._write(
                    {"event": "begin", "time": event.time, **head, **places, "total": event.total, **event.facts}
                )
            case "reading":
                self._write({"event": "reading", "time": event.time, **event.facts})
            case "started":
                reasons = [reason.as_dict() for reason in event.reasons]
                self._write({**self._step(event), "log": self._log(event.step), "reasons": reasons})
            case "ended" if event.result is not None:
                self._end_step(event, event.result)
            case "lost":
                self._write({**self._step(event), "message": event.message})
            case "stopping":
                self._write({"event": "stopping", "time": event.time, "message": event.message, **self._so_far()})

    def _end_step(self, event: Event, result: StepResult) -> None:
        self._counts[result.outcome] = self._counts.get(result.outcome, 0) + 1
        self._write(
            {
                **self._step(event),
                "outcome": result.outcome,
                "seconds": round(result.seconds, 3),
                "key": result.key,
                "record": str(result.record) if result.record else None,
                "log": str(result.log) if result.log else None,
                "message": result.message,
                "reasons": [reason.as_dict() for reason in result.reasons],
                **self._so_far(),
            }
        )

    def _step(self, event: Event) -> dict[str, Any]:
        return {"event": event.kind, "time": event.time, "step": event.step, "task": task_of(event.step)}

    def _so_far(self) -> dict[str, int]:
        return {"ended": sum(self._counts.values()), "total": self._total}

    def _log(self, step: str) -> str:
        return str(log_path(self._run_dir, step))

    def finish(self, result: RunResult) -> None:
        """Write the end of a run whose record is there."""
        files = {"manifest": "manifest.json", "report": "report.html"}
        paths = {key: str(result.run_dir / name) for key, name in files.items() if (result.run_dir / name).is_file()}
        self._end(result.message, result.exit_status, result.signal, paths)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, SystemExit):
            status = error.exit_status if isinstance(error, XbatchError) else 130 if _is_interrupt(error) else 1
            self._end(str(error) or type(error).__name__, status, 0, {})

    def _end(self, message: str, status: int, signal: int, paths: Mapping[str, str]) -> None:
        if not self._begun or self._over:
            return
        self._over = True
        self._write(
            {
                "event": "end",
                "time": now(),
                "started": self._begun,
                "ok": status == 0,
                "exit_status": status,
                "signal": signal,
                "message": message,
                **self._so_far(),
                "counts": self._counts,
                "run": str(self._run_dir),
                **paths,
            }
        )

    def _write(self, data: Mapping[str, Any]) -> None:
        if self._stream is None or self._unread:
            return
        try:
            self._stream.write(f"{json.dumps(data)}\n")
            self._stream.flush()
        except OSError:
            self._unread = True


def _is_interrupt(error: BaseException) -> bool:
    return isinstance(error, KeyboardInterrupt)

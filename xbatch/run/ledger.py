"""What has become of the steps of a run so far: results, states, records, and where people find them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from xbatch.plan.steps import Plan
from xbatch.plan.verdict import Gone, Known, State, Verdict, output_digests
from xbatch.run.products import Products, log_path
from xbatch.run.result import StepResult
from xbatch.run.store import RECORD, Record, Store

__all__ = ["Ledger"]

_SYNC_S = 30.0
_SAVE_S = 1.0
_SAVE_SHARE = 50  # a save writes of all steps: what it takes of a run's time stays a fiftieth


class Ledger:
    """Takes in how steps end, places what they made, and makes it safe now and then.

    Parameters
    ----------
    plan : Plan
    store : Store
    products : Products
    run_dir : Path
    tell : callable
        Gets the result of each step that has ended.

    Attributes
    ----------
    results : dict
        Step name to result of each step that has ended.
    verdicts, states, records : dict
        Step name to what was decided on it, to what those know that wait for it, and to its record.
    """

    def __init__(
        self, plan: Plan, store: Store, products: Products, run_dir: Path, tell: Callable[[StepResult], None]
    ) -> None:
        self._product = {step.name: step.product for step in plan}
        self._store = store
        self._products = products
        self._run_dir = run_dir
        self._tell = tell
        self._begun: dict[str, float] = {}
        self._logs: dict[str, Path] = {}
        self._unplaced: deque[tuple[str, Path, Record, bool]] = deque()
        self._unsynced: list[str] = []
        self._synced = time.monotonic()
        self._save_at = self._synced + _SAVE_S
        self.results: dict[str, StepResult] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.states: dict[str, State] = {}
        self.records: dict[str, Record] = {}

    def begin(self, step: str) -> float:
        """Take in that a step begins now; give the time, as `time.monotonic` has it."""
        self._begun[step] = time.monotonic()
        return self._begun[step]

    def have(self, step: str, record: Record, fresh: bool) -> None:
        """Take in a step's result: one just made (`fresh`), or one that was there."""
        entry = self._store.entry(record["key"])
        if fresh:
            self._unsynced.append(record["key"])
        self.states[step] = Known(output_digests(record))
        self.records[step] = record
        self._unplaced.append((step, entry, record, fresh))
        self._note(
            StepResult(
                step,
                "done" if fresh else "up to date",
                self._key(step),
                Path(f"{entry}/{RECORD}"),
                self.verdicts[step].reasons,
                log=self.log_path(step),
                seconds=self._seconds(step),
                content=record,
            )
        )

    def lose(self, step: str, outcome: Literal["failed", "skipped"], message: str) -> None:
        """Take in that a step has no result."""
        self.states[step] = Gone.NEVER
        self._products.withdraw(step)
        verdict = self.verdicts.get(step)
        reasons = verdict.reasons if verdict else ()
        self._note(
            StepResult(step, outcome, self._key(step), None, reasons, message, self._log(step), self._seconds(step))
        )

    def cancel(self, step: str) -> None:
        """Take in that a step was stopped, or never started."""
        self._note(StepResult(step, "cancelled", self._key(step), log=self._log(step)))

    @property
    def unplaced(self) -> bool:
        """Whether results wait to be put where people find them."""
        return bool(self._unplaced)

    def place_one(self) -> None:
        """Put the result that waits longest where people find it."""
        step, entry, record, fresh = self._unplaced.popleft()
        self._products.place(step, self._product[step], entry, record, fresh)

    def keep_up(self) -> None:
        """Now and then make safe what was done."""
        now_s = time.monotonic()
        if now_s > self._save_at:
            self._products.save()
            saved = time.monotonic()
            self._save_at = saved + max(_SAVE_S, _SAVE_SHARE * (saved - now_s))
        if self._unsynced and now_s - self._synced > _SYNC_S:
            self.sync()

    def sync(self) -> None:
        """See that what was made is on the disk."""
        self._store.sync(self._unsynced)
        self._unsynced.clear()
        self._synced = time.monotonic()

    def log_path(self, step: str) -> Path:
        """Give the log of a step, which need not be there."""
        if step not in self._logs:
            self._logs[step] = log_path(self._run_dir, step)
        return self._logs[step]

    def _note(self, result: StepResult) -> None:
        self.results[result.name] = result
        self._tell(result)

    def _key(self, step: str) -> str | None:
        verdict = self.verdicts.get(step)
        return verdict.key if verdict else None

    def _log(self, step: str) -> Path | None:
        """Give the log of a step; None where this run has not begun it, and what is there is of a run before."""
        log = self.log_path(step)
        return log if step in self._begun and log.is_file() else None

    def _seconds(self, step: str) -> float:
        return time.monotonic() - self._begun[step] if step in self._begun else 0.0

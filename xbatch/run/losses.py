"""What is said of a step whose worker has died: at once, and where it was the last try."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

__all__ = ["killed_text", "late_text", "note"]


def killed_text(cause: str, log: Path) -> tuple[str, str]:
    """Say both of a step whose worker was killed; `cause` names the signal, if it is known."""
    killed = f"its worker process was killed{f' ({cause})' if cause else ''}"
    last = (
        f"{killed} at each try, perhaps for want of memory. "
        f"Run fewer steps at once with --jobs; what it said is in {log}{_again(log)}"
    )
    return killed, last


def _again(log: Path) -> str:
    """Name the script that a step which calls tools leaves beside its log."""
    script = log.with_suffix(".sh")
    return f"; to repeat it by hand: sh {shlex.quote(str(script))}" if script.exists() else ""


def late_text(step: str, limit: float, log: Path) -> tuple[str, str]:
    """Say both of a step that has taken longer than so many seconds."""
    last = (
        f"took longer than {limit:g} s and was stopped. What it said is in {log}; "
        f"give it more time, e.g. --timeout '{step.partition(':')[0]}:*={2 * limit:g}'{_again(log)}"
    )
    return f"it was stopped, since it took longer than {limit:g} s", last


def note(log: Path, message: str) -> None:
    """Put down at the end of a step's log why it has failed, which its worker could not do any more."""
    with suppress(OSError), log.open("a", encoding="utf-8") as stream:
        stream.write(f"failed: {message}\n")

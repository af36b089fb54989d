"""What is said of a step whose worker has died: at once, and where it was the last try."""

from __future__ import annotations

from pathlib import Path

__all__ = ["killed_text", "late_text"]


def killed_text(cause: str, log: Path) -> tuple[str, str]:
    """Say both of a step whose worker was killed; `cause` names the signal, if it is known."""
    killed = f"its worker process was killed{f' ({cause})' if cause else ''}"
    last = (
        f"{killed} at each try, perhaps for want of memory. "
        f"Run fewer steps at once with --jobs; what it said is in {log}"
    )
    return killed, last


def late_text(step: str, limit: float, log: Path) -> tuple[str, str]:
    """Say both of a step that has taken longer than so many seconds."""
    last = (
        f"took longer than {limit:g} s and was stopped. What it said is in {log}; "
        f"give it more time, e.g. --timeout '{step.partition(':')[0]}:*={2 * limit:g}'"
    )
    return f"it was stopped, since it took longer than {limit:g} s", last

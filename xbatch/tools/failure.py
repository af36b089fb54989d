"""The one paragraph that says why a call has failed, and what to do."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import StepError
from xbatch.commands.call import Call
from xbatch.tools.harvest import Harvest, harvest, last_words
from xbatch.tools.launch import Ended
from xbatch.tools.remedies import DISK_FULL, remedy

__all__ = ["Failure", "describe"]

_LINES = 3
_WIDE = 240
_FULL = 4 << 20


@dataclass(frozen=True)
class Failure:
    """What is known of a call, should it fail.

    Attributes
    ----------
    call : Call
        Tokens filled.
    told : str
        The command for a shell in the working folder.
    source : str
        The file it works on; empty if there is none.
    log : Path or None
    folder : Path
        The working folder.
    """

    call: Call
    told: str
    source: str
    log: Path | None
    folder: Path


def describe(failure: Failure, what: str, ended: Ended | None, found: Harvest | None) -> StepError:
    """Make the error of a call that has failed.

    Parameters
    ----------
    failure : Failure
    what : str
        What has happened, as the end of a sentence that begins with the tool.
    ended : Ended or None
        None where the tool was not run.
    found : Harvest or None
    """
    call = failure.call
    said: tuple[str, ...] = ()
    if ended is not None:
        found = found or harvest(call.suite, ended.stdout, ended.stderr)
        said = found.errors or found.telling[-_LINES:] or last_words(ended.stderr, ended.stdout)
        what = _with_signal(what, ended)
        if _is_full(failure.folder):
            what = f"{what}; {DISK_FULL} where it works ({failure.folder.parent})"
    subject = what if what.startswith(call.tool) else f"{call.tool} {what}"
    parts = [subject + (f" (input: {failure.source})" if failure.source else "")]
    if said:
        parts.append(f"it said: {_quoted(said)}")
    where = (
        "all it said, and a script that does the same by hand, are"
        if ended is not None
        else "a script to do it by hand is"
    )
    log = failure.log or "the step's log"
    parts.append(f"{where} in {log}; the command: {failure.told}")
    return StepError("; ".join(parts), cure=remedy((what, *said)))


def _with_signal(what: str, ended: Ended) -> str:
    if ended.status >= 0 or ended.cause:
        return what
    try:
        name = signal.Signals(-ended.status).name
    except ValueError:
        name = f"signal {-ended.status}"
    more = ", perhaps for want of memory" if -ended.status == signal.SIGKILL else ""
    if -ended.status == signal.SIGXFSZ:
        more = ": File size limit exceeded"
    return f"was killed ({name}{more})"


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False


def _quoted(lines: Sequence[str]) -> str:
    """Give the first lines, and the last where there are more: causes come first, what gave up comes last."""
    chosen = [*lines[: _LINES - 1], lines[-1]] if len(lines) > _LINES else list(lines)
    cut = [line if len(line) <= _WIDE else f"{line[: _WIDE - 1]}…" for line in chosen]
    more = f" (and {len(lines) - len(cut)} more such lines)" if len(lines) > len(cut) else ""
    return " | ".join(cut) + more

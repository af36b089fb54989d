"""The one paragraph that says why a call has failed, and what to do."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import StepError
from xbatch.commands.call import Call
from xbatch.tools.harvest import Harvest, harvest, last_words
from xbatch.tools.launch import Ended
from xbatch.tools.remedies import DISK_FULL, remedy

__all__ = ["Failure", "describe", "is_full", "quoted"]

_LINES = 3
_WIDE = 240
_FULL = 4 << 20
_WORD = re.compile(r"\w[\w./+-]*\w")


@dataclass(frozen=True)
class Failure:
    """What is known of a call, should it fail.

    Attributes
    ----------
    call : Call
        Tokens filled.
    command : str
        Its words, for a shell.
    sources : Mapping
        Name in the working folder to the file that it stands for.
    script : Path or None
        A script that does the same by hand, if it could be written.
    folder : Path
        The working folder.
    """

    call: Call
    command: str
    sources: Mapping[str, Path]
    script: Path | None
    folder: Path


def describe(
    failure: Failure, what: str, ended: Ended | None = None, found: Harvest | None = None, otherwise: str = ""
) -> StepError:
    """Make the error of a call that has failed: what has happened, what the tool said, what to do, how to repeat it.

    Parameters
    ----------
    failure : Failure
    what : str
        What has happened, as the end of a sentence that begins with the tool.
    ended : Ended or None
        None where the tool was not run.
    found : Harvest or None
    otherwise : str
        What to do where nothing better is known.
    """
    call = failure.call
    if ended is None:
        return StepError(f"{call.tool} {what}", cure=remedy(what, (), call.suite))
    found = found or harvest(call.suite, ended.stdout, ended.stderr)
    said = found.errors or found.telling[-_LINES:] or last_words(ended.stderr, ended.stdout)
    what = _with_signal(what, ended)
    if is_full(failure.folder):
        what = f"{what}; {DISK_FULL} where it works ({failure.folder.parent})"
    parts = [f"{call.tool} {what}"]
    if said:
        parts.append(f"it said: {quoted(said)}")
    source = _on_which(failure, said)
    if source:
        parts.append(source)
    again = f"To repeat it by hand: sh {shlex.quote(str(failure.script))}; it" if failure.script is not None else "It"
    return StepError(
        "; ".join(parts), cure=f"{remedy(what, said, call.suite, otherwise)}. {again} ran: {failure.command}"
    )


def _on_which(failure: Failure, said: Sequence[str]) -> str:
    """Name the user's file that the tool complains of, else the first of the step's inputs that the call names."""
    for text, told in ((" ".join(said), True), *((value, False) for _, value in failure.call.args)):
        for word in _WORD.findall(text):
            for name, source in failure.sources.items():
                if word == name or (name.startswith(f"{word}/") and not told):
                    return f"{name} is {source}" if told else f"input: {source}"
    return ""


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


def is_full(folder: Path) -> bool:
    """Say whether the disk of a folder has no room left."""
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False


def quoted(lines: Sequence[str]) -> str:
    """Give the first lines, and the last where there are more: causes come first, what gave up comes last."""
    chosen = [*lines[: _LINES - 1], lines[-1]] if len(lines) > _LINES else list(lines)
    cut = [line if len(line) <= _WIDE else f"{line[: _WIDE - 1]}…" for line in chosen]
    more = f" (and {len(lines) - len(cut)} more such lines)" if len(lines) > len(cut) else ""
    return " | ".join(cut) + more

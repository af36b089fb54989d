"""The files from outside a plan: what is remembered of them, what has to be read, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xbatch.base.digest import DigestMemo, file_mark
from xbatch.base.errors import FileError
from xbatch.plan.steps import FileInput, Step
from xbatch.run.reading import Reading, SeenFile, not_allowed, unusable

__all__ = ["Found", "digest_files", "look_over", "outside_files"]

_FOR_EVER = 1e9


@dataclass(frozen=True)
class Found:
    """What is known of files.

    Attributes
    ----------
    seen : dict
        Path to file, of those that are remembered or were read.
    unread : dict
        Path to size in bytes, of those that are not read yet.
    faults : dict
        Path to what is wrong, of those that cannot be read.
    """

    seen: dict[str, SeenFile] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    faults: dict[str, FileError] = field(default_factory=dict)


def outside_files(steps: Iterable[Step]) -> list[str]:
    """Name the files from outside that steps read, each once, in the steps' order."""
    return list(
        dict.fromkeys(source.path for step in steps for source in step.inputs.values() if isinstance(source, FileInput))
    )


def look_over(paths: Iterable[str], memo: DigestMemo) -> Found:
    """Look at files without reading them: each is remembered, unread, or missing or forbidden and so at fault."""
    found = Found()
    for path in paths:
        try:
            known = memo.recall(Path(path))
            if known is not None:
                found.seen[path] = SeenFile(*known)
                continue
            size = file_mark(Path(path)).size
        except FileError as error:
            found.faults[path] = unusable(path, error)
            continue
        refused = not_allowed(path)
        if refused is None:
            found.unread[path] = size
        else:
            found.faults[path] = refused
    return found


def digest_files(paths: Sequence[str], memo: DigestMemo, threads: int = 1, most: int | None = None) -> Found:
    """Digest files, those not remembered in several threads.

    Parameters
    ----------
    paths : sequence of str
    memo : DigestMemo
    threads : int
    most : int or None
        Bytes: if the files that are not remembered have more in all, they are left unread.
    """
    found = look_over(paths, memo)
    if most is not None and sum(found.unread.values()) > most:
        return found
    with Reading(found.unread, memo, threads) as reading:
        while reading.going:
            reading.wait(_FOR_EVER)
            for path, file in reading.news().items():
                del found.unread[path]
                if isinstance(file, FileError):
                    found.faults[path] = file
                else:
                    found.seen[path] = file
    return found

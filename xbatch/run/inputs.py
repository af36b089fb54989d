"""The files from outside a plan: all there before anything starts, and what is remembered of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xbatch.base.digest import DigestMemo, file_mark
from xbatch.base.errors import FileError
from xbatch.plan.steps import FileInput, Step
from xbatch.run.reading import Reading, SeenFile

__all__ = ["Found", "digest_files", "look_over", "outside_files"]

_SHOWN = 5
_FOR_EVER = 1e9


@dataclass(frozen=True)
class Found:
    """What is known of files before any is read.

    Attributes
    ----------
    seen : dict
        Path to file, of those that are remembered.
    unread : dict
        Path to size in bytes, of all others.
    """

    seen: dict[str, SeenFile] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)


def outside_files(steps: Iterable[Step]) -> list[str]:
    """Name the files from outside that steps read, each once, in the steps' order."""
    return list(
        dict.fromkeys(source.path for step in steps for source in step.inputs.values() if isinstance(source, FileInput))
    )


def look_over(paths: Iterable[str], memo: DigestMemo) -> Found:
    """Look at files without reading them.

    Raises
    ------
    FileError
        Files are missing or may not be read; all of them are named in one error.
    """
    found = Found()
    missing: list[FileError] = []
    for path in paths:
        try:
            known = memo.recall(Path(path))
            if known is not None:
                found.seen[path] = SeenFile(*known)
                continue
            found.unread[path] = file_mark(Path(path)).size
            if not os.access(path, os.R_OK):
                missing.append(FileError(path, "cannot be read: Permission denied"))
        except FileError as error:
            missing.append(error)
    if missing:
        raise _all_missing(missing)
    return found


def digest_files(
    paths: Sequence[str], memo: DigestMemo, threads: int = 1, most: int | None = None
) -> Mapping[str, SeenFile]:
    """Digest files, those not remembered in several threads.

    Parameters
    ----------
    paths : sequence of str
    memo : DigestMemo
    threads : int
    most : int or None
        Bytes: if the files that are not remembered have more in all, they are left out, not read.

    Raises
    ------
    FileError
        Files are missing or cannot be read; all missing ones are named in one error.
    """
    found = look_over(paths, memo)
    if not found.unread or (most is not None and sum(found.unread.values()) > most):
        return found.seen
    with Reading(found.unread, memo, threads) as reading:
        while reading.going:
            reading.wait(_FOR_EVER)
            found.seen.update(reading.news())
    return found.seen


def _all_missing(errors: Sequence[FileError]) -> FileError:
    first = errors[0]
    if len(errors) == 1:
        return FileError(first.file, first.what, first.cure)
    others = ", ".join(error.file for error in errors[1 : 1 + _SHOWN])
    more = f" and {len(errors) - 1 - _SHOWN} more" if len(errors) - 1 > _SHOWN else ""
    return FileError(first.file, f"{first.what}; the same goes for {others}{more}", first.cure)

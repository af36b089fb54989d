"""The files from outside a plan: all there, and digested, before anything starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.digest import DigestMemo, FileMark, file_mark
from xbatch.base.errors import FileError
from xbatch.plan.steps import FileInput, Step

__all__ = ["SeenFile", "digest_files", "outside_files"]

_SHOWN = 5


@dataclass(frozen=True)
class SeenFile:
    """A file as it was when it was digested."""

    mark: FileMark
    digest: str


def outside_files(steps: Iterable[Step]) -> list[str]:
    """Name the files from outside that steps read, each once, in the steps' order."""
    return list(
        dict.fromkeys(source.path for step in steps for source in step.inputs.values() if isinstance(source, FileInput))
    )


def digest_files(
    paths: Sequence[str],
    memo: DigestMemo,
    threads: int = 1,
    stop: Callable[[], bool] = lambda: False,
    most: int | None = None,
) -> Mapping[str, SeenFile]:
    """Digest files, those not remembered in several threads.

    Parameters
    ----------
    paths : sequence of str
    memo : DigestMemo
    threads : int
    stop : callable
        Asked now and then whether to leave off; files may then be missing in what is returned.
    most : int or None
        Bytes: if the files that are not remembered have more in all, they are left out, not read.

    Raises
    ------
    FileError
        Files are missing or cannot be read; all missing ones are named in one error.
    """
    seen: dict[str, SeenFile] = {}
    unknown: list[str] = []
    missing: list[FileError] = []
    size = 0
    for path in paths:
        try:
            known = memo.recall(Path(path))
            if known is None:
                size += file_mark(Path(path)).size
                unknown.append(path)
            else:
                seen[path] = SeenFile(*known)
        except FileError as error:
            missing.append(error)
    if missing:
        raise _all_missing(missing)
    if most is not None and size > most:
        return seen
    if len(unknown) > 1 and threads > 1:
        _in_threads(unknown, memo, threads, stop, seen)
        return seen
    for path in unknown:
        if stop():
            break
        seen[path] = SeenFile(*memo.digest(Path(path), time.time_ns()))
    return seen


def _in_threads(
    paths: Sequence[str], memo: DigestMemo, threads: int, stop: Callable[[], bool], seen: dict[str, SeenFile]
) -> None:
    """Digest in threads: hashing large pieces releases the interpreter's lock."""
    from concurrent.futures import ThreadPoolExecutor

    def one(path: str) -> SeenFile | None:
        return None if stop() else SeenFile(*memo.digest(Path(path), time.time_ns()))

    with ThreadPoolExecutor(min(threads, len(paths))) as pool:
        found = zip(paths, pool.map(one, paths), strict=True)
        seen.update({path: file for path, file in found if file is not None})


def _all_missing(errors: Sequence[FileError]) -> FileError:
    first = errors[0]
    if len(errors) == 1:
        return FileError(first.file, first.what, first.cure)
    others = ", ".join(error.file for error in errors[1 : 1 + _SHOWN])
    more = f" and {len(errors) - 1 - _SHOWN} more" if len(errors) - 1 > _SHOWN else ""
    return FileError(first.file, f"{first.what}; the same goes for {others}{more}", first.cure)

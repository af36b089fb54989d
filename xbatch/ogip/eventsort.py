"""Columns on the disk put in order of time, with memory for a part of them.

Times are counted in fine steps; neighbouring steps are joined to buckets of at most a million rows. One pass takes each
row to its bucket's place in the new file, a second orders each bucket by itself. Rows of equal time keep their order:
they are of one bucket, come to it in their order, and a bucket is ordered stably. Only where more than a million rows
share a step (a 65536th of the observation) is a bucket, and so the memory, larger.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["sort_by_time"]

_STEPS = 1 << 16
_BUCKET_ROWS = 1 << 20
_CHUNK_ROWS = 1 << 19


def sort_by_time(
    source: BinaryIO,
    source_offsets: Mapping[str, int],
    target: BinaryIO,
    target_offsets: Mapping[str, int],
    dtypes: Mapping[str, np.dtype[Any]],
    rows: int,
    bucket_rows: int = _BUCKET_ROWS,
) -> None:
    """Copy columns from one file to another, in order of the column ``time``; stable.

    Parameters
    ----------
    source, target : binary files
        With file descriptors; the target is written in place.
    source_offsets, target_offsets : Mapping of str to int
        Where each column begins, in bytes.
    dtypes : Mapping of str to dtype
    rows : int
    bucket_rows : int
        Rows that are ordered at once.
    """
    kind, at = dtypes["time"], source_offsets["time"]
    low, high = np.inf, -np.inf
    for times in _pieces(source, at, kind, rows):
        low, high = min(low, float(times.min())), max(high, float(times.max()))
    scale = _STEPS / (high - low) if high > low else 0.0
    counts = np.zeros(_STEPS, np.int64)
    for times in _pieces(source, at, kind, rows):
        counts += np.bincount(_steps(times, low, scale), minlength=_STEPS)
    bucket, starts = _buckets(counts, bucket_rows)

    place = starts[:-1].copy()
    for first in range(0, rows, _CHUNK_ROWS):
        count = min(_CHUNK_ROWS, rows - first)
        times = _read(source, at, kind, first, count)
        to = bucket.take(_steps(times, low, scale))
        order = np.argsort(to, kind="stable")
        sizes = np.bincount(to, minlength=len(place))
        ends = np.cumsum(sizes)
        for name, dtype in dtypes.items():
            values = _read(source, source_offsets[name], dtype, first, count).take(order)
            for number in np.flatnonzero(sizes).tolist():
                part = values[ends[number] - sizes[number] : ends[number]]
                _write(target, target_offsets[name], part, int(place[number]))
        place += sizes

    for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        times = _read(target, target_offsets["time"], kind, first, last - first)
        if np.all(times[1:] >= times[:-1]):
            continue
        order = np.argsort(times, kind="stable")
        for name, dtype in dtypes.items():
            values = _read(target, target_offsets[name], dtype, first, last - first)
            _write(target, target_offsets[name], values.take(order), first)


def _steps(times: NDArray[np.float64], low: float, scale: float) -> NDArray[np.int64]:
    # a later time never gets an earlier step: subtraction, product and cut are all monotone
    return np.minimum(((times - low) * scale).astype(np.int64), _STEPS - 1)


def _buckets(counts: NDArray[np.int64], most: int) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Join steps to buckets; give each step's bucket, and the rows at which buckets begin and the last ends."""
    # numbers of 16 bits are ordered by radix, in no time
    bucket = np.zeros(len(counts), np.uint16)
    starts = [0]
    filled = row = 0
    for step in np.flatnonzero(counts).tolist():
        size = int(counts[step])
        if filled and filled + size > most:
            starts.append(row)
            filled = 0
        bucket[step] = len(starts) - 1
        filled += size
        row += size
    return bucket, np.array([*starts, row], np.int64)


def _pieces(stream: BinaryIO, at: int, dtype: np.dtype[Any], rows: int) -> Iterator[NDArray[Any]]:
    for first in range(0, rows, _CHUNK_ROWS):
        yield _read(stream, at, dtype, first, min(_CHUNK_ROWS, rows - first))


def _read(stream: BinaryIO, at: int, dtype: np.dtype[Any], first: int, count: int) -> NDArray[Any]:
    values = np.empty(count, dtype)
    rest = values.view(np.uint8).data
    begin = at + first * dtype.itemsize
    while rest:
        got = os.preadv(stream.fileno(), [rest], begin)
        if not got:
            raise OSError("a file became shorter while it was sorted")
        rest, begin = rest[got:], begin + got
    return values


def _write(stream: BinaryIO, at: int, values: NDArray[Any], first: int) -> None:
    rest = np.ascontiguousarray(values).view(np.uint8).data
    begin = at + first * values.dtype.itemsize
    while rest:
        done = os.pwrite(stream.fileno(), rest, begin)
        rest, begin = rest[done:], begin + done

"""The compact event table: screened events by column, in time order, in one file that is mapped and not read.

An event list has columns of no use here, big-endian, row by row. The table holds the few that matter, each in one
piece, little-endian, so that a step touches only what it needs. The layout of a file:

====================  ================================================================================
8 bytes               ``XBEVENT1``
columns               one after another, each at a multiple of 64 bytes: `rows` values
index                 JSON in UTF-8: rows, columns (name, dtype, offset), GTIs, header, what was dropped
8 bytes               length of the index, little-endian
8 bytes               ``XBEVENT1``
====================  ================================================================================

The index stands last because how many events stay is known last: a table is written in one pass with little memory.
Events are in order of time, those of equal time in the order of the list. Equal content gives equal bytes.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import canonical_json
from xbatch.ogip.eventheader import EventHeader, SkyWcs
from xbatch.ogip.eventsort import sort_by_time
from xbatch.ogip.rows import CHUNK_ROWS
from xbatch.xray.gti import total

__all__ = ["EventTable", "TableInfo", "TableWriter"]

Gti = NDArray[np.float64]

_MAGIC = b"XBEVENT1"
_ALIGN = 64
_COPY_BYTES = 1 << 23
_LEAST_BYTES = 1 << 16
_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EXDEV, errno.EPERM})
_CURE = "Run the step that made it again"


@dataclass(frozen=True)
class TableInfo:
    """What a table says beside its events.

    Attributes
    ----------
    header : EventHeader
    gti : ndarray, shape (n, 2)
        For all detectors: where GTIs are by detector their union.
    detector_gtis : Mapping of int to ndarray
        Empty where one list of GTIs holds for all detectors.
    sources : Mapping of str to str
        The column of the event list that each column is.
    screening : Mapping
        What was asked for, JSON-able.
    dropped : Mapping of str to int
        Events dropped, by reason.
    """

    header: EventHeader
    gti: Gti
    detector_gtis: Mapping[int, Gti]
    sources: Mapping[str, str]
    screening: Mapping[str, Any]
    dropped: Mapping[str, int]


@dataclass(frozen=True)
class EventTable:
    """A table that is open for reading.

    Attributes
    ----------
    path : Path
    rows : int
    columns : Mapping of str to ndarray, each of shape (rows,)
        Mapped, not to be written: ``time`` (float64, s, ascending), ``pi`` (int32), where there are such ``x``, ``y``
        (as in the list), ``grade`` (int16), ``det`` (int8), and the extra ones by their names in small letters.
    info : TableInfo
    """

    path: Path
    rows: int
    columns: Mapping[str, NDArray[Any]]
    info: TableInfo

    @property
    def header(self) -> EventHeader:
        """The event list's header."""
        return self.info.header

    @property
    def gti(self) -> Gti:
        """GTIs for all detectors, shape (n, 2)."""
        return self.info.gti

    def gti_of(self, detector: int | None = None) -> Gti:
        """Give the GTIs of a detector: its own, or those for all where GTIs are not by detector."""
        return self.info.detector_gtis.get(detector if detector is not None else -1, self.info.gti)

    def exposure(self, detector: int | None = None) -> float:
        """Give the live seconds in the GTIs, of one detector where the list says it by detector."""
        return total(self.gti_of(detector)) * self.header.live_part(detector)

    @classmethod
    def open(cls, path: Path) -> EventTable:
        """Open a table without reading its events.

        Raises
        ------
        FileError
            It is not there, is no such table, or is not whole.
        """
        index = _read_index(path)
        rows = int(index["rows"])
        columns = {
            name: np.memmap(path, dtype, "r", offset, (rows,)) if rows else np.empty(0, dtype)
            for name, dtype, offset in index["columns"]
        }
        return cls(path, rows, MappingProxyType(columns), _info(index))

    def chunks(self, names: Sequence[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[dict[str, NDArray[Any]]]:
        """Give the columns a chunk of rows at a time.

        Each chunk is mapped by itself and let go with its last reference, so memory holds one chunk however long the
        table is.

        Parameters
        ----------
        names : sequence of str, optional
            All columns unless given.
        rows : int
            Rows of a chunk.

        Raises
        ------
        FileError
            There is no such column.
        """
        chosen = list(self.columns if names is None else names)
        places = {name: (str(dtype), int(at)) for name, dtype, at in _read_index(self.path)["columns"]}
        for name in chosen:
            if name not in places:
                raise FileError(str(self.path), f"has no column {name} (it has {', '.join(places)})")
        wanted = [(name, np.dtype(places[name][0]), places[name][1]) for name in chosen]
        with self.path.open("rb") as stream:
            for first in range(0, self.rows, rows):
                count = min(rows, self.rows - first)
                yield {name: _mapped(stream, dtype, at + first * dtype.itemsize, count) for name, dtype, at in wanted}


class TableWriter:
    """Writes a table a chunk at a time, with memory for a chunk.

    Use it as a context: what is not finished is removed.

    Parameters
    ----------
    path : Path
    dtypes : Mapping of str to dtype
        The columns in their order; ``time`` must be one of them.
    most : int
        No more rows than these will come.
    """

    def __init__(self, path: Path, dtypes: Mapping[str, np.dtype[Any]], most: int) -> None:
        self.path = path
        self.rows = 0
        self.in_order = True
        self._dtypes = {name: dtype.newbyteorder("<") for name, dtype in dtypes.items()}
        self._most = most
        self._last = -np.inf
        self._part = path.with_name(f"{path.name}.part")
        self._stream: BinaryIO = self._part.open("w+b")
        self._room = _offsets(self._dtypes, most)

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._part.unlink(missing_ok=True)

    def add(self, chunk: Mapping[str, NDArray[Any]]) -> None:
        """Append rows.

        Raises
        ------
        ValueError
            More rows came than was said, or a value does not fit its column.
        OSError
            The disk is full.
        """
        times = chunk["time"]
        count = len(times)
        if not count:
            return
        if self.rows + count > self._most:
            raise ValueError(f"more than {self._most} rows came")
        self.in_order = self.in_order and bool(times[0] >= self._last and np.all(times[1:] >= times[:-1]))
        self._last = times[-1]
        for name, dtype in self._dtypes.items():
            at = self._room[name] + self.rows * dtype.itemsize
            _write_at(self._stream, np.ascontiguousarray(_fitting(chunk[name], dtype, name)), at)
        self.rows += count

    def finish(self, info: TableInfo) -> None:
        """Put the rows in order of time if they are not, write the index, and give the file its name.

        Raises
        ------
        OSError
            The disk is full.
        """
        final = _offsets(self._dtypes, self.rows)
        if self.in_order:
            for name, dtype in self._dtypes.items():
                self._move(self._room[name], final[name], self.rows * dtype.itemsize)
            self._index(self._stream, final, info)
            self._stream.close()
            self._part.replace(self.path)
            return
        target = self.path.with_name(f"{self.path.name}.sorted")
        try:
            with target.open("w+b") as stream:
                sort_by_time(self._stream, self._room, stream, final, self._dtypes, self.rows)
                self._index(stream, final, info)
            target.replace(self.path)
        finally:
            target.unlink(missing_ok=True)

    def _move(self, source: int, target: int, size: int) -> None:
        """Move bytes towards the start of the file, a piece at a time; source and target may overlap."""
        if source == target:
            return
        done = self._move_inside(source, target, size)
        for at in range(done, size, _COPY_BYTES):
            piece = os.pread(self._stream.fileno(), min(_COPY_BYTES, size - at), source + at)
            _write_at(self._stream, np.frombuffer(piece, np.uint8), target + at)

    def _move_inside(self, source: int, target: int, size: int) -> int:
        """Have the system move bytes, which it does in a third of the time; give how many it has moved."""
        piece = min(_COPY_BYTES, source - target)  # the two may not overlap
        if not hasattr(os, "copy_file_range") or piece < _LEAST_BYTES:
            return 0
        handle, done = self._stream.fileno(), 0
        try:
            while done < size:
                count = min(piece, size - done)
                moved = os.copy_file_range(handle, handle, count, source + done, target + done)
                if not moved:
                    break
                done += moved
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
        return done

    def _index(self, stream: BinaryIO, offsets: Mapping[str, int], info: TableInfo) -> None:
        names = list(self._dtypes)
        end = offsets[names[-1]] + self.rows * self._dtypes[names[-1]].itemsize
        index = {
            "rows": self.rows,
            "columns": [[name, dtype.str, offsets[name]] for name, dtype in self._dtypes.items()],
            "gti": info.gti.tolist(),
            "detector_gtis": {str(number): gti.tolist() for number, gti in info.detector_gtis.items()},
            "header": asdict(info.header),
            "sources": dict(info.sources),
            "screening": dict(info.screening),
            "dropped": dict(info.dropped),
        }
        raw = canonical_json(index)
        os.truncate(stream.fileno(), end)
        for name, after in pairwise(names):
            # what stood between columns before they were moved must not tell one table from an equal one
            stop = offsets[name] + self.rows * self._dtypes[name].itemsize
            _write_at(stream, np.zeros(offsets[after] - stop, np.uint8), stop)
        stream.seek(end)
        stream.write(raw + struct.pack("<Q", len(raw)) + _MAGIC)
        stream.seek(0)
        stream.write(_MAGIC)
        stream.flush()


def _mapped(stream: BinaryIO, dtype: np.dtype[Any], at: int, count: int) -> NDArray[Any]:
    """Map a piece of a file; numpy's memmap, which looks at the file anew each time, takes ten times as long."""
    before = at % mmap.ALLOCATIONGRANULARITY
    length = before + count * dtype.itemsize
    piece = mmap.mmap(stream.fileno(), length, access=mmap.ACCESS_READ, offset=at - before)
    return np.frombuffer(piece, dtype, count, before)


def _offsets(dtypes: Mapping[str, np.dtype[Any]], rows: int) -> dict[str, int]:
    """Give the place of each column if all have so many rows."""
    at = _ALIGN
    places = {}
    for name, dtype in dtypes.items():
        places[name] = at
        at += -(-rows * dtype.itemsize // _ALIGN) * _ALIGN
    return places


def _fitting(values: NDArray[Any], dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    if not np.can_cast(values.dtype, dtype, "same_kind" if dtype.kind == "f" else "safe"):
        limits = np.iinfo(dtype)
        if values.dtype.kind not in "iu" or int(values.min()) < limits.min or int(values.max()) > limits.max:
            raise ValueError(f"column {name} has values that are no whole numbers from {limits.min} to {limits.max}")
    return values.astype(dtype, copy=False)


def _write_at(stream: BinaryIO, values: NDArray[Any], at: int) -> None:
    rest = values.view(np.uint8).data
    while rest:
        done = os.pwrite(stream.fileno(), rest, at)
        rest, at = rest[done:], at + done


def _read_index(path: Path) -> dict[str, Any]:
    name = str(path)
    tail = 8 + len(_MAGIC)
    try:
        with path.open("rb") as stream:
            head = stream.read(len(_MAGIC))
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - tail, 0))
            end = stream.read(tail)
            if head != _MAGIC or not end.endswith(_MAGIC):
                raise FileError(name, "is not an event table, or not a whole one", _CURE)
            length = struct.unpack("<Q", end[:8])[0]
            if length > size - tail:
                raise FileError(name, "is an event table with a damaged index", _CURE)
            stream.seek(size - tail - length)
            raw = stream.read(length)
    except OSError as error:
        raise FileError(name, f"cannot be read: {error.strerror or error}", _CURE) from error
    try:
        index: dict[str, Any] = json.loads(raw)
    except ValueError as error:
        raise FileError(name, f"is an event table with a damaged index: {error}", _CURE) from error
    return index


def _info(index: Mapping[str, Any]) -> TableInfo:
    return TableInfo(
        _header(index["header"]),
        _gti(index["gti"]),
        {int(number): _gti(gti) for number, gti in index["detector_gtis"].items()},
        index["sources"],
        index["screening"],
        index["dropped"],
    )


def _gti(rows: Any) -> Gti:
    return np.asarray(rows, dtype=np.float64).reshape(-1, 2)


def _header(fields: Mapping[str, Any]) -> EventHeader:
    given = dict(fields)
    given["mjdref"] = tuple(given["mjdref"])
    given["columns"] = {name: tuple(column) for name, column in given["columns"].items()}
    for key in ("detector_ontime", "detector_livetime"):
        given[key] = {int(number): value for number, value in given[key].items()}
    if given["wcs"] is not None:
        wcs = dict(given["wcs"])
        for key in ("crpix", "crval", "cdelt", "ctype"):
            wcs[key] = tuple(wcs[key])
        wcs["size"] = None if wcs["size"] is None else tuple(tuple(limits) for limits in wcs["size"])
        given["wcs"] = SkyWcs(**wcs)
    return EventHeader(**given)

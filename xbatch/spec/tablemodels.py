"""The parameters of XSPEC's table models, as their files have them (OGIP memo 92-009); the spectra are not read."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import BLOCK, Value, data_size, find_file, open_plain, parse_cards, read_raw_header
from xbatch.spec.components import COMPONENTS, NORM, REDSHIFT, ComponentDef, ParameterDef
from xbatch.spec.xspecmodels import XSPEC_PREFIX, installed_models, is_xspec

__all__ = ["TABLE_KINDS", "definition", "file_of", "table_definition", "table_kind"]

#: Kinds of table models, and whether they are added or multiplied.
TABLE_KINDS: Mapping[str, str] = {"atable": "add", "mtable": "mul", "etable": "mul"}

_AGAIN = "Fetch or make the file again"
_FORM = re.compile(r"(\d*)([A-Z])(.*)")
_SIZES = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
_CODES = {"I": "h", "J": "i", "K": "q", "E": "f", "D": "d"}
# More parameters, or more of their values, than any table has.
_LARGEST = 10_000_000


def table_kind(kind: str, path: Path) -> str:
    """Write a table's type as a model has it: ``atable{/home/me/reflection.fits}``."""
    return f"{kind}{{{path}}}"


def file_of(kind: str) -> Path | None:
    """Give the file of a component's type; None where it has none."""
    _, brace, rest = kind.partition("{")
    return Path(rest[:-1]) if brace else None


def definition(kind: str) -> ComponentDef:
    """Give what is known of a component's type, as `xbatch.spec.expression.Model` has it.

    Raises
    ------
    FileError
        As `table_definition`; a model that could be parsed has none at fault.
    KeyError
        There is no such type.
    """
    if is_xspec(kind):
        found = installed_models().definition(kind.removeprefix(XSPEC_PREFIX))
        if found is None:
            raise KeyError(kind)
        return found
    path = file_of(kind)
    return COMPONENTS[kind] if path is None else table_definition(kind.partition("{")[0], path)


def table_definition(kind: str, path: Path) -> ComponentDef:
    """Give a table model's parameters.

    Parameters
    ----------
    kind : str
        ``atable``, ``mtable`` or ``etable``.
    path : Path
        The file, which may be gzipped.

    Raises
    ------
    FileError
        The file is not there, is no table model, or is made for another kind.
    """
    found = find_file(path)
    if found is None:
        raise FileError(str(path), "is not there (nor gzipped)", "Check the name")
    state = found.stat()
    additive, parameters = _read(found, state.st_mtime_ns, state.st_size)
    if additive != (TABLE_KINDS[kind] == "add"):
        made = "atable" if additive else "mtable or etable"
        raise FileError(str(path), f"is made to be {made}, not {kind}", "Use that")
    return ComponentDef(kind, TABLE_KINDS[kind], (*parameters, *((NORM,) if additive else ())))


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int, _size: int) -> tuple[bool, tuple[ParameterDef, ...]]:
    name = str(path)
    try:
        with closing(open_plain(path)) as stream:
            raw = read_raw_header(stream, name, first=True)
            assert raw is not None
            primary = parse_cards(raw.cards)
            header = primary
            while str(header.get("EXTNAME") or "").strip().upper() != "PARAMETERS":
                size = data_size(header, name)
                stream.seek(size + -size % BLOCK, 1)
                raw = read_raw_header(stream, name, first=False)
                if raw is None:
                    message = "is no table model: it has no extension PARAMETERS"
                    raise FileError(name, message, "Name a table model of XSPEC")
                header = parse_cards(raw.cards)
            size = data_size(header, name)
            data = stream.read(size) if size <= _LARGEST else b""
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(name, f"is gzipped and damaged: {error}", _AGAIN) from error
    except OSError as error:
        raise FileError(name, f"cannot be read: {error.strerror or error}") from error
    additive, redshift = (primary.get(card) for card in ("ADDMODEL", "REDSHIFT"))
    if not isinstance(additive, bool) or not isinstance(redshift, bool):
        raise FileError(name, "does not say ADDMODEL and REDSHIFT = T or F in its primary header", _AGAIN)
    try:
        parameters = _Rows(header, data).parameters()
    except (struct.error, KeyError, IndexError, TypeError, ValueError) as error:
        raise FileError(name, f"has an extension PARAMETERS that cannot be read ({error})", _AGAIN) from error
    return additive, (*parameters, *((replace(REDSHIFT, name="z"),) if redshift else ()))


@dataclass(frozen=True)
class _Rows:
    """The rows of a binary table."""

    header: Mapping[str, Value]
    data: bytes

    def parameters(self) -> tuple[ParameterDef, ...]:
        columns = self._columns()
        interpolated = self._whole("NINTPARM")
        found = []
        for row in range(self._whole("NAXIS2")):
            text = self._cell(columns["NAME"], row)
            assert isinstance(text, bytes)
            start, delta, low, high = (
                self._number(columns[name], row) for name in ("INITIAL", "DELTA", "BOTTOM", "TOP")
            )
            if row < interpolated:
                values = self._cell(columns["VALUE"], row)
                count = int(self._number(columns["NUMBVALS"], row))
                low, high = max(low, float(values[0])), min(high, float(values[count - 1]))
            name = re.sub(r"\W+", "_", text.split(b"\0", 1)[0].decode("ascii", "replace").strip(), flags=re.ASCII)
            if not name or not low <= high or not math.isfinite(start):
                raise ValueError(f"parameter {row + 1}: {name!r}, {start:g} within {low:g} to {high:g}")
            found.append(ParameterDef(name, min(max(start, low), high), low, high, "", delta < 0))
        if len({one.name for one in found}) < len(found):
            raise ValueError("two parameters of one name")
        return tuple(found)

    def _whole(self, card: str) -> int:
        value = self.header.get(card)
        if not isinstance(value, int):
            raise ValueError(f"{card} is {value!r}")
        return value

    def _columns(self) -> dict[str, tuple[int, int, str, str]]:
        """Give place, number of elements, code and code of the items of each column."""
        columns, at = {}, 0
        for number in range(1, self._whole("TFIELDS") + 1):
            form = _FORM.match(str(self.header.get(f"TFORM{number}")).strip().upper())
            if form is None:
                raise ValueError(f"TFORM{number} is {self.header.get(f'TFORM{number}')!r}")
            repeat, code = int(form[1] or 1), form[2]
            name = str(self.header.get(f"TTYPE{number}")).strip().upper()
            columns[name] = (at, repeat, code, form[3][:1])
            at += (repeat + 7) // 8 if code == "X" else repeat * _SIZES[code]
        return columns

    def _cell(self, column: tuple[int, int, str, str], row: int) -> bytes | tuple[float, ...]:
        at, repeat, code, item = column
        at += row * self._whole("NAXIS1")
        if code == "A":
            return self.data[at : at + repeat]
        if code in "PQ":
            count, offset = struct.unpack_from(">2i" if code == "P" else ">2q", self.data, at)
            heap = self.header.get("THEAP")
            base = heap if isinstance(heap, int) else self._whole("NAXIS1") * self._whole("NAXIS2")
            at, repeat, code = base + offset, count, item
        numbers: tuple[float, ...] = struct.unpack_from(f">{repeat}{_CODES[code]}", self.data, at)
        # 0.1 is 0.10000000149 as a 32-bit number; who wrote it meant 0.1.
        return tuple(float(f"{number:.7g}") for number in numbers) if code == "E" else numbers

    def _number(self, column: tuple[int, int, str, str], row: int) -> float:
        return float(self._cell(column, row)[0])

"""Writes that are there whole or not at all, and text forms that never vary."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["canonical_json", "clear_parts", "pretty_json", "safe_name", "schema_text", "write_atomically"]

_TRIES = 3
_UNSAFE = re.compile(r"[^A-Za-z0-9._+@-]+")


def write_atomically(path: Path, data: bytes | str, mode: int | None = None, part: Path | None = None) -> None:
    """Write a file under its final name in one rename; a reader never sees half of it.

    Parameters
    ----------
    path : Path
        The final name. Its folder is made if it is missing.
    data : bytes or str
        The content; text is written as UTF-8 with ``\\n`` ends.
    mode : int, optional
        Its permissions; those that the user's umask gives by default.
    part : Path, optional
        The name under which it is written first; by default one that nobody else takes. With one that is always the
        same a killed process leaves nothing that the next to write this file does not take away.

    Raises
    ------
    OSError
        The disk is full or the folder cannot be written; nothing is left under `path` or beside it.
    """
    raw = data.encode() if isinstance(data, str) else data
    if part is not None:
        _write(path, raw, mode, part)
        return
    for _ in range(_TRIES - 1):
        with suppress(FileNotFoundError):  # who clears up the folder took the part for a dead run's
            _write(path, raw, mode)
            return
    _write(path, raw, mode)


def _write(path: Path, raw: bytes, mode: int | None, part: Path | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = part or path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        if part is not None:
            part.unlink(missing_ok=True)
        with temporary.open("xb") as stream:
            stream.write(raw)
            if mode is not None:
                os.fchmod(stream.fileno(), mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear_parts(folder: Path) -> None:
    """Take away what killed processes have left half written in a folder; `write_atomically` outlives it."""
    for path in folder.glob(".*.part"):
        with suppress(OSError):
            path.unlink()


def canonical_json(value: Any) -> bytes:
    """Give the one JSON form of a value: keys sorted, no spaces, UTF-8, no NaN; what digests are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def pretty_json(value: Any) -> str:
    """Give JSON for people: two spaces, the order of the keys kept, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def lines_json(value: Mapping[str, Any]) -> str:
    """Give a JSON object with an entry a line: people can read it, and it costs a tenth of `pretty_json`."""
    dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode
    return "{\n" + ",\n".join(f"  {dumps(name)}: {dumps(entry)}" for name, entry in value.items()) + "\n}\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def safe_name(name: str) -> str:
    """Make a name fit for a file: whatever is not a letter, a digit or one of ``._+@-`` becomes ``_``.

    ``3-79 keV`` gives ``3-79_keV``; a name that is fit stays as it is. A dot at the beginning would hide the file.

    Raises
    ------
    ValueError
        The name is empty.
    """
    if not name:
        raise ValueError("an empty name names no file")
    safe = _UNSAFE.sub("_", name)
    return f"_{safe[1:]}" if safe.startswith(".") else safe


def schema_text(name: str) -> str:
    """Read a schema shipped with the package, for example ``analysis-1``.

    In a wheel the schemas lie inside the package; in a checkout they lie in ``schemas/`` beside it.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "schemas", package.parent / "schemas"):
        path = folder / f"{name}.json"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"schema {name!r} is not installed with xbatch")

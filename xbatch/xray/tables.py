"""The project's own tables of published figures (`data/*.csv`), read once."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

__all__ = ["Rows", "read_table"]

Rows = tuple[dict[str, str], ...]


@cache
def read_table(name: str) -> Rows:
    """Read `data/<name>.csv`; lines that begin with ``#`` name the paper and the units.

    Parameters
    ----------
    name : str
        The file's name without its ending.

    Returns
    -------
    tuple of dict
        One dict of text for each row, by column name. Readers must not change them: they are shared.
    """
    text = (Path(__file__).parent / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))

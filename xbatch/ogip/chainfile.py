"""Markov chains as XSPEC's ``chain`` command writes and loads them: one table ``CHAIN``, a row for each sample.

A column is named by a parameter and its number in XSPEC (``PhoIndex__2``); the last, ``FIT_STATISTIC``, has the
statistic.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import BinTable, Card, write_fits

__all__ = ["ChainColumn", "write_chain"]

Floats = NDArray[np.float64]
#: XSPEC's name of a parameter, its number there, its name here.
ChainColumn = tuple[str, int, str]


def write_chain(
    path: Path, columns: Sequence[ChainColumn], samples: Floats, statistic: Floats, cards: Sequence[Card] = ()
) -> None:
    """Write a chain.

    Parameters
    ----------
    path : Path
    columns : sequence of (str, int, str)
        For each parameter its bare name, XSPEC's number, and the name that stands in TCOMM.
    samples : ndarray, shape (n, f)
    statistic : ndarray, shape (n,)
    cards : sequence of Card
        More of the table's header.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    table = [(f"{name}__{number}", "", samples[:, place]) for place, (name, number, _) in enumerate(columns)]
    comments = [Card(f"TCOMM{place}", title) for place, (_, _, title) in enumerate(columns, 1)]
    # From which row on the chain had which temperature; without these XSPEC refuses the file.
    tempered = [Card("TEMPR001", 1.0), Card("STROW001", 1)]
    last = ("FIT_STATISTIC", "", statistic)
    write_fits(path, (), [BinTable("CHAIN", [*table, last], [*tempered, *comments, *cards])])

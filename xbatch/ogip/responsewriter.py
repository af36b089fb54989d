"""RMF and ARF files as the OGIP memo CAL/GEN/92-002 has them; equal responses give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitsreader import Ragged
from xbatch.ogip.fitswriter import BinTable, Card, Cell, write_fits
from xbatch.ogip.response import Response

__all__ = ["write_arf", "write_rmf"]


def write_rmf(path: Path, response: Response, header: Mapping[str, Cell]) -> None:
    """Write the redistribution matrix: one group of channels an energy, from the first to the last that is not 0.

    Parameters
    ----------
    path : Path
    response : Response
        `specresp` is left out.
    header : Mapping
        More cards for both extensions (TELESCOP, INSTRUME ...).
    """
    first_channel = int(response.channel[0])
    some = np.diff(response.indptr) > 0
    ends = np.stack([response.indptr[:-1], response.indptr[1:] - 1])[:, some]
    begin, length = np.zeros(some.size, np.int64), np.zeros(some.size, np.int64)
    begin[some] = response.indices[ends[0]]
    length[some] = response.indices[ends[1]] - begin[some] + 1
    start = np.concatenate([[0], np.cumsum(length)])
    elements = np.zeros(start[-1], response.matrix.dtype)
    row = np.repeat(np.arange(length.size), np.diff(response.indptr))
    elements[start[row] + response.indices - begin[row]] = response.matrix
    cards = [
        *_cards(header, "RSP_MATRIX"),
        Card("HDUCLAS3", "REDIST", "no area is in it"),
        Card("DETCHANS", int(response.channel.size), "total number of possible channels"),
        Card("NUMGRP", int(some.sum()), "number of groups"),
        Card("NUMELT", int(start[-1]), "number of elements"),
        Card("LO_THRES", 0.0, "lower threshold of the elements"),
        Card("TLMIN4", first_channel, "first channel"),
    ]
    matrix = BinTable(
        "MATRIX",
        [
            ("ENERG_LO", "keV", response.energ_lo),
            ("ENERG_HI", "keV", response.energ_hi),
            ("N_GRP", "", some.astype(np.int16)),
            ("F_CHAN", "", (begin + first_channel).astype(np.int32)),
            ("N_CHAN", "", length.astype(np.int32)),
            ("MATRIX", "", Ragged(elements, start)),
        ],
        cards,
    )
    bounds = BinTable(
        "EBOUNDS",
        [
            ("CHANNEL", "", response.channel.astype(np.int32)),
            ("E_MIN", "keV", response.e_min),
            ("E_MAX", "keV", response.e_max),
        ],
        [
            *_cards(header, "EBOUNDS"),
            Card("DETCHANS", int(response.channel.size), "total number of possible channels"),
            Card("TLMIN1", first_channel, "first channel"),
        ],
    )
    write_fits(path, [], [matrix, bounds])


def write_arf(path: Path, response: Response, header: Mapping[str, Cell]) -> None:
    """Write the effective area of a response.

    Parameters
    ----------
    path : Path
    response : Response
    header : Mapping
        More cards (TELESCOP, INSTRUME ...).
    """
    columns: list[tuple[str, str, NDArray[Any] | Ragged]] = [
        ("ENERG_LO", "keV", response.energ_lo),
        ("ENERG_HI", "keV", response.energ_hi),
        ("SPECRESP", "cm**2", response.specresp),
    ]
    write_fits(path, [], [BinTable("SPECRESP", columns, _cards(header, "SPECRESP"))])


def _cards(header: Mapping[str, Cell], kind: str) -> list[Card]:
    return [
        Card("HDUCLASS", "OGIP", "format conforms to OGIP standard"),
        Card("HDUCLAS1", "RESPONSE", "dataset is a response function"),
        Card("HDUCLAS2", kind),
        Card("HDUVERS", "1.1.0" if kind == "SPECRESP" else "1.3.0", "version of format (CAL/GEN/92-002)"),
        *(Card(keyword, value) for keyword, value in header.items()),
    ]

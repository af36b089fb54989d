"""Responses that are kept as arrays, written as the files that tools read."""

from __future__ import annotations

from pathlib import Path

from xbatch.ogip.fitswriter import Cell
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import load_response
from xbatch.ogip.responsewriter import write_arf, write_rmf

__all__ = ["write_response"]

_KEPT = ("TELESCOP", "INSTRUME", "FILTER")


def write_response(kind: str, response: Path, spectrum: Path | None, target: Path) -> None:
    """Write one file of a response.

    Parameters
    ----------
    kind : str
        ``rmf`` or ``arf``.
    response : Path
        A ``response.npz``.
    spectrum : Path or None
        The spectrum whose instrument it is.
    target : Path

    Raises
    ------
    FileError
        An input cannot be read.
    """
    known = read_pha(spectrum).header if spectrum is not None else {}
    header: dict[str, Cell] = {card: known[card] for card in _KEPT if card in known}
    (write_rmf if kind == "rmf" else write_arf)(target, load_response(response), header)

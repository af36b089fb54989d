"""Abundances of the elements H to Zn by number relative to hydrogen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.tables import read_table

__all__ = ["ABUNDANCES", "abundances"]

#: The tables there are, by XSPEC's names: Anders & Grevesse 1989, Asplund et al. 2009, Feldman 1992,
#: Anders & Ebihara 1982, Grevesse & Sauval 1998, Wilms, Allen & McCray 2000, Lodders 2003.
ABUNDANCES = ("angr", "aspl", "feld", "aneb", "grsa", "wilm", "lodd")


def abundances(name: str) -> NDArray[np.float64]:
    """Give one table of abundances.

    Parameters
    ----------
    name : str
        One of `ABUNDANCES`.

    Returns
    -------
    ndarray, shape (30,)
        Atoms of Z = 1 ... 30 for each hydrogen atom.

    Raises
    ------
    ValueError
        There is no such table.
    """
    if name not in ABUNDANCES:
        raise ValueError(f"there is no abundance table {name!r}; there are {', '.join(ABUNDANCES)}")
    return np.array([float(row[name]) for row in read_table("abundances")])

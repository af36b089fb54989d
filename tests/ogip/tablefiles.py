"""Table models of two interpolated parameters, written for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import BinTable, Card, write_fits

Floats = NDArray[np.float64]


@dataclass
class TableFile:
    """What a table model's file is to hold; a test changes what it is about."""

    primary: dict[str, Any] = field(
        default_factory=lambda: {"MODLNAME": "test", "ADDMODEL": True, "REDSHIFT": False, "LOELIMIT": 0.25}
    )
    edges: Floats = field(default_factory=lambda: np.array([0.5, 1.0, 2.0, 4.0, 8.0]))
    values: Sequence[Sequence[float]] = ((1.0, 2.0, 4.0), (0.1, 1.0, 10.0))
    names: Sequence[str] = ("slope", "xi", "more")
    methods: Sequence[int] = (0, 1, 0)
    delta: Sequence[float] = (0.1, -0.1, 0.1)
    reverse: bool = False
    missing: str = ""

    @property
    def spectra(self) -> Floats:
        """Those of the combinations, shape (3, 3, 4): 32-bit numbers."""
        return np.random.default_rng(1).uniform(0.5, 2, (3, 3, self.edges.size - 1)).astype("f4").astype(float)

    @property
    def added(self) -> Floats:
        return np.random.default_rng(2).uniform(0.1, 0.3, (3, 3, self.edges.size - 1)).astype("f4").astype(float)

    def write(self, path: Path) -> Path:
        single = np.float32
        count = len(self.names)
        value = np.zeros((count, 3), single)
        for row, tabulated in enumerate(self.values):
            value[row, : len(tabulated)] = tabulated
        parameters = BinTable(
            "PARAMETERS",
            [
                ("NAME", "", np.array([name.encode() for name in self.names], "S12")),
                ("METHOD", "", np.array(self.methods[:count], np.int32)),
                ("INITIAL", "", np.array([1.5, 20.0, 0.5][:count], single)),
                ("DELTA", "", np.array(self.delta[:count], single)),
                ("MINIMUM", "", np.array([1, 0.1, 0][:count], single)),
                ("BOTTOM", "", np.array([0, 0.5, 0][:count], single)),
                ("TOP", "", np.array([4, 100, 5][:count], single)),
                ("MAXIMUM", "", np.array([4, 10, 5][:count], single)),
                ("NUMBVALS", "", np.array([3, 3, 0][:count], np.int32)),
                ("VALUE", "", value),
            ],
            [Card("NINTPARM", 2), Card("NADDPARM", count - 2)],
        )
        energies = BinTable(
            "ENERGIES",
            [("ENERG_LO", "keV", self.edges[:-1].astype(single)), ("ENERG_HI", "keV", self.edges[1:].astype(single))],
        )
        at = np.array([(a, b) for a in self.values[0] for b in self.values[1]], single)
        order = slice(None, None, -1) if self.reverse else slice(None)
        columns = [("PARAMVAL", "", at[order]), ("INTPSPEC", "", self.spectra.reshape(9, -1).astype(single)[order])]
        if count > 2:
            columns.append(("ADDSP001", "", self.added.reshape(9, -1).astype(single)[order]))
        tables = [parameters, energies, BinTable("SPECTRA", columns)]
        cards = [Card(key, value) for key, value in self.primary.items()]
        write_fits(path, cards, [table for table in tables if table.name != self.missing])
        return path

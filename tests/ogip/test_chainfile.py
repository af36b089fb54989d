from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from xbatch.ogip.chainfile import write_chain
from xbatch.ogip.fitswriter import Card


def test_a_chain_has_the_form_of_xspecs(tmp_path: Path) -> None:
    samples = np.arange(12.0).reshape(6, 2)
    statistic = np.linspace(100, 105, 6)
    columns = [("PhoIndex", 2, "pl.PhoIndex"), ("norm", 11, "pl.norm[02]")]
    write_chain(tmp_path / "a.fits", columns, samples, statistic, [Card("WALKERS", 3)])
    with fits.open(tmp_path / "a.fits") as file:
        table = file["CHAIN"]
        assert table.columns.names == ["PhoIndex__2", "norm__11", "FIT_STATISTIC"]
        assert table.columns.formats == ["D", "D", "D"] or table.columns.formats == ["1D", "1D", "1D"]
        np.testing.assert_array_equal(table.data["norm__11"], samples[:, 1])
        np.testing.assert_array_equal(table.data["FIT_STATISTIC"], statistic)
        assert (table.header["TEMPR001"], table.header["STROW001"]) == (1.0, 1)
        assert (table.header["TCOMM2"], table.header["WALKERS"]) == ("pl.norm[02]", 3)
    write_chain(tmp_path / "b.fits", columns, samples, statistic, [Card("WALKERS", 3)])
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ogip.tablefiles import TableFile
from xbatch.base.errors import FileError
from xbatch.ogip.tablemodel import read_table_model


@pytest.mark.parametrize("reverse", [False, True])
def test_a_table_model_is_read(tmp_path: Path, reverse: bool) -> None:
    file = TableFile(reverse=reverse)
    table = read_table_model(file.write(tmp_path / "t.fits"))
    assert (table.additive, table.redshift, table.below, table.above) == (True, False, 0.25, 0.0)
    assert table.names == ("slope", "xi", "more")
    slope, xi, more = table.parameters
    assert (slope.value, slope.min, slope.max, slope.frozen, slope.logarithmic) == (1.5, 1.0, 4.0, False, False)
    assert (xi.value, xi.min, xi.max, xi.frozen, xi.logarithmic) == (10.0, 0.5, 10.0, True, True)
    assert (more.value, more.min, more.max, more.values) == (0.5, 0.0, 5.0, None)
    np.testing.assert_array_equal(table.edges, file.edges)
    np.testing.assert_array_equal(table.spectra, file.spectra)
    np.testing.assert_array_equal(table.added[0], file.added)


def test_a_redshift_is_the_last_parameter(tmp_path: Path) -> None:
    file = TableFile(names=("slope", "xi"), primary={"ADDMODEL": False, "REDSHIFT": True})
    assert read_table_model(file.write(tmp_path / "t.fits")).names == ("slope", "xi", "z")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"missing": "SPECTRA"}, "no extension SPECTRA"),
        ({"primary": {"REDSHIFT": False}}, "ADDMODEL = T or F"),
        ({"primary": {"ADDMODEL": True, "REDSHIFT": False, "ESCALE": True}}, "scale of its energies"),
        ({"primary": {"ADDMODEL": True, "REDSHIFT": False, "NXFLTEXP": 4}}, "several spectra for each"),
        ({"names": ("slope", "slope")}, "names of their own"),
        ({"values": ((1.0, 4.0, 2.0), (0.1, 1.0, 10.0))}, "do not ascend"),
        ({"values": ((1.0, 2.0, 4.0), (0.0, 1.0, 10.0))}, "interpolates xi in its logarithm"),
        ({"edges": np.array([0.5, 2.0, 1.0, 4.0, 8.0])}, "energies that do not ascend"),
    ],
)
def test_what_is_no_table_model_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = TableFile(**changes).write(tmp_path / "t.fits")
    with pytest.raises(FileError, match=message) as caught:
        read_table_model(path)
    assert "t.fits" in str(caught.value)

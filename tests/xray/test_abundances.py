import csv
from pathlib import Path

import numpy as np
import pytest

from xbatch.xray.abundances import ABUNDANCES, abundances


def test_every_table_is_relative_to_hydrogen() -> None:
    for name in ABUNDANCES:
        table = abundances(name)
        assert table.shape == (30,)
        assert table[0] == 1
        assert np.all(table >= 0)


def test_published_values() -> None:
    assert abundances("angr")[25] == 4.68e-5  # Fe, Anders & Grevesse 1989
    assert abundances("wilm")[7] == 4.9e-4  # O, Wilms et al. 2000, table 2
    assert abundances("aspl")[1] == pytest.approx(10 ** (10.93 - 12), rel=1e-3)  # He, Asplund et al. 2009


def test_unknown_table_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="no abundance table 'solar'; there are angr"):
        abundances("solar")


@pytest.mark.real_data
def test_equals_xspec(reference: Path) -> None:
    with (reference / "xspec-models" / "abundances.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for name in ABUNDANCES:
        assert abundances(name).tolist() == [float(row[name]) for row in rows]

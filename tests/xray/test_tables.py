from pathlib import Path

import pytest

import xbatch.xray.tables
from xbatch.xray.tables import read_table

DATA = Path(xbatch.xray.tables.__file__).parent / "data"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.stem)
def test_every_table_names_its_source_and_has_numbers(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")
    rows = read_table(path.stem)
    assert rows
    for row in rows:
        assert None not in row
        for name, text in row.items():
            assert name == "element" or text == "" or float(text) is not None


def test_numbers_of_rows() -> None:
    assert len({row["Z"] for row in read_table("verner1995")}) == 30
    assert len(read_table("abundances")) == 30
    assert len({row["Z"] for row in read_table("balucinska1992")}) == 17

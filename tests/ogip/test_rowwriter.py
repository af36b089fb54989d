"""Tests of writing large tables a piece at a time."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xbatch.ogip.fitswriter import Card
from xbatch.ogip.rowwriter import Field, Records, RowWriter, record_dtype, write_records

FIELDS = (
    Field("TIME", "1D", "s"),
    Field("TRIGGERS", "9X"),
    Field("FLAGS", "8X"),
    Field("PHAS", "3E"),
    Field("NEV", "I", "ct/s", (), True),
    Field("PI", "1J", "chan", (("TNULL", -1), ("TLMIN", 0), ("TLMAX", 4095))),
)


def _write(path: Path, pieces: tuple[int, ...]) -> None:
    with RowWriter(path, "EVENTS", FIELDS) as writer:
        first = 0
        for count in pieces:
            rows = writer.empty(count)
            rows["TIME"] = first + np.arange(count)
            rows["TRIGGERS"] = 0x8080
            rows["FLAGS"] = 1
            rows["PHAS"] = np.arange(3)
            rows["NEV"] = 40_000 - 32_768
            rows["PI"] = 7
            writer.add(rows)
            first += count
        extra = Records("GTI", FIELDS[:1], np.zeros(2, record_dtype(FIELDS[:1])), [Card("HDUCLAS1", "GTI")])
        writer.finish([Card("TELESCOP", "NuSTAR")], [Card("EXPOSURE", 12.5)], [extra])


@pytest.mark.parametrize("name", ["a.evt", "a.evt.gz"])
def test_a_table_written_in_pieces_reads_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    _write(path, (3, 0, 1500))
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus[0].header["TELESCOP"] == "NuSTAR"
        table, header = hdus["EVENTS"].data, hdus["EVENTS"].header
        assert header["EXPOSURE"] == 12.5 and header["TLMAX6"] == 4095 and header["NAXIS2"] == 1503
        assert np.array_equal(table["TIME"], np.concatenate([np.arange(3), 3 + np.arange(1500)]))
        assert table["TRIGGERS"][5].tolist() == [True, *[False] * 7, True]
        assert table["FLAGS"][5].tolist() == [*[False] * 7, True]
        assert table["PHAS"][1502].tolist() == [0, 1, 2]
        assert set(table["NEV"].tolist()) == {40_000}
        assert len(hdus["GTI"].data) == 2
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_pieces_do_not_show(tmp_path: Path) -> None:
    _write(tmp_path / "a", (10, 20))
    _write(tmp_path / "b", (30,))
    _write(tmp_path / "c.gz", (30,))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert gzip.decompress((tmp_path / "c.gz").read_bytes()) == (tmp_path / "a").read_bytes()
    assert (tmp_path / "a").stat().st_size % 2880 == 0


def test_nothing_is_left_of_what_is_not_finished(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), RowWriter(tmp_path / "a", "EVENTS", FIELDS) as writer:
        writer.add(writer.empty(5))
        raise RuntimeError("stop")
    assert not list(tmp_path.iterdir())


def test_a_header_longer_than_its_room_is_refused(tmp_path: Path) -> None:
    cards = [Card(f"KEY{number}", number) for number in range(100)]
    with (
        pytest.raises(ValueError, match="more than the 2880 that were kept"),
        RowWriter(tmp_path / "a", "EVENTS", FIELDS, blocks=1) as writer,
    ):
        writer.finish([], cards)


@pytest.mark.parametrize(("form", "message"), [("3A", "has the form 3A"), ("17X", "has 17 bits")])
def test_an_unknown_form_is_refused(form: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record_dtype([Field("A", form)])


def test_small_tables_are_written_at_once(tmp_path: Path) -> None:
    rows = np.zeros(4, record_dtype(FIELDS))
    write_records(
        tmp_path / "a.fits", [Card("OBS_ID", "1")], [Records("ONE", FIELDS, rows), Records("TWO", FIELDS, rows)]
    )
    with fits.open(tmp_path / "a.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "ONE", "TWO"]

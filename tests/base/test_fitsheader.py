from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import data_size, find_file, first_with, parse_cards, read_headers


def header(*cards: str, end: bool = True) -> bytes:
    text = "".join(card.ljust(80) for card in (*cards, *(["END"] if end else [])))
    return text.ljust(-(-len(text) // 2880) * 2880).encode("ascii")


PRIMARY = header("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0")


def table(name: str, rows: int, width: int = 4, *cards: str) -> bytes:
    head = header(
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        f"NAXIS1  = {width:20d}",
        f"NAXIS2  = {rows:20d}",
        "PCOUNT  =                    0",
        "GCOUNT  =                    1",
        f"EXTNAME = '{name}'",
        *cards,
    )
    size = rows * width
    return head + bytes(range(256)) * (size // 256) + bytes(size % 256) + bytes(-size % 2880)


@pytest.fixture
def spectrum(tmp_path: Path) -> Path:
    path = tmp_path / "a.pha"
    path.write_bytes(PRIMARY + table("SPECTRUM", 1000) + table("GTI", 3))
    return path


def test_reads_every_header_and_steps_over_data(spectrum: Path) -> None:
    names = [head.get("EXTNAME") for head in read_headers(spectrum)]
    assert names == [None, "SPECTRUM", "GTI"]


def test_reads_gzipped_files_whatever_their_name(spectrum: Path) -> None:
    packed = spectrum.with_name("b.pha")
    packed.write_bytes(gzip.compress(spectrum.read_bytes()))
    assert read_headers(packed) == read_headers(spectrum)


def test_reads_only_as_many_headers_as_asked(spectrum: Path) -> None:
    whole = spectrum.read_bytes()
    spectrum.write_bytes(whole[: len(PRIMARY) + 2880 + 10])
    assert len(read_headers(spectrum, limit=2)) == 2
    found = first_with(spectrum, lambda head: head.get("EXTNAME") == "SPECTRUM")
    assert found is not None
    assert found["NAXIS2"] == 1000
    with pytest.raises(FileError, match="truncated: it ends within its data"):
        first_with(spectrum, lambda head: head.get("EXTNAME") == "GTI")


def test_no_header_is_accepted(spectrum: Path) -> None:
    assert first_with(spectrum, lambda head: False) is None


def test_missing_padding_at_the_end_is_accepted(spectrum: Path) -> None:
    spectrum.write_bytes(PRIMARY + table("SPECTRUM", 10)[: 2880 + 40])
    assert len(read_headers(spectrum)) == 2


def test_what_follows_the_last_extension_is_ignored(spectrum: Path) -> None:
    spectrum.write_bytes(spectrum.read_bytes() + bytes(5000))
    assert len(read_headers(spectrum)) == 3


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is not a FITS file"),
        (b"hello", "is not a FITS file"),
        (PRIMARY[:2000], "ends within a header"),
        (header("SIMPLE  =                    T", end=False), "ends within a header"),
        (header("SIMPLE  =                    T", "BITPIX  =                    8"), "whose NAXIS is None"),
        (header("SIMPLE  =                    T", "NAXIS   =                   -1"), "whose NAXIS is -1"),
        (gzip.compress(PRIMARY)[:-9], "gzipped and damaged"),
        (gzip.compress(PRIMARY)[:30] + b"\x00" * 20, "gzipped and damaged"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "x.pha"
    path.write_bytes(content)
    with pytest.raises(FileError, match=what) as caught:
        read_headers(path)
    assert caught.value.file == str(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        read_headers(tmp_path / "x.pha")
    with pytest.raises(FileError, match="directory"):
        read_headers(tmp_path)


def test_values_of_cards() -> None:
    cards = (
        "TEXT    = 'O''Hara  '          / a comment",
        "SLASH   = 'a/b'                / c",
        "EMPTY   = ''",
        "INT     =                  -12 / n",
        "REAL    =              1.5E-03 /",
        "DOUBLE  =              1.5D+03",
        "TRUE    =                    T",
        "NONE    =                      / nothing",
        "COMPLEX = (1.0, 2.0)",
        "COMMENT = 'not a value'",
        "HISTORY x = 3",
        "INT     =                   99",
        "BARE",
        "HIERARCH ESO INS = 'x'         / long name",
        "OPEN    = 'never closed",
    )
    assert parse_cards(cards) == {
        "TEXT": "O'Hara",
        "SLASH": "a/b",
        "EMPTY": "",
        "INT": -12,
        "REAL": 0.0015,
        "DOUBLE": 1500.0,
        "TRUE": True,
        "NONE": None,
        "COMPLEX": "(1.0, 2.0)",
        "ESO INS": "x",
        "OPEN": "never closed",
    }


def test_long_strings_are_continued() -> None:
    cards = ("LONG    = 'one &'", "CONTINUE  'two&'  / comment", "CONTINUE  ' three'", "AND     = 'a&'", "B       = 1")
    assert parse_cards(cards) == {"LONG": "one two three", "AND": "a&", "B": 1}


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_any_text_comes_back(text: str) -> None:
    quoted = text.replace("'", "''")
    assert parse_cards((f"KEY     = '{quoted}' / 'x'",)) == {"KEY": text.rstrip()}


def test_data_size_of_random_groups() -> None:
    groups = {
        "BITPIX": -32,
        "NAXIS": 3,
        "NAXIS1": 0,
        "NAXIS2": 4,
        "NAXIS3": 5,
        "GROUPS": True,
        "PCOUNT": 6,
        "GCOUNT": 7,
    }
    assert data_size(groups, "x") == 4 * 7 * (6 + 20)


def test_finds_files_as_cfitsio_does(tmp_path: Path) -> None:
    (tmp_path / "a.rmf.gz").touch()
    (tmp_path / "b.rmf").touch()
    assert find_file(tmp_path / "a.rmf") == tmp_path / "a.rmf.gz"
    assert find_file(tmp_path / "a.rmf.gz") == tmp_path / "a.rmf.gz"
    assert find_file(tmp_path / "b.rmf.gz") == tmp_path / "b.rmf"
    assert find_file(tmp_path / "c.rmf") is None
    assert find_file(tmp_path) is None
    (tmp_path / "a.rmf").touch()
    assert find_file(tmp_path / "a.rmf") == tmp_path / "a.rmf"


@pytest.mark.real_data
def test_agrees_with_astropy_on_real_files(real_data: Path) -> None:
    from astropy.io import fits

    for name in ("exosat/s54405.pha", "exosat/s54405.rsp"):
        path = find_file(real_data / name)
        assert path is not None
        with fits.open(path) as hdus:
            for ours, theirs in zip(read_headers(path), hdus, strict=True):
                assert ours == {key: theirs.header[key] for key in ours}

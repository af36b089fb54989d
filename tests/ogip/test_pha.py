"""Tests of reading and writing spectra."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.ogip.conftest import Observed, edit, set_cards, set_columns
from xbatch.base.errors import FileError
from xbatch.ogip.pha import Spectrum, read_pha, write_pha

Change = Callable[[Path], Any]


def _keep_start(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def _swap_channels(path: Path) -> None:
    channel = np.arange(512, dtype=np.int32)
    channel[[3, 4]] = channel[[4, 3]]
    set_columns(path, CHANNEL=channel)


def _repeat_channel(path: Path) -> None:
    channel = np.arange(512, dtype=np.int32)
    channel[4] = 3
    set_columns(path, CHANNEL=channel)


def _not_finite(path: Path) -> None:
    counts = np.ones(512)
    counts[5] = np.nan
    set_columns(path, COUNTS=counts)


SPOILT: dict[str, tuple[Change, str]] = {
    "empty file": (lambda p: p.write_bytes(b""), "is empty"),
    "not FITS": (lambda p: p.write_text("CHANNEL COUNTS\n1 2\n" * 400), "not a FITS file"),
    "cut in the header": (lambda p: _keep_start(p, 4000), "truncated"),
    "cut in the data": (lambda p: _keep_start(p, 9000), "truncated"),
    "primary only": (lambda p: _keep_start(p, 2880), "no SPECTRUM extension"),
    "another extension": (
        lambda p: set_cards(p, EXTNAME="EVENTS", HDUCLAS1="EVENTS"),
        r"no SPECTRUM extension \(it has EVENTS\)",
    ),
    "no channels": (lambda p: set_columns(p, CHANNEL=None), "no column CHANNEL"),
    "no counts": (lambda p: set_columns(p, COUNTS=None), "neither COUNTS nor RATE"),
    "no rows": (
        lambda p: set_columns(p, CHANNEL=np.zeros(0, np.int32), COUNTS=np.zeros(0, np.int32)),
        "no rows",
    ),
    "NaN": (_not_finite, r"COUNTS of SPECTRUM is not finite \(first in row 6\)"),
    "text for counts": (
        lambda p: edit(
            p,
            lambda h: h.__setitem__(
                1,
                fits.BinTableHDU.from_columns(
                    [h[1].columns["CHANNEL"], fits.Column("COUNTS", "3A", array=["a"] * 512)], name="SPECTRUM"
                ),
            ),
        ),
        "holds no numbers|type II",
    ),
    "no exposure": (lambda p: set_cards(p, EXPOSURE=None), "no EXPOSURE"),
    "exposure 0": (lambda p: set_cards(p, EXPOSURE=0.0), "EXPOSURE 0"),
    "negative exposure": (lambda p: set_cards(p, EXPOSURE=-5.0), "EXPOSURE -5"),
    "channels swapped": (_swap_channels, r"row 5 \(3\) falls below row 4 \(4\)"),
    "channel repeated": (_repeat_channel, r"row 5 \(3\) repeats row 4 \(3\)"),
    "negative channel": (
        lambda p: set_columns(p, CHANNEL=np.arange(-1, 511, dtype=np.int32)),
        "negative channel",
    ),
    "too many channels": (lambda p: set_cards(p, DETCHANS=100), "DETCHANS is 100"),
    "channel type": (lambda p: set_cards(p, CHANTYPE="ENERGY"), "CHANTYPE ENERGY"),
    "negative counts": (lambda p: set_columns(p, COUNTS=np.full(512, -1)), "negative counts"),
    "negative errors": (lambda p: set_columns(p, STAT_ERR=np.full(512, -1.0)), "negative errors"),
    "grouping": (lambda p: set_columns(p, GROUPING=np.full(512, 2, np.int16)), "GROUPING 2 in row 1"),
    "BACKSCAL": (lambda p: set_cards(p, BACKSCAL=-0.1), "BACKSCAL -0.1"),
    "type II": (lambda p: set_columns(p, COUNTS=np.ones((512, 4), np.int32)), "type II.*dmtype2split"),
    "type II by class": (lambda p: set_cards(p, HDUCLAS4="TYPE:II"), "type II"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_file_is_one_clear_error(name: str, observed: Observed) -> None:
    spoil, message = SPOILT[name]
    spoil(observed.pha)
    with pytest.raises(FileError, match=message) as caught:
        read_pha(observed.pha)
    assert caught.value.file == str(observed.pha)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_opened(tmp_path: Path, observed: Observed) -> None:
    with pytest.raises(FileError, match="is not there"):
        read_pha(tmp_path / "absent.pha")
    with pytest.raises(FileError, match="is a folder"):
        read_pha(tmp_path)


def test_a_file_without_permission(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileError, match="cannot be read: Permission denied"):
        read_pha(observed.pha)


def test_a_damaged_gzipped_file(tmp_path: Path, observed: Observed) -> None:
    whole = gzip.compress(observed.pha.read_bytes(), mtime=0)
    for number, raw in enumerate((whole[: len(whole) // 2], whole[:200] + b"\0" * 40 + whole[240:])):
        path = tmp_path / f"{number}.pha.gz"
        path.write_bytes(raw)
        with pytest.raises(FileError):
            read_pha(path)


def test_gzipped_beside_is_found_as_cfitsio_does(tmp_path: Path, observed: Observed) -> None:
    packed = tmp_path / "packed.pha.gz"
    packed.write_bytes(gzip.compress(observed.pha.read_bytes()))
    spectrum = read_pha(tmp_path / "packed.pha")
    assert spectrum.path == str(packed)
    assert np.array_equal(spectrum.counts, read_pha(observed.pha).counts)


def test_a_spectrum_as_nuproducts_writes_it(observed: Observed) -> None:
    spectrum = read_pha(observed.pha)
    assert spectrum.notes == ()
    assert spectrum.poisson and not spectrum.is_rate and spectrum.stat_err is None
    assert (spectrum.first_channel, spectrum.detchans) == (0, 512)
    assert np.all(spectrum.grouping == 1) and np.all(spectrum.quality == 0) and np.all(spectrum.sys_err == 0)
    assert np.all(spectrum.backscal == 0.0035) and spectrum.exposure == 20_000.0
    assert spectrum.header["INSTRUME"] == "FPMA"
    assert spectrum.header["BACKFILE"] == observed.background.name


def test_odd_but_legal_goes_through_with_a_note(observed: Observed) -> None:
    set_cards(observed.pha, BACKSCAL=None, POISSERR=None, DETCHANS=None, CHANTYPE=None, TLMIN1=None, QUALITY=2)
    spectrum = read_pha(observed.pha)
    assert spectrum.poisson and np.all(spectrum.quality == 2) and np.all(spectrum.backscal == 1)
    assert (spectrum.first_channel, spectrum.detchans) == (0, 512)
    for card in ("BACKSCAL", "POISSERR", "DETCHANS", "CHANTYPE"):
        assert any(card in note for note in spectrum.notes)


def test_exposure_of_the_primary_header(observed: Observed) -> None:
    def move(hdus: fits.HDUList) -> None:
        hdus[0].header["EXPOSURE"] = hdus[1].header.pop("EXPOSURE")

    edit(observed.pha, move)
    spectrum = read_pha(observed.pha)
    assert spectrum.exposure == 20_000.0 and any("primary" in note for note in spectrum.notes)


def test_rates_and_columns_in_place_of_keywords(observed: Observed) -> None:
    n = 512
    rate = np.linspace(-0.1, 1, n).astype(np.float32)
    set_cards(observed.pha, POISSERR=False, AREASCAL=None, SYS_ERR=None, GROUPING=None)
    set_columns(
        observed.pha,
        COUNTS=None,
        RATE=rate,
        STAT_ERR=np.full(n, 0.25, np.float32),
        AREASCAL=np.linspace(0, 2, n),
        SYS_ERR=np.full(n, 0.01),
        GROUPING=np.tile(np.array([1, -1], np.int16), n // 2),
    )
    spectrum = read_pha(observed.pha)
    assert spectrum.is_rate and not spectrum.poisson
    assert np.array_equal(spectrum.counts, rate.astype(float) * 20_000)
    assert spectrum.stat_err is not None and np.all(spectrum.stat_err == 5000)
    assert spectrum.areascal[-1] == 2 and spectrum.sys_err[0] == 0.01 and spectrum.grouping[1] == -1


def test_part_of_the_channels(observed: Observed) -> None:
    set_columns(observed.pha, CHANNEL=np.arange(4, 101, dtype=np.int16), COUNTS=np.ones(97, np.int16))
    spectrum = read_pha(observed.pha)
    assert (spectrum.channel[0], spectrum.channel[-1], spectrum.first_channel, spectrum.detchans) == (4, 100, 0, 512)


def test_a_named_extension_goes_before_one_by_class(observed: Observed) -> None:
    def add(hdus: fits.HDUList) -> None:
        extra = fits.BinTableHDU.from_columns([fits.Column("X", "J", array=[1])], name="DETECTOR")
        extra.header["HDUCLAS1"] = "SPECTRUM"
        hdus.insert(1, extra)

    edit(observed.pha, add)
    assert read_pha(observed.pha).notes == ()


def test_unsigned_counts_are_read_through_tzero(observed: Observed) -> None:
    def change(hdus: fits.HDUList) -> None:
        counts = fits.Column("COUNTS", "I", bzero=32768, array=np.full(512, 40_000, np.uint16))
        hdus[1] = fits.BinTableHDU.from_columns([hdus[1].columns["CHANNEL"], counts], header=hdus[1].header.copy(True))

    edit(observed.pha, change)
    assert np.all(read_pha(observed.pha).counts == 40_000)


def test_written_bytes_never_vary_and_hold_every_digit(tmp_path: Path, observed: Observed) -> None:
    spectrum = replace(read_pha(observed.pha), exposure=36037.62277030166, backscal=np.full(512, 0.00346390427866689))
    first, second = tmp_path / "a.pha", tmp_path / "b.pha"
    write_pha(first, spectrum)
    write_pha(second, read_pha(first))
    assert first.read_bytes() == second.read_bytes()
    with fits.open(first) as hdus:
        hdus.verify("exception")
        assert hdus["SPECTRUM"].header["EXPOSURE"] == 36037.62277030166
        assert hdus["SPECTRUM"].header["BACKSCAL"] == 0.00346390427866689
        assert "DATE" not in hdus["SPECTRUM"].header and "CHECKSUM" not in hdus["SPECTRUM"].header
        assert np.array_equal(hdus["SPECTRUM"].data["COUNTS"], spectrum.counts)


def test_sherpa_reads_what_is_written(tmp_path: Path, observed: Observed) -> None:
    pytest.importorskip("sherpa")
    from sherpa.astro.io import read_pha as sherpa_read

    spectrum = replace(read_pha(observed.pha), grouping=np.tile(np.array([1, -1], np.int16), 256))
    shutil.copy(observed.background, tmp_path / "background.pha")
    path = tmp_path / "spectrum.pha"
    write_pha(path, spectrum, {"BACKFILE": "background.pha", "RESPFILE": "none", "ANCRFILE": "none"})
    data = sherpa_read(str(path))
    assert np.array_equal(data.counts, spectrum.counts) and np.array_equal(data.grouping, spectrum.grouping)
    assert data.exposure == spectrum.exposure and data.backscal == spectrum.backscal[0]
    assert data.get_background().backscal == 0.014


def test_added_cards_take_the_place_of_the_spectrums(tmp_path: Path, observed: Observed) -> None:
    path = tmp_path / "x.pha"
    long = "a very long name with 'quotes' that needs more than one card " * 3 + ".pha"
    write_pha(path, read_pha(observed.pha), {"BACKFILE": long, "RESPFILE": "none", "OBJECT": "O'Neill\u2019s star"})
    header = read_pha(path).header
    assert header["BACKFILE"] == long and header["RESPFILE"] == "none" and header["OBJECT"] == "O'Neill?s star"
    with fits.open(path) as hdus:
        assert hdus[1].header["BACKFILE"] == long


_COUNTS = hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(0, 2**31 - 1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    counts=_COUNTS,
    exposure=st.floats(1e-3, 1e9),
    backscal=st.floats(1e-12, 1e9),
    first=st.sampled_from([0, 1, 4]),
    fractional=st.booleans(),
)
def test_what_is_written_is_read_again(
    tmp_path: Path, counts: Any, exposure: float, backscal: float, first: int, fractional: bool
) -> None:
    n = counts.size
    spectrum = Spectrum(
        path="",
        channel=np.arange(first, first + n),
        counts=counts / 3 if fractional else counts,
        stat_err=np.sqrt(counts) if fractional else None,
        sys_err=np.where(np.arange(n) % 2, 0.01, 0.0),
        quality=(np.arange(n) % 3).astype(np.int16),
        grouping=np.where(np.arange(n) % 2, -1, 1).astype(np.int16),
        backscal=np.full(n, backscal),
        areascal=np.linspace(1, 2, n),
        exposure=exposure,
        poisson=not fractional,
        is_rate=False,
        detchans=first + n,
        first_channel=min(first, 1),
        header={"TELESCOP": "NuSTAR", "TSTART": 1.5e-7, "MJDREFI": 55197},
    )
    path = tmp_path / "again.pha"
    write_pha(path, spectrum)
    again = read_pha(path)
    for name in ("channel", "counts", "sys_err", "quality", "grouping", "backscal", "areascal"):
        assert np.array_equal(getattr(again, name), getattr(spectrum, name)), name
    assert (again.stat_err is None) == (spectrum.stat_err is None)
    assert (again.exposure, again.poisson, again.detchans) == (exposure, spectrum.poisson, spectrum.detchans)
    assert again.header["TSTART"] == 1.5e-7 and again.header["MJDREFI"] == 55197


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150
)
@given(data=st.data())
def test_no_damage_is_worse_than_a_file_error(tmp_path: Path, observed: Observed, data: st.DataObject) -> None:
    raw = bytearray(observed.pha.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255) | st.sampled_from(list(b"0123456789 'TFE.-")))
    raw = raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))]
    path = tmp_path / "damaged.pha"
    path.write_bytes(raw)
    try:
        spectrum = read_pha(path)
    except FileError:
        return
    assert spectrum.channel.size == spectrum.counts.size == spectrum.quality.size

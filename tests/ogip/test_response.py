"""Tests of reading, keeping and matching responses."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ogip.conftest import Observed, edit, set_cards, set_columns
from xbatch.base.errors import FileError
from xbatch.ogip.matrix import find_runs
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import (
    Response,
    check_channels,
    load_response,
    read_response,
    save_response,
)
from xbatch.ogip.responsewriter import write_arf, write_rmf
from xbatch.simulator.instrument import make_response
from xbatch.simulator.small import small_config


def dense(response: Response) -> np.ndarray[Any, Any]:
    """Give the matrix in full, shape (energies, channels)."""
    full = np.zeros((response.energ_lo.size, response.channel.size))
    row = np.repeat(np.arange(response.energ_lo.size), np.diff(response.indptr))
    np.add.at(full, (row, response.indices), response.matrix)
    return full


def assert_sound(response: Response) -> None:
    """Check what must hold of every response."""
    assert response.indptr[0] == 0 and response.indptr[-1] == response.matrix.size == response.indices.size
    assert response.length.sum() == response.matrix.size and np.all(response.length > 0)
    assert np.all(np.diff(response.indptr) >= 0)
    row = np.repeat(np.arange(response.energ_lo.size), np.diff(response.indptr))
    key = row * response.channel.size + response.indices
    assert np.all(np.diff(key) > 0)
    assert response.energ_lo[0] > 0 and np.all(response.energ_lo < response.energ_hi)


def table(tmp_path: Path, rows: list[tuple[float, float, list[tuple[int, list[float]]]]], **changes: Any) -> Path:
    """Write an RMF by astropy, with F_CHAN, N_CHAN and MATRIX in the form asked for."""
    form = changes.get("form", "variable")
    first = [[group[0] for group in row[2]] for row in rows]
    length = [[len(group[1]) for group in row[2]] for row in rows]
    values = [[value for group in row[2] for value in group[1]] for row in rows]
    most = max(map(len, first))

    def column(name: str, cells: list[list[Any]], code: str, dtype: type) -> fits.Column:
        if form == "variable":
            array = np.empty(len(cells), dtype=object)
            array[:] = [np.array(cell, dtype) for cell in cells]
            return fits.Column(name, f"P{code}({max(map(len, cells))})", array=array)
        width = max(map(len, cells))
        padded = np.array([cell + [0] * (width - len(cell)) for cell in cells], dtype)
        return fits.Column(name, f"{width}{code}", array=padded if width > 1 else padded[:, 0])

    n = changes.get("channels", 6)
    lowest = changes.get("lowest", 0)
    matrix = fits.BinTableHDU.from_columns(
        [
            fits.Column("ENERG_LO", "E", array=[row[0] for row in rows]),
            fits.Column("ENERG_HI", "E", array=[row[1] for row in rows]),
            fits.Column("N_GRP", "I", array=[len(row[2]) for row in rows]),
            column("F_CHAN", first, "I", np.int16),
            column("N_CHAN", length, "I", np.int16),
            column("MATRIX", values, "E", np.float32),
        ],
        name=changes.get("name", "MATRIX"),
    )
    if changes.get("tlmin", True):
        matrix.header["TLMIN4"] = lowest
    bounds = fits.BinTableHDU.from_columns(
        [
            fits.Column("CHANNEL", "I", array=np.arange(lowest, lowest + n)),
            fits.Column("E_MIN", "E", array=np.arange(n, dtype=float)),
            fits.Column("E_MAX", "E", array=np.arange(n, dtype=float) + 1),
        ],
        name="EBOUNDS",
    )
    path = tmp_path / f"{form}-{most}.rmf"
    fits.HDUList([fits.PrimaryHDU(), bounds, matrix]).writeto(path, overwrite=True)
    return path


ROWS = [
    (1.0, 2.0, [(0, [0.5, 0.25]), (4, [0.125])]),
    (2.0, 3.0, []),
    (3.0, 4.0, [(1, [0.0, 0.5, 0.0]), (5, [0.5])]),
    (4.0, 5.0, [(2, [1.0])]),
]
FULL = np.array(
    [[0.5, 0.25, 0, 0, 0.125, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0.5, 0, 0, 0.5], [0, 0, 1, 0, 0, 0]], dtype=float
)


@pytest.mark.parametrize("form", ["variable", "fixed"])
@pytest.mark.parametrize("name", ["MATRIX", "SPECRESP MATRIX"])
def test_groups_in_columns_of_each_form(tmp_path: Path, form: str, name: str) -> None:
    response = read_response(table(tmp_path, ROWS, form=form, name=name), None)
    assert_sound(response)
    assert np.array_equal(dense(response), FULL)
    assert response.matrix.dtype == np.float32 and np.all(response.specresp == 1) and not response.has_arf


def test_scalar_columns_where_there_is_one_group_at_most(tmp_path: Path) -> None:
    rows = [(1.0, 2.0, [(0, [1.0])]), (2.0, 3.0, [(3, [0.5])])]
    response = read_response(table(tmp_path, rows, form="fixed"), None)
    assert np.array_equal(response.indices, [0, 3]) and np.array_equal(response.matrix, [1.0, 0.5])


def test_channels_from_one_and_no_tlmin(tmp_path: Path) -> None:
    from_one = [(low, high, [(first + 1, values) for first, values in groups]) for low, high, groups in ROWS]
    for tlmin in (True, False):
        response = read_response(table(tmp_path, from_one, lowest=1, tlmin=tlmin), None)
        assert np.array_equal(dense(response), FULL)
        assert any("no TLMIN for F_CHAN: 1" in note for note in response.notes) == (not tlmin)
    without = read_response(table(tmp_path, ROWS, tlmin=False), None)
    assert np.array_equal(dense(without), FULL)
    assert any("no TLMIN for F_CHAN: 0" in note for note in without.notes)


def test_groups_out_of_order_and_overlapping_are_put_in_order_and_added(tmp_path: Path) -> None:
    rows = [(1.0, 2.0, [(4, [0.5, 0.25]), (0, [1.0]), (5, [0.5])]), (2.0, 3.0, [(0, [1.0])])]
    response = read_response(table(tmp_path, rows), None)
    assert_sound(response)
    assert np.array_equal(dense(response)[0], [1, 0, 0, 0, 0.5, 0.75])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=40
)
@given(data=st.data())
def test_long_groups_lose_the_zeros_at_their_ends_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    channels = data.draw(st.integers(60, 150))
    full = np.zeros((data.draw(st.integers(1, 5)), channels), np.float32)
    for row in full:
        start, stop = sorted(data.draw(st.tuples(st.integers(0, channels), st.integers(0, channels))))
        row[start:stop] = data.draw(
            st.lists(st.sampled_from([0.0, 0.25]), min_size=stop - start, max_size=stop - start)
        )
    rows = [(1.0 + n, 2.0 + n, [(0, row.tolist())]) for n, row in enumerate(full)]
    form = data.draw(st.sampled_from(["variable", "fixed"]))
    response = read_response(table(tmp_path, rows, form=form, channels=channels), None)
    assert_sound(response)
    assert np.array_equal(dense(response), full)
    if channels >= 64:
        some = np.diff(response.indptr) > 0
        assert np.all(response.matrix[response.indptr[:-1][some]] != 0)
        assert np.all(response.matrix[response.indptr[1:][some] - 1] != 0)


def test_data_of_a_plain_file_are_mapped_and_those_of_a_gzipped_one_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    full = rng.uniform(0.1, 1, (600, 600)).astype(np.float32) * np.tri(600, dtype=np.float32)
    rows = [(1.0 + n, 2.0 + n, [(0, row.tolist())]) for n, row in enumerate(full)]
    path = table(tmp_path, rows, channels=600)
    plain = read_response(path, None)
    assert np.array_equal(dense(plain), full) and plain.matrix.size == np.count_nonzero(full)
    packed = tmp_path / "packed.rmf"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    assert np.array_equal(read_response(packed, None).matrix, plain.matrix)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) - 500_000])
    with pytest.raises(FileError, match="truncated"):
        read_response(path, None)


def test_an_interleaved_heap(tmp_path: Path) -> None:
    path = table(tmp_path, ROWS)
    raw = path.read_bytes()
    with fits.open(path) as hdus:
        info = hdus["MATRIX"].fileinfo()
        header = hdus["MATRIX"].header
        width, rows, heap = header["NAXIS1"], header["NAXIS2"], header["PCOUNT"]
    # The arrays of each row one after another, at offsets that are no multiples of four bytes.
    start = info["datLoc"]
    table_bytes = np.frombuffer(raw[start : start + width * rows], np.uint8).reshape(rows, width).copy()
    old = raw[start + width * rows : start + width * rows + heap]
    new = b"\0\0"
    for row in table_bytes:
        for place, size in ((10, 2), (18, 2), (26, 4)):
            count, offset = np.frombuffer(row[place : place + 8].tobytes(), ">i4")
            row[place + 4 : place + 8] = np.frombuffer(np.array([len(new)], ">i4").tobytes(), np.uint8)
            new += old[offset : offset + count * size]
    data = table_bytes.tobytes() + new
    data += bytes(-len(data) % 2880)
    text = raw[:start].replace(f"PCOUNT  = {heap:>20}".encode(), f"PCOUNT  = {len(new):>20}".encode())
    path.write_bytes(text + data)
    assert np.array_equal(dense(read_response(path, None)), FULL)


def test_a_first_row_upside_down_and_energies_from_zero(tmp_path: Path) -> None:
    rows = [(0.5, 0.1, []), (0.0, 1.0, [(0, [1.0])]), (1.0, 2.0, [(1, [1.0])])]
    path = table(tmp_path, rows)
    response = read_response(path, None)
    assert_sound(response)
    assert response.energ_lo.tolist() == [0.001, 1.0] and np.array_equal(response.indices, [0, 1])
    assert any("ENERG_LO above ENERG_HI" in note for note in response.notes)
    assert any("0 keV" in note for note in response.notes)


def test_energies_that_descend_are_turned_round(tmp_path: Path) -> None:
    response = read_response(table(tmp_path, ROWS[::-1]), None)
    assert np.array_equal(dense(response), FULL) and response.energ_lo.tolist() == [1, 2, 3, 4]


def test_the_simulated_pair_is_what_was_simulated(observed: Observed) -> None:
    response = read_response(observed.rmf, observed.arf)
    true = make_response(small_config().detector)
    assert_sound(response)
    assert response.notes == () and response.has_arf
    for name in ("energ_lo", "energ_hi", "indptr", "indices", "matrix", "specresp", "channel", "e_min", "e_max"):
        assert np.array_equal(getattr(response, name), getattr(true, name)), name
    assert np.allclose(dense(response).sum(axis=1), 1, atol=1e-6)


def test_area_counted_twice_or_not_at_all_is_noted(tmp_path: Path, observed: Observed) -> None:
    assert any("1 cm2" in note for note in read_response(observed.rmf, None).notes)
    true = make_response(small_config().detector)
    row = np.repeat(np.arange(512), np.diff(true.indptr))
    full = replace(true, matrix=true.matrix * true.specresp[row])
    path = tmp_path / "full.rsp"
    write_rmf(path, full, {"TELESCOP": "NuSTAR"})
    assert any("as if an area were in it" in note for note in read_response(path, observed.arf).notes)
    assert read_response(path, None).notes == ()


SPOILT: dict[str, tuple[Callable[[Observed], Any], str]] = {
    "a PHA for an RMF": (lambda o: o.rmf.write_bytes(o.pha.read_bytes()), r"no EBOUNDS extension \(it has SPECTRUM\)"),
    "an ARF for an RMF": (lambda o: o.rmf.write_bytes(o.arf.read_bytes()), r"no EBOUNDS.*it has SPECRESP"),
    "no EBOUNDS": (lambda o: edit(o.rmf, lambda h: h.pop()), "no EBOUNDS"),
    "no MATRIX": (lambda o: edit(o.rmf, lambda h: h.pop(1)), "no MATRIX"),
    "two of them": (lambda o: edit(o.rmf, lambda h: h.append(h[2].copy())), "has 2 EBOUNDS"),
    "an RMF for an ARF": (lambda o: o.arf.write_bytes(o.rmf.read_bytes()), "no SPECRESP extension"),
    "no column": (lambda o: set_columns(o.arf, SPECRESP=None), "no column SPECRESP"),
    "no E_MIN": (lambda o: set_columns(o.rmf, 2, E_MIN=None), "no column E_MIN"),
    "cut": (lambda o: o.rmf.write_bytes(o.rmf.read_bytes()[:20_000]), "truncated"),
    "area not finite": (lambda o: set_columns(o.arf, SPECRESP=np.full(512, np.nan)), "SPECRESP.*not finite"),
    "area negative": (lambda o: set_columns(o.arf, SPECRESP=np.full(512, -1.0)), "negative values of SPECRESP"),
    "type II area": (lambda o: set_columns(o.arf, SPECRESP=np.ones((512, 3))), "type II ARF"),
    "fewer energies": (
        lambda o: set_columns(o.arf, SPECRESP=np.ones(3), ENERG_LO=np.arange(1.0, 4), ENERG_HI=np.arange(2.0, 5)),
        "has 3 energy bins, but its RMF .*sr.rmf has 512",
    ),
    "other energies": (
        lambda o: set_columns(o.arf, ENERG_LO=np.arange(1.0, 513), ENERG_HI=np.arange(2.0, 514)),
        r"has energy bin 512 at 512-513 keV, but its RMF .*Make the ARF on the energy grid",
    ),
    "channels": (lambda o: set_cards(o.rmf, 1, TLMIN4=5), "reach outside the 512 channels.*TLMIN"),
    "EBOUNDS": (lambda o: set_columns(o.rmf, 2, CHANNEL=np.zeros(512, np.int32)), "EBOUNDS does not ascend"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_response_is_one_clear_error(name: str, observed: Observed) -> None:
    spoil, message = SPOILT[name]
    spoil(observed)
    with pytest.raises(FileError, match=message) as caught:
        read_response(observed.rmf, observed.arf)
    assert caught.value.cure and "\n" not in str(caught.value)


def test_an_arf_with_rounded_energies_is_taken_bin_by_bin(observed: Observed) -> None:
    exact = read_response(observed.rmf, observed.arf)
    sides = {"ENERG_LO": exact.energ_lo, "ENERG_HI": exact.energ_hi}
    rounded = {name: np.array([float(f"{energy:.3g}") for energy in side]) for name, side in sides.items()}
    assert np.max(np.abs(rounded["ENERG_LO"] / exact.energ_lo - 1)) > 1e-4
    set_columns(observed.arf, **rounded)
    found = read_response(observed.rmf, observed.arf)
    assert np.array_equal(found.specresp, exact.specresp)
    assert np.array_equal(found.energ_lo, exact.energ_lo)
    assert any("has its energies to 3 figures" in note for note in found.notes)
    rounded["ENERG_LO"][300] *= 1.01
    set_columns(observed.arf, **rounded)
    with pytest.raises(FileError, match="but its RMF"):
        read_response(observed.rmf, observed.arf)


def test_rows_that_cannot_be(tmp_path: Path) -> None:
    gap = [(1.0, 2.0, [(0, [1.0])]), (2.5, 3.0, [(0, [1.0])])]
    with pytest.raises(FileError, match=r"no grid of adjoining energy bins.*row 2"):
        read_response(table(tmp_path, gap), None)
    bad = [(1.0, 2.0, [(0, [1.0, float("inf")])]), (2.0, 3.0, [])]
    with pytest.raises(FileError, match="not finite"):
        read_response(table(tmp_path, bad), None)
    path = table(tmp_path, ROWS, form="fixed")
    set_columns(path, 2, N_GRP=np.array([2, 0, 3, 1], np.int16))
    with pytest.raises(FileError, match="row 3 has 2 elements of F_CHAN where 3 are needed"):
        read_response(path, None)


def test_channels_of_spectrum_and_response(observed: Observed) -> None:
    spectrum, response = read_pha(observed.pha), read_response(observed.rmf, observed.arf)
    check_channels(spectrum, response, "a.pha", "b.rmf")
    part = replace(spectrum, channel=spectrum.channel[4:100], counts=spectrum.counts[4:100])
    check_channels(part, response, "a.pha", "b.rmf")
    with pytest.raises(FileError, match=r"a.pha: has DETCHANS 1024, but its response b.rmf has 512"):
        check_channels(replace(spectrum, detchans=1024), response, "a.pha", "b.rmf")
    with pytest.raises(FileError, match=r"channels 1 to 512, but its response b.rmf has 0 to 511.*TLMIN"):
        check_channels(replace(spectrum, channel=spectrum.channel + 1), response, "a.pha", "b.rmf")


def test_a_kept_response_comes_back_and_its_bytes_never_vary(tmp_path: Path, observed: Observed) -> None:
    response = replace(read_response(observed.rmf, observed.arf), notes=("a", "b"))
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    save_response(first, response)
    again = load_response(first)
    save_response(second, again)
    assert first.read_bytes() == second.read_bytes()
    for name in Response.__dataclass_fields__:
        assert np.array_equal(getattr(again, name), getattr(response, name)), name
    assert again.matrix.dtype == np.float32 and again.indices.dtype == again.length.dtype == np.int32


def test_a_kept_response_that_is_none(tmp_path: Path, observed: Observed) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(FileError):
        load_response(path)
    save_response(path, read_response(observed.rmf, None))
    raw = path.read_bytes()
    for damaged in (b"", raw[: len(raw) // 2], b"PK" + raw[:100]):
        path.write_bytes(damaged)
        with pytest.raises(FileError, match="not a response"):
            load_response(path)


def test_sherpa_reads_the_files_that_are_written(observed: Observed) -> None:
    pytest.importorskip("sherpa")
    from sherpa.astro.io import read_arf, read_rmf

    response = read_response(observed.rmf, observed.arf)
    arf, rmf = read_arf(str(observed.arf)), read_rmf(str(observed.rmf))
    assert np.array_equal(arf.specresp, response.specresp)
    weight = np.random.default_rng(1).uniform(size=512)
    assert np.allclose(rmf.apply_rmf(weight), weight @ dense(response), rtol=1e-12, atol=0)


def test_gzipped_beside(tmp_path: Path, observed: Observed) -> None:
    (tmp_path / "x.rmf.gz").write_bytes(gzip.compress(observed.rmf.read_bytes()))
    assert read_response(tmp_path / "x.rmf", None).matrix.size == read_response(observed.rmf, None).matrix.size


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    rows=st.lists(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=0, max_size=3), min_size=1, max_size=8
    )
)
def test_what_is_written_is_read_again(tmp_path: Path, rows: list[list[tuple[int, int]]]) -> None:
    full = np.zeros((len(rows), 7))
    for row, cells in zip(full, rows, strict=True):
        for channel, value in cells:
            row[channel] = value
    row, column = np.nonzero(full)
    indptr = np.concatenate([[0], np.cumsum((full != 0).sum(axis=1))])
    energy = np.arange(1.0, len(rows) + 2)
    response = Response(
        energy[:-1],
        energy[1:],
        indptr,
        *find_runs(indptr, column),
        full[row, column],
        np.ones(len(rows)),
        np.arange(1, 8),
        np.arange(7.0),
        np.arange(7.0) + 1,
        False,
        (),
    )
    rmf, arf = tmp_path / "x.rmf", tmp_path / "x.arf"
    write_rmf(rmf, response, {})
    write_arf(arf, response, {})
    again = read_response(rmf, arf)
    assert_sound(again)
    assert np.array_equal(dense(again), full)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150
)
@given(data=st.data())
def test_no_damage_is_worse_than_a_file_error(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(table(tmp_path, ROWS, form=data.draw(st.sampled_from(["variable", "fixed"]))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255) | st.sampled_from(list(b"0123456789 'TFEIJPQ.-")))
    path = tmp_path / "damaged.rmf"
    path.write_bytes(raw)
    try:
        response = read_response(path, None)
    except FileError:
        return
    assert_sound(response)

"""Tests of the task that extracts spectra: the counts and the files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import GTIS, T0, nustar_file, write_gtis, write_housekeeping
from tests.tasks.extract_bench import (
    MOS_REGIONS,
    NUSTAR_REGIONS,
    SPECTRA,
    Bench,
    circle,
    disc,
    entry_of,
    mos_bench,
)
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.pha import read_pha
from xbatch.ogip.times import observation_mjd
from xbatch.registry import Job
from xbatch.tasks.spectrum import run as read_spectrum


@pytest.fixture
def nustar(tmp_path: Path) -> Bench:
    return Bench(tmp_path, nustar_file(5000))


@pytest.fixture
def mos(tmp_path: Path) -> Bench:
    return mos_bench(tmp_path)


def test_spectra_of_all_regions_in_one_pass(nustar: Bench) -> None:
    spectra = [*SPECTRA, {"name": "a/b c", "region": "small", "background": ""}]
    outcome, out = nustar.extract(NUSTAR_REGIONS, spectra)
    names = ["a_b_c.pha", "agn.bak.pha", "agn.pha", "extract.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    pi = nustar.table.columns["pi"]
    for file, where in (
        ("agn.pha", (450, 520, 300)),
        ("agn.bak.pha", (700, 600, 250)),
        ("a_b_c.pha", (500, 500, 200.5)),
    ):
        found = read_pha(out / file)
        assert np.array_equal(found.counts, np.bincount(pi[nustar.held(*where)], minlength=4096))
        assert (found.detchans, found.first_channel, found.poisson, found.notes) == (4096, 0, True, ())
        assert found.exposure == pytest.approx(720) and np.all(found.areascal == 1)
    source = read_pha(out / "agn.pha")
    assert (source.header["BACKFILE"], read_pha(out / "agn.bak.pha").header["BACKFILE"]) == ("agn.bak.pha", "none")
    assert (source.header["HDUCLAS2"], read_pha(out / "agn.bak.pha").header["HDUCLAS2"]) == ("TOTAL", "BKG")
    facts = outcome.facts["spectra"]
    assert facts["agn"]["counts"] == source.counts.sum() and "background_counts" not in facts["a/b c"]
    assert facts["agn"]["background_counts"] == read_pha(out / "agn.bak.pha").counts.sum()
    assert outcome.notes == ("no housekeeping: the live time is the 800 s of the GTIs x 0.9, the header's DEADC",)


def test_the_header_says_what_it_is_of(nustar: Bench) -> None:
    _, out = nustar.extract(NUSTAR_REGIONS)
    with fits.open(out / "agn.pha") as file:
        file.verify("exception")
        assert [hdu.name for hdu in file] == ["PRIMARY", "SPECTRUM", "GTI", "REG00101"]
        header = file["SPECTRUM"].header
        expected = {
            "TELESCOP": "NuSTAR", "INSTRUME": "FPMA", "OBJECT": "Test source", "OBS_ID": "99900000001",
            "MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TIMESYS": "TT", "TSTART": T0, "TSTOP": T0 + 1000,
            "DATE-OBS": "2013-03-03T09:46:37", "EXPOSURE": 720, "ONTIME": 800, "LIVETIME": 720, "DEADC": 0.9,
            "AREASCAL": 1, "POISSERR": True, "DETCHANS": 4096, "TLMIN1": 0, "TLMAX1": 4095, "CHANTYPE": "PI",
            "SPECDELT": 1, "SPECVAL": 0, "DSREF1": ":REG00101", "RESPFILE": "none", "HDUCLAS1": "SPECTRUM",
            "FILTER": "NONE",
        }  # fmt: skip
        for card, value in expected.items():
            assert header[card] == pytest.approx(value) if isinstance(value, float) else header[card] == value, card
        gti = np.column_stack([file["GTI"].data["START"], file["GTI"].data["STOP"]])
        assert np.array_equal(gti, GTIS) and file["GTI"].header["MJDREFI"] == 55197
        shape = file["REG00101"].data[0]
        assert (shape["SHAPE"], shape["X"], shape["Y"], shape["R"], shape["COMPONENT"]) == ("CIRCLE", 450, 520, 300, 1)


def test_sherpa_reads_what_is_written(nustar: Bench) -> None:
    from sherpa.astro.io import read_pha as theirs

    _, out = nustar.extract(NUSTAR_REGIONS)
    data, own = theirs(str(out / "agn.pha")), read_pha(out / "agn.pha")
    assert np.array_equal(data.counts, own.counts) and np.array_equal(data.channel, own.channel)
    assert (data.exposure, data.backscal) == (own.exposure, own.backscal[0])
    background = data.get_background()
    assert background.counts.sum() == read_pha(out / "agn.bak.pha").counts.sum()


def test_equal_inputs_give_equal_bytes_whatever_the_chunks(nustar: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, one = nustar.extract(NUSTAR_REGIONS)
    chunks = EventTable.chunks
    monkeypatch.setattr(EventTable, "chunks", lambda self, names=None, rows=97: chunks(self, names, rows))
    _, two = nustar.extract(NUSTAR_REGIONS)
    # regions too large to be drawn together, and too large to be drawn at all
    for most in (1 << 17, 1):
        monkeypatch.setattr("xbatch.tasks._extract_counts._MOST_PIXELS", most)
        _, three = nustar.extract(NUSTAR_REGIONS)
        for path in one.iterdir():
            assert path.read_bytes() == (two / path.name).read_bytes() == (three / path.name).read_bytes()


def test_positions_may_be_fractions_of_pixels(tmp_path: Path) -> None:
    file = nustar_file(5000)
    file.nulls = {}
    rng = np.random.default_rng(4)
    for name in "XY":
        file.columns[name] = (file.columns[name] + rng.random(5000) - 0.5).astype(np.float32)
    bench = Bench(tmp_path, file)
    regions = {**NUSTAR_REGIONS, "rest": circle(500, 500, 100, include=False)}
    spectra = [*SPECTRA, {"name": "rest", "region": "rest", "background": "small"}]
    _, out = bench.extract(regions, spectra)
    pi = bench.table.columns["pi"]
    rest = np.bincount(pi[~bench.held(500, 500, 100)], minlength=4096)
    assert np.array_equal(read_pha(out / "rest.pha").counts, rest)
    for file_name, where in (("agn.pha", (450, 520, 300)), ("rest.bak.pha", (500, 500, 200.5))):
        expected = np.bincount(pi[bench.held(*where)], minlength=4096)
        assert np.array_equal(read_pha(out / file_name).counts, expected)
    assert entry_of(out, number=1)["pixels"] == 1_000_000 - disc(100)


def test_a_region_without_events_gives_zeros(tmp_path: Path) -> None:
    file = nustar_file()
    file.columns["X"] = np.clip(file.columns["X"], 300, 1000)
    outcome, out = Bench(tmp_path, file).extract({**NUSTAR_REGIONS, "bkg": circle(100, 100, 20)})
    assert not read_pha(out / "agn.bak.pha").counts.any() and read_pha(out / "agn.bak.pha").backscal[0] > 0
    assert "no event lies in the region 'bkg': the spectrum is all zeros" in outcome.notes


def test_the_time_of_an_observation_is_told_as_its_mission_has_it(nustar: Bench, tmp_path: Path) -> None:
    (tmp_path / "mos").mkdir()
    mos = mos_bench(tmp_path / "mos")
    gti = write_gtis(nustar.folder / "part.gti", [(T0 + 100, T0 + 200)])
    for bench, regions, days in (
        (nustar, NUSTAR_REGIONS, 55197 + 7.6601852e-4 + (T0 + 100) / 86400),
        (mos, MOS_REGIONS, 51971 + (9 * 3600 + 54 * 60 + 57) / 86400),  # between 09:46:37 and 10:03:17
    ):
        header = read_pha(bench.extract(regions, gti=gti)[1] / "agn.pha").header
        assert observation_mjd(header)[0] == pytest.approx(days, abs=1e-9)


OFF = circle(5000, 500, 20)


def test_a_region_that_selects_nothing_costs_its_own_spectra_only(nustar: Bench, tmp_path: Path) -> None:
    spectra = [*SPECTRA, {"name": "off", "region": "off", "background": "bkg"}, {**SPECTRA[0], "name": "b"}]
    spectra[2]["background"] = "off"
    outcome, out = nustar.extract({**NUSTAR_REGIONS, "off": OFF}, spectra)
    names = ["agn.bak.pha", "agn.pha", "b.fault.json", "extract.json", "off.fault.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    alone = nustar.extract(NUSTAR_REGIONS)[1]
    assert (out / "agn.pha").read_bytes() == (alone / "agn.pha").read_bytes()
    where = "X 1 to 1000, Y 1 to 1000): it lies at X 4980 to 5020, Y 480 to 520"
    what = f"the region 'off' selects no pixel of the field ({where}"
    assert outcome.facts["spectra"]["b"] == {"error": what} and outcome.facts["spectra"]["agn"]["counts"] > 0
    words = rf"^{re.escape(what)}\. Check its coordinates, their system and the units of its sizes$"
    for name in ("b", "off"):
        with pytest.raises(StepError, match=words):
            read_spectrum(Job("spectrum:x", {}, {"fault": out / f"{name}.fault.json"}, tmp_path))


def test_a_region_that_cannot_be_read_costs_its_own_spectra_only(nustar: Bench, tmp_path: Path) -> None:
    file = tmp_path / "b.reg"
    file.write_text("fk5\ncircle(321.9,56.9,\n")
    spectra = [*SPECTRA, {"name": "bad", "region": "bad"}]
    outcome, out = nustar.extract({**NUSTAR_REGIONS, "bad": {"file": "b.reg"}}, spectra, region__bad=file)
    assert "line 2" in outcome.facts["spectra"]["bad"]["error"] and (out / "agn.pha").exists()
    assert json.loads((out / "bad.fault.json").read_text())["file"] == str(file)


def test_where_every_region_is_empty_the_extraction_fails(nustar: Bench) -> None:
    regions = {**NUSTAR_REGIONS, "off": OFF, "far": circle(-400, 0, 9)}
    spectra = [{"name": name, "region": region} for name, region in (("a", "off"), ("b", "off"))]
    with pytest.raises(StepError, match=r"^the region 'off' selects no pixel"):
        nustar.extract(regions, spectra)
    spectra.append({"name": "c", "region": "far"})
    with pytest.raises(StepError, match=r"none of the 3 spectra .*'off' selects no pixel.*; the region 'far' selects"):
        nustar.extract(regions, spectra)


@pytest.mark.parametrize("cut", [T0 + 100.25, T0 + 399.0, T0 + 500.0, T0 + 800.0])
def test_splitting_by_time_adds_up(cut: float, tmp_path: Path) -> None:
    time = np.arange(T0, T0 + 1000)
    hk = write_housekeeping(tmp_path / "a.hk", time, 0.5 + 0.4 * np.sin(time) ** 2)
    bench = Bench(tmp_path, nustar_file(3000), livetime=hk)
    _, whole = bench.extract(NUSTAR_REGIONS)
    parts = []
    for number, piece in enumerate([(T0, cut), (cut, T0 + 1000)]):
        gti = write_gtis(tmp_path / f"{number}.gti", [piece])
        parts.append(read_pha(bench.extract(NUSTAR_REGIONS, gti=gti)[1] / "agn.pha"))
    total_ = read_pha(whole / "agn.pha")
    assert np.array_equal(parts[0].counts + parts[1].counts, total_.counts)
    assert parts[0].exposure + parts[1].exposure == pytest.approx(total_.exposure, rel=1e-12)
    assert parts[0].backscal[0] == total_.backscal[0]


def test_splitting_by_region_adds_up(nustar: Bench) -> None:
    whole, inner = circle(500, 500, 300), circle(500, 500, 150)
    ring = {"shapes": [*whole["shapes"], {**inner["shapes"][0], "include": False}]}
    spectra = [{"name": name, "region": name} for name in ("whole", "inner", "ring")]
    _, out = nustar.extract({"whole": whole, "inner": inner, "ring": ring}, spectra)
    one, two, three = (read_pha(out / f"{name}.pha") for name in ("whole", "inner", "ring"))
    assert np.array_equal(one.counts, two.counts + three.counts)
    assert one.backscal[0] == pytest.approx(two.backscal[0] + three.backscal[0], rel=1e-12)


def test_mos_spectra_have_channels_of_5_ev(mos: Bench) -> None:
    outcome, out = mos.extract(MOS_REGIONS)
    found = read_pha(out / "agn.pha")
    pi = mos.table.columns["pi"][mos.held(20000, 20000, 4000)]
    assert np.array_equal(found.counts, np.bincount(pi // 5, minlength=2400)) and found.detchans == 2400
    assert (found.header["SPECDELT"], found.header["SPECVAL"]) == (5, 2)
    assert (
        found.backscal[0] == pytest.approx(np.pi * 4000**2, rel=1e-5) and found.backscal[0] == entry_of(out)["pixels"]
    )
    assert outcome.notes == ()


def test_other_missions_have_the_channels_of_their_lists(tmp_path: Path) -> None:
    file = nustar_file()
    file.cards["TELESCOP"] = "OTHER"
    file.size = (1000, 999)
    file.columns["PI"] %= 1200
    bench = Bench(tmp_path, file, {"mission": "other", "instrument": "data", "obsid": ""})
    outcome, out = bench.extract(NUSTAR_REGIONS)
    found = read_pha(out / "agn.pha")
    pi = bench.table.columns["pi"][bench.held(450, 520, 300)]
    assert found.detchans == 1000 and found.counts.sum() == np.count_nonzero(pi < 1000)
    lost = np.count_nonzero(pi >= 1000)
    assert f"{lost} events of the region 'src' have a PI beyond the channels" in outcome.notes


def test_the_sun_and_lists_without_sky_take_regions_in_pixels(tmp_path: Path) -> None:
    file = nustar_file()
    file.axes = ("HPLN-TAN", "HPLT-TAN")
    bench = Bench(tmp_path, file)
    assert bench.extract(NUSTAR_REGIONS)[0].facts["spectra"]["agn"]["counts"] > 0
    sky = {"shapes": [{"shape": "circle", "frame": "fk5", "center": [321.9, 56.9], "sizes": [30.0]}]}
    with pytest.raises(FileError, match="cannot be placed: X and Y are HPLN-TAN and HPLT-TAN, not right ascension"):
        bench.extract({**NUSTAR_REGIONS, "src": sky})

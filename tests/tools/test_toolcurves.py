"""Light curves that tools have made, written as the native task writes its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import nustar_file
from xbatch.base.errors import FileError
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.eventheader import EventHeader
from xbatch.ogip.events import open_events
from xbatch.registry import Job
from xbatch.tasks import _curve_figure
from xbatch.tasks._bands import StepBand
from xbatch.tools.toolcurves import NetCurve, ToolCurve, conclude, write_band

WIDTH = 100.0
BAND = StepBand("soft band", 3.0, 10.0, 35, 209)


@pytest.fixture
def header(tmp_path: Path) -> EventHeader:
    return open_events(nustar_file().write(tmp_path / "list.evt"), tmp_path / "scratch").header


def job(tmp_path: Path, **params: Any) -> Job:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    given = {"obsid": "1", "name": "agn", "corrections": ["gti", "livetime"], "figure": False, **params}
    return Job("lightcurve:x", given, {"events": tmp_path / "list.evt"}, out)


def net(header: EventHeader, back: bool = True) -> NetCurve:
    """Four bins in a row of one, a half, a tenth and all exposed; the third has no rate."""
    time = header.tstart + WIDTH * (np.arange(4) + 0.5)
    rate, error = np.array([0.5, 0.8, np.nan, 0.7]), np.array([0.1, 0.2, np.nan, 0.1])
    one = np.ones(4)
    return NetCurve(
        time, rate, error, np.array([1.0, 0.5, 0.1, 1.0]), np.array([60, 50, 0, 80]),
        0.1 * one if back else None, 0.01 * one if back else None, np.array([9, 5, 0, 9]) if back else None,
    )  # fmt: skip


def tool_curve(header: EventHeader, **changed: Any) -> ToolCurve:
    gti = np.array([[header.tstart, header.tstart + 4 * WIDTH]])
    given = {"net": net(header), "scale": 0.25, "livetime": True, **changed}
    return ToolCurve(BAND, BAND.pi, given["net"], WIDTH, gti, given["scale"], given["livetime"])


def test_bins_without_a_rate_or_with_too_little_exposure_are_left_out(tmp_path: Path, header: EventHeader) -> None:
    facts = write_band(job(tmp_path), header, tool_curve(header))
    written = read_curve(tmp_path / "out" / facts["file"])
    assert np.allclose(written.time - header.tstart, [50.0, 150.0, 350.0])
    assert written.rate.tolist() == [0.5, 0.8, 0.7]
    assert (facts["bins"], facts["counts"], facts["background_counts"]) == (3, 190, 23)
    assert facts["exposure"] == 250.0
    # weighed by what is exposed of each bin
    assert facts["rate"] == pytest.approx((0.5 * 100 + 0.8 * 50 + 0.7 * 100) / 250)
    assert facts["rate_error"] == pytest.approx(np.sqrt(10.0**2 + 10.0**2 + 10.0**2) / 250)
    # above the least, not from it on
    half = write_band(job(tmp_path, min_fracexp=0.5), header, tool_curve(header))
    assert half["bins"] == 2


def test_without_the_correction_for_gaps_rates_are_per_second_of_the_bin(tmp_path: Path, header: EventHeader) -> None:
    facts = write_band(job(tmp_path, corrections=[]), header, tool_curve(header))
    with fits.open(tmp_path / "out" / facts["file"]) as file:
        table, cards = file["RATE"].data, file["RATE"].header
    assert table["RATE"].tolist() == pytest.approx([0.5, 0.4, 0.7])
    assert table["ERROR"].tolist() == pytest.approx([0.1, 0.1, 0.1])
    assert table["BACKV"].tolist() == pytest.approx([0.1, 0.05, 0.1])
    assert table["BACKE"].tolist() == pytest.approx([0.01, 0.005, 0.01])
    assert cards["GTICORR"] is False
    assert facts["exposure"] == cards["EXPOSURE"] == 300.0
    assert facts["rate"] == pytest.approx((0.5 + 0.4 + 0.7) / 3)
    assert facts["rate_error"] == pytest.approx(0.1 / np.sqrt(3))


def test_the_header_says_what_was_done(tmp_path: Path, header: EventHeader) -> None:
    params = {"corrections": ["gti", "area"], "min_fracexp": 0.2}
    facts = write_band(job(tmp_path, **params), header, tool_curve(header, livetime=False))
    cards = fits.getheader(tmp_path / "out" / facts["file"], "RATE")
    told = (
        "CHANMIN",
        "CHANMAX",
        "E_MIN",
        "E_MAX",
        "BANDNAME",
        "MINFREXP",
        "GTICORR",
        "DEADAPP",
        "AREACORR",
        "BKGSCALE",
    )
    assert [cards[name] for name in told] == [35, 209, 3.0, 10.0, "soft band", 0.2, True, False, True, 0.25]
    assert (cards["HDUCLAS2"], cards["BACKAPP"]) == ("NET", True)


def test_a_curve_without_a_background_has_none_in_its_file(tmp_path: Path, header: EventHeader) -> None:
    facts = write_band(job(tmp_path), header, tool_curve(header, net=net(header, back=False), scale=None))
    with fits.open(tmp_path / "out" / facts["file"]) as file:
        assert file["RATE"].columns.names == ["TIME", "RATE", "ERROR", "FRACEXP", "COUNTS"]
        assert "BKGSCALE" not in file["RATE"].header
        assert file["RATE"].header["HDUCLAS2"] == "TOTAL"
    assert facts["background_counts"] is None


def test_where_no_bin_is_left_it_says_how_much_is_exposed(tmp_path: Path, header: EventHeader) -> None:
    whole = net(header).chosen(np.array([False, True, True, False]))
    with pytest.raises(FileError, match=r"no bin of 100 s that is exposed by more than 0\.6: at most 0\.5 is"):
        write_band(job(tmp_path, min_fracexp=0.6), header, tool_curve(header, net=whole))


def test_all_bands_of_a_step_are_told_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, header: EventHeader
) -> None:
    drawn: list[str] = []
    draw = _curve_figure.draw_curves

    def seen(panels: Any, *more: Any) -> Any:
        drawn.extend(panel.label for panel in panels)
        return draw(panels, *more)

    monkeypatch.setattr(_curve_figure, "draw_curves", seen)
    second = StepBand("hard", 10.0, 20.0, 210, 459)
    curves = [tool_curve(header), ToolCurve(second, second.pi, net(header), WIDTH, np.array([[0.0, 40.0]]), 0.25, True)]
    outcome = conclude(job(tmp_path, figure=True), header, curves, {"calls": [], "tools": {"heasoft": "6"}}, ("said",))
    told = json.loads((tmp_path / "out" / "lightcurves.json").read_text())
    assert [band["band"] for band in told["bands"]] == outcome.facts["bands"] == ["soft band", "hard"]
    assert (told["notes"], outcome.notes) == (["said"], ("said",))
    assert (told["dt"], told["bins"], told["bins_in_all"]) == (100.0, 3, 4)
    assert told["start"] == pytest.approx(header.tstart)
    assert (told["background_scale"], told["gti_seconds"]) == (0.25, 400.0)
    assert outcome.facts["tools"] == {"heasoft": "6"}
    assert "tools" not in told
    assert drawn == ["soft band: 3-10 keV", "hard: 10-20 keV"]
    assert (tmp_path / "out" / "lightcurves.png").stat().st_size > 5000
    (tmp_path / "out" / "lightcurves.png").unlink()
    conclude(job(tmp_path), header, curves, {})
    assert not (tmp_path / "out" / "lightcurves.png").exists()

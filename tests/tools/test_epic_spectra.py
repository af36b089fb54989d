"""The step that makes spectra of EPIC: a region without events ends it before responses are made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.fakes.sas.fitsfile import find, primary, read, table, write
from tests.tools.played import play
from xbatch.base.errors import StepError
from xbatch.commands import epic
from xbatch.commands.call import Call, Work
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job
from xbatch.tools import epic_spectra

REGIONS = (("src", "source.pha"), ("bkg", "background.pha"))


def step(folder: Path) -> Job:
    calls: list[Call] = []
    for region, out in REGIONS:
        condition = f"{{selection:{region}.expression}}&&gti(times.gti,TIME)"
        calls += [epic.evselect_spectrum("events.fits", out, condition, "EPN"), epic.backscale(out, "events.fits")]
    calls.append(epic.rmfgen("source.pha", "response.rmf"))
    work = Work(tuple(calls), kept={out: out for _, out in REGIONS})
    made = folder / "out"
    made.mkdir()
    return Job("epicspectrum:1/EPN/agn", {"obsid": "1", "instrument": "EPN", "work": work.params()}, {}, made)


def played(
    monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], exposure: dict[str, float], area: float = 400.0
) -> list[Call]:
    """Let evselect leave a spectrum with some counts in one channel, and a card EXPOSURE where one is given.

    What backscale gives the background is its area.
    """

    def tool(call: Call, folder: Path) -> None:
        name = dict(call.args)["spectrumset"]
        if call.tool == "backscale":
            hdus = read(folder / name)
            find(hdus, "SPECTRUM", name).set("BACKSCAL", area if name == "background.pha" else 100.0)
            write(folder / name, hdus)
        if call.tool != "evselect":
            return
        seen = np.array([0, counts[name], 0], dtype=np.int32)
        cards = [Card("EXPOSURE", exposure[name])] if name in exposure else []
        columns = [("CHANNEL", "", np.arange(3, dtype=np.int16)), ("COUNTS", "count", seen)]
        write(folder / name, [primary(), table("SPECTRUM", columns, cards)])

    return play(monkeypatch, epic_spectra, tool)


@pytest.mark.parametrize(
    ("empty", "region", "done"),
    [("source.pha", "src", ["evselect"]), ("background.pha", "bkg", ["evselect", "backscale", "evselect"])],
)
def test_a_region_without_events_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty: str, region: str, done: list[str]
) -> None:
    full = next(name for _, name in REGIONS if name != empty)
    calls = played(monkeypatch, {empty: 0, full: 9}, {full: 1000.0})
    with pytest.raises(StepError) as error:
        epic_spectra.run(step(tmp_path))
    assert [call.tool for call in calls] == done
    message = str(error.value)
    assert message.startswith(f"1 EPN: region '{region}' has no events after the screening, so that {empty} has")
    assert "xbatch preview" in message and "leave EPN of this observation out by the 'where'" in message


def test_a_background_with_an_exposure_may_have_no_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exposure = {"source.pha": 1000.0, "background.pha": 1000.0}
    calls = played(monkeypatch, {"source.pha": 9, "background.pha": 0}, exposure)
    job = step(tmp_path)
    epic_spectra.run(job)
    assert calls[-1].tool == "rmfgen"
    assert (job.out / "background.pha").is_file()


def test_a_region_without_area_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exposure = {"source.pha": 1000.0, "background.pha": 1000.0}
    calls = played(monkeypatch, {"source.pha": 9, "background.pha": 2}, exposure, area=0.0)
    with pytest.raises(StepError) as error:
        epic_spectra.run(step(tmp_path))
    assert [call.tool for call in calls] == ["evselect", "backscale"] * 2
    assert str(error.value).startswith(
        "1 EPN: region 'bkg' has no area on the CCDs in the field of view: backscale has given background.pha a "
        "BACKSCAL of 0"
    )

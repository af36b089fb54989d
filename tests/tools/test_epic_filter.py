"""The step that filters a list: what it says of the cut of flares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes.sas.fitsfile import primary, table, write
from tests.fakes.sas.subspace import gti_table
from xbatch.base.errors import StepError
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job, Outcome
from xbatch.tools import epic_filter, espfilt

BEGINS, WIDTH = 5.5e8, 100.0
RATES = [0.1, 0.5, 0.2, 0.4, 0.3]


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    """A step whose commands leave a light curve and the times below a limit of it."""

    def commands(job: Job) -> Outcome:
        cards = [Card("TIMEDEL", WIDTH), Card("TIMEUNIT", "s"), Card("MJDREF", 50814.0)]
        middle = BEGINS + (np.arange(5) + 0.5) * WIDTH
        curve = [("TIME", "s", middle), ("RATE", "count/s", np.array(RATES)), ("ERROR", "count/s", np.full(5, 0.03))]
        write(job.out / "flare.lc", [primary(), table("RATE", curve, cards)])
        good = [("START", "s", BEGINS + np.array([0.0, 200.0])), ("STOP", "s", BEGINS + np.array([100.0, 500.0]))]
        write(job.out / "flare.gti", [primary(), table("STDGTI", good, cards[1:])])
        return Outcome({"calls": []}, ("said before",))

    monkeypatch.setattr("xbatch.tools.execute.run", commands)
    params: dict[str, Any] = {"obsid": "1", "instrument": "EPN", "flare": {"rate": ["<=", 0.4]}}
    return Job("epicfilter:1/EPN", params, {"events": events_until(tmp_path, 450.0)}, tmp_path)


def events_until(folder: Path, stop: float, start: float = 20.0) -> Path:
    """Write a list whose CCDs have good times from `start` up to `stop`, the second one less."""
    spans = ([start, stop], [start, stop - 20.0])
    tables = [gti_table(f"STDGTI{ccd:02d}", BEGINS + np.array([span])) for ccd, span in enumerate(spans, 1)]
    write(folder / "events.fits", [primary(), *tables])
    return folder / "events.fits"


@pytest.mark.parametrize(("test", "kept"), [("<=", 4), ("<", 3)])
def test_what_the_cut_has_come_to(job: Job, test: str, kept: int) -> None:
    job.params["flare"]["rate"][0] = test
    outcome = epic_filter.run(job)
    assert outcome.facts["calls"] == []
    assert outcome.notes == ("said before", f"330 of 430 s are free of flares (rate {test} 0.4)")
    assert {name: outcome.facts[name] for name in ("limit", "test", "bins", "bins_kept")} == {
        "limit": 0.4,
        "test": test,
        "bins": 5,
        "bins_kept": kept,
    }
    # of the good times, not of the bins, and in those of the list
    assert outcome.facts["seconds"] == pytest.approx(330.0) and outcome.facts["share"] == pytest.approx(330 / 430)
    assert (job.out / "flare.png").read_bytes().startswith(b"\x89PNG")


def test_good_time_without_a_bin_is_told(job: Job) -> None:
    # evselect ends the curve with the last event that it counts
    events_until(job.out, 750.0)
    outcome = epic_filter.run(job)
    said = "250 s of good time lie before the first event of the light curve or after the last: they are cut too"
    assert outcome.notes[1:] == ("380 of 730 s are free of flares (rate <= 0.4)", said)


def test_without_a_cut_nothing_is_drawn(job: Job) -> None:
    plain = Job(job.step, {"obsid": "1", "instrument": "EPN"}, {}, job.out)
    assert epic_filter.run(plain).facts == {"calls": []}
    assert not (job.out / "flare.png").exists()


def test_a_cut_that_leaves_nothing_says_what_rates_there_are(job: Job) -> None:
    job.params["flare"]["rate"][:] = ["<", 0.1]
    events_until(job.out, 200.0, 100.0)
    with pytest.raises(
        StepError, match=r"EPN has no good time with a rate < 0\.1 counts/s: its 5 bins of 100 s have 0"
    ):
        epic_filter.run(job)


def test_what_espfilt_leaves_is_told_like_a_cut_by_a_rate(job: Job) -> None:
    outcome = espfilt.run(Job("flare:1/EPN/soft", {"work": {}}, job.inputs, job.out))
    assert outcome.notes == ("said before", "330 of 430 s are free of flares (espfilt)")
    assert outcome.facts == {
        "calls": [],
        "intervals": 2,
        "seconds": pytest.approx(330.0),
        "share": pytest.approx(330 / 430),
    }


def test_nothing_that_espfilt_leaves_is_an_error(job: Job) -> None:
    events_until(job.out, 200.0, 100.0)
    with pytest.raises(StepError, match=r"^1 EPN: espfilt leaves no time of 100 s\. .*cut by a rate, or leave the"):
        espfilt.run(Job("flare:1/EPN/soft", {"work": {}}, job.inputs, job.out))

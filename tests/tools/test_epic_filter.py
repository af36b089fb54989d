"""The step that filters a list: what it says of the cut of flares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes.sas.fitsfile import primary, table, write
from xbatch.base.errors import StepError
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job, Outcome
from xbatch.tools import epic_filter

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
    return Job("epicfilter:1/EPN", params, {}, tmp_path)


@pytest.mark.parametrize(("test", "kept"), [("<=", 4), ("<", 3)])
def test_what_the_cut_has_come_to(job: Job, test: str, kept: int) -> None:
    job.params["flare"]["rate"][0] = test
    outcome = epic_filter.run(job)
    assert outcome.facts["calls"] == [] and outcome.notes == ("said before",)
    assert {name: outcome.facts[name] for name in ("limit", "test", "bins", "bins_kept")} == {
        "limit": 0.4,
        "test": test,
        "bins": 5,
        "bins_kept": kept,
    }
    assert outcome.facts["seconds"] == pytest.approx(400.0)  # of the good times, not of the bins
    assert (job.out / "flare.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_cut_nothing_is_drawn(job: Job) -> None:
    plain = Job(job.step, {"obsid": "1", "instrument": "EPN"}, {}, job.out)
    assert epic_filter.run(plain).facts == {"calls": []}
    assert not (job.out / "flare.png").exists()


def test_a_cut_that_leaves_nothing_says_what_rates_there_are(job: Job) -> None:
    job.params["flare"]["rate"][:] = ["<", 0.1]
    with pytest.raises(
        StepError, match=r"EPN has no good time with a rate < 0\.1 counts/s: its 5 bins of 100 s have 0"
    ):
        epic_filter.run(job)

"""What all tools that group have in common."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.tasks.test_group import SIZE, spectrum
from xbatch.base.errors import StepError
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.registry import Job
from xbatch.tools.groupings import check_counts, grouped_by


@pytest.fixture
def job(tmp_path: Path) -> Job:
    write_pha(tmp_path / "spectrum.pha", spectrum())
    (tmp_path / "out").mkdir()
    params = {"binning": {"type": "min", "counts": 9.0, "bad": [[0, 4]]}, "name": "one"}
    params |= {"obsid": "1", "instrument": "FPMA", "spectrum": "src"}
    return Job("group", params, {"spectrum": tmp_path / "spectrum.pha"}, tmp_path / "out")


def test_flags_of_a_tool_are_written_and_its_calls_recorded(job: Job) -> None:
    flags = np.where(np.arange(SIZE) % 8 == 0, 1, -1).astype(np.int16)
    outcome = grouped_by(job, lambda _, work: ((flags, work.spectrum.quality), {"calls": ["one"], "tools": {}}))
    assert outcome.facts["calls"] == ["one"] and outcome.facts["groups"] == 5
    made = read_pha(job.out / "grouped.pha")
    assert np.array_equal(made.grouping, flags)
    # what the tool is given is as the binning's bad channels leave it
    assert made.quality[:5].all() and not made.quality[5:].any()
    assert "calls" not in json.loads((job.out / "grouping.json").read_text())


def test_counts_must_be_those_that_were_given() -> None:
    plain = spectrum()
    check_counts(spectrum(grouping=-plain.grouping), plain, "x")
    for other in (spectrum(counts=plain.counts + 1), spectrum(channel=plain.channel + 1)):
        with pytest.raises(StepError, match="has other counts"):
            check_counts(other, plain, "1/FPMA/src")

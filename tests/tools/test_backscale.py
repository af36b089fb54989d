"""What is asked of spectra that nubackscale has weighed; real calls of it are in the end-to-end tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.pha import Spectrum, write_pha
from xbatch.registry import Job
from xbatch.tools.backscale import _weighed, run


def spectrum(path: Path, backscal: float, **cards: bool) -> Path:
    channels = np.arange(4096, dtype=np.int64)
    counts, ones = np.ones(4096), np.ones(4096, np.int16)
    made = Spectrum(
        path=str(path), channel=channels, counts=counts, stat_err=None, sys_err=0.0 * counts, quality=0 * ones,
        grouping=ones, backscal=backscal * counts, areascal=counts, exposure=1000.0, poisson=True, is_rate=False,
        detchans=4096, first_channel=0, header={},
    )  # fmt: skip
    write_pha(path, made, dict(cards))
    return path


def test_a_spectrum_that_is_weighed(tmp_path: Path) -> None:
    assert _weighed(spectrum(tmp_path / "s.pha", 0.0125, NUBACKSC=True)) == 0.0125


@pytest.mark.parametrize(
    ("backscal", "weighed", "words"), [(0.01, False, "is not said to be weighed"), (0.0, True, "BACKSCAL of 0")]
)
def test_a_spectrum_that_is_not(tmp_path: Path, backscal: float, weighed: bool, words: str) -> None:
    with pytest.raises(FileError, match=words):
        _weighed(spectrum(tmp_path / "s.pha", backscal, NUBACKSC=weighed))


def test_an_extraction_that_failed_is_told_as_it_is(tmp_path: Path) -> None:
    fault = {"file": "src.reg", "what": "selects nothing", "cure": "draw another"}
    (tmp_path / "fault.json").write_text(json.dumps(fault))
    job = Job("nubackscale:x", {"work": {}}, {"fault": tmp_path / "fault.json"}, tmp_path)
    with pytest.raises(StepError, match="selects nothing"):
        run(job)

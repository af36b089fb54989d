"""What cannot be fitted, and what a user is told."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from tests.tasks.fit_bench import Bench, dataset, params, spectrum
from tests.xray.worlds import CHANNELS, instrument, make_world
from xbatch.base.errors import FileError, StepError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"datasets": [dataset(band={"name": "x", "lo": 20.0, "hi": 30.0})]},
            r"no group of 1/ONE/src lies wholly inside the band 20-30 keV; its 30 good groups reach from 0\.5 to 12\.5",
        ),
        (
            {"datasets": [dataset(band={"name": "x", "lo": 2.0, "hi": 2.1})]},
            r"no group .* or use finer groups",
        ),
        ({"datasets": [dataset(edge="overlap", band={"name": "x", "lo": 20.0, "hi": 30.0})]}, "overlaps the band"),
        ({"components": {"gal": "phabs", "pl": "pwerlaw"}}, "there is no component 'pwerlaw'"),
        ({"optimiser": "migrad"}, "there is no optimiser 'migrad'"),
        ({"flux": [{"bands": [{"name": "x", "lo": 0.0, "hi": 1.0}], "absorbed": True}]}, "a flux needs a band"),
        ({"statistic": "chi2", "background": "none", "variance": "file"}, "needs STAT_ERR"),
    ],
)
def test_what_cannot_be_fitted_is_one_clear_error(bench: Bench, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StepError, match=message):
        bench.run(params(**changes))


@pytest.mark.parametrize(
    ("mode", "statistic", "cure"), [("subtract", "chi2", "mode: none"), ("profiled", "wstat", "statistic: cstat")]
)
def test_a_background_that_is_not_there(bench: Bench, mode: str, statistic: str, cure: str) -> None:
    del bench.inputs["background/0"]
    with pytest.raises(StepError, match=f"1/ONE/src has no background.*{cure}"):
        bench.run(params(background=mode, statistic=statistic))


@pytest.mark.parametrize(
    ("statistic", "mode", "source", "below", "message"),
    [
        ("cstat", "none", {"poisson": False, "stat_err": np.ones(CHANNELS)}, {}, "cstat needs counts of photons.*F"),
        ("wstat", "profiled", {}, {"poisson": False, "stat_err": np.ones(CHANNELS)}, "the background spectrum of"),
        ("cstat", "none", {"counts": np.full(CHANNELS, 1.5)}, {}, "not whole numbers"),
        ("chi2", "none", {"poisson": False, "stat_err": np.ones(CHANNELS)}, {}, "has POISSERR = F.*variance: file"),
        ("cstat", "none", {"counts": np.zeros(CHANNELS)}, {}, "has no counts in 1-10 keV"),
        ("chi2", "none", {"quality": np.full(CHANNELS, 5, np.int16)}, {}, "all channels of 1/ONE/src are bad"),
        ("chi2", "subtract", {}, {"backscal": np.eye(1, CHANNELS)[0]}, "BACKSCAL, AREASCAL or EXPOSURE"),
    ],
)
def test_data_that_a_statistic_cannot_take(
    bench: Bench, statistic: str, mode: str, source: dict[str, Any], below: dict[str, Any], message: str
) -> None:
    bench.put(make_world(), source=source, background=below)
    with pytest.raises(StepError, match=message):
        bench.run(params(statistic=statistic, background=mode))


def test_a_response_that_does_not_cover_the_band(bench: Bench) -> None:
    short = np.where(instrument().edges[1:] < 8.0, instrument().specresp, 0.0)
    bench.put(make_world(), resp={"specresp": short})
    with pytest.raises(StepError, match=r"gives no counts in \d+ of 21 groups of 1-10 keV.*Narrow the band"):
        bench.run(params())


def test_empty_groups_have_no_chi_squared(bench: Bench) -> None:
    bench.put(make_world(3, norm=1e-4, background=0.5))
    with pytest.raises(
        StepError, match=r"3 of 21 groups of 1/ONE/src have no counts in 1-10 keV.*Group to more counts"
    ):
        bench.run(params(background="none"))


def test_fewer_bins_than_free_parameters_are_refused(bench: Bench) -> None:
    two_groups = dataset(band={"name": "x", "lo": 2.0, "hi": 3.0})
    with pytest.raises(
        StepError, match=r"phabs\.gal .* cannot be fitted: 3 free parameters cannot be fitted to 2 bins"
    ):
        bench.run(params(datasets=[two_groups]))


def test_errors_of_zero_have_no_chi_squared(bench: Bench) -> None:
    bench.put(make_world(), source={"poisson": False, "stat_err": np.eye(1, CHANNELS)[0]})
    with pytest.raises(StepError, match=r"21 of 21 groups .* have an error of 0"):
        bench.run(params(background="none", variance="file"))


def test_a_background_of_other_channels(bench: Bench) -> None:
    short = {
        key: getattr(spectrum(make_world(), background=True), key)[:50]
        for key in ("channel", "counts", "sys_err", "quality", "grouping", "backscal", "areascal")
    }
    bench.put(make_world(), background=short)
    with pytest.raises(StepError, match="lacks some of the channels"):
        bench.run(params())


def test_a_response_that_is_zero_in_the_band(bench: Bench) -> None:
    bench.put(make_world(), resp={"specresp": np.zeros(instrument().specresp.size)})
    with pytest.raises(StepError, match="is zero in all of 1-10 keV"):
        bench.run(params())


def test_a_response_of_another_instrument(bench: Bench) -> None:
    bench.put(make_world(), source={"detchans": 4096})
    with pytest.raises(FileError, match="DETCHANS 4096"):
        bench.run(params())


def test_without_sherpa_the_error_says_how_to_get_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("sherpa"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(StepError, match=r"No module named 'sherpa'.*conda install -c https://cxc.*gfortran"):
        bench.run(params(optimiser="neldermead"))
    bench.run(params())

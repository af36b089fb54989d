"""Fits whose model has XSPEC's own components: what is told without XSPEC, and the same fit with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tasks.fit_bench import Bench, parameter, params
from xbatch.base.errors import StepError
from xbatch.xray.fit.xspec import xspec_version


@pytest.fixture
def xspec() -> str:
    """Give XSPEC's version, or skip."""
    try:
        return xspec_version()
    except ImportError as error:
        pytest.skip(f"needs a Sherpa that was built with XSPEC: {error}")


def of_xspec(**changes: Any) -> dict[str, Any]:
    return params(components={"gal": "xs:phabs", "pl": "xs:powerlaw"}, **changes)


def test_without_xspec_the_step_says_what_would_cure_it(bench: Bench) -> None:
    try:
        xspec_version()
    except ImportError:
        with pytest.raises(StepError, match="xs:phabs is XSPEC's, and its models cannot be loaded") as caught:
            bench.run(of_xspec())
        assert "conda install" in caught.value.cure
    else:
        pytest.skip("there is XSPEC here")


FLUX = [{"bands": [{"name": "soft", "lo": 2.0, "hi": 10.0}], "absorbed": False, "errors": "none", "n": 10, "seed": 1}]


def test_a_fit_with_xspecs_models_is_that_with_ours(bench: Bench, xspec: str) -> None:
    bench.run(params(flux=FLUX))
    own = bench.fit
    bench.run(of_xspec(flux=FLUX))
    theirs = bench.fit
    assert theirs["versions"]["xspec"] == xspec
    for one, other in zip(own["parameters"], theirs["parameters"], strict=True):
        assert abs(one["value"] - other["value"]) < 0.01 * one["error_plus"]
        assert other["error_plus"] == pytest.approx(one["error_plus"], rel=0.01)
    assert theirs["flux"][0]["energy_flux"] == pytest.approx(own["flux"][0]["energy_flux"], rel=1e-4)


def test_fluxes_of_a_convolution_look_beyond_the_band(bench: Bench, xspec: str) -> None:
    """A power law smoothed by a little has its flux still, in a band to whose edges a cut grid would do harm."""
    inner = {"op": "con", "by": "blur", "args": [{"component": "pl"}]}
    given = params(
        flux=FLUX,
        unfolded=True,
        model={"op": "*", "args": [{"component": "gal"}, inner]},
        components={"gal": "phabs", "blur": "xs:gsmooth", "pl": "powerlaw"},
    )
    blur = [
        parameter("blur.Sig_6keV", 0.1, 0.0, 20.0, frozen=True),
        parameter("blur.Index", 0.0, -1.0, 1.0, frozen=True),
    ]
    given["parameters"] = [given["parameters"][0], *blur, *given["parameters"][1:]]
    bench.run(params(flux=FLUX))
    plain = bench.fit["flux"][0]["energy_flux"]
    bench.run(given)
    assert bench.fit["converged"]
    assert bench.fit["flux"][0]["energy_flux"] == pytest.approx(plain, rel=2e-3)
    source = np.asarray(bench.bins["source"])
    assert np.all(source > 0) and np.all(np.diff(np.log(source)) < 0.5)

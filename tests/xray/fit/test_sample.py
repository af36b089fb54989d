from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from tests.xray.fit.surfaces import Squares
from xbatch.xray.fit.sample import sample

LOW, HIGH = np.full(2, -50.0), np.full(2, 50.0)
COVARIANCE = np.array([[4.0, 1.0], [1.0, 1.0]])
ROOT = np.linalg.inv(np.linalg.cholesky(COVARIANCE))
surface = Squares(lambda x: np.asarray(ROOT @ (x - np.array([1.0, 2.0]))))
BEST = np.array([1.0, 2.0])


def test_chains_of_a_parabola_have_its_covariance() -> None:
    pytest.importorskip("emcee")
    chain = sample(surface, BEST, COVARIANCE, LOW, HIGH, 16, 1500, 200, 1)
    assert np.cov(chain.samples, rowvar=False) == pytest.approx(COVARIANCE, rel=0.15)
    lower, median, upper = chain.interval(0.6827)
    assert median == pytest.approx(BEST, abs=0.15)
    assert (upper - lower) / 2 == pytest.approx(np.sqrt(np.diag(COVARIANCE)), rel=0.1)
    assert 0.2 < chain.acceptance < 1
    assert 5 < chain.autocorrelation < 80
    assert chain.statistic == pytest.approx([surface(one)[0] for one in chain.samples])
    again = sample(surface, BEST, COVARIANCE, LOW, HIGH, 16, 1500, 200, 1)
    assert np.array_equal(chain.samples, again.samples)


def test_chains_stay_within_the_limits() -> None:
    pytest.importorskip("emcee")
    chain = sample(surface, BEST, COVARIANCE, np.array([0.0, -50.0]), HIGH, 8, 200, 50, 1)
    assert chain.samples[:, 0].min() >= 0


@pytest.mark.parametrize(
    ("covariance", "walkers", "burn", "message"),
    [
        (np.full((2, 2), np.nan), 8, 10, "chains need a start"),
        (COVARIANCE, 3, 10, "at least 4 walkers"),
        (COVARIANCE, 8, 100, "leave nothing after a burn-in of 100"),
    ],
)
def test_chains_that_cannot_be(covariance: np.ndarray, walkers: int, burn: int, message: str) -> None:
    pytest.importorskip("emcee")
    with pytest.raises(ValueError, match=message):
        sample(surface, BEST, covariance, LOW, HIGH, walkers, 100, burn, 1)


def test_without_emcee_there_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "emcee":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="emcee"):
        sample(surface, BEST, COVARIANCE, LOW, HIGH, 8, 100, 10, 1)

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from tests.xray.fit.surfaces import Squares
from xbatch.xray.fit.optimise import OPTIMISERS, minimise, sherpa_version

LOW, HIGH = np.array([-10.0, -10.0]), np.array([10.0, 10.0])


rosenbrock = Squares(lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]))


@pytest.mark.parametrize("method", OPTIMISERS)
def test_a_curved_valley_is_followed_to_its_end(method: str) -> None:
    found = minimise(rosenbrock, np.array([-1.2, 1.0]), LOW, HIGH, method)
    assert found.free == pytest.approx([1, 1], abs=1e-3)
    assert found.converged


def test_the_same_start_gives_the_same_end() -> None:
    one, two = (minimise(rosenbrock, np.array([-1.2, 1.0]), LOW, HIGH, "moncar") for _ in range(2))
    assert np.array_equal(one.free, two.free)


@pytest.mark.parametrize("method", ["levmar", "sherpa-levmar"])
def test_a_minimum_beyond_a_limit_ends_at_the_limit(method: str) -> None:
    high = np.array([0.5, 10.0])
    found = minimise(rosenbrock, np.array([-1.2, 1.0]), LOW, high, method)
    assert found.free == pytest.approx([0.5, 0.25], abs=1e-6)
    assert found.statistic == pytest.approx(0.25)


@pytest.mark.parametrize("method", ["levmar", "sherpa-levmar"])
def test_a_start_at_a_limit_leaves_it(method: str) -> None:
    found = minimise(rosenbrock, np.array([-10.0, 10.0]), LOW, HIGH, method)
    assert found.free == pytest.approx([1, 1], abs=1e-3)


@pytest.mark.parametrize("method", ["levmar", "sherpa-levmar"])
def test_all_parameters_may_end_at_limits(method: str) -> None:
    found = minimise(rosenbrock, np.array([0.0, 0.0]), np.zeros(2), np.zeros(2), method)
    assert found.free.tolist() == [0, 0]


@pytest.mark.parametrize("method", ["levmar", "sherpa-levmar"])
def test_a_function_without_a_value_somewhere_is_no_obstacle(method: str) -> None:
    def broken(x: np.ndarray) -> np.ndarray:
        return np.array([x[0] - 1, x[1] - 2]) if x[0] < 3 else np.array([np.nan, np.nan])

    found = minimise(Squares(broken), np.array([2.9, 0.0]), LOW, HIGH, method, 1e-14)
    assert found.free == pytest.approx([1, 2])


def test_an_unknown_optimiser_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no optimiser 'migrad'"):
        minimise(rosenbrock, np.zeros(2), LOW, HIGH, "migrad")


def test_without_sherpa_there_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("sherpa"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="sherpa"):
        sherpa_version()

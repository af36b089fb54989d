"""Second derivatives of a sum of photons, held against what algebra gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from xbatch.xray.fit.bend import Bend

Floats = NDArray[np.float64]
WEIGHTS = np.array([1.0, -2.0, 0.5])
X = np.array([0.3, 0.7, 1.1])


class Surface:
    """Photons a exp(b x) + c (d + d^2) x, of free parameters a, b, c and d; counts how often it is asked."""

    smooth: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.asked = 0

    def flux(self, values: Mapping[str, tuple[float, ...]]) -> Floats:
        self.asked += 1
        (a, b), (c, d) = values["one"], values["two"]
        return np.asarray(a * np.exp(b * X) + c * (d + d * d) * X)

    def slope(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError

    parts = scales = slope  # type: ignore[assignment]


class Parts:
    """Two norms, each of its own term, and what they scale."""

    straight = (True, False, True, False)

    def __init__(self, told: bool) -> None:
        self._told = told

    def apart(self, one: int, other: int) -> bool:
        return self._told and {one, other} & {0, 1} != set() and {one, other} & {2, 3} != set()

    def norm_of(self, norm: int, other: int) -> bool:
        return self._told and (norm, other) in {(0, 1), (2, 3)}


def _values(free: Sequence[float]) -> dict[str, tuple[float, ...]]:
    return {"one": (free[0], free[1]), "two": (free[2], free[3])}


def _exact(free: Sequence[float]) -> Floats:
    a, b, c, d = free
    result = np.zeros((4, 4))
    result[0, 1] = result[1, 0] = WEIGHTS @ (X * np.exp(b * X))
    result[1, 1] = WEIGHTS @ (a * X**2 * np.exp(b * X))
    result[2, 3] = result[3, 2] = WEIGHTS @ X * (1 + 2 * d)
    result[3, 3] = WEIGHTS @ X * 2 * c
    return result


def _made(free: Sequence[float], steps: Sequence[float], told: bool = True) -> tuple[Floats, int]:
    surface = Surface()
    parts: Any = Parts(told)
    return Bend(surface, WEIGHTS, _values, parts, [0, 2], free, steps).matrix(), surface.asked


FREE, STEPS = [2.0, -0.6, 3.0, 0.4], [1e-3, 1e-3, 1e-3, 1e-3]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("free", [FREE, [0.0, -0.6, 3.0, 0.4], [2.0, 0.0, 0.0, -1.0]])
def test_second_derivatives_are_those_of_algebra(free: list[float], told: bool) -> None:
    made, _ = _made(free, STEPS, told)
    np.testing.assert_allclose(made, _exact(free), atol=1e-5)


def test_what_is_known_of_parameters_spares_evaluations() -> None:
    _, few = _made(FREE, STEPS)
    _, many = _made(FREE, STEPS, told=False)
    # the point itself, and both sides of each of two parameters that are no norms
    assert few == 5 < many


def test_parameters_that_are_not_moved_are_left_out() -> None:
    made, _ = _made(FREE, [1e-3, 0.0, 1e-3, 1e-3])
    expected = _exact(FREE)
    expected[1, :] = expected[:, 1] = 0.0
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_the_only_norm_scales_all_that_others_change() -> None:
    surface = Surface()
    parts: Any = Parts(told=False)
    free = [2.0, -0.6, 0.0, 0.4]
    made = Bend(surface, WEIGHTS, _values, parts, [0], free, [1e-3, 1e-3, 0.0, 0.0]).matrix()
    assert made[0, 1] == pytest.approx(_exact(free)[0, 1], abs=1e-5)
    assert surface.asked == 3

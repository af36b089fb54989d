from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.xray.fit.trees import Tree, enclosed, leaf, plus, times
from xbatch.xray.components import COMPONENTS, SCALINGS, Component
from xbatch.xray.fit.model import GridModel, additive_terms, component_kinds, without

EDGES = np.geomspace(0.5, 20, 200)


KINDS = component_kinds({"cal": "constant", "gal": "tbabs", "host": "phabs", "pl": "powerlaw", "fe": "gaussian"})
TREE = times(leaf("cal"), leaf("gal"), plus(times(leaf("host"), leaf("pl")), leaf("fe")))
VALUES = {"cal": (1.1,), "gal": (0.5,), "host": (3.0,), "pl": (1.8, 0.01), "fe": (6.4, 0.1, 1e-4)}


def value(name: str) -> np.ndarray:
    kind = KINDS[name]
    assert isinstance(kind, Component)
    return kind.evaluate(EDGES, VALUES[name])


def test_a_tree_is_sums_and_products_of_components() -> None:
    model = GridModel(TREE, KINDS, EDGES, "wilm", "vern")
    expected = value("cal") * value("gal") * (value("host") * value("pl") + value("fe"))
    assert model.flux(VALUES) == pytest.approx(expected, rel=1e-14)


def test_parts_are_additive_components_with_all_that_multiplies_them() -> None:
    model = GridModel(TREE, KINDS, EDGES, "wilm", "vern")
    parts = model.parts(VALUES)
    assert list(parts) == ["pl", "fe"]
    assert parts["pl"] == pytest.approx(value("cal") * value("gal") * value("host") * value("pl"), rel=1e-14)
    assert sum(parts.values()) == pytest.approx(model.flux(VALUES), rel=1e-14)


def test_absorption_is_taken_off() -> None:
    assert without(TREE, {"gal", "host"}) == times(leaf("cal"), plus(times(leaf("pl")), leaf("fe")))
    assert without(leaf("gal"), {"gal"}) is None
    assert without(times(leaf("gal"), leaf("host")), {"gal", "host"}) is None


SCALED = {**KINDS, **component_kinds({"f": "cflux", "g": "cflux"})}
SCALED_TREE = times(leaf("gal"), enclosed("f", plus(times(leaf("host"), leaf("pl")), enclosed("g", leaf("fe")))))
SCALED_VALUES = {**VALUES, "f": (2.0, 10.0, -11.0), "g": (1.0, 15.0, -9.0)}


def test_a_scaling_sets_the_flux_of_what_it_encloses() -> None:
    model = GridModel(SCALED_TREE, SCALED, EDGES, "wilm", "vern")
    line = value("fe") * SCALINGS["cflux"].evaluate(EDGES, SCALED_VALUES["g"], value("fe"))
    inner = value("host") * value("pl") + line
    scale = SCALINGS["cflux"].evaluate(EDGES, SCALED_VALUES["f"], inner)
    assert model.flux(SCALED_VALUES) == pytest.approx(value("gal") * scale * inner, rel=1e-13)
    assert model.scales(SCALED_VALUES)["f"] == pytest.approx(scale, rel=1e-13)
    parts = model.parts(SCALED_VALUES)
    assert list(parts) == ["pl", "fe"]
    assert sum(parts.values()) == pytest.approx(model.flux(SCALED_VALUES), rel=1e-13)
    assert parts["fe"] == pytest.approx(value("gal") * scale * line, rel=1e-13)


def test_a_scale_may_come_from_another_grid() -> None:
    scales = GridModel(SCALED_TREE, SCALED, EDGES, "wilm", "vern").scales(SCALED_VALUES)
    assert list(scales) == ["f", "g"]
    bare = without(SCALED_TREE, {"gal", "host"})
    assert bare == times(enclosed("f", plus(times(leaf("pl")), enclosed("g", leaf("fe")))))
    kinds = {name: kind for name, kind in SCALED.items() if name not in {"gal", "host"}}
    model = GridModel(bare, kinds, EDGES[50:60], "wilm", "vern", scales)
    whole = scales["f"] * (value("pl") + scales["g"] * value("fe"))
    assert model.flux(SCALED_VALUES) == pytest.approx(whole[50:59], rel=1e-12)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (leaf("gal"), "no additive component"),
        (times(leaf("pl"), leaf("fe")), "multiplies two additive"),
        (plus(leaf("pl"), leaf("gal")), "adds an additive component to a multiplicative"),
        (times(leaf("gal"), leaf("bb")), "'bb' that has no type"),
        (times(leaf("pl"), enclosed("f", leaf("gal"))), "f encloses no additive"),
    ],
)
def test_what_is_no_model_is_refused(tree: Tree, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        additive_terms(tree, KINDS)


def test_an_unknown_component_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no component 'apecc'"):
        component_kinds({"gas": "apecc"})


def test_nothing_is_evaluated_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[float, ...]] = []
    real = COMPONENTS["powerlaw"]

    def prepare(edges: Any, abund: str, xsect: str) -> Any:
        inner = real.prepare(edges, abund, xsect)

        def evaluate(params: Any) -> Any:
            calls.append(params)
            return inner(params)

        return evaluate

    kinds = {**KINDS, "pl": type(real)(real.name, real.kind, real.parameters, prepare)}
    model = GridModel(TREE, kinds, EDGES, "wilm", "vern")
    for factor in (1.0, 1.1, 1.2):
        model.flux({**VALUES, "cal": (factor,)})
    model.flux({**VALUES, "pl": (1.9, 0.01)})
    model.flux({**VALUES, "pl": (1.8, 0.02)})  # a norm only scales what is there
    assert calls == [(1.8, 1.0), (1.9, 1.0)]


def test_components_are_prepared_once_for_a_grid() -> None:
    from xbatch.xray.fit import remembering

    remembering._prepared.cache_clear()
    first, second = (GridModel(TREE, KINDS, EDGES, "wilm", "vern") for _ in range(2))
    assert remembering._prepared.cache_info().misses == len(KINDS)
    assert remembering._prepared.cache_info().hits == len(KINDS)
    assert np.array_equal(first.flux(VALUES), second.flux(VALUES))
    other = GridModel(TREE, KINDS, EDGES, "angr", "vern")
    assert not np.array_equal(first.flux(VALUES), other.flux(VALUES))

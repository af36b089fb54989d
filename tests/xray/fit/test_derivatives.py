"""A fit finds the same where its model knows its derivatives, and where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.xray.fit.trees import Tree, enclosed, leaf, plus, times
from tests.xray.worlds import MODEL, Floats, instrument, make_world
from xbatch.xray.components import COMPONENTS, Component, Evaluator, Smooth
from xbatch.xray.fit.engine import ErrorRequest, run_fit
from xbatch.xray.fit.model import GridModel, component_kinds
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import Dataset, ModelSpec, Problem
from xbatch.xray.fit.several import GridFolding

KINDS = {"gal": "phabs", "own": "phabs", "pl": "powerlaw", "line": "gaussian", "cal": "constant", "cut": "highecut"}
START = {
    "gal.nH": 0.7,
    "own.nH": 1.4,
    "pl.PhoIndex": 1.8,
    "pl.norm": 0.02,
    "line.LineE": 6.2,
    "line.Sigma": 0.3,
    "line.norm": 2e-3,
    "cal.factor": 1.1,
    "cut.cutoffE": 4.0,
    "cut.foldE": 15.0,
}


TREES: dict[str, Tree] = {
    "sum": times(leaf("gal"), plus(leaf("pl"), leaf("line"))),
    "nested": times(leaf("cal"), plus(times(leaf("gal"), leaf("pl")), times(leaf("own"), leaf("line")))),
    "factors added": times(plus(leaf("gal"), leaf("own")), leaf("pl")),
    "one unknown": times(leaf("gal"), leaf("cut"), plus(leaf("pl"), leaf("line"))),
    "twice": times(leaf("gal"), plus(times(leaf("gal"), leaf("pl")), leaf("line"))),
}


def names_of(tree: Tree) -> list[str]:
    found = [tree["component"]] if "component" in tree else [name for part in tree["args"] for name in names_of(part)]
    return list(dict.fromkeys(found))


def silent(kind: Component) -> Component:
    """A component that does not say what it knows of its derivatives."""

    def prepare(edges: Floats, abund: str, xsect: str) -> Evaluator:
        evaluator = kind.prepare(edges, abund, xsect)
        return evaluator.evaluate if isinstance(evaluator, Smooth) else evaluator

    return replace(kind, prepare=prepare)


def specs(tree: Tree | None, further: Mapping[str, Tree]) -> tuple[ModelSpec, ModelSpec]:
    """A model that knows its derivatives, and the same one that does not."""
    names = dict.fromkeys(
        name for part in ((tree,) if tree else ()) + tuple(further.values()) for name in names_of(part)
    )
    spec = ModelSpec(tree, {name: KINDS[name] for name in names}, further=dict(further))
    return spec, replace(spec, tables={name: silent(COMPONENTS[KINDS[name]]) for name in names})


def parameters(spec: ModelSpec, links: Mapping[str, str], datasets: tuple[int, ...] = (0,)) -> Parameters:
    return Parameters(
        [
            FitParameter(key, *key.split("."), datasets, value, 0.0, 1e3, link=links.get(key, ""))
            for key, value in START.items()
            if key.split(".")[0] in spec.components
        ]
    )


def both(
    datasets: Sequence[Dataset], tree: Tree | None, links: Mapping[str, str], further: Mapping[str, Tree]
) -> list[Problem]:
    places = tuple(range(len(datasets)))
    return [Problem(datasets, spec, parameters(spec, links, places)) for spec in specs(tree, further)]


def check_same(knows: Problem, steps: Problem) -> None:
    free = knows.parameters.start
    ours, theirs = knows.slope(free), steps.slope(free)
    scale = np.sqrt(np.maximum(np.diag(theirs.expected), 1e-30))
    np.testing.assert_allclose(ours.gradient / scale, theirs.gradient / scale, rtol=1e-5, atol=1e-4)
    for one, other in ((ours.second, theirs.second), (ours.expected, theirs.expected)):
        np.testing.assert_allclose(one / np.outer(scale, scale), other / np.outer(scale, scale), atol=1e-5)
    little = 0.02 / scale
    bends = [one.bend(free, little) / np.outer(scale, scale) for one in (knows, steps)]
    np.testing.assert_allclose(*bends, rtol=5e-3, atol=2e-3 * np.abs(bends[1]).max())


@pytest.mark.parametrize("statistic", ["chi2", "cstat"])
@pytest.mark.parametrize("name", TREES)
def test_known_derivatives_are_those_by_steps(name: str, statistic: str) -> None:
    data = make_world(3).dataset(statistic, mode="subtract" if statistic == "chi2" else "none")
    check_same(*both([data], TREES[name], {}, {}))


def test_a_link_is_followed() -> None:
    data = make_world(3).dataset("chi2")
    check_same(*both([data], TREES["nested"], {"own.nH": "2 * gal.nH", "line.LineE": "3 * pl.PhoIndex"}, {}))


def test_datasets_share_a_model() -> None:
    world = make_world(3)
    datasets = [world.dataset("chi2", lo=1.0, hi=8.0), world.dataset("cstat", mode="none", lo=3.0, hi=10.0)]
    check_same(*both(datasets, TREES["sum"], {}, {}))


def test_a_component_may_be_in_several_models() -> None:
    world = make_world(3)
    groups = world.groups()
    other = GridFolding(instrument().edges, world.folding(groups))
    data = replace(world.dataset("chi2"), further={"more": other})
    check_same(*both([data], TREES["sum"], {}, {"more": times(leaf("gal"), leaf("own"), leaf("cut"), leaf("pl"))}))


def test_a_component_that_is_enclosed_or_in_two_places_is_not_known() -> None:
    edges = instrument().edges
    kinds = component_kinds({name: KINDS[name] for name in ("gal", "own", "pl", "line")} | {"f": "cflux"})
    assert GridModel(TREES["twice"], kinds, edges, "wilm", "vern").smooth == {"pl", "line"}
    tree = plus(enclosed("f", times(leaf("gal"), leaf("pl"))), leaf("line"))
    assert GridModel(tree, kinds, edges, "wilm", "vern").smooth == {"line"}


def test_fits_end_at_the_same_place_with_the_same_errors() -> None:
    knows, steps = both([make_world(5).dataset("chi2")], MODEL.tree, {}, {})
    ours, theirs = (run_fit(one, errors=ErrorRequest()) for one in (knows, steps))
    assert ours.statistic == pytest.approx(theirs.statistic, abs=1e-9)
    assert ours.covariance is not None and theirs.covariance is not None
    errors = np.sqrt(np.diag(theirs.covariance))
    np.testing.assert_allclose(ours.free, theirs.free, atol=1e-5 * errors.max(), rtol=1e-6)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=1e-3)

"""What is said of a parameter's part holds for the photons of the model."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xray.fit.smallfits import KINDS, START, SmallFit
from tests.xray.fit.trees import enclosed, leaf, plus, times
from xbatch.xray.components import COMPONENTS
from xbatch.xray.fit.model import component_kinds

#: Links that may be there, each of a parameter by others.
LINKS = {"line.LineE": "3.4 * pl.PhoIndex", "line.norm": "0.1 * pl.norm", "gal.nH": "0.6 * cal.factor"}

fits = st.builds(
    SmallFit,
    frozen=st.frozensets(st.sampled_from([*START]), max_size=4),
    links=st.sets(st.sampled_from([*LINKS])).map(lambda names: {name: LINKS[name] for name in names}),
)


@given(fits)
def test_a_model_is_a_straight_line_in_what_is_straight(fit: SmallFit) -> None:
    for place, straight in enumerate(fit.roles.straight):
        if straight:
            size = 0.3 * fit.free[place]
            below, here, above = (fit.moved(**{f"p{place}": step}) for step in (-size, 0.0, size))
            np.testing.assert_allclose(below + above, 2 * here, rtol=1e-12)


@given(fits)
def test_parameters_apart_do_not_meet(fit: SmallFit) -> None:
    here = fit.moved()
    for one, other in combinations(range(len(fit.free)), 2):
        assert fit.roles.apart(one, other) == fit.roles.apart(other, one)
        if fit.roles.apart(one, other):
            moves = {f"p{place}": 0.05 * fit.free[place] for place in (one, other)}
            alone = [fit.moved(**{name: size}) for name, size in moves.items()]
            np.testing.assert_allclose(fit.moved(**moves) - sum(alone) + here, 0.0, atol=1e-13 * here.max())


@given(fits)
def test_a_model_is_proportional_to_its_norms(fit: SmallFit) -> None:
    norms = fit.roles.norms(fit.slots)
    if norms:
        free = [2.0 * value if place in norms else value for place, value in enumerate(fit.free)]
        np.testing.assert_allclose(fit.flux(free), 2.0 * fit.moved(), rtol=1e-12)


@given(fits)
def test_owners_are_the_places_of_values(fit: SmallFit) -> None:
    for place, owner in enumerate(fit.roles.owners(fit.slots)):
        assert (owner is not None) == fit.roles.alone[place]
        if owner is not None:
            assert fit.slots[owner[0]][owner[1]] == fit.parameters.free[place]


def test_parts_of_a_plain_model() -> None:
    fit = SmallFit()
    names = fit.parameters.free_names
    assert all(fit.roles.alone) and not fit.roles.rough.any()
    assert {name for name, one in zip(names, fit.roles.straight, strict=True) if one} == {
        "cal.factor",
        "pl.norm",
        "line.norm",
    }
    assert [names[place] for place in fit.roles.norms(fit.slots)] == ["pl.norm", "line.norm"]
    assert fit.roles.apart(fit.place("pl.norm"), fit.place("line.LineE"))
    assert not fit.roles.apart(fit.place("pl.norm"), fit.place("pl.PhoIndex"))
    assert not fit.roles.apart(fit.place("gal.nH"), fit.place("pl.norm"))
    assert fit.roles.norm_of(fit.place("line.norm"), fit.place("line.Sigma"))
    assert not fit.roles.norm_of(fit.place("line.norm"), fit.place("pl.PhoIndex"))
    assert not fit.roles.norm_of(fit.place("line.Sigma"), fit.place("line.norm"))


@pytest.mark.parametrize("frozen", ["pl.norm", "line.norm"])
def test_norms_of_which_one_is_frozen_do_not_scale_the_model(frozen: str) -> None:
    fit = SmallFit(frozenset({frozen}))
    assert fit.roles.norms(fit.slots) == []


def test_a_parameter_that_a_link_uses_is_not_alone() -> None:
    fit = SmallFit(links={"line.norm": "0.1 * pl.norm"})
    norm = fit.place("pl.norm")
    assert not fit.roles.alone[norm] and not fit.roles.straight[norm]
    assert fit.roles.owners(fit.slots)[norm] is None
    assert fit.roles.norms(fit.slots) == []


def test_nothing_is_alone_beside_a_component_that_encloses() -> None:
    kinds = {**KINDS, **component_kinds({"f": "cflux"})}
    tree = times(leaf("cal"), leaf("gal"), plus(enclosed("f", leaf("pl")), leaf("line")))
    values = {"f.Emin": 2.0, "f.Emax": 10.0, "f.lg10Flux": -11.0}
    fit = SmallFit(frozenset({"f.Emin", "f.Emax"}), values=values, kinds=kinds, tree=tree)
    assert not any(fit.roles.alone) and not any(fit.roles.straight)


def test_a_component_of_another_dataset_has_no_owner_here() -> None:
    fit = SmallFit()
    here = {name: slots for name, slots in fit.slots.items() if name != "line"}
    owned = {name for name, owner in zip(fit.parameters.free_names, fit.roles.owners(here), strict=True) if owner}
    assert owned == {name for name in START if not name.startswith("line")}


def test_large_steps_are_for_components_that_need_them() -> None:
    kinds = {**KINDS, "pl": replace(COMPONENTS["powerlaw"], rough=True)}
    fit = SmallFit(kinds=kinds)
    rough = {name for name, one in zip(fit.parameters.free_names, fit.roles.rough, strict=True) if one}
    assert rough == {"pl.PhoIndex", "pl.norm"}
    # what a link uses may change any component
    linked = SmallFit(links={"line.LineE": "6 * cal.factor"}, kinds=kinds)
    assert linked.roles.rough[linked.place("cal.factor")]
    assert not linked.roles.rough[linked.place("gal.nH")]

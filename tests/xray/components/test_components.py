"""What holds for every component."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS

Floats = NDArray[np.float64]

EDGES = np.geomspace(0.3, 80.0, 60)
finite = {"allow_nan": False, "allow_infinity": False}
norms = st.just(0.0) | st.floats(1e-30, 10, **finite)
indices = st.floats(-3, 9, **finite)
energies = st.floats(0.1, 90, **finite)
widths = st.floats(0, 5, **finite)
redshifts = st.floats(0, 3, **finite)
folds = st.floats(0.5, 500, **finite)
temperatures = st.floats(0.05, 50, **finite)
# Components whose value of a bin is an integral to many digits, with how many: the others have XSPEC's trapezium rule.
EXACT = {
    "bknpower": (st.tuples(indices, energies, indices, norms), 1e-11),
    "cutoffpl": (st.tuples(indices, folds, norms), 1e-7),
    "diskbb": (st.tuples(st.floats(0.3, 50, **finite), norms), 1e-6),
    "gaussian": (st.tuples(energies, widths, norms), 1e-11),
    "logpar": (st.tuples(st.floats(0, 4), st.floats(-1, 1), st.floats(0.5, 10), norms), 1e-9),
    "lorentz": (st.tuples(energies, widths, norms), 1e-11),
    "powerlaw": (st.tuples(indices, norms), 1e-11),
    "zcutoffpl": (st.tuples(indices, folds, redshifts, norms), 1e-6),
    "zgauss": (st.tuples(energies, widths, redshifts, norms), 1e-11),
    "zpowerlw": (st.tuples(indices, redshifts, norms), 1e-11),
}
TRAPEZIUM = {
    "bbody": st.tuples(temperatures, norms),
    "bbodyrad": st.tuples(temperatures, norms),
    "bremss": st.tuples(temperatures, norms),
    "zbbody": st.tuples(temperatures, redshifts, norms),
    "zbremss": st.tuples(temperatures, redshifts, norms),
}
ADDITIVE = {**{name: drawn for name, (drawn, _) in EXACT.items()}, **TRAPEZIUM}
PLAIN = {
    "zbbody": "bbody",
    "zbremss": "bremss",
    "zcutoffpl": "cutoffpl",
    "zgauss": "gaussian",
    "zpowerlw": "powerlaw",
}
NEUTRAL = {
    "cabs": (0.0,),
    "constant": (1.0,),
    "edge": (7.0, 0.0),
    "expabs": (0.0,),
    "gabs": (6.4, 0.1, 0.0),
    "highecut": (1e4, 10.0),
    "pcfabs": (5.0, 0.0),
    "phabs": (0.0,),
    "tbabs": (0.0,),
    "wabs": (0.0,),
    "zedge": (7.0, 0.0, 0.5),
    "zphabs": (0.0, 0.5),
    "ztbabs": (0.0, 0.5),
    "zwabs": (0.0, 0.5),
}


def test_every_component_is_tested() -> None:
    assert {name for name, one in COMPONENTS.items() if one.kind == "add"} == set(ADDITIVE)
    assert {name for name, one in COMPONENTS.items() if one.kind == "mul"} == set(NEUTRAL)
    assert all(one.parameters[-1] == "norm" for one in COMPONENTS.values() if one.kind == "add")


@pytest.mark.parametrize("name", sorted(EXACT))
@given(data=st.data())
def test_splitting_bins_conserves_photons(name: str, data: st.DataObject) -> None:
    drawn, digits = EXACT[name]
    parameters = data.draw(drawn)
    fine = np.unique(np.concatenate([EDGES, (EDGES[:-1] + EDGES[1:]) / 2]))
    evaluate = COMPONENTS[name].evaluate
    coarse, halves = evaluate(EDGES, parameters), evaluate(fine, parameters)
    np.testing.assert_allclose(halves[::2] + halves[1::2], coarse, rtol=digits, atol=1e-14 * parameters[-1])


@pytest.mark.parametrize("name", sorted(ADDITIVE))
@given(data=st.data())
def test_flux_is_proportional_to_norm_and_never_negative(name: str, data: st.DataObject) -> None:
    *shape, norm = data.draw(ADDITIVE[name])
    evaluate = COMPONENTS[name].evaluate
    flux = evaluate(EDGES, (*shape, norm))
    assert np.all(flux >= 0)
    np.testing.assert_allclose(flux, norm * evaluate(EDGES, (*shape, 1.0)), rtol=1e-13)


@pytest.mark.parametrize("name", sorted(NEUTRAL))
def test_no_column_and_unit_constant_change_nothing(name: str) -> None:
    factor = COMPONENTS[name].evaluate(EDGES, NEUTRAL[name])
    np.testing.assert_allclose(factor, np.ones(EDGES.size - 1), rtol=1e-14)


@pytest.mark.parametrize("name", sorted(PLAIN))
@given(data=st.data())
def test_redshifted_components_are_the_others_at_no_redshift(name: str, data: st.DataObject) -> None:
    plain = {"zbbody": "bbody", "zbremss": "bremss", "zcutoffpl": "cutoffpl", "zgauss": "gaussian"}.get(
        name, "powerlaw"
    )
    *shape, norm = data.draw(ADDITIVE[plain])
    mine, other = (
        COMPONENTS[name].evaluate(EDGES, (*shape, 0.0, norm)),
        COMPONENTS[plain].evaluate(EDGES, (*shape, norm)),
    )
    np.testing.assert_allclose(mine, other, rtol=1e-13)


@pytest.mark.parametrize("name", ["zbbody", "zbremss", "zcutoffpl", "zpowerlw"])
def test_redshift_is_the_density_at_a_higher_energy(name: str) -> None:
    shape = {"zcutoffpl": (1.7, 10.0), "zpowerlw": (1.7,)}.get(name, (2.0,))
    moved = COMPONENTS[PLAIN[name]].evaluate(EDGES * 1.5, (*shape, 1.0)) / 1.5
    np.testing.assert_allclose(COMPONENTS[name].evaluate(EDGES, (*shape, 0.5, 1.0)), moved, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(COMPONENTS.keys() - {"constant"}))
@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([0.0, 1.0], "first energy of the grid is 0 keV"),
        ([1.0, 3.0, 2.0], "do not ascend"),
        ([1.0], "at least two edges"),
    ],
)
def test_grids_that_cannot_be_used_are_refused(name: str, edges: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        COMPONENTS[name].prepare(np.array(edges), "wilm", "vern")


def test_wrong_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match=r"powerlaw has 2 parameters \(PhoIndex, norm\), not 1"):
        COMPONENTS["powerlaw"].evaluate(EDGES, (2.0,))

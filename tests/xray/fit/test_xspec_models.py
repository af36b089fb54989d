"""XSPEC's models through Sherpa: with a stand-in of the same interface everywhere, with XSPEC where there is one."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.xray.worlds import MODEL, make_world, parameters
from xbatch.xray.components import COMPONENTS, Component, Convolution
from xbatch.xray.fit.engine import ErrorRequest, run_fit
from xbatch.xray.fit.model import GridModel, component_kinds
from xbatch.xray.fit.problem import ModelSpec, Problem
from xbatch.xray.fit.xspec import xspec_components, xspec_version

Floats = NDArray[np.float64]
EDGES = np.geomspace(0.5, 20.0, 201)
# By how much XSPEC's values and ours may differ, where a value is more than a share of the largest one.
AGREE = {"powerlaw": (1e-10, 0.0), "phabs": (2e-5, 1e-4), "tbabs": (1e-2, 1e-2), "gaussian": (1e-5, 1e-4)}
VALUES = {"powerlaw": (1.7, 2.0), "phabs": (0.8,), "tbabs": (0.8,), "gaussian": (6.4, 0.1, 1.0)}


def models(
    abundances: str = "angr", power: Callable[..., Any] | None = None, cross_sections: str = "bcmc"
) -> SimpleNamespace:
    """Make what Sherpa's module of XSPEC has: classes by kind, tables that are chosen for all, parameters by name."""
    state = {"abund": abundances, "xsect": cross_sections, "chatter": 10}

    class Model:
        names: tuple[str, ...] = ()

        def __init__(self) -> None:
            self.pars = [SimpleNamespace(name=name) for name in self.names]
            self.cache = 5

    class XSAdditiveModel(Model): ...

    class XSMultiplicativeModel(Model): ...

    class XSConvolutionKernel(Model): ...

    class XSpowerlaw(XSAdditiveModel):
        names = ("PhoIndex", "norm")

        def calc(self, params: list[float], low: Floats, high: Floats) -> Floats:
            found = COMPONENTS["powerlaw"].evaluate(np.append(low, high[-1]), params)
            # Some of XSPEC's models have 32 bits.
            return (power or (lambda flux: flux.astype(np.float32)))(found)

    class XSphabs(XSMultiplicativeModel):
        names = ("nH",)

        def calc(self, params: list[float], low: Floats, high: Floats) -> Floats:
            edges = np.append(low, high[-1])
            return COMPONENTS["phabs"].evaluate(edges, params, state["abund"], state["xsect"])

    class XSshift(XSConvolutionKernel):
        """Moves what it encloses up by some bins."""

        names = ("bins",)

        def calc(self, params: list[float], inside: Callable[..., Floats], low: Floats, high: Floats) -> Floats:
            return np.roll(inside([], low, high), int(params[0]))

    class XSpartcov(XSConvolutionKernel):
        names = ("CvrFract",)

        def calc(self, params: list[float], inside: Callable[..., Floats], low: Floats, high: Floats) -> Floats:
            return 1 - params[0] * (1 - inside([], low, high))

    class XScflux(XSConvolutionKernel):
        names = ("Emin", "Emax", "lg10Flux")

        def calc(self, params: list[float], inside: Callable[..., Floats], low: Floats, high: Floats) -> Floats:
            photons = inside([], low, high)
            return photons * 10 ** params[2] / photons.sum()

    class XSlater(XSAdditiveModel):
        version_enabled = False

    classes = (XSAdditiveModel, XSMultiplicativeModel, XSConvolutionKernel)
    classes += (XSpowerlaw, XSphabs, XSshift, XSpartcov, XScflux, XSlater)
    return SimpleNamespace(
        **{one.__name__: one for one in classes},
        state=state,
        get_xsabund=lambda: state["abund"],
        set_xsabund=lambda name: state.update(abund=name),
        get_xsxsect=lambda: state["xsect"],
        set_xsxsect=lambda name: state.update(xsect=name),
        get_xschatter=lambda: state["chatter"],
        set_xschatter=lambda level: state.update(chatter=level),
        get_xsversion=lambda: "12.15.0",
    )


def grid_model(tree: Any, components: dict[str, str], library: Any = None) -> GridModel:
    kinds = component_kinds(components, xspec_components(components, library or models()))
    return GridModel(tree, kinds, EDGES, "wilm", "vern")


def theirs(library: Any = None) -> ModelSpec:
    """Give the model of the made-up spectra with XSPEC's components."""
    kinds = {"gal": "xs:phabs", "pl": "xs:powerlaw"}
    return ModelSpec(MODEL.tree, kinds, "wilm", "vern", xspec_components(kinds, library))


def test_nothing_is_imported_where_nothing_is_xspecs() -> None:
    assert xspec_components({"pl": "powerlaw"}) == {}


def test_components_have_xspecs_kinds_and_parameters() -> None:
    made = xspec_components({"a": "xs:powerlaw", "b": "xs:PHABS", "c": "xs:shift", "d": "xs:cflux"}, models())
    power, phabs, shift, cflux = made.values()
    assert isinstance(power, Component) and (power.kind, power.parameters, power.rough) == (
        "add",
        ("PhoIndex", "norm"),
        True,
    )
    assert isinstance(phabs, Component) and (phabs.kind, phabs.parameters) == ("mul", ("nH",))
    assert isinstance(shift, Convolution) and not shift.scales
    assert isinstance(cflux, Convolution) and cflux.scales


def test_tables_are_those_of_the_fit_whatever_was_chosen_before() -> None:
    library = models("angr")
    phabs = xspec_components({"gal": "xs:phabs"}, library)["gal"]
    assert isinstance(phabs, Component)
    one, other = phabs.prepare(EDGES, "wilm", "vern"), phabs.prepare(EDGES, "feld", "bcmc")
    for evaluate, abundances, cross_sections in ((one, "wilm", "vern"), (other, "feld", "bcmc"), (one, "wilm", "vern")):
        expected = COMPONENTS["phabs"].evaluate(EDGES, (1.0,), abundances, cross_sections)
        np.testing.assert_array_equal(evaluate((1.0,)), expected)
    assert library.state["chatter"] < 10


@pytest.mark.parametrize(
    ("kind", "words"), [("xs:apek", "no model 'apek'"), ("xs:later", "needs a later version of XSPEC than 12.15.0")]
)
def test_models_that_are_not_there(kind: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        xspec_components({"gas": kind}, models())


def test_a_model_without_its_data_is_not_taken_for_one_without_photons() -> None:
    power = xspec_components({"a": "xs:powerlaw"}, models(power=np.zeros_like))["a"]
    assert isinstance(power, Component)
    with pytest.raises(ValueError, match=r"xs:powerlaw is 0 at all energies from 0\.5 to 20 keV"):
        power.evaluate(EDGES, (1.7, 1.0))


def test_a_line_may_be_outside_a_band() -> None:
    line = xspec_components({"a": "xs:powerlaw"}, models(power=lambda flux: flux * (flux > 0.1)))["a"]
    assert isinstance(line, Component)
    assert line.evaluate(EDGES, (1.7, 10.0)).any()
    assert not line.evaluate(EDGES, (1.7, 1e-3)).any()


def test_what_xspec_refuses_is_told() -> None:
    def refused(_: Floats) -> Floats:
        raise AttributeError("not compiled")

    power = xspec_components({"a": "xs:powerlaw"}, models(power=refused))["a"]
    assert isinstance(power, Component)
    with pytest.raises(ValueError, match="xs:powerlaw cannot be computed: not compiled"):
        power.evaluate(EDGES, (1.7, 1.0))


def test_convolutions_take_all_that_they_enclose() -> None:
    inside = {"op": "+", "args": [{"component": "a"}, {"component": "b"}]}
    components = {"gal": "phabs", "blur": "xs:shift", "a": "xs:powerlaw", "b": "powerlaw"}
    tree = {"op": "*", "args": [{"component": "gal"}, {"op": "con", "by": "blur", "args": [inside]}]}
    model = grid_model(tree, components)
    values = {"gal": (0.3,), "blur": (3.0,), "a": (1.7, 1.0), "b": (2.5, 0.4)}
    flux = sum(COMPONENTS["powerlaw"].evaluate(EDGES, values[name]) for name in "ab")
    expected = np.roll(flux, 3) * COMPONENTS["phabs"].evaluate(EDGES, (0.3,), "wilm", "vern")
    np.testing.assert_allclose(model.flux(values), expected, rtol=1e-6)
    np.testing.assert_allclose(sum(model.parts(values).values()), expected, rtol=1e-6)
    assert model.scales(values) == {}


def test_convolutions_of_factors() -> None:
    components = {"part": "xs:partcov", "gal": "phabs", "a": "powerlaw"}
    cover = {"op": "con", "by": "part", "args": [{"component": "gal"}]}
    model = grid_model({"op": "*", "args": [cover, {"component": "a"}]}, components)
    values = {"part": (0.4,), "gal": (3.0,), "a": (1.7, 1.0)}
    expected = COMPONENTS["pcfabs"].evaluate(EDGES, (3.0, 0.4), "wilm", "vern")
    expected *= COMPONENTS["powerlaw"].evaluate(EDGES, (1.7, 1.0))
    np.testing.assert_allclose(model.flux(values), expected, rtol=1e-12)
    np.testing.assert_allclose(model.parts(values)["a"], expected, rtol=1e-12)


def test_parts_of_a_flux_add_up() -> None:
    inside = {"op": "+", "args": [{"component": "a"}, {"component": "b"}]}
    model = grid_model({"op": "con", "by": "f", "args": [inside]}, {"f": "xs:cflux", "a": "powerlaw", "b": "powerlaw"})
    values = {"f": (2.0, 10.0, -3.0), "a": (1.7, 1.0), "b": (2.5, 0.4)}
    parts = model.parts(values)
    assert model.flux(values).sum() == pytest.approx(1e-3)
    np.testing.assert_allclose(parts["a"] + parts["b"], model.flux(values), rtol=1e-12)
    assert parts["a"].sum() > parts["b"].sum() > 0


def test_what_rounding_hides_is_no_want_of_convergence() -> None:
    def rounded(flux: Floats) -> Floats:
        mantissa, exponent = np.frexp(flux)
        return np.ldexp(np.round(mantissa * 2**16) / 2**16, exponent)

    data = [make_world().dataset("chi2")]
    ours, rough = (run_fit(Problem(data, spec, parameters())) for spec in (MODEL, theirs(models(power=rounded))))
    assert rough.converged
    assert rough.statistic == pytest.approx(ours.statistic, abs=0.02)


def test_a_fit_with_them_is_that_with_our_own() -> None:
    """Derivatives of a model of 32 bits are taken with steps that it can follow."""
    data = [make_world().dataset("chi2")]
    fits = [
        run_fit(Problem(data, spec, parameters()), errors=ErrorRequest(("free",))) for spec in (MODEL, theirs(models()))
    ]
    errors = np.sqrt(np.diag(np.asarray(fits[0].covariance)))
    assert fits[1].converged
    assert np.all(np.abs(fits[1].free - fits[0].free) < 0.01 * errors)
    np.testing.assert_allclose(np.asarray(fits[1].covariance), np.asarray(fits[0].covariance), rtol=0.01)


@pytest.fixture(scope="module")
def xspec() -> str:
    """Give XSPEC's version, or skip."""
    try:
        return xspec_version()
    except ImportError as error:
        pytest.skip(f"needs a Sherpa that was built with XSPEC: {error}")


@pytest.mark.parametrize("name", AGREE)
def test_xspecs_own_values_are_ours(xspec: str, name: str) -> None:
    tolerance, least = AGREE[name]
    found = xspec_components({"x": f"xs:{name}"})["x"]
    assert isinstance(found, Component)
    values, own = (one.evaluate(EDGES, VALUES[name], "wilm", "vern") for one in (found, COMPONENTS[name]))
    told = own > least * own.max()
    np.testing.assert_allclose(values[told], own[told], rtol=tolerance)


def test_xspecs_own_fit_is_ours(xspec: str) -> None:
    data = [make_world().dataset("cstat", mode="ignore")]
    fits = [
        run_fit(Problem(data, spec, parameters()), errors=ErrorRequest(("free",)), chi2=False)
        for spec in (MODEL, theirs())
    ]
    errors = np.sqrt(np.diag(np.asarray(fits[0].covariance)))
    assert np.all(np.abs(fits[1].free - fits[0].free) < 0.01 * errors)
    np.testing.assert_allclose(np.asarray(fits[1].covariance), np.asarray(fits[0].covariance), rtol=0.01)


def test_xspecs_convolutions(xspec: str) -> None:
    components = {"part": "xs:partcov", "gal": "xs:phabs", "a": "xs:powerlaw"}
    cover = {"op": "con", "by": "part", "args": [{"component": "gal"}]}
    kinds = component_kinds(components, xspec_components(components))
    model = GridModel({"op": "*", "args": [cover, {"component": "a"}]}, kinds, EDGES, "wilm", "vern")
    expected = COMPONENTS["pcfabs"].evaluate(EDGES, (3.0, 0.4)) * COMPONENTS["powerlaw"].evaluate(EDGES, (1.7, 1.0))
    np.testing.assert_allclose(model.flux({"part": (0.4,), "gal": (3.0,), "a": (1.7, 1.0)}), expected, rtol=1e-4)
    blur = xspec_components({"b": "xs:gsmooth"})["b"]
    assert isinstance(blur, Convolution)
    line = COMPONENTS["gaussian"].evaluate(EDGES, (6.0, 0.0, 1.0))
    wide = blur.prepare(EDGES, "wilm", "vern")((0.3, 0.0), line)
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    assert wide.sum() == pytest.approx(1.0, rel=1e-3)
    assert np.sqrt(wide @ (middle - 6.0) ** 2) == pytest.approx(0.3, rel=0.03)

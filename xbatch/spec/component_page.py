"""The table of components in ``docs/components.md``: their parameters, and what each was checked against.

``python -m xbatch.spec.reference docs`` writes it; a test holds it up to date.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from xbatch.spec.components import COMPONENTS, ParameterDef

__all__ = ["COMPONENT_MARK", "DESCRIBED", "Described", "component_page"]

COMPONENT_MARK = "<!-- what follows is made by xbatch.spec.component_page -->"

_EXACT = "exact integral"
_INTEGRAL = "integral, five points in ln(E)"
_TRAPEZIUM = "width times the mean of the densities at the two edges"
_FACTORS = "mean of the factors at the two edges"
_DEPTHS = "mean of the optical depths at the two edges"


class Described(NamedTuple):
    """What a component is, how a bin's value is made, and the largest difference from XSPEC."""

    text: str
    bin: str
    checked: str


DESCRIBED: Mapping[str, Described] = MappingProxyType(
    {
        "cabs": Described(
            "exp(-1.21 nH sigma), sigma of Klein and Nishina: scattered photons are lost",
            "the factor at its middle",
            "9e-8",
        ),
        "cflux": Described(
            "10^lg10Flux erg / cm2 / s from Emin to Emax, whatever the norms inside",
            "photons are spread evenly over a bin",
            "1e-10, with XSPEC's keV; see above",
        ),
        "constant": Described("factor", "factor", "3e-8"),
        "edge": Described(
            "exp(-MaxTau (E / edgeE)^-3) from edgeE up, 1 below",
            f"{_FACTORS}; a bin with the edge in it is averaged over its two parts",
            "3e-6 in the bin with the edge, 2e-7 elsewhere",
        ),
        "expabs": Described("exp(-LowECut / E)", _FACTORS, "2e-7"),
        "gabs": Described(
            "exp(-tau), tau a Gaussian of area Strength and standard deviation Sigma",
            "exact mean of the factor",
            "2e-8",
        ),
        "highecut": Described(
            "exp((cutoffE - E) / foldE) above cutoffE, 1 below", _FACTORS, "1e-4 below cutoffE; see above"
        ),
        "pcfabs": Described("1 - CvrFract + CvrFract phabs", "as phabs", "3e-7"),
        "phabs": Described(
            "exp(-nH sum of abundance x cross-section)", "see above", "3e-5 (vern), 6e-5 (bcmc) of the optical depth"
        ),
        "tbabs": Described(
            "the same with molecules and grains", _DEPTHS, "2e-3 of the optical depth at edges, 1e-4 elsewhere"
        ),
        "wabs": Described(
            "exp(-nH sigma), sigma of Morrison & McCammon 1983 (ApJ 270, 119)",
            f"{_FACTORS}; a bin in which two polynomials meet is averaged over its parts",
            "4e-5 of the optical depth, 1e-4 where it is below 1e-3",
        ),
        "zedge": Described("edge at E (1 + z)", "as edge", "5e-8"),
        "zphabs": Described("phabs at E (1 + z)", "as phabs", "3e-5 of the optical depth"),
        "ztbabs": Described("tbabs at E (1 + z), without grains", _DEPTHS, "2e-3 of the optical depth at edges"),
        "zwabs": Described("wabs at E (1 + z)", "as wabs", "4e-5 of the optical depth"),
        "bbody": Described(
            "norm 8.0525 E^2 / kT^4 / (exp(E / kT) - 1)", f"{_TRAPEZIUM}; 0 beyond 60 kT", "8e-6; 3e-5 in bins of 5 eV"
        ),
        "bbodyrad": Described(
            "norm 1.0344e-3 E^2 / (exp(E / kT) - 1)", f"{_TRAPEZIUM}; 0 beyond 60 kT", "8e-6; 7e-5 in bins of 5 eV"
        ),
        "bknpower": Described(
            "norm E^-PhoIndx1 up to BreakE, norm BreakE^(PhoIndx2 - PhoIndx1) E^-PhoIndx2 above", _EXACT, "4e-12"
        ),
        "bremss": Described(
            "norm kT^-1/2 exp(-E / kT) / E (g(1) + 0.34 g(2)), g(Z) the Gaunt factors of Kellogg, Baldwin & Koch 1975",
            f"{_TRAPEZIUM}; 0 beyond 50 kT",
            "1e-5; 8e-4 in a bin where two of the Gaunt factor's fits meet, 5e-5 in others of 40 eV",
        ),
        "cutoffpl": Described(
            "norm E^-PhoIndex exp(-E / HighECut)", _INTEGRAL, "4e-6; 1.3e-4 in bins of 5 eV; see above"
        ),
        "diskbb": Described(
            "norm / 361 Tin^2 x^(-2/3) times the integral from x = E / Tin of y^(5/3) / (exp(y) - 1) dy",
            "integral, five points",
            "2.4e-4",
        ),
        "gaussian": Described(
            "norm photons / cm2 / s, Gaussian of standard deviation Sigma", _EXACT, "1e-8 of the norm; width 0 equal"
        ),
        "logpar": Described(
            "norm (E / pivotE)^(-alpha - beta log10(E / pivotE)); pivotE is never fitted in XSPEC",
            _INTEGRAL,
            "4e-6; 2e-4 in bins of 40 eV above 100 keV",
        ),
        "lorentz": Described(
            "norm photons / cm2 / s above 0 keV, Lorentzian of full width Width at half its height",
            _EXACT,
            "1e-8 of the norm",
        ),
        "powerlaw": Described("norm E^-PhoIndex", _EXACT, "2e-12"),
        "zbbody": Described("the density of bbody at E (1 + z)", "as bbody", "8e-6"),
        "zbremss": Described("the density of bremss at E (1 + z)", "as bremss", "5e-6"),
        "zcutoffpl": Described("the density of cutoffpl at E (1 + z)", _INTEGRAL, "no values; 3e-13 from XSPEC 12.15"),
        "zgauss": Described(
            "gaussian at LineE / (1 + z), Sigma / (1 + z), of norm / (1 + z) photons / cm2 / s",
            _EXACT,
            "1e-8 of the norm; width 0 equal",
        ),
        "zpowerlw": Described("the density of powerlaw at E (1 + z)", _EXACT, "3e-14"),
    }
)

_TITLES = {
    "add": ("Additive", "Photons / cm2 / s in a bin; a norm of 1 is meant where none is named."),
    "mul": ("Multiplicative", "The factor of a bin."),
    "con": ("Enclosing a part of the model", "Written `cflux.f(...)`."),
}


def component_page() -> str:
    """Write the table, a chapter for each kind of component."""
    lines = [
        COMPONENT_MARK,
        "",
        "## All components",
        "",
        "A parameter stands with its start, its unit and its hard limits; one that is *frozen* is not fitted unless",
        "that is said. The last column is the largest relative difference from XSPEC 12.9.1 where its values mean",
        "something.",
        "",
    ]
    for kind, (title, text) in _TITLES.items():
        lines += [f"### {title}", "", text, ""]
        lines += [
            "| component | parameters | definition | value of a bin | difference |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, component in sorted(COMPONENTS.items()):
            if component.kind == kind:
                parameters = "; ".join(_parameter(one) for one in component.parameters)
                described = DESCRIBED[name]
                lines.append(f"| `{name}` | {parameters} | {described.text} | {described.bin} | {described.checked} |")
        lines.append("")
    return "\n".join(lines)


def _parameter(one: ParameterDef) -> str:
    unit = f" {one.unit}" if one.unit else ""
    limits = "" if one.name == "norm" else f" ({one.min:g} to {one.max:g})"
    return f"`{one.name}` {one.value:g}{unit}{limits}{', *frozen*' if one.frozen else ''}"

"""The spectral components there are: XSPEC's names, parameters, defaults and limits.

Values are those of XSPEC's ``model.dat`` (version 12): start, hard limits, and whether a parameter is frozen unless
told otherwise (a negative step there). The normalisation of additive components is XSPEC's: 1, from 0 to 1e24.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

__all__ = ["COMPONENTS", "NORM", "REDSHIFT", "ComponentDef", "ParameterDef", "component_type"]


@dataclass(frozen=True)
class ParameterDef:
    """One parameter of a component; `min` and `max` are the hard limits, and a `switch` is never fitted."""

    name: str
    value: float
    min: float
    max: float
    unit: str = ""
    frozen: bool = False
    switch: bool = False


@dataclass(frozen=True)
class ComponentDef:
    """One component.

    Attributes
    ----------
    name : str
    kind : str
        ``add``, ``mul``, or ``con``: one that encloses a part of the model.
    parameters : tuple of ParameterDef
        In XSPEC's order, ``norm`` last.
    """

    name: str
    kind: str
    parameters: tuple[ParameterDef, ...]

    def parameter(self, name: str) -> ParameterDef | None:
        """Give a parameter by its name."""
        return next((one for one in self.parameters if one.name == name), None)


#: Of additive components whose norm has no unit of its own, and of those with a redshift.
NORM = ParameterDef("norm", 1.0, 0.0, 1e24)
REDSHIFT = ParameterDef("Redshift", 0.0, -0.999, 10.0, frozen=True)

_DENSITY = "photons/keV/cm2/s at 1 keV"


def _add(name: str, unit: str, *parameters: ParameterDef) -> ComponentDef:
    return ComponentDef(name, "add", (*parameters, replace(NORM, unit=unit)))


def _mul(name: str, *parameters: ParameterDef) -> ComponentDef:
    return ComponentDef(name, "mul", parameters)


def _index(name: str, value: float = 1.0) -> ParameterDef:
    return ParameterDef(name, value, -3.0, 10.0)


def _temperature(value: float) -> ParameterDef:
    return ParameterDef("kT", value, 1e-4, 200.0, "keV")


_NH = ParameterDef("nH", 1.0, 0.0, 1e6, "1e22 cm-2")
_FOLD = ParameterDef("HighECut", 15.0, 0.01, 500.0, "keV")
_LINE = ParameterDef("LineE", 6.5, 0.0, 1e6, "keV")
_SIGMA = ParameterDef("Sigma", 0.1, 0.0, 20.0, "keV")
_EDGE = (ParameterDef("edgeE", 7.0, 0.0, 100.0, "keV"), ParameterDef("MaxTau", 1.0, 0.0, 10.0))

COMPONENTS: Mapping[str, ComponentDef] = MappingProxyType(
    {
        one.name: one
        for one in (
            _mul("cabs", _NH),
            _mul("constant", ParameterDef("factor", 1.0, 0.0, 1e10)),
            _mul("edge", *_EDGE),
            _mul("expabs", ParameterDef("LowECut", 2.0, 0.0, 200.0, "keV")),
            _mul(
                "gabs",
                ParameterDef("LineE", 1.0, 0.0, 1e6, "keV"),
                ParameterDef("Sigma", 0.01, 0.0, 20.0, "keV"),
                ParameterDef("Strength", 1.0, 0.0, 1e6, "keV"),
            ),
            _mul(
                "highecut",
                ParameterDef("cutoffE", 10.0, 1e-4, 1e6, "keV"),
                ParameterDef("foldE", 15.0, 1e-4, 1e6, "keV"),
            ),
            _mul("pcfabs", _NH, ParameterDef("CvrFract", 0.5, 0.0, 1.0)),
            _mul("phabs", _NH),
            _mul("tbabs", _NH),
            _mul("wabs", _NH),
            _mul("zedge", *_EDGE, REDSHIFT),
            _mul("zphabs", _NH, REDSHIFT),
            _mul("ztbabs", _NH, REDSHIFT),
            _mul("zwabs", _NH, REDSHIFT),
            _add("bbody", "1e39 erg/s at 10 kpc", _temperature(3.0)),
            _add("bbodyrad", "(km at 10 kpc)2", _temperature(3.0)),
            _add(
                "bknpower",
                _DENSITY,
                _index("PhoIndx1"),
                ParameterDef("BreakE", 5.0, 0.0, 1e6, "keV"),
                _index("PhoIndx2", 2.0),
            ),
            _add("bremss", "3.02e-15 / (4 pi cm2) x emission measure", _temperature(7.0)),
            _add("cutoffpl", _DENSITY, _index("PhoIndex"), _FOLD),
            _add("diskbb", "(km at 10 kpc)2 cos(i)", ParameterDef("Tin", 1.0, 0.0, 1000.0, "keV")),
            _add("gaussian", "photons/cm2/s", _LINE, _SIGMA),
            _add(
                "logpar",
                "photons/keV/cm2/s at pivotE",
                ParameterDef("alpha", 1.5, 0.0, 4.0),
                ParameterDef("beta", 0.2, -4.0, 4.0),
                ParameterDef("pivotE", 1.0, 1e-10, 1e6, "keV", frozen=True),
            ),
            _add("lorentz", "photons/cm2/s", _LINE, ParameterDef("Width", 0.1, 0.0, 20.0, "keV")),
            _add("powerlaw", _DENSITY, _index("PhoIndex")),
            _add("zbbody", "1e39 erg/s at 10 kpc (1 + z)", _temperature(3.0), REDSHIFT),
            _add("zbremss", "3.02e-15 / (4 pi cm2) x emission measure", _temperature(7.0), REDSHIFT),
            _add("zcutoffpl", "photons/keV/cm2/s at 1 keV / (1 + z)", _index("PhoIndex"), _FOLD, REDSHIFT),
            _add("zgauss", "photons/cm2/s in the source's frame", _LINE, _SIGMA, REDSHIFT),
            _add("zpowerlw", "photons/keV/cm2/s at 1 keV / (1 + z)", _index("PhoIndex"), REDSHIFT),
            ComponentDef(
                "cflux",
                "con",
                (
                    ParameterDef("Emin", 0.5, 0.0, 1e6, "keV", frozen=True),
                    ParameterDef("Emax", 10.0, 0.0, 1e6, "keV", frozen=True),
                    ParameterDef("lg10Flux", -12.0, -100.0, 100.0, "log10(erg/cm2/s)"),
                ),
            ),
        )
    }
)


def component_type(text: str) -> str:
    """Give the name of a component however its case is written (``TBabs``), or an empty text."""
    folded = text.casefold()
    return folded if folded in COMPONENTS else ""

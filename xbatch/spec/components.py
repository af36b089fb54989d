"""The spectral components there are: XSPEC's names, parameters, defaults and limits.

Values are those of XSPEC's ``model.dat`` (version 12): start, hard limits, and whether a parameter is frozen unless
told otherwise (a negative step there). The normalisation of additive components is XSPEC's: 1, from 0 to 1e24.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["COMPONENTS", "ComponentDef", "ParameterDef", "component_type"]


@dataclass(frozen=True)
class ParameterDef:
    """One parameter of a component; `min` and `max` are the hard limits."""

    name: str
    value: float
    min: float
    max: float
    unit: str = ""
    frozen: bool = False


@dataclass(frozen=True)
class ComponentDef:
    """One component: `kind` is ``add`` or ``mul``; `parameters` are in XSPEC's order, ``norm`` last."""

    name: str
    kind: str
    parameters: tuple[ParameterDef, ...]

    def parameter(self, name: str) -> ParameterDef | None:
        """Give a parameter by its name."""
        return next((one for one in self.parameters if one.name == name), None)


def _add(name: str, unit: str, *parameters: ParameterDef) -> ComponentDef:
    return ComponentDef(name, "add", (*parameters, ParameterDef("norm", 1.0, 0.0, 1e24, unit)))


_NH = ParameterDef("nH", 1.0, 0.0, 1e6, "1e22 cm-2")

COMPONENTS: Mapping[str, ComponentDef] = MappingProxyType(
    {
        one.name: one
        for one in (
            ComponentDef("constant", "mul", (ParameterDef("factor", 1.0, 0.0, 1e10),)),
            ComponentDef("phabs", "mul", (_NH,)),
            ComponentDef("tbabs", "mul", (_NH,)),
            _add("powerlaw", "photons/keV/cm2/s at 1 keV", ParameterDef("PhoIndex", 1.0, -3.0, 10.0)),
            _add(
                "gaussian",
                "photons/cm2/s",
                ParameterDef("LineE", 6.5, 0.0, 1e6, "keV"),
                ParameterDef("Sigma", 0.1, 0.0, 20.0, "keV"),
            ),
        )
    }
)


def component_type(text: str) -> str:
    """Give the name of a component however its case is written (``TBabs``), or an empty text."""
    folded = text.casefold()
    return folded if folded in COMPONENTS else ""

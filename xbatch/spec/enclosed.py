"""What components that enclose others need: a flux in a band that is one, and a norm that is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xbatch.spec.model import Parameter
from xbatch.spec.nodes import Node
from xbatch.spec.report import Report
from xbatch.spec.tablemodels import definition

__all__ = ["check_enclosed"]

Tree = Mapping[str, Any]

_LOW, _HIGH = "Emin", "Emax"
#: Types that set the flux, or the luminosity, of what they enclose, and by which parameter.
_FLUXES = {"cflux": "lg10Flux", "xs:cflux": "lg10Flux", "xs:clumin": "lg10Lum", "xs:cpflux": "Flux"}


def check_enclosed(
    tree: Tree, components: Mapping[str, str], parameters: Sequence[Parameter], place: Node, report: Report
) -> None:
    """Report a ``cflux`` or the like whose band is empty, or whose flux and all norms inside are free.

    Parameters
    ----------
    tree : Mapping
        The model, see `xbatch.spec.model.FitJob`.
    components : Mapping
        Name to type.
    parameters : sequence of Parameter
        Of one fit.
    place : Node
        The model's text.
    report : Report
    """
    for part in _enclosing(tree):
        name = part["by"]
        for low in _of(parameters, name, _LOW):
            for high in _of(parameters, name, _HIGH):
                if set(low.datasets) & set(high.datasets) and not low.value < high.value:
                    message = f"the band of {name}, {low.value:g} to {high.value:g} keV, is empty"
                    report.add(place, "XB309", message, f"give {low.name} and {high.name}")
                    return
        if components[name] not in _FLUXES:
            continue
        scales = list(_scales(part["args"][0], components))
        found = [one for component, parameter in scales for one in _of(parameters, component, parameter)]
        if all(not one.frozen and not one.link for one in found):
            message = f"{components[name]}.{name} sets the flux of what it encloses, and its norms are free too"
            first = ".".join(scales[0])
            report.add(place, "XB321", message, f"freeze one, as in {first}: {{frozen: true}}")
            return


def _of(parameters: Sequence[Parameter], component: str, parameter: str) -> list[Parameter]:
    return [one for one in parameters if (one.component, one.parameter) == (component, parameter)]


def _enclosing(tree: Tree) -> Iterator[Tree]:
    if tree.get("op") == "con":
        yield tree
    for part in tree.get("args", ()):
        yield from _enclosing(part)


def _scales(tree: Tree, components: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the parameters that scale a part of a model: norms, and the fluxes of what it encloses in turn."""
    if "component" in tree:
        kind = definition(components[tree["component"]])
        if kind.kind == "add":
            yield tree["component"], kind.parameters[-1].name
    elif tree["op"] == "con" and components[tree["by"]] in _FLUXES:
        yield tree["by"], _FLUXES[components[tree["by"]]]
    else:
        for part in tree["args"]:
            yield from _scales(part, components)

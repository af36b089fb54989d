"""The spectral components: XSPEC's definitions, and XSPEC's value of a bin.

Additive components give photons / cm2 / s in each bin, multiplicative ones the factor of each bin, scalings a number
for the part of a model that they enclose, convolutions another spectrum for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbatch.xray.components import absorbers, factors, lines, powerlaws, scalings, thermal
from xbatch.xray.components.component import (
    Component,
    Convolution,
    Convolver,
    Evaluator,
    Kind,
    Scaler,
    Scaling,
    Smooth,
)

__all__ = [
    "COMPONENTS",
    "SCALINGS",
    "Component",
    "Convolution",
    "Convolver",
    "Evaluator",
    "Kind",
    "Scaler",
    "Scaling",
    "Smooth",
]

_ALL = (
    *absorbers.COMPONENTS,
    *factors.COMPONENTS,
    *lines.COMPONENTS,
    *powerlaws.COMPONENTS,
    *thermal.COMPONENTS,
)

#: The components there are, by name.
COMPONENTS: Mapping[str, Component] = MappingProxyType({one.name: one for one in _ALL})

#: The scalings there are, by name.
SCALINGS: Mapping[str, Scaling] = MappingProxyType({one.name: one for one in scalings.SCALINGS})

"""Where the source of a spectrum or light curve of EPIC is, for `arfgen` and `epiclccorr`.

They take the middle of the region if nothing is said, which is right for one circle, ellipse or annulus. Of a region
of other shapes, of several, or from a file, they cannot tell it: a point source is then where the target is, if that
lies in the region, which the step `selection` looks at.
"""

from __future__ import annotations

from collections.abc import Iterable

from xbatch.commands.sourceposition import at, found_by
from xbatch.spec.eventmodel import EventSpectrum, LightCurveJob, Observed

__all__ = ["source_arguments", "sources_looked_for"]

_SIMPLE = ("circle", "ellipse", "annulus")

Target = tuple[float, float] | None


def source_arguments(
    observed: Observed, one: EventSpectrum | LightCurveJob, target: Target
) -> tuple[tuple[str, str], ...]:
    """Give the parameters that say where the source is; none where the middle of the region is meant.

    Parameters
    ----------
    observed : Observed
    one : EventSpectrum or LightCurveJob
    target : tuple of float or None
        RA and Dec, degrees.
    """
    said = one.source_position
    if isinstance(said, tuple):
        return at(said)
    if said == "target" and target is not None:
        return at(target)
    return found_by(one.region) if _is_looked_for(observed, one, target) else ()


def sources_looked_for(
    observed: Observed, products: Iterable[EventSpectrum | LightCurveJob], target: Target
) -> dict[str, list[float]]:
    """Give the regions for which is to be found whether the target lies in them, with its position."""
    if target is None:
        return {}
    return {one.region: list(target) for one in products if _is_looked_for(observed, one, target)}


def _is_looked_for(observed: Observed, one: EventSpectrum | LightCurveJob, target: Target) -> bool:
    if one.source_position or one.source_type != "point" or target is None:
        return False
    region = observed.regions.get(one.region)
    if region is None:
        return False
    shapes = list(region.params.get("shapes") or ())
    simple = region.file is None and len(shapes) == 1 and shapes[0]["shape"] in _SIMPLE
    return not simple

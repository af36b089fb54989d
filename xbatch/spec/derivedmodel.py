"""What is made of other things at either level, as data: bands found in spectra, sums of spectra, drawn spectra.

Nothing here knows YAML. The mappings named `params` are JSON-able and canonical: they are steps' parameters as they
stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbatch.spec.model import Band, FurtherModel, Subject

__all__ = ["BandSet", "Combination", "EqualBands", "Fake"]


@dataclass(frozen=True)
class BandSet:
    """Bands in the order asked for: fixed ones, or those of a scheme whose edges depend on data.

    `scheme` names the scheme (a key of `Spec.equal_bands`), `most` how many bands it may have; `bands` is empty
    then, and the bands are called ``scheme.1`` ...
    """

    bands: tuple[Band, ...] = ()
    scheme: str = ""
    most: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """All names that the bands may have."""
        if self.scheme:
            return tuple(f"{self.scheme}.{number}" for number in range(1, self.most + 1))
        return tuple(band.name for band in self.bands)


@dataclass(frozen=True)
class EqualBands:
    """A scheme whose edges are found in a reference spectrum.

    `of` is the subject whose net counts (or signal to noise) are shared out evenly; `to` the one whose channels edges
    go to. `params`: ``{"scheme": "equal-counts" | "equal-snr", "lo": keV, "hi": keV, "n": int, "min_channels": int}``
    (`min_channels` may be None).
    """

    name: str
    of: Subject
    to: Subject | None
    params: Mapping[str, Any]
    path: str = ""


@dataclass(frozen=True)
class Combination:
    """A sum over observations of one spectrum and one instrument; `subject` is the sum's, `members` what is summed.

    `params`: ``{"response": "exposure-weighted" | "counts-weighted", "background": "keep" | "subtract",
    "on_missing": "skip" | "error", "rate_sigma": float | None, "detectors_differ": bool, "min_exposure": s}``.
    """

    subject: Subject
    name: str
    members: tuple[Subject, ...]
    params: Mapping[str, Any]
    path: str = ""


@dataclass(frozen=True)
class Fake:
    """A spectrum drawn from a model.

    Attributes
    ----------
    subject : Subject
    like : Subject
        The spectrum whose response, exposure and background it has.
    model, components : Mapping
        As of `FitJob`.
    values : Mapping
        Component name to the values of its parameters, in order.
    exposure : float or None
        s; None for that of `like`.
    background : bool
        Whether the background of `like` is drawn too.
    models : tuple of FurtherModel
        As of `FitJob`, each with the one dataset 0.
    """

    subject: Subject
    like: Subject
    model: Mapping[str, Any] | None
    components: Mapping[str, str]
    values: Mapping[str, Sequence[float]]
    abundances: str = "wilm"
    cross_sections: str = "vern"
    exposure: float | None = None
    background: bool = True
    seed: int = 1
    path: str = ""
    models: tuple[FurtherModel, ...] = ()

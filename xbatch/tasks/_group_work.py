"""What a binning needs to know of a spectrum: counts, channels, energies, background and response.

Where something of it is missing the message says what, and what would help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum
from xbatch.ogip.response import Response
from xbatch.xray import grouping

__all__ = [
    "Work",
    "background_of",
    "check_counts",
    "energies_of",
    "net_of",
    "other_channels",
    "places_of",
    "prepared",
    "response_of",
    "scale_of",
    "subtracts",
]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# An edge of EBOUNDS, a 32-bit number, is taken to be where `range` says if it is nearer than this part of a channel.
_EDGE_TOLERANCE = 1e-3
_NEEDS_COUNTS = ("min", "opt", "optmin", "optsnmin", "ogrppha", "nutools")


@dataclass(frozen=True)
class Work:
    """What a binning needs to know.

    Attributes
    ----------
    name : str
        ``obsid/instrument/spectrum``, for messages.
    binning : Mapping
        The binning's keys.
    spectrum : Spectrum
        QUALITY and SYS_ERR as `bad` and `systematic` leave them.
    background : Spectrum or None
    template : Spectrum or None
    response : Response or None
    inside : ndarray of bool or None
        The channels inside `range`.
    """

    name: str
    binning: Mapping[str, Any]
    spectrum: Spectrum
    background: Spectrum | None
    template: Spectrum | None
    response: Response | None
    inside: Bools | None = None


def prepared(work: Work) -> Work:
    """Flag bad channels, set systematic errors and find the channels inside the range."""
    spectrum = work.spectrum
    quality = grouping.flag_bad(spectrum.quality, spectrum.channel, work.binning.get("bad", ()))
    systematic = [(int(first), int(last), float(part)) for first, last, part in work.binning.get("systematic", ())]
    sys_err = grouping.systematic_errors(spectrum.sys_err, spectrum.channel, systematic)
    work = replace(work, spectrum=replace(spectrum, quality=quality, sys_err=sys_err), inside=_inside(work))
    good = quality == 0
    if not good.any():
        raise StepError(
            f"all {good.size} channels are bad (QUALITY is not 0)",
            work.name,
            "take channels out of the binning's 'bad'",
        )
    if work.inside is not None and not (good & work.inside).any():
        raise StepError("all channels inside the binning's range are bad", work.name, "widen 'range' or shorten 'bad'")
    kind = work.binning["type"]
    if kind in _NEEDS_COUNTS or (kind == "specgroup" and "counts" in work.binning):
        check_counts(work, spectrum)
    return work


def check_counts(work: Work, spectrum: Spectrum, what: str = "spectrum") -> None:
    """Refuse a file of rates or of weighted sums, whose numbers are not counts of photons.

    Raises
    ------
    StepError
    """
    if spectrum.poisson or bool(np.all(spectrum.counts == np.rint(spectrum.counts))):
        return
    raise StepError(
        f"binning type {work.binning['type']!r} needs counts, and the {what} holds rates or weighted sums (POISSERR is "
        "F, and rate times exposure is not whole)",
        work.name,
        "use type snmin, constant, none or file",
    )


def _inside(work: Work) -> Bools | None:
    wanted = work.binning.get("range")
    if wanted is None:
        return None
    spectrum, low, high = work.spectrum, float(wanted["lo"]), float(wanted["hi"])
    if wanted["unit"] == "keV":
        e_min, e_max = energies_of(work)
        slack = _EDGE_TOLERANCE * np.abs(e_max - e_min)
        inside = (e_min >= low - slack) & (e_max <= high + slack)
        there = f"{min(e_min):g} to {max(e_max):g} keV"
    else:
        inside = (spectrum.channel >= low) & (spectrum.channel <= high)
        there = f"channels {spectrum.channel[0]} to {spectrum.channel[-1]}"
    if not inside.any():
        unit = "keV" if wanted["unit"] == "keV" else "(channels)"
        raise StepError(
            f"the binning's range {low:g} to {high:g} {unit} is outside the spectrum, which has {there}",
            work.name,
            "change 'range' of the binning",
        )
    return np.asarray(inside)


def energies_of(work: Work) -> tuple[Floats, Floats]:
    """Give the nominal energies (keV) of the spectrum's channels."""
    response = response_of(work)
    place = places_of(work, response)
    return response.e_min[place], response.e_max[place]


def places_of(work: Work, response: Response) -> NDArray[np.intp]:
    """Find the spectrum's channels among those of the response."""
    channel = work.spectrum.channel
    place = np.minimum(np.searchsorted(response.channel, channel), response.channel.size - 1)
    if not np.array_equal(response.channel[place], channel):
        raise StepError(
            f"the spectrum has channels {channel[0]} to {channel[-1]}, its response {response.channel[0]} to "
            f"{response.channel[-1]}",
            work.name,
            "give the response that belongs to the spectrum",
        )
    return np.asarray(place)


def response_of(work: Work) -> Response:
    """Give the response; a StepError where there is none."""
    if work.response is None:
        raise StepError(
            f"binning type {work.binning['type']!r} with these keys needs a response, and there is none",
            work.name,
            "give 'response: FILE' for the spectrum in the spec",
        )
    return work.response


def background_of(work: Work) -> Spectrum:
    """Give the background; a StepError where there is none, or it has other channels."""
    background = work.background
    if background is None:
        raise StepError(
            f"binning type {work.binning['type']!r} needs a background spectrum, and there is none",
            work.name,
            "give 'background: FILE' for the spectrum in the spec, or use a type without it (min; snmin with "
            "background: false)",
        )
    if not np.array_equal(background.channel, work.spectrum.channel):
        raise other_channels(work, "background", background)
    return background


def other_channels(work: Work, what: str, other: Spectrum) -> StepError:
    """Say that another file has other channels."""
    spectrum = work.spectrum
    return StepError(
        f"the {what} has {other.channel.size} channels ({other.channel[0]} to {other.channel[-1]}), the spectrum "
        f"{spectrum.channel.size} ({spectrum.channel[0]} to {spectrum.channel[-1]})",
        work.name,
        f"give a {what} with the channels of the spectrum",
    )


def subtracts(work: Work) -> bool:
    """Say whether the signal is net of the background; where the spec leaves it open, if there is one."""
    return bool(work.binning.get("background", work.background is not None))


def scale_of(spectrum: Spectrum, background: Spectrum) -> Floats:
    """Give the factor from a background's counts to those in the spectrum, channel by channel.

    It is 0 where the background has no area: channels that RGS does not see, which are bad, have scales of 0
    (rgscombine 1.4.1, *Algorithm*).
    """
    mine = spectrum.areascal * spectrum.backscal * spectrum.exposure
    other = background.areascal * background.backscal * background.exposure
    return np.divide(mine, other, out=np.zeros_like(mine), where=other > 0)


def net_of(work: Work) -> tuple[Floats, Floats]:
    """Give the net counts of each channel and their variance."""
    spectrum = work.spectrum
    if not subtracts(work):
        return grouping.net_and_variance(spectrum.counts, _variance(spectrum, work.name))
    background = background_of(work)
    return grouping.net_and_variance(
        spectrum.counts,
        _variance(spectrum, work.name),
        background.counts,
        _variance(background, f"{work.name} (background)"),
        scale_of(spectrum, background),
    )


def _variance(spectrum: Spectrum, name: str) -> Floats:
    """Give the variance of each channel's counts: the counts if they are Poisson, else STAT_ERR squared."""
    if spectrum.poisson:
        statistical = spectrum.counts
    elif spectrum.stat_err is not None:
        statistical = spectrum.stat_err**2
    else:
        raise StepError(
            "POISSERR is false and there is no STAT_ERR: the errors are not known",
            name,
            "use type min, constant or none",
        )
    return np.asarray(statistical + (spectrum.sys_err * spectrum.counts) ** 2)

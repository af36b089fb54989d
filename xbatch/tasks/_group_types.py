"""How each type of binning groups: from the keys of the spec to the functions of `xbatch.xray`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from xbatch.tasks._group_work import (
    Work,
    background_of,
    check_counts,
    net_of,
    other_channels,
    places_of,
    response_of,
    scale_of,
)
from xbatch.xray import grouping, grouping_nutools, grouping_optimal, grouping_peers

__all__ = ["TYPES"]

Floats = NDArray[np.float64]


def _keep(work: Work) -> grouping.Flags:
    """Type ``file``: the flags that are there, or those of a template; its bad channels are bad here too."""
    spectrum, template = work.spectrum, work.template
    flags, quality = spectrum.grouping, spectrum.quality
    if template is not None:
        if not np.array_equal(template.channel, spectrum.channel):
            raise other_channels(work, "template", template)
        flags = template.grouping
        quality = np.where(quality == 0, template.quality, quality)
    if not work.binning.get("bad") and work.inside is None:
        return flags.astype(np.int16), quality.astype(np.int16)
    return grouping.group_by_labels(np.cumsum(flags != -1), quality, work.inside)


def _none(work: Work) -> grouping.Flags:
    return grouping.group_none(work.spectrum.quality)


def _constant(work: Work) -> grouping.Flags:
    spectrum = work.spectrum
    if "ranges" in work.binning:
        ranges = [(int(first), int(last), int(width)) for first, last, width in work.binning["ranges"]]
        return grouping.group_ranges(spectrum.quality, spectrum.channel, ranges, work.inside)
    return grouping.group_constant(spectrum.quality, int(work.binning["channels"]), work.inside)


def _min(work: Work) -> grouping.Flags:
    return grouping.group_min(work.spectrum.counts, work.spectrum.quality, float(work.binning["counts"]), work.inside)


def _bmin(work: Work) -> grouping.Flags:
    background = background_of(work)
    check_counts(work, background, "background")
    counts = np.where(background.quality == 0, background.counts, 0.0)
    return grouping.group_min(counts, work.spectrum.quality, float(work.binning["counts"]), work.inside)


def _snmin(work: Work) -> grouping.Flags:
    net, variance = net_of(work)
    return grouping.group_snr(net, variance, work.spectrum.quality, float(work.binning["snr"]), work.inside)


def _opt(work: Work) -> grouping.Flags:
    return grouping_optimal.group_optimal(work.spectrum.counts, _fwhm(work), work.spectrum.quality, work.inside)


def _optmin(work: Work) -> grouping.Flags:
    return grouping_optimal.group_optimal_min(
        work.spectrum.counts, _fwhm(work), work.spectrum.quality, float(work.binning["counts"]), inside=work.inside
    )


def _optsnmin(work: Work) -> grouping.Flags:
    return grouping_optimal.group_optimal_snr(
        work.spectrum.counts,
        _fwhm(work),
        net_of(work),
        work.spectrum.quality,
        snr=float(work.binning["snr"]),
        inside=work.inside,
    )


def _specgroup(work: Work) -> grouping.Flags:
    minima = _minima(work)
    return grouping_peers.group_specgroup(
        work.spectrum.counts,
        work.spectrum.quality,
        minima,
        net_of(work) if minima.snr is not None else None,
        _fwhm(work) if minima.oversample is not None else None,
        work.inside,
    )


def _ogrppha(work: Work) -> grouping.Flags:
    spectrum, response = work.spectrum, response_of(work)
    scaled = np.zeros(spectrum.counts.size)
    if work.background is not None:
        background = background_of(work)
        check_counts(work, background, "background")
        scaled = scale_of(spectrum, background) * background.counts
    width = grouping_peers.half_maximum_width(
        (response.indptr, response.matrix),
        (response.energ_lo, response.energ_hi),
        (response.e_min, response.e_max),
    )
    place: list[int] = places_of(work, response).tolist()
    return grouping_peers.group_ogrppha(
        spectrum.counts,
        grouping_peers.limited_background(spectrum.counts, scaled),
        spectrum.quality,
        _minima(work),
        lambda position: width(place[position]),
        work.inside,
    )


def _minima(work: Work) -> grouping_peers.Minima:
    return grouping_peers.Minima(**{key: work.binning.get(key) for key in ("counts", "snr", "oversample")})


def _nutools(work: Work) -> grouping.Flags:
    spectrum, background, minimum = work.spectrum, background_of(work), float(work.binning["net_counts"])
    check_counts(work, background, "background")
    if work.binning["form"] == "faithful":
        # The script for one observation leaves EXPOSURE and AREASCAL out of the scale.
        net = spectrum.counts - spectrum.backscal / background.backscal * background.counts
        return grouping_nutools.group_as_scripts(net, spectrum.channel, spectrum.quality, minimum)
    net = spectrum.counts - scale_of(spectrum, background) * background.counts
    return grouping_nutools.group_net_counts(net, spectrum.quality, minimum, work.inside)


def _fwhm(work: Work) -> Floats:
    """Give the FWHM of the response at each of the spectrum's channels, in channels."""
    response = response_of(work)
    width = grouping_optimal.fwhm_channels(
        (response.indptr, response.indices, response.matrix),
        (response.energ_lo, response.energ_hi),
        (response.e_min, response.e_max),
    )
    return width[places_of(work, response)]


TYPES: Mapping[str, Callable[[Work], grouping.Flags]] = {
    "file": _keep,
    "none": _none,
    "constant": _constant,
    "min": _min,
    "bmin": _bmin,
    "snmin": _snmin,
    "opt": _opt,
    "optmin": _optmin,
    "optsnmin": _optsnmin,
    "specgroup": _specgroup,
    "ogrppha": _ogrppha,
    "nutools": _nutools,
}

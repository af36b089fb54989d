"""Task `group`: flag bad channels, then group the others into bins; the counts stay as they are.

Order: `bad` channels get QUALITY 5, then channels are grouped inside `range`; channels outside stay single.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import Response, load_response
from xbatch.registry import Job, Outcome
from xbatch.xray import grouping, grouping_optimal
from xbatch.xray.fold import find_groups, group_sum

__all__ = ["run"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# An edge of EBOUNDS, a 32-bit number, is taken to be where `range` says if it is nearer than this part of a channel.
_EDGE_TOLERANCE = 1e-3
_NEEDS_COUNTS = ("min", "opt", "optmin", "optsnmin")


@dataclass(frozen=True)
class _Work:
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


def run(job: Job) -> Outcome:
    """Group one spectrum by one binning.

    Inputs: ``spectrum``, and where the binning uses them ``background``, ``response`` and ``template``. Parameters:
    ``binning`` (its type and keys), ``obsid``, ``instrument``, ``spectrum``, ``name``. Outputs: ``grouped.pha``,
    ``grouping.json``.

    Raises
    ------
    StepError
        The binning cannot be made of this spectrum; the message says what would help.
    FileError
        An input cannot be read.
    """
    name = "/".join(str(job.params[key]) for key in ("obsid", "instrument", "spectrum"))
    binning: Mapping[str, Any] = job.params["binning"]
    background, template = (
        read_pha(job.inputs[role]) if role in job.inputs else None for role in ("background", "template")
    )
    response = load_response(job.inputs["response"]) if "response" in job.inputs else None
    work = _Work(name, binning, read_pha(job.inputs["spectrum"]), background, template, response)
    try:
        work = _prepared(work)
        flags, quality = _TYPES[str(binning["type"])](work)
    except ValueError as error:
        raise StepError(f"binning {job.params['name']!r}: {error}", name, "change the binning in the spec") from error
    spectrum = replace(work.spectrum, grouping=flags, quality=quality)
    facts = _facts(spectrum, work)
    if facts["good_groups"] == 0:
        raise _no_group(work)
    write_pha(job.out / "grouped.pha", spectrum)
    write_atomically(job.out / "grouping.json", pretty_json(facts))
    return Outcome(facts, _notes(work, facts))


def _prepared(work: _Work) -> _Work:
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
    if kind in _NEEDS_COUNTS and not _has_counts(spectrum):
        raise _no_counts(work, "spectrum")
    return work


def _has_counts(spectrum: Spectrum) -> bool:
    """Say whether the numbers are counts of photons; a file of rates or of weighted sums has others, and its errors."""
    return spectrum.poisson or bool(np.all(spectrum.counts == np.rint(spectrum.counts)))


def _no_counts(work: _Work, what: str) -> StepError:
    return StepError(
        f"binning type {work.binning['type']!r} needs counts, and the {what} holds rates or weighted sums (POISSERR is "
        "F, and rate times exposure is not whole)",
        work.name,
        "use type snmin, constant, none or file",
    )


def _inside(work: _Work) -> Bools | None:
    wanted = work.binning.get("range")
    if wanted is None:
        return None
    spectrum, low, high = work.spectrum, float(wanted["lo"]), float(wanted["hi"])
    if wanted["unit"] == "keV":
        e_min, e_max = _energies(work)
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


def _energies(work: _Work) -> tuple[Floats, Floats]:
    """Give the nominal energies (keV) of the spectrum's channels."""
    response = _response(work)
    place = _places(work, response)
    return response.e_min[place], response.e_max[place]


def _places(work: _Work, response: Response) -> NDArray[np.intp]:
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


def _response(work: _Work) -> Response:
    if work.response is None:
        raise StepError(
            f"binning type {work.binning['type']!r} with these keys needs a response, and there is none",
            work.name,
            "give 'response: FILE' for the spectrum in the spec",
        )
    return work.response


def _background(work: _Work) -> Spectrum:
    background = work.background
    if background is None:
        raise StepError(
            f"binning type {work.binning['type']!r} needs a background spectrum, and there is none",
            work.name,
            "give 'background: FILE' for the spectrum in the spec, or use a type without it (min; snmin with "
            "background: false)",
        )
    if not np.array_equal(background.channel, work.spectrum.channel):
        raise _other_channels(work, "background", background)
    return background


def _other_channels(work: _Work, what: str, other: Spectrum) -> StepError:
    spectrum = work.spectrum
    return StepError(
        f"the {what} has {other.channel.size} channels ({other.channel[0]} to {other.channel[-1]}), the spectrum "
        f"{spectrum.channel.size} ({spectrum.channel[0]} to {spectrum.channel[-1]})",
        work.name,
        f"give a {what} with the channels of the spectrum",
    )


def _keep(work: _Work) -> grouping.Flags:
    """Type ``file``: the flags that are there, or those of a template; its bad channels are bad here too."""
    spectrum, template = work.spectrum, work.template
    flags, quality = spectrum.grouping, spectrum.quality
    if template is not None:
        if not np.array_equal(template.channel, spectrum.channel):
            raise _other_channels(work, "template", template)
        flags = template.grouping
        quality = np.where(quality == 0, template.quality, quality)
    if not work.binning.get("bad") and work.inside is None:
        return flags.astype(np.int16), quality.astype(np.int16)
    return grouping.group_by_labels(np.cumsum(flags != -1), quality, work.inside)


def _none(work: _Work) -> grouping.Flags:
    return grouping.group_none(work.spectrum.quality)


def _constant(work: _Work) -> grouping.Flags:
    spectrum = work.spectrum
    if "ranges" in work.binning:
        ranges = [(int(first), int(last), int(width)) for first, last, width in work.binning["ranges"]]
        return grouping.group_ranges(spectrum.quality, spectrum.channel, ranges, work.inside)
    return grouping.group_constant(spectrum.quality, int(work.binning["channels"]), work.inside)


def _min(work: _Work) -> grouping.Flags:
    return grouping.group_min(work.spectrum.counts, work.spectrum.quality, float(work.binning["counts"]), work.inside)


def _bmin(work: _Work) -> grouping.Flags:
    background = _background(work)
    if not _has_counts(background):
        raise _no_counts(work, "background")
    counts = np.where(background.quality == 0, background.counts, 0.0)
    return grouping.group_min(counts, work.spectrum.quality, float(work.binning["counts"]), work.inside)


def _snmin(work: _Work) -> grouping.Flags:
    net, variance = _net(work)
    return grouping.group_snr(net, variance, work.spectrum.quality, float(work.binning["snr"]), work.inside)


def _opt(work: _Work) -> grouping.Flags:
    return grouping_optimal.group_optimal(work.spectrum.counts, _fwhm(work), work.spectrum.quality, work.inside)


def _optmin(work: _Work) -> grouping.Flags:
    return grouping_optimal.group_optimal_min(
        work.spectrum.counts, _fwhm(work), work.spectrum.quality, float(work.binning["counts"]), inside=work.inside
    )


def _optsnmin(work: _Work) -> grouping.Flags:
    return grouping_optimal.group_optimal_snr(
        work.spectrum.counts,
        _fwhm(work),
        _net(work),
        work.spectrum.quality,
        snr=float(work.binning["snr"]),
        inside=work.inside,
    )


_TYPES: Mapping[str, Callable[[_Work], grouping.Flags]] = {
    "file": _keep,
    "none": _none,
    "constant": _constant,
    "min": _min,
    "bmin": _bmin,
    "snmin": _snmin,
    "opt": _opt,
    "optmin": _optmin,
    "optsnmin": _optsnmin,
}


def _fwhm(work: _Work) -> Floats:
    """Give the FWHM of the response at each of the spectrum's channels, in channels."""
    response = _response(work)
    width = grouping_optimal.fwhm_channels(
        (response.indptr, response.indices, response.matrix),
        (response.energ_lo, response.energ_hi),
        (response.e_min, response.e_max),
    )
    return width[_places(work, response)]


def _subtracts(work: _Work) -> bool:
    """Say whether the signal is net of the background; where the spec leaves it open, if there is one."""
    return bool(work.binning.get("background", work.background is not None))


def _net(work: _Work) -> tuple[Floats, Floats]:
    spectrum = work.spectrum
    if not _subtracts(work):
        return grouping.net_and_variance(spectrum.counts, _variance(spectrum, work.name))
    background = _background(work)
    scale = (spectrum.areascal * spectrum.backscal * spectrum.exposure) / (
        background.areascal * background.backscal * background.exposure
    )
    return grouping.net_and_variance(
        spectrum.counts,
        _variance(spectrum, work.name),
        background.counts,
        _variance(background, f"{work.name} (background)"),
        scale,
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


def _facts(spectrum: Spectrum, work: _Work) -> dict[str, Any]:
    """Say what the grouping is: numbers of groups, the first and the last good one, the least counts of one.

    Where there is a range, the good groups are those inside it.
    """
    groups = find_groups(spectrum.grouping, spectrum.quality)
    if work.inside is not None:
        groups = groups.keep(work.inside[groups.first])
    facts: dict[str, Any] = {
        "type": work.binning["type"],
        "channels": int(spectrum.channel.size),
        "good_channels": int(np.count_nonzero(spectrum.quality == 0)),
        "leftover_channels": int(
            np.count_nonzero((spectrum.quality == grouping.LEFTOVER) & (work.spectrum.quality == 0))
        ),
        "groups": int(np.count_nonzero(spectrum.grouping != -1)),
        "good_groups": groups.size,
    }
    if groups.size == 0:
        return facts
    energies = _energies(work) if work.response is not None else None
    for key, number in (("first", 0), ("last", -1)):
        first, last = int(groups.first[number]), int(groups.last[number])
        facts[key] = {"channels": [int(spectrum.channel[first]), int(spectrum.channel[last])]}
        if energies is not None:
            ends = [*energies[0][[first, last]], *energies[1][[first, last]]]
            facts[key]["energy"] = [float(min(ends)), float(max(ends))]
    counts = group_sum(groups, spectrum.counts)
    facts["min_counts"] = float(counts.min())
    facts["counts"] = float(counts.sum())
    return facts


def _no_group(work: _Work) -> StepError:
    binning = work.binning
    if not {"counts", "snr"} & set(binning):
        return StepError("the template leaves no channel good", work.name, "give a template with good channels")
    what = f"{binning['counts']:g} counts" if "counts" in binning else f"a signal-to-noise ratio of {binning['snr']:g}"
    good = work.spectrum.quality == 0
    if work.inside is not None:
        good &= work.inside
    holder = "spectrum"
    counts = work.spectrum.counts
    if binning["type"] == "bmin":
        background = _background(work)
        holder, counts = "background", np.where(background.quality == 0, background.counts, 0.0)
    return StepError(
        f"no group reaches {what}: the good channels of the {holder} hold {counts[good].sum():g} counts in all",
        work.name,
        "ask for less, or use type none or opt with the statistic cstat or wstat",
    )


def _notes(work: _Work, facts: Mapping[str, Any]) -> tuple[str, ...]:
    notes: list[str] = []
    if facts["leftover_channels"]:
        notes.append(f"{facts['leftover_channels']} channels at the end reach no minimum and are left out (QUALITY 2)")
    if work.binning["type"] in {"snmin", "optsnmin"} and not _subtracts(work):
        notes.append("signal-to-noise ratio of all counts, no background subtracted")
    return tuple(notes)

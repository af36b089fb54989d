"""Task `combine`: add the spectra of several observations, with their backgrounds and responses.

Counts and exposures add (mathpha, addspec). Instruments are never added: a step has the spectra of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import Response, save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks._combine_responses import added_response
from xbatch.tasks._spectrum_facts import response_links, spectrum_facts
from xbatch.xray.spectra_sum import (
    Measured,
    add_backgrounds,
    add_spectra,
    background_ratio,
    pool_backgrounds,
    subtract_backgrounds,
)

__all__ = ["Added", "Adder", "Member", "combined", "measured", "run", "subtracts"]

# Cards that a sum keeps if all its members have the same.
_COMMON = """
    TELESCOP INSTRUME FILTER DETNAM DATAMODE OBJECT RA_OBJ DEC_OBJ EQUINOX RADECSYS MJDREF MJDREFI MJDREFF TIMEZERO
    TIMESYS TIMEUNIT TIMEREF CHANTYPE CORRSCAL
"""
_FIRST, _LAST, _ADDED = ("DATE-OBS", "TSTART", "MJD-OBS"), ("DATE-END", "TSTOP"), ("ONTIME", "LIVETIME")
_DETECTOR = ("TELESCOP", "INSTRUME", "DETNAM", "FILTER")
_ALIKE = 1e-6


@dataclass(frozen=True)
class Member:
    """One spectrum that is added; `number` is that of its roles."""

    label: str
    number: int
    spectrum: Spectrum
    background: Spectrum | None


@dataclass(frozen=True)
class Added:
    """What adding gives: the sum, the background that belongs to it, the response; what else is worth recording."""

    total: Measured
    below: Measured | None
    response: Response | None
    facts: Mapping[str, Any] = field(default_factory=dict)


Adder = Callable[[Job, Sequence[Member], bool, bool, list[str]], Added]
"""Adds members; told whether all have backgrounds and responses, and adds what is worth saying to the notes."""


def run(job: Job) -> Outcome:
    """Add spectra.

    Inputs: ``spectrum/N``, and where there are such ``background/N`` and ``response/N``. Parameters: ``obsid``,
    ``instrument``, ``mission``, ``spectrum`` of the sum; ``members``, names of what is added, in the order of N;
    ``response`` (exposure-weighted or counts-weighted), ``background`` (keep or subtract), ``on_missing`` (skip or
    error), ``min_exposure`` (s), ``rate_sigma`` (or null), ``detectors_differ``. Outputs: ``spectrum.pha``,
    ``background.pha`` if backgrounds are kept, ``response.npz`` if all members have a response, and
    ``response_NAME.npz`` for further responses ``further/NAME/N``, which are added in the same way.

    Backgrounds that are kept stay whole counts with Poisson's statistics, with one BACKSCAL for all, if theirs are.

    Raises
    ------
    StepError
        Nothing is left to be added, or members do not go together.
    FileError
        An input cannot be read.
    """
    return combined(job, _natively)


def combined(job: Job, add: Adder) -> Outcome:
    """Add spectra as `run` says, by an adder of one's own."""
    notes: list[str] = []
    members = _members(job, notes)
    _check_channels(members)
    paired = _paired(members)
    answered = all(f"response/{member.number}" in job.inputs for member in members)
    added = add(job, members, paired, answered, notes)
    notes += _warnings(job.params, members)

    spectrum = _spectrum(job, members, added.total)
    below = added.below
    links = {"BACKFILE": "none" if below is None else "background.pha", **response_links(answered)}
    names = {f"MEMBER{number}": member.label for number, member in enumerate(members, 1)}
    cards = {**spectrum.header, **links, "NMEMBER": len(members), **names}
    cards["HDUCLAS2"] = "NET" if subtracts(job) and paired else "TOTAL"
    write_pha(job.out / "spectrum.pha", spectrum, cards)
    background = None
    if below is not None:
        background = _background(job, [member.background for member in members if member.background], below)
        write_pha(job.out / "background.pha", background, {**dict.fromkeys(links, "none"), "HDUCLAS2": "BKG"})
    _responses(job, members, added.response, notes)
    facts = spectrum_facts(spectrum, background) | {"members": _labels(members)}
    return Outcome({**facts, **added.facts}, tuple(notes))


def _natively(job: Job, members: Sequence[Member], paired: bool, answered: bool, notes: list[str]) -> Added:
    total, below = _sums(job, members, paired, notes)
    response = None
    if answered:
        roles = [f"response/{member.number}" for member in members]
        response, said = added_response([job.inputs[role] for role in roles], _weights(job, members), _labels(members))
        notes += said
    return Added(total, below, response)


def _responses(job: Job, members: Sequence[Member], response: Response | None, notes: list[str]) -> None:
    """Write the response of the sum, and the further ones; say which members have none."""
    if response is not None:
        save_response(job.out / "response.npz", response)
        for name in dict.fromkeys(role.split("/")[1] for role in job.inputs if role.startswith("further/")):
            paths = [job.inputs[f"further/{name}/{member.number}"] for member in members]
            further, said = added_response(paths, _weights(job, members), _labels(members))
            notes += [f"response {name}: {note}" for note in said]
            save_response(job.out / f"response_{name}.npz", further)
        return
    lacking = [member.label for member in members if f"response/{member.number}" not in job.inputs]
    if len(lacking) < len(members):
        notes.append(f"no response: {', '.join(lacking)} {'have' if len(lacking) > 1 else 'has'} none")


def _labels(members: Sequence[Member]) -> list[str]:
    return [member.label for member in members]


def subtracts(job: Job) -> bool:
    """Say whether backgrounds are subtracted."""
    return bool(job.params["background"] == "subtract")


def _members(job: Job, notes: list[str]) -> list[Member]:
    """Read what is to be added; say what is left out."""
    least = float(job.params.get("min_exposure") or 0.0)
    found: list[Member] = []
    short = 0
    for number, label in enumerate(job.params["members"]):
        path = job.inputs.get(f"spectrum/{number}")
        if path is None:
            if job.params["on_missing"] == "error":
                raise StepError(f"{label}, which is to be added, is not there", cure="Write 'on_missing: skip'")
            notes.append(f"{label} is left out: it could not be made")
            continue
        spectrum = read_pha(path)
        if spectrum.exposure < least:
            short += 1
            notes.append(f"{label} is left out: exposure {spectrum.exposure:.6g} s, less than {least:g} s")
            continue
        background = job.inputs.get(f"background/{number}")
        found.append(Member(label, number, spectrum, None if background is None else read_pha(background)))
    if not found:
        raise StepError(
            f"nothing is left to be added: {short} of {len(job.params['members'])} spectra have less than {least:g} s",
            cure="Lower keep.min_exposure, or take the sum out of 'combine'",
        )
    if len(found) == 1:
        notes.append(f"the sum is {found[0].label} alone")
    return found


def _check_channels(members: Sequence[Member]) -> None:
    first = members[0]
    for member in members:
        for what, one in (("", member.spectrum), ("the background of ", member.background)):
            if one is not None and not (
                np.array_equal(one.channel, first.spectrum.channel) and one.detchans == first.spectrum.detchans
            ):
                raise StepError(
                    f"{what}{member.label} has channels {_channels(one)}, {first.label} has "
                    f"{_channels(first.spectrum)}",
                    cure="Add spectra of the same channels: extract them alike, or rebin one to the other's",
                )


def _channels(spectrum: Spectrum) -> str:
    return f"{spectrum.channel[0]} to {spectrum.channel[-1]} ({spectrum.channel.size} of {spectrum.detchans})"


def _paired(members: Sequence[Member]) -> bool:
    """Say whether there are backgrounds; all members have one, or none has."""
    lacking = [member.label for member in members if member.background is None]
    if lacking and len(lacking) < len(members):
        raise StepError(
            f"{', '.join(lacking)} {'have' if len(lacking) > 1 else 'has'} no background, and others that are to be "
            "added have one",
            cure="Name backgrounds for all of them, or write 'background: none' for their spectrum",
        )
    return not lacking


def _sums(job: Job, members: Sequence[Member], paired: bool, notes: list[str]) -> tuple[Measured, Measured | None]:
    sources = [measured(member.spectrum, member.label) for member in members]
    below = [measured(one.background, f"the background of {one.label}") for one in members if one.background]
    try:
        if not paired:
            return add_spectra(sources), None
        if subtracts(job):
            notes.append("each background is subtracted from its spectrum: the errors are Gaussian (POISSERR F)")
            return subtract_backgrounds(sources, below), None
        if any(one.error is not None for one in below):
            notes.append("backgrounds are scaled to their spectra and added with their errors (POISSERR F)")
            return add_spectra(sources), add_backgrounds(sources, below)
        pooled = pool_backgrounds(sources, below)
        ratios = [float(np.mean(background_ratio(*pair))) for pair in zip(sources, below, strict=True)]
        low, high = min(ratios), max(ratios)
        if high > low * (1 + _ALIKE):
            notes.append(
                f"background counts stand for {low:.4g} to {high:.4g} counts in the spectra: they are added as counts, "
                "with the mean of these ratios by counts"
            )
        return add_spectra(sources), pooled
    except ValueError as error:
        raise StepError(str(error), cure="Look at EXPOSURE, BACKSCAL and AREASCAL of the spectra") from error


def measured(spectrum: Spectrum, label: str) -> Measured:
    """Give the counts of a spectrum with their errors, for sums.

    Channels that RGS does not see are bad, and AREASCAL and BACKSCAL may be 0 there (rgscombine 1.4.1, *Algorithm*):
    they are bad in the sum too, and 1 stands for a scale that nothing needs.
    """
    if not spectrum.poisson and spectrum.stat_err is None:
        raise StepError(
            f"{label} has POISSERR = F and no STAT_ERR: its errors are not known", cure="Give it the column STAT_ERR"
        )
    error = None if spectrum.poisson else spectrum.stat_err
    unseen = (spectrum.quality != 0) & ~(spectrum.backscal * spectrum.areascal > 0)
    backscal, areascal = (np.where(unseen, 1.0, scale) for scale in (spectrum.backscal, spectrum.areascal))
    return Measured(spectrum.counts, error, spectrum.exposure, backscal, areascal)


def _weights(job: Job, members: Sequence[Member]) -> list[float]:
    if job.params["response"] == "exposure-weighted":
        return [member.spectrum.exposure for member in members]
    counts = [max(float(member.spectrum.counts.sum()), 0.0) for member in members]
    if not any(counts):
        raise StepError("no spectrum has counts to weight responses by", cure="Use response: exposure-weighted")
    return counts


def _warnings(params: Mapping[str, Any], members: Sequence[Member]) -> list[str]:
    """Say what makes a sum doubtful, of what the spec asks for."""
    notes = []
    if params.get("rate_sigma"):
        total = sum(member.spectrum.exposure for member in members)
        mean = sum(float(member.spectrum.counts.sum()) for member in members) / total
        for member in members:
            spectrum = member.spectrum
            variance = measured(spectrum, member.label).variance
            rate, error = spectrum.counts.sum() / spectrum.exposure, np.sqrt(variance.sum()) / spectrum.exposure
            if abs(rate - mean) > params["rate_sigma"] * error:
                notes.append(
                    f"{member.label} has {rate:.4g} +- {error:.2g} ct/s, more than {params['rate_sigma']:g} sigma from "
                    f"the mean {mean:.4g}"
                )
    if params.get("detectors_differ"):
        for card in _DETECTOR:
            values = list(dict.fromkeys(str(member.spectrum.header.get(card, "")) for member in members))
            if len(values) > 1:
                notes.append(f"detectors differ: {card} is {', '.join(values)}")
    return notes


def _spectrum(job: Job, members: Sequence[Member], total: Measured) -> Spectrum:
    parts = [member.spectrum for member in members]
    header = _header(parts) | {"OBS_ID": str(job.params["obsid"])}
    return _with_counts(parts, total, header)


def _background(job: Job, parts: Sequence[Spectrum], below: Measured) -> Spectrum:
    return _with_counts(parts, below, _header(parts) | {"OBS_ID": str(job.params["obsid"])})


def _with_counts(parts: Sequence[Spectrum], measured: Measured, header: dict[str, Any]) -> Spectrum:
    """Give a sum as a spectrum: a channel is bad where it is bad in one of the parts, no channels are grouped."""
    first = parts[0]
    quality: NDArray[np.int16] = np.max([part.quality for part in parts], axis=0)
    return replace(
        first,
        path="",
        counts=measured.counts,
        stat_err=measured.error,
        sys_err=_systematic(parts),
        quality=quality,
        grouping=np.ones(first.channel.size, dtype=np.int16),
        backscal=measured.backscal,
        areascal=measured.areascal,
        exposure=measured.exposure,
        poisson=measured.error is None,
        is_rate=False,
        header=header,
        notes=(),
    )


def _systematic(parts: Sequence[Spectrum]) -> NDArray[np.float64]:
    """Average fractional systematic errors by counts: what is wrong in one way in all parts adds up as counts do."""
    counts = np.stack([np.abs(part.counts) for part in parts])
    errors = np.stack([part.sys_err for part in parts])
    whole = counts.sum(axis=0)
    return np.asarray(np.divide((errors * counts).sum(axis=0), whole, out=errors.max(axis=0), where=whole > 0))


def _header(parts: Sequence[Spectrum]) -> dict[str, Any]:
    headers = [part.header for part in parts]
    cards = {
        card: headers[0][card]
        for card in _COMMON.split()
        if card in headers[0] and all(one.get(card) == headers[0][card] for one in headers)
    }
    # Times count from the reference that all share; dates are in UTC always.
    timed = all(one.get(card) == headers[0].get(card) for one in headers for card in ("MJDREF", "MJDREFI", "MJDREFF"))
    for names, choose in ((_FIRST, min), (_LAST, max)):
        for card in names:
            values = [one[card] for one in headers if card in one]
            if len(values) == len(headers) and (timed or card.startswith(("DATE", "MJD-"))):
                cards[card] = choose(values)
    for card in _ADDED:
        lengths = [value for one in headers if isinstance(value := one.get(card), int | float)]
        if len(lengths) == len(headers):
            cards[card] = sum(lengths)
    return cards

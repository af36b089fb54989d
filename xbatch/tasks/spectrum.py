"""Task `spectrum`: read a spectrum with its background and response, check that they fit, keep them for other steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.extensions import times_and_regions
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import NO_AREA, check_channels, read_response, save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks._spectrum_facts import response_links, spectrum_facts

__all__ = ["run"]

_SOURCE = "spectrum.pha"
_BACKGROUND = "background.pha"
_RESPONSE = "response.npz"
#: Regions of one observation are not so different in size; BACKSCALs of two tools (fractions, pixels) are.
_MOST_BACKSCAL_RATIO = 1e4


def run(job: Job) -> Outcome:
    """Read and check the files of one spectrum.

    Inputs: ``pha`` and, where there are such, ``background``, ``rmf`` and ``arf``; in place of the first two ``fault``,
    where `xbatch.tasks.extract` could not make them: ``file``, ``what`` and ``cure`` of its error, as JSON. Parameters:
    ``obsid``, ``instrument``, ``mission``, ``spectrum``, ``note``. Outputs: ``spectrum.pha``, ``background.pha`` if
    there is a background, both with the GTI and region extensions of their files, and ``response.npz`` if there is a
    response. For each further response ``rmf/NAME`` (and ``arf/NAME``, if it has one) there is ``response_NAME.npz``.

    RESPFILE and ANCRFILE name ``response.rmf`` and ``response.arf``, which `xbatch.tasks.response` lays beside.

    Facts: ``counts`` over all channels, ``exposure`` in s, ``rate`` (counts/exposure, the background in it) and its
    error, the same over channels of quality 0, ``mjd`` and what else tells one spectrum from another.

    Raises
    ------
    FileError
        A file cannot be used, or two do not belong together; the message says what would help.
    StepError
        The spectrum could not be extracted.
    """
    if "fault" in job.inputs:
        fault = json.loads(job.inputs["fault"].read_bytes())
        raise StepError(fault["what"], fault["file"], fault["cure"])
    source = read_pha(job.inputs["pha"])
    rmf, arf = job.inputs.get("rmf"), job.inputs.get("arf")
    response = None if rmf is None else read_response(rmf, arf)
    if response is not None:
        check_channels(source, response, source.path, str(rmf))
    background = _background(job.inputs["background"], source) if "background" in job.inputs else None

    links = {
        "BACKFILE": "none" if background is None else _BACKGROUND,
        **response_links(rmf is not None),
    }
    write_pha(job.out / _SOURCE, source, links, times_and_regions(Path(source.path)))
    if background is not None:
        links = {"BACKFILE": "none", "RESPFILE": "none", "ANCRFILE": "none"}
        write_pha(job.out / _BACKGROUND, background, links, times_and_regions(Path(background.path)))
    if response is not None:
        save_response(job.out / _RESPONSE, response)
    further = _further_responses(job, source)

    notes = [job.params.get("note") or "", *_identity_notes(job, source), *source.notes]
    if not np.any(source.counts):
        notes.append("the spectrum holds no counts")
    if background is not None:
        notes += [f"background: {note}" for note in background.notes]
        notes += _background_notes(source, background)
    if response is not None:
        notes += response.notes
    elif arf is not None:
        notes.append(f"the ARF {arf.name} is left out: there is no RMF that it belongs to")
    return Outcome(spectrum_facts(source, background), tuple(note for note in (*notes, *further) if note))


def _further_responses(job: Job, source: Spectrum) -> list[str]:
    """Read, check and keep the further responses; what is to be said of them."""
    notes = []
    for name in (role.removeprefix("rmf/") for role in job.inputs if role.startswith("rmf/")):
        rmf = job.inputs[f"rmf/{name}"]
        response = read_response(rmf, job.inputs.get(f"arf/{name}"))
        check_channels(source, response, source.path, str(rmf))
        save_response(job.out / f"response_{name}.npz", response)
        # That there is no area is what the spec says, by naming none.
        notes += [f"response {name}: {note}" for note in response.notes if note != NO_AREA]
    return notes


def _background(path: Path, source: Spectrum) -> Spectrum:
    background = read_pha(path)
    if not np.array_equal(background.channel, source.channel):
        raise FileError(
            background.path,
            f"has channels {_channels(background)}, but the spectrum {source.path} it is the background of has "
            f"{_channels(source)}",
            "Extract both with the same channels, or name another background",
        )
    rules = [_backscal_rule(spectrum) for spectrum in (source, background)]
    if rules[0] != rules[1]:
        raise FileError(
            background.path,
            f"has a BACKSCAL by another rule than the spectrum {source.path} it is the background of: {rules[1]}, "
            f"there {rules[0]}",
            "Make both with one tool in one way",
        )
    return background


def _backscal_rule(spectrum: Spectrum) -> str:
    """Say by which rule a BACKSCAL is made, as far as the header tells: here, by nubackscale, or by any other tool."""
    rule = str(spectrum.header.get("XB_BSCAL") or "").strip()
    own = f"{rule} (XB_BSCAL)" if rule else ""
    weighted = "weighted by nubackscale (NUBACKSC)" if spectrum.header.get("NUBACKSC") is True else ""
    return ", ".join(part for part in (own, weighted) if part) or "the extracting tool's own"


def _channels(spectrum: Spectrum) -> str:
    return f"{spectrum.channel[0]} to {spectrum.channel[-1]} ({spectrum.channel.size} of {spectrum.detchans})"


def _identity_notes(job: Job, source: Spectrum) -> list[str]:
    """Say so where the file is of another observation or instrument than the spec says."""
    pairs = [("OBS_ID", "obsid")] + ([("INSTRUME", "instrument")] if job.params.get("mission") != "other" else [])
    notes = []
    for card, name in pairs:
        there, wanted = str(source.header.get(card, "")).strip(), str(job.params.get(name, ""))
        if there and wanted and there.casefold() != wanted.casefold():
            notes.append(f"{card} of the file is {there}, the spec says {wanted}")
    return notes


def _background_notes(source: Spectrum, background: Spectrum) -> list[str]:
    notes = []
    good = source.quality == 0
    empty = int(np.count_nonzero((background.backscal <= 0) & good))
    if empty:
        notes.append(f"background: BACKSCAL is 0 in {empty} good channels")
    ratio = float(np.median(source.backscal) / np.median(background.backscal[background.backscal > 0]))
    if ratio > _MOST_BACKSCAL_RATIO or (0 < ratio < 1 / _MOST_BACKSCAL_RATIO):
        notes.append(f"BACKSCAL of source and background differ by {ratio:.3g}: are they from one tool?")
    if not np.any(background.counts):
        notes.append("background: it holds no counts")
    return notes

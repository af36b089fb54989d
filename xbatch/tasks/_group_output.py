"""What comes before and after the groups of a spectrum, whoever makes them: reading, refusals, files and facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import load_response
from xbatch.registry import Job, Outcome
from xbatch.tasks._group_work import Work, background_of, energies_of, prepared, subtracts
from xbatch.tasks._spectrum_facts import RESPONSE_FILE, response_links
from xbatch.xray import grouping
from xbatch.xray.fold import find_groups, group_sum

__all__ = ["Grouper", "grouped"]

Grouper = Callable[[Work], grouping.Flags]
"""Gives GROUPING and QUALITY; raises ValueError where the binning cannot be made."""


def grouped(job: Job, grouper: Grouper) -> Outcome:
    """Group one spectrum by one binning, as `xbatch.tasks.group.run` says.

    Parameters
    ----------
    job : Job
    grouper : callable
    """
    name = "/".join(str(job.params[key]) for key in ("obsid", "instrument", "spectrum"))
    binning: Mapping[str, Any] = job.params["binning"]
    background, template = (
        read_pha(job.inputs[role]) if role in job.inputs else None for role in ("background", "template")
    )
    response = load_response(job.inputs["response"]) if "response" in job.inputs else None
    work = Work(name, binning, read_pha(job.inputs["spectrum"]), background, template, response)
    least = float(job.params.get("min_exposure") or 0.0)
    if work.spectrum.exposure < least:
        return _ungrouped(job, work, least)
    try:
        work = prepared(work)
        flags, quality = grouper(work)
    except ValueError as error:
        raise StepError(f"binning {job.params['name']!r}: {error}", name, "change the binning in the spec") from error
    spectrum = replace(work.spectrum, grouping=flags, quality=quality)
    facts = _facts(spectrum, work)
    if facts["good_groups"] == 0:
        raise _no_group(work)
    write_pha(job.out / "grouped.pha", spectrum, _links(spectrum))
    write_atomically(job.out / "grouping.json", pretty_json(facts))
    return Outcome(facts, _notes(work, facts))


def _ungrouped(job: Job, work: Work, least: float) -> Outcome:
    """Leave a spectrum as it is that no fit will take: it may have too few counts for any group."""
    spectrum = replace(work.spectrum, grouping=np.ones(work.spectrum.channel.size, dtype=np.int16))
    facts = {"type": work.binning["type"], "channels": int(spectrum.channel.size), "groups": 0, "good_groups": 0}
    write_pha(job.out / "grouped.pha", spectrum, _links(spectrum))
    write_atomically(job.out / "grouping.json", pretty_json(facts))
    return Outcome(facts, (f"not grouped: exposure {spectrum.exposure:.6g} s, less than {least:g} s",))


def _links(spectrum: Spectrum) -> dict[str, str]:
    """Name background and response from where the grouped spectrum lies: a folder below the spectrum and these."""
    below = spectrum.header.get("BACKFILE") == "background.pha"
    links = {"BACKFILE": "../background.pha"} if below else {}
    return links | (response_links(True, "../") if spectrum.header.get("RESPFILE") == RESPONSE_FILE else {})


def _facts(spectrum: Spectrum, work: Work) -> dict[str, Any]:
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
    energies = energies_of(work) if work.response is not None else None
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


def _no_group(work: Work) -> StepError:
    binning = work.binning
    asked = [
        f"{binning[key]:g} {words}"
        for key, words in (("counts", "counts"), ("net_counts", "net counts"))
        if key in binning
    ]
    if "snr" in binning:
        asked.append(f"a signal-to-noise ratio of {binning['snr']:g}")
    if not asked:
        return StepError("the template leaves no channel good", work.name, "give a template with good channels")
    good = work.spectrum.quality == 0
    if work.inside is not None:
        good &= work.inside
    holder = "spectrum"
    counts = work.spectrum.counts
    if binning["type"] == "bmin":
        background = background_of(work)
        holder, counts = "background", np.where(background.quality == 0, background.counts, 0.0)
    return StepError(
        f"no group reaches {' and '.join(asked)}: the good channels of the {holder} hold {counts[good].sum():g} counts "
        "in all",
        work.name,
        "ask for less, or use type none or opt with the statistic cstat or wstat",
    )


def _notes(work: Work, facts: Mapping[str, Any]) -> tuple[str, ...]:
    notes: list[str] = []
    if facts["leftover_channels"]:
        notes.append(f"{facts['leftover_channels']} channels at the end reach no minimum and are left out (QUALITY 2)")
    if "snr" in work.binning and not subtracts(work):
        notes.append("signal-to-noise ratio of all counts, no background subtracted")
    if work.binning["type"] == "ogrppha" and "counts" in work.binning and work.background is None:
        notes.append("minimum of all counts, no background subtracted")
    if work.binning.get("form") == "faithful":
        notes.append(
            "groups as the GDL scripts of nutools make them, with their faults: some may hold fewer net counts"
        )
    return tuple(notes)

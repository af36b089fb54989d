"""Task `bands`: find bands of equal counts, or of equal signal to noise, in a reference spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.ogip.response import check_channels, load_response
from xbatch.registry import Job, Outcome
from xbatch.tasks._group_work import scale_of
from xbatch.xray.channels import spectrum_axis
from xbatch.xray.equal_bands import (
    channels_inside,
    equal_count_edges,
    equal_snr_edges,
    nearest_channels,
    wide_edges,
)
from xbatch.xray.grouping import net_and_variance

__all__ = ["run"]

Floats = NDArray[np.float64]
# EBOUNDS are 32-bit numbers: 2.2749999 keV is meant to be 2.275, the edge of a channel.
_DECIMALS = 5


def run(job: Job) -> Outcome:
    """Find the edges of a scheme.

    Inputs: ``spectrum``, and where there are such ``background`` and ``response``; ``to/spectrum`` and ``to/response``
    of the spectrum whose channels the edges go to. Parameters: ``name``, ``scheme`` (equal-counts or equal-snr), ``lo``
    and ``hi`` in keV, ``n``, ``min_channels`` (or null), ``form`` (mended or faithful), ``mission``, ``instrument``,
    and ``to`` with those two. Output: ``bands.json``.

    Energies of channels are those of EBOUNDS where there is a response, else the mission's. In the form ``mended`` bad
    channels have no counts, the background is scaled by area and exposure, a band ends with its edge's channel, and the
    bands fill the range; ``faithful`` does neither: its bands begin with an edge's channel and leave out the last one.

    Raises
    ------
    StepError
        The edges cannot be found in this spectrum; the message says what would help.
    FileError
        An input cannot be read.
    """
    params = job.params
    name = f"bands {params['name']!r}"
    spectrum = read_pha(job.inputs["spectrum"])
    e_min, e_max = _energies(spectrum, job.inputs.get("response"), params, name)
    try:
        first, last = channels_inside(e_min, e_max, float(params["lo"]), float(params["hi"]))
    except ValueError as error:
        raise StepError(str(error), name, "change 'range' of the scheme") from error
    inside = slice(first, last + 1)
    net, variance = (part[inside] for part in _net(job, spectrum, name))
    faithful = params["form"] == "faithful"
    try:
        if params["scheme"] == "equal-counts":
            edges = equal_count_edges(net, int(params["n"]), faithful=faithful)
        else:
            edges = equal_snr_edges(net, variance, int(params["n"]), faithful=faithful)
    except ValueError as error:
        raise StepError(f"{error} in {params['lo']:g} to {params['hi']:g} keV", name, "take another 'of'") from error
    edges = edges + first
    channel = spectrum.channel
    middles = 0.5 * (e_min + e_max)
    if "to/spectrum" in job.inputs:
        target = read_pha(job.inputs["to/spectrum"])
        guides = middles[edges]
        e_min, e_max = _energies(target, job.inputs.get("to/response"), params.get("to", params), name)
        edges, channel = nearest_channels(guides, e_min, e_max), target.channel
        edges = edges if faithful else np.unique(edges)
    if params["min_channels"]:
        edges = wide_edges(edges, int(params["min_channels"]), faithful=faithful)
    if edges.size < 2:
        raise StepError(
            f"{params['lo']:g} to {params['hi']:g} keV makes no band", name, "widen 'range', or lower 'min_channels'"
        )
    bands = _bands(params["name"], edges, channel, e_min, e_max, faithful=faithful)
    for band in bands:
        here = (middles[inside] >= band["lo"]) & (middles[inside] < band["hi"])
        band["counts"] = float(net[here].sum())
        noise = float(variance[here].sum())
        band["snr"] = band["counts"] / noise**0.5 if noise > 0 else 0.0
    document = {
        "name": params["name"],
        "scheme": params["scheme"],
        "form": params["form"],
        "asked": int(params["n"]),
        "edges": channel[edges].tolist(),
        "bands": bands,
    }
    write_atomically(job.out / "bands.json", pretty_json(document))
    notes = []
    if len(bands) < int(params["n"]):
        notes.append(f"{len(bands)} bands, {params['n']} were asked for")
    if "background" not in job.inputs:
        notes.append("all counts are shared out: the spectrum has no background")
    facts = {"bands": len(bands), "asked": int(params["n"]), "counts": float(net.sum())}
    return Outcome(facts, tuple(notes))


def _energies(spectrum: Spectrum, response: Path | None, params: Mapping[str, Any], name: str) -> tuple[Floats, Floats]:
    """Give the energies (keV) of a spectrum's channels."""
    if response is not None:
        matrix = load_response(response)
        check_channels(spectrum, matrix, spectrum.path, str(response))
        place = np.searchsorted(matrix.channel, spectrum.channel)
        e_min, e_max = matrix.e_min[place], matrix.e_max[place]
        if np.any(np.diff(e_min) <= 0):
            raise StepError("the channels of the reference descend in energy", name, "take a CCD spectrum for 'of'")
        return e_min, e_max
    try:
        axis = spectrum_axis(str(params["mission"]), str(params["instrument"]))
    except ValueError as error:
        raise StepError(f"{error}, and there is no response", name, "name a response for the spectrum") from error
    if spectrum.detchans != axis.detchans:
        raise FileError(
            spectrum.path,
            f"has DETCHANS {spectrum.detchans}, where spectra of {params['instrument']} have {axis.detchans}",
            "Name a response for it",
        )
    width = axis.step * axis.width
    low = np.asarray(axis.zero + axis.step * axis.first + width * (spectrum.channel - axis.first_channel))
    return low.astype(np.float64), low + np.float64(width)


def _net(job: Job, spectrum: Spectrum, name: str) -> tuple[Floats, Floats]:
    """Give the net counts of each channel, and their variance."""
    faithful = job.params["form"] == "faithful"
    good = np.ones(spectrum.channel.size, dtype=bool) if faithful else spectrum.quality == 0
    counts = np.where(good, spectrum.counts, 0.0)
    variance = np.where(good, _variance(spectrum, name), 0.0)
    if "background" not in job.inputs:
        return counts, variance
    background = read_pha(job.inputs["background"])
    if not np.array_equal(background.channel, spectrum.channel):
        raise StepError("the background of the reference has other channels", name, "extract both alike")
    scale = spectrum.backscal / background.backscal if faithful else scale_of(spectrum, background)
    below = np.where(good, background.counts, 0.0)
    noise = np.where(good, _variance(background, name), 0.0)
    return net_and_variance(counts, variance, below, noise, scale)


def _variance(spectrum: Spectrum, name: str) -> Floats:
    if spectrum.poisson:
        return spectrum.counts
    if spectrum.stat_err is None:
        raise StepError("the reference has POISSERR = F and no STAT_ERR", name, "take another 'of'")
    return np.asarray(spectrum.stat_err**2)


def _bands(
    name: str, edges: NDArray[np.int64], channel: NDArray[np.int64], e_min: Floats, e_max: Floats, *, faithful: bool
) -> list[dict[str, Any]]:
    """Give the bands between edges; one begins where the one before it ends."""
    if faithful:
        begins, ends = edges[:-1], edges[1:] - 1
    else:
        begins, ends = np.append(edges[0], edges[1:-1] + 1), edges[1:]
    bounds = np.round(np.append(e_min[begins], e_max[ends[-1]]), _DECIMALS).tolist()
    return [
        {
            "name": f"{name}.{number + 1}",
            "lo": bounds[number],
            "hi": bounds[number + 1],
            "channels": [int(channel[begin]), int(channel[end])],
        }
        for number, (begin, end) in enumerate(zip(begins, ends, strict=True))
    ]

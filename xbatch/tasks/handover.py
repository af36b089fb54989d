"""A fit handed over to XSPEC, PyXspec and Sherpa: scripts that rebuild it, with the spectra they read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.files import write_atomically
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks._handover_fit import Data, HandedFit, Value
from xbatch.tasks._handover_sherpa import sherpa_script
from xbatch.tasks._handover_xspec import pyxspec_script, xcm_text
from xbatch.tasks.fitwords import fit_notes, is_left_out
from xbatch.xray.fold import find_groups

__all__ = ["run"]

_SAME = ("obsid", "instrument", "spectrum", "binning")
_LACKING = 5  # QUALITY of a channel that is bad
_NOT_SHERPA = "Sherpa has no statistic pgstat: its script sets data and model, and makes no fit"


def run(job: Job) -> Outcome:
    """Write scripts that rebuild a fit at its best values.

    Inputs are `fit` (fit.json), `bins` (bins.ecsv), and for dataset i `grouped/i` and, where the fit uses it,
    `background/i`. Parameters: `title`; `model` and `components` as of the fit; `tables`, the
    files of components that are table models; `limits`, parameter name to its least
    and greatest value; `datasets`, for each ``{obsid, instrument, spectrum, binning, rmf, arf}`` with the names of the
    response's files as seen from the folder of the scripts, and ``further``, those of further responses by their names;
    ``models``, as of the fit, where it has further ones. Outputs are ``fit.xcm``, ``fit_pyxspec.py``,
    ``fit_sherpa.py`` and the spectra as they are in the fit: ``spectrum_1.pha``, ``background_1.pha`` and so on.
    """
    fit: Mapping[str, Any] = json.loads(job.inputs["fit"].read_text(encoding="utf-8"))
    if is_left_out(fit):
        return _nothing(job, fit)
    rows = _channels(job)
    models: Mapping[str, Any] = {one["name"]: one for one in job.params.get("models") or ()}
    words = _plain_names(models)
    data, notes = [], []
    for number, dataset in enumerate(fit["datasets"]):
        position = next(
            n for n, one in enumerate(job.params["datasets"]) if all(one[key] == dataset[key] for key in _SAME)
        )
        ends = rows[:, rows[0] == number][1:]
        names = [one["name"] for one in fit.get("models") or () if number in one["datasets"]]
        responses = {words[name]: models[name]["response"] for name in names}
        one, told = _data(job, fit, position, number + 1, ends, responses)
        data.append(one)
        notes += told
    handed = HandedFit(
        title=str(job.params["title"]),
        statistic=fit["statistic"],
        variance=fit["variance"],
        background=fit["background"],
        abundances=fit["abundances"],
        cross_sections=fit["cross_sections"],
        tree=job.params["model"],
        components=job.params["components"],
        tables=job.params["tables"],
        values=tuple(_value(one, job.params["limits"]) for one in fit["parameters"]),
        data=tuple(data),
        stat_value=fit["stat_value"],
        dof=fit["dof"],
        version=version("xbatch"),
        further=tuple(
            (words[one["name"]], models[one["name"]]["model"], tuple(one["datasets"]))
            for one in fit.get("models") or ()
            if one["datasets"]
        ),
    )
    write_atomically(job.out / "fit.xcm", xcm_text(handed))
    write_atomically(job.out / "fit_pyxspec.py", pyxspec_script(handed))
    write_atomically(job.out / "fit_sherpa.py", sherpa_script(handed))
    notes += [_NOT_SHERPA] if fit["statistic"] == "pgstat" else []
    return Outcome({"datasets": len(data)}, tuple(notes))


def _nothing(job: Job, fit: Mapping[str, Any]) -> Outcome:
    text = "\n".join(f"# {word}" for word in ("Nothing was fitted.", *fit_notes(fit)))
    for name in ("fit.xcm", "fit_pyxspec.py", "fit_sherpa.py"):
        write_atomically(job.out / name, text + "\n")
    return Outcome({"datasets": 0})


def _channels(job: Job) -> NDArray[np.int64]:
    """Read the groups of the fit: dataset, first and last channel, shape (3, groups)."""
    names: list[str] = []
    rows = []
    for line in job.inputs["bins"].read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        cells = line.split(",")
        if not names:
            names = cells
            places = [names.index(name) for name in ("dataset", "first_channel", "last_channel")]
        else:
            rows.append([int(cells[place]) for place in places])
    return np.array(rows, dtype=np.int64).reshape(-1, 3).T


def _data(
    job: Job,
    fit: Mapping[str, Any],
    position: int,
    number: int,
    ends: NDArray[np.int64],
    models: Mapping[str, str],
) -> tuple[Data, list[str]]:
    given = job.params["datasets"][position]
    spectrum = _regrouped(_whole(read_pha(job.inputs[f"grouped/{position}"])))
    title = "/".join(str(given[key]) for key in _SAME[:3])
    background = ""
    if f"background/{position}" in job.inputs:
        background = f"background_{number}.pha"
        below = _with_errors(fit, _whole(read_pha(job.inputs[f"background/{position}"])))
        write_pha(job.out / background, below, {"BACKFILE": "none", "RESPFILE": "none", "ANCRFILE": "none"})
    name = f"spectrum_{number}.pha"
    links = {"BACKFILE": background or "none", "RESPFILE": given["rmf"], "ANCRFILE": given["arf"]}
    write_pha(job.out / name, _with_errors(fit, spectrum), links)
    index = np.cumsum(spectrum.grouping != -1)
    used = np.unique(index[np.searchsorted(spectrum.channel, ends[0])])
    ignored = np.setdiff1d(np.arange(1, index[-1] + 1), used)
    bad = (spectrum.quality != 0) & np.isin(index, used)
    notes = []
    if bad.any():
        notes.append(
            f"{title}: bad channels inside groups: {int(bad.sum())}; Sherpa leaves them out as the fit does, XSPEC may "
            "take them in"
        )
    data = Data(
        title=title,
        file=name,
        background=background,
        rmf=str(given["rmf"]),
        arf=str(given["arf"]),
        noticed=_joined(ends),
        ignored=_runs(ignored),
        bad=bool(np.any(spectrum.quality != 0)),
        grouped=bool(np.any(spectrum.grouping == -1)),
        systematic=bool(np.any(spectrum.sys_err > 0)),
        further={
            name: (files["rmf"], files["arf"])
            for name, response in models.items()
            for files in (given["further"][response] if response else given,)
        },
    )
    return data, notes


def _plain_names(models: Iterable[str]) -> dict[str, str]:
    """Write the names of models as XSPEC takes them in expressions, where - is a sign."""
    found: dict[str, str] = {}
    for name in models:
        word = name.replace("-", "_")
        while word in found.values():
            word += "_"
        found[name] = word
    return found


def _whole(spectrum: Spectrum) -> Spectrum:
    """Give all channels of the detector, those that the file lacks as bad ones: Sherpa takes no part of them."""
    channel = np.arange(spectrum.detchans) + spectrum.first_channel
    place = np.searchsorted(spectrum.channel, channel).clip(max=spectrum.channel.size - 1)
    there = spectrum.channel[place] == channel
    if there.all() or there.sum() < spectrum.channel.size:
        return spectrum

    def filled(values: NDArray[Any], otherwise: float) -> NDArray[Any]:
        return np.where(there, values[place], np.asarray(otherwise, dtype=values.dtype))

    goes_on = spectrum.grouping[place] == -1
    return replace(
        spectrum,
        channel=channel,
        counts=filled(spectrum.counts, 0),
        stat_err=None if spectrum.stat_err is None else filled(spectrum.stat_err, 0),
        sys_err=filled(spectrum.sys_err, 0),
        quality=filled(spectrum.quality, _LACKING),
        # The place of a channel that lacks is that of the next there is: within a group the group goes on.
        grouping=np.where(there | (channel < spectrum.channel[-1]) & goes_on, spectrum.grouping[place], 1),
        backscal=spectrum.backscal[place],
        areascal=spectrum.areascal[place],
    )


def _regrouped(spectrum: Spectrum) -> Spectrum:
    """Let each group begin and end at a good channel; other programs do not agree on groups that begin at a bad one."""
    groups = find_groups(spectrum.grouping, spectrum.quality)
    grouping = np.ones(spectrum.channel.size, dtype=np.int16)
    for first, last in zip(groups.first, groups.last, strict=True):
        grouping[first + 1 : last + 1] = -1
    return replace(spectrum, grouping=grouping)


def _with_errors(fit: Mapping[str, Any], spectrum: Spectrum) -> Spectrum:
    """Say where errors come from: of the file's own, POISSERR = F makes other programs take them; else none stand."""
    if fit["statistic"] == "chi2" and fit["variance"] == "file":
        return spectrum if spectrum.stat_err is None else replace(spectrum, poisson=False)
    return replace(spectrum, stat_err=None) if spectrum.poisson else spectrum


def _joined(ends: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """Join groups whose channels follow each other."""
    order = np.argsort(ends[0], kind="stable")
    first, last = ends[0][order], ends[1][order]
    cut = np.flatnonzero(first[1:] != last[:-1] + 1)
    begins, stops = np.append(0, cut + 1), np.append(cut, first.size - 1)
    return tuple((int(first[a]), int(last[b])) for a, b in zip(begins, stops, strict=True))


def _runs(numbers: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    return _joined(np.stack([numbers, numbers])) if numbers.size else ()


def _value(one: Mapping[str, Any], limits: Mapping[str, Any]) -> Value:
    low, high = limits[one["name"]]
    return Value(
        name=one["name"],
        component=one["component"],
        parameter=one["parameter"],
        datasets=tuple(one["datasets"]),
        value=one["value"],
        low=float(low),
        high=float(high),
        frozen=one["frozen"],
        link=one["link"],
    )

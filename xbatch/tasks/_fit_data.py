"""From the files of a fit to the arrays that the fit engine takes, with all that a user may have got wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.ogip.response import Response, check_channels, load_response
from xbatch.xray.fit.problem import Dataset
from xbatch.xray.fit.several import GridFolding
from xbatch.xray.fold import Groups, find_groups, group_bounds, group_middle, group_sum, notice
from xbatch.xray.folding import Folding
from xbatch.xray.redistribution import Redistribution
from xbatch.xray.statistics import GroupedCounts, chi2_variance, make_statistic, reweighted_chi2

__all__ = ["FitData", "read_dataset"]

Floats = NDArray[np.float64]

_WHOLE = 1e-6
_POISSON = frozenset({"cstat", "cash", "wstat", "pgstat"})


@dataclass(frozen=True)
class FitData:
    """One dataset of a fit, ready.

    Attributes
    ----------
    params : Mapping
        The dataset's entry in the step's parameters.
    dataset : Dataset
    counts : GroupedCounts
    groups : Groups
    channels : tuple of two ndarrays, shape (g,)
        Numbers of the first and the last channel of each group.
    energies : tuple of two ndarrays, shape (g,)
        Lower and upper energy of each group, keV.
    width : ndarray, shape (g,)
        keV in the channels of each group that are used.
    error : ndarray, shape (g,)
        Of the counts that are fitted, or that would be plotted.
    exposure : float
        s
    notes : tuple of str
    """

    params: Mapping[str, Any]
    dataset: Dataset
    counts: GroupedCounts
    groups: Groups
    channels: tuple[NDArray[np.int64], NDArray[np.int64]]
    energies: tuple[Floats, Floats]
    width: Floats
    error: Floats
    exposure: float
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """``obsid/instrument/spectrum``."""
        return subject(self.params)


def subject(params: Mapping[str, Any]) -> str:
    """Name a dataset for messages."""
    return "/".join(str(params[key]) for key in ("obsid", "instrument", "spectrum"))


def read_dataset(
    params: Mapping[str, Any],
    fit: Mapping[str, Any],
    grouped: Path,
    response: Path,
    background: Path | None,
    further: Mapping[str, Path] | None = None,
) -> FitData:
    """Read the files of one dataset and fold its responses.

    Parameters
    ----------
    params : Mapping
        The dataset's entry in the step's parameters.
    fit : Mapping
        The step's parameters: `background`, `statistic`, `variance`, `model`.
    grouped, response : Path
    background : Path or None
    further : Mapping, optional
        The response that each further model of the dataset is folded through, by the model's name.

    Raises
    ------
    StepError
        The data and what is asked of them do not go together.
    FileError
        A file cannot be read.
    """
    spectrum = read_pha(grouped)
    matrix, rows = _response(*_known(response))
    check_channels(spectrum, matrix, subject(params), response.name)
    below = None
    if background is not None and fit["background"] in ("subtract", "profiled"):
        below = _background(*_known(background))
    _check_kind(params, fit, spectrum, below)
    place = np.searchsorted(matrix.channel, spectrum.channel)
    e_min, e_max = matrix.e_min[place], matrix.e_max[place]
    groups = _noticed(params, spectrum, e_min, e_max)
    counts = _counts(params, fit, spectrum, below, groups)
    if not counts.source.any():
        raise StepError(
            f"{subject(params)} has no counts in {_band(params)}",
            cure="Widen the band, or leave this spectrum out of the fit",
        )
    subtract = fit["background"] == "subtract" and fit["statistic"] == "chi2"
    error = _errors(params, fit, counts, subtract)
    folding = _folding(params, spectrum, groups, matrix, rows)
    more = {name: _further(params, spectrum, groups, name, path) for name, path in (further or {}).items()}
    used = [] if fit.get("model", folding) is None else [folding]
    _check_seen(params, matrix, [*used, *(one.folding for one in more.values())])
    iterated = fit["statistic"] == "chi2" and fit["variance"] == "primini"
    dataset = Dataset(
        edges=np.append(matrix.energ_lo, matrix.energ_hi[-1]),
        folding=folding,
        statistic=make_statistic(counts, fit["statistic"], fit["variance"], subtract),
        data=counts.net,
        reweigh=partial(reweighted_chi2, counts, subtract=subtract) if iterated else None,
        further=more,
    )
    return FitData(
        params=params,
        dataset=dataset,
        counts=counts,
        groups=groups,
        channels=(spectrum.channel[groups.first], spectrum.channel[groups.last]),
        energies=group_bounds(groups, e_min, e_max),
        width=group_sum(groups, e_max - e_min),
        error=error,
        exposure=spectrum.exposure,
        notes=_notes(params, fit, counts),
    )


def _further(params: Mapping[str, Any], spectrum: Spectrum, groups: Groups, name: str, path: Path) -> GridFolding:
    """Fold the response of a further model, whose channels are those of the spectrum."""
    matrix, rows = _response(*_known(path))
    check_channels(spectrum, matrix, subject(params), path.name)
    folding = _folding(params, spectrum, groups, matrix, rows, f" that the model {name!r} goes through")
    return GridFolding(np.append(matrix.energ_lo, matrix.energ_hi[-1]), folding)


def _folding(
    params: Mapping[str, Any],
    spectrum: Spectrum,
    groups: Groups,
    matrix: Response,
    rows: Redistribution,
    what: str = "",
) -> Folding:
    channel_group = np.full(matrix.channel.size, -1, dtype=np.int64)
    channel_scale = np.zeros(matrix.channel.size)
    place = np.searchsorted(matrix.channel, spectrum.channel)
    channel_group[place] = groups.index
    channel_scale[place] = spectrum.exposure * spectrum.areascal
    folding = rows.fold(matrix.specresp, channel_group, channel_scale, groups.size)
    if folding.last == folding.first:
        raise StepError(
            f"the response of {subject(params)}{what} is zero in all of {_band(params)}",
            cure="Check that the ARF belongs to this spectrum",
        )
    return folding


def _check_seen(params: Mapping[str, Any], matrix: Response, foldings: Sequence[Folding]) -> None:
    """Refuse groups to which no model gives counts, whatever its parameters."""
    seen = sum(np.asarray(folding.matrix @ np.ones(folding.matrix.shape[1])) for folding in foldings)
    blind = np.asarray(seen) <= 0
    if blind.any():
        raise StepError(
            f"the response of {subject(params)}, of {matrix.energ_lo[0]:.4g} to {matrix.energ_hi[-1]:.4g} keV, gives "
            f"no counts in {int(blind.sum())} of {blind.size} groups of {_band(params)}",
            cure="Narrow the band of the fit, or name the response that belongs to the spectrum",
        )


def _known(path: Path) -> tuple[str, int, int]:
    """Give what a file is known by while it stays as it is: name, size and time of change."""
    state = path.stat()
    return str(path), state.st_size, state.st_mtime_ns


@lru_cache(maxsize=4)
def _background(path: str, _size: int, _changed: int) -> Spectrum:
    """Read a background, once for all fits of a process that use it."""
    return read_pha(Path(path))


@lru_cache(maxsize=4)
def _response(path: str, _size: int, _changed: int) -> tuple[Response, Redistribution]:
    """Read a response, once for all fits of a process that use it."""
    response = load_response(Path(path))
    return response, Redistribution(response.indptr, response.indices, response.matrix, response.channel.size)


def _band(params: Mapping[str, Any]) -> str:
    return f"{params['band']['lo']:g}-{params['band']['hi']:g} keV"


def _check_kind(params: Mapping[str, Any], fit: Mapping[str, Any], spectrum: Spectrum, below: Spectrum | None) -> None:
    """Refuse a statistic that the spectra's kind of counts does not allow."""
    name, statistic, mode = subject(params), fit["statistic"], fit["background"]
    if mode in ("subtract", "profiled") and below is None:
        raise StepError(
            f"{name} has no background, but the fit is to {'subtract' if mode == 'subtract' else 'profile'} one",
            cure="Write 'background: {mode: none}'"
            + (" and 'statistic: cstat'" if statistic == "wstat" else "")
            + ", or name the background of the spectrum",
        )
    files = [("", spectrum), *([(" background", below)] if below is not None and statistic == "wstat" else [])]
    for what, one in files:
        wrong = _not_poisson(one)
        if statistic in _POISSON and wrong:
            raise StepError(
                f"{statistic} needs counts of photons, and the{what} spectrum of {name} {wrong}",
                cure="Use 'statistic: chi2' with 'variance: file'",
            )
    if statistic == "chi2" and fit["variance"] == "file":
        if spectrum.stat_err is None:
            raise StepError(
                f"'variance: file' needs STAT_ERR, and the spectrum of {name} gives none",
                cure="Use 'variance: data', or another one",
            )
    elif statistic == "chi2" and not spectrum.poisson:
        raise StepError(
            f"'variance: {fit['variance']}' needs counts of photons, and the spectrum of {name} has POISSERR = F",
            cure="Use 'variance: file', which takes the errors that stand in it (STAT_ERR)",
        )


def _not_poisson(spectrum: Spectrum) -> str:
    if not spectrum.poisson:
        return "has POISSERR = F (it is subtracted, weighted or a rate)"
    whole = np.rint(spectrum.counts)
    if np.any(np.abs(spectrum.counts - whole) > _WHOLE * np.maximum(whole, 1.0)):
        return "has counts that are not whole numbers"
    return ""


def _noticed(params: Mapping[str, Any], spectrum: Spectrum, e_min: Floats, e_max: Floats) -> Groups:
    everything = find_groups(spectrum.grouping, spectrum.quality)
    name = subject(params)
    if everything.size == 0:
        raise StepError(f"all channels of {name} are bad", cure="Look at 'bad' and 'range' of its binning")
    band = params["band"]
    groups = notice(everything, e_min, e_max, band["lo"], band["hi"], params["edge"])
    if groups.size == 0:
        low, high = group_bounds(everything, e_min, e_max)
        how = "lies wholly inside" if params["edge"] == "inside" else "overlaps"
        raise StepError(
            f"no group of {name} {how} the band {_band(params)}; its {everything.size} good groups reach from "
            f"{low.min():.4g} to {high.max():.4g} keV",
            cure="Change the band of the fit"
            + ("" if low.min() >= band["hi"] or high.max() <= band["lo"] else ", or use finer groups"),
        )
    return groups


def _counts(
    params: Mapping[str, Any], fit: Mapping[str, Any], spectrum: Spectrum, below: Spectrum | None, groups: Groups
) -> GroupedCounts:
    squared = None if spectrum.stat_err is None else group_sum(groups, spectrum.stat_err**2)
    source = group_sum(groups, spectrum.counts)
    systematic = group_sum(groups, (spectrum.sys_err * spectrum.counts) ** 2)
    if below is None:
        return GroupedCounts(source=source, systematic=systematic, source_variance=squared)
    where = np.searchsorted(below.channel, spectrum.channel).clip(0, below.channel.size - 1)
    used = groups.index >= 0
    if np.any(below.channel[where][used] != spectrum.channel[used]):
        raise StepError(
            f"the background of {subject(params)} lacks some of the channels that are fitted",
            cure="Give a background spectrum of the same detector channels",
        )
    area = spectrum.backscal * spectrum.areascal
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = spectrum.exposure * area / (below.exposure * below.backscal[where] * below.areascal[where])
    if not np.all(np.isfinite(scale[used]) & (scale[used] > 0)):
        raise StepError(
            f"BACKSCAL, AREASCAL or EXPOSURE of {subject(params)} or its background is 0 in channels that are fitted",
            cure="Correct the file, or flag those channels as bad",
        )
    middle = [
        group_middle(groups, values)
        for values in (spectrum.backscal, spectrum.areascal, below.backscal[where], below.areascal[where])
    ]
    group_scale = spectrum.exposure * middle[0] * middle[1] / (below.exposure * middle[2] * middle[3])
    counts = below.counts[where]
    of_file = not below.poisson or (fit["statistic"] == "chi2" and fit["variance"] == "file")
    given = group_sum(groups, below.stat_err[where] ** 2) if of_file and below.stat_err is not None else None
    return GroupedCounts(
        source=source,
        systematic=systematic,
        background=group_sum(groups, counts),
        scale=group_scale,
        subtracted=group_sum(groups, np.where(used, scale, 0.0) * counts),
        source_variance=squared,
        background_variance=given,
    )


def _errors(params: Mapping[str, Any], fit: Mapping[str, Any], counts: GroupedCounts, subtract: bool) -> Floats:
    """Give the error of each group, and refuse a chi-squared of groups that have none."""
    if fit["statistic"] != "chi2" or fit["variance"] in ("model", "primini"):
        square = chi2_variance(counts, "data", counts.background is not None)
        return np.sqrt(np.maximum(square, 0.0))
    square = chi2_variance(counts, fit["variance"], subtract)
    empty = int(np.count_nonzero(~(square > 0)))
    if empty and fit["variance"] == "data":
        raise StepError(
            f"{empty} of {square.size} groups of {subject(params)} have no counts in {_band(params)}, so chi-squared "
            "has no error for them",
            cure="Group to more counts, use 'statistic: cstat' or 'wstat', or 'variance: gehrels' or 'model'",
        )
    if empty:
        raise StepError(
            f"{empty} of {square.size} groups of {subject(params)} have an error of 0 in {_band(params)}",
            cure="Flag those channels as bad, or use another 'variance'",
        )
    return np.sqrt(square)


def _notes(params: Mapping[str, Any], fit: Mapping[str, Any], counts: GroupedCounts) -> tuple[str, ...]:
    name = subject(params)
    notes = []
    if fit["statistic"] == "wstat" and counts.background is not None:
        empty = int(np.count_nonzero(counts.background == 0))
        if empty:
            notes.append(
                f"{name}: {empty} of {counts.background.size} groups {'have' if empty > 1 else 'has'} no background "
                "counts, which biases wstat; "
                "group on the background (binning type bmin)"
            )
    return tuple(notes)

"""What a cut of flares by a rate has come to, from the files that SAS has made of it: numbers and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.curvefile import CurveFile, read_curve
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.tasks.flare import good_times
from xbatch.xray.gti import intersection, total, union

__all__ = ["draw_cut", "good_of", "is_empty", "kept_note", "lost_note", "nothing_left"]


def good_of(path: Path) -> NDArray[np.float64]:
    """Give the good times of a file of `tabgtigen`, or of any CCD of a list, in s.

    Raises
    ------
    FileError
        The file cannot be read.
    """
    return union(*(table.gti for table in read_gti_tables(path)))


def is_empty(rates: Path) -> bool:
    """Say whether a light curve has no counts, so that no flare is seen in it.

    Raises
    ------
    FileError
        The file cannot be read.
    """
    return not bool(np.any(read_curve(rates).rate > 0))


def draw_cut(
    rates: Path, seconds: float, picture: Path, cut: Sequence[Any], title: str, own: NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """Draw a light curve with the limit that it was cut at; give what the cut has come to.

    Parameters
    ----------
    rates : Path
        The light curve of `evselect`.
    seconds : float
        What is left: of the bins that `tabgtigen` took, what lies in the good times of the list.
    picture : Path
        Where the picture goes (PNG).
    cut : sequence
        ``["<", 0.4]`` or ``["<=", 0.4]``, in counts/s.
    title : str
    own : ndarray, optional
        The good times of the list: what lies outside is shaded.

    Returns
    -------
    dict
        ``limit``, ``test``, ``bins``, ``bins_kept``, ``seconds``.

    Raises
    ------
    FileError
        A file cannot be read.
    """
    from xbatch.tasks._curve_figure import draw_flares, save_png

    test, limit = str(cut[0]), float(cut[1])
    curve = read_curve(rates)
    kept = _kept(curve, test, limit)
    if own is None:
        own = np.array([[curve.time[0] - 0.5 * curve.width, curve.time[-1] + 0.5 * curve.width]])
    said = f"{int(kept.sum())} of {len(kept)} bins: rate {test} {limit:.4g}"
    save_png(draw_flares(curve, kept, limit, own, title, said), picture)
    return {"limit": limit, "test": test, "bins": len(kept), "bins_kept": int(kept.sum()), "seconds": seconds}


def kept_note(seconds: float, whole: float, how: str) -> str:
    """Say how much of the time of a list a cut leaves, in the words of task `flare`.

    Parameters
    ----------
    seconds, whole : float
        What is left, and what there was, in s.
    how : str
        What the cut is.
    """
    return f"{seconds:.6g} of {whole:.6g} s are free of flares ({how})"


def lost_note(rates: Path, own: NDArray[np.float64]) -> str:
    """Say how much good time is in no bin of a light curve, so that it is cut; empty where that is less than a bin.

    Parameters
    ----------
    rates : Path
        Of `evselect`, which begins a curve without times at the first event that it counts, and ends it with the last.
    own : ndarray
        The good times of the list.
    """
    curve = read_curve(rates)
    span = np.array([[curve.time[0] - 0.5 * curve.width, curve.time[-1] + 0.5 * curve.width]])
    lost = total(own) - total(intersection(own, span))
    if lost < curve.width:
        return ""
    return (
        f"{lost:.6g} s of good time lie before the first event of the light curve or after the last: they are cut too"
    )


def nothing_left(rates: Path, cut: Sequence[Any], name: str) -> StepError:
    """Say that a cut leaves no time of an instrument, and what its rates are.

    Parameters
    ----------
    rates : Path
        The light curve.
    cut : sequence
        As of `draw_cut`.
    name : str
        Of the instrument.
    """
    test, limit = str(cut[0]), float(cut[1])
    curve = read_curve(rates)
    low, middle, high = (float(value) for value in np.percentile(curve.rate, (0, 50, 100)))
    return StepError(
        f"{name} has no good time with a rate {test} {limit:.6g} counts/s: its {len(curve.rate)} bins of "
        f"{curve.width:g} s have {low:.4g} to {high:.4g}, median {middle:.4g}",
        cure="Choose a higher rate, or leave the observation out",
    )


def _kept(curve: CurveFile, test: str, limit: float) -> NDArray[np.bool_]:
    _, kept = good_times(curve.time, curve.rate, curve.width, test, limit)
    return kept

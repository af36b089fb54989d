"""Task `lightcurve` by HEASoft: nuproducts for each band, then the background subtracted, by lcmath or as natively.

nuproducts' own curves are not net: its ``.flc`` is the source's curve alone. What is subtracted is scaled by the ratio
of the BACKSCAL of source and background, as spectra of the same regions are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.commands.call import Work
from xbatch.commands.nuproducts import Curves, pi_of_energy
from xbatch.ogip.curvefile import CurveFile, read_curve
from xbatch.ogip.events import open_events
from xbatch.ogip.fitsreader import Table, read_fits
from xbatch.ogip.gtifile import general_gtis, read_gti_tables
from xbatch.ogip.pha import read_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand, step_bands
from xbatch.tools.execute import Session
from xbatch.tools.toolcurves import NetCurve, ToolCurve, conclude

__all__ = ["run"]

_AGAIN = "Look at the log of the step"
#: Times are of seconds since 2010 in 64 bits, and lie within their bins by half of what is exposed.
_ROUNDING = 1e-6


def run(job: Job) -> Outcome:
    """Make light curves by nuproducts, and lcmath where the curves say so.

    Inputs: what nuproducts reads, by the roles of ``work``; ``list``, the barycentred list, where there is one;
    ``bands/SCHEME`` (bands found in data). Parameters: as of `xbatch.tasks.lightcurve`, with ``curves``
    (`xbatch.commands.nuproducts.Curves`), ``folder`` and ``work``. Outputs: as of that task.

    Raises
    ------
    StepError
        nuproducts or lcmath failed.
    FileError
        They have made something else than light curves of the same bins, or no bin is left.
    """
    work, curves = Work.of(job.params["work"]), Curves.of(job.params["curves"])
    bands = step_bands(job.params, job.inputs)
    folders = [curves.folder(job.params["folder"], band.stem, number == 0) for number, band in enumerate(bands)]
    with Session(job, work.environment) as session:
        session.stage(work.staged)
        session.write(work.written)
        scale: float | None = None
        for number, (band, folder) in enumerate(zip(bands, folders, strict=True)):
            session.call(curves.call(folder, (band.lo, band.hi), spectra=number == 0))
            scale = _scale(session.folder, curves, folder) if number == 0 else scale
            if curves.lcmath and scale is not None:
                session.call(curves.subtraction(folder, scale))
        header = open_events(job.inputs.get("list", job.inputs["events"]), session.folder / "list").header
        found = [
            _curve(curves, band, session.folder / folder, scale) for band, folder in zip(bands, folders, strict=True)
        ]
        calls = session.facts()
    curve_notes = [note for _, notes in found for note in notes]
    said = (*job.params.get("notes", ()), *_notes(job, curves, scale))
    return conclude(job, header, [one for one, _ in found], calls, (*said, *curve_notes))


def _notes(job: Job, curves: Curves, scale: float | None) -> tuple[str, ...]:
    if scale is None:
        return ()
    by = ", by lcmath" if curves.lcmath else ""
    said = [f"rates are net of nuproducts' curve of the background, scaled by BACKSCAL{by}"]
    if "area" in job.params.get("corrections", ()):
        said.append("nuproducts corrects all light in the source's region for the PSF, the background's there too")
    return tuple(said)


def _scale(folder: Path, curves: Curves, outdir: str) -> float | None:
    """Give the ratio of the areas of source and background; None where there is no background."""
    spectra = [folder / name for name in curves.products(outdir) if name.endswith(".pha")]
    areas = [float(np.median(read_pha(path).backscal)) for path in spectra]
    if len(areas) < 2:
        return None
    if not min(areas) > 0:
        raise FileError(str(spectra[areas.index(min(areas))]), "has a BACKSCAL of 0", "Draw another region")
    return areas[0] / areas[1]


def _curve(curves: Curves, band: StepBand, folder: Path, scale: float | None) -> tuple[ToolCurve, Sequence[str]]:
    """Give the net light curve of one band, and what should be known of it."""
    paths = [folder / Path(name).name for name in curves.products("", spectra=False)]
    source, begins = read_curve(paths[0]), _begins(paths[0])
    background = read_curve(paths[1]) if scale is not None else None
    net = _net(source, background, scale or 0.0, begins)
    if curves.lcmath and background is not None:
        net = _subtracted(net, read_curve(folder / Path(curves.net("")).name), begins)
    pi = pi_of_energy(band.lo), pi_of_energy(band.hi) - 1
    alone = 0 if background is None else len(source.time) + len(background.time) - 2 * len(net.time)
    notes = [f"{band.name}: {alone} bins are left out that only source or background has"] if alone else []
    return ToolCurve(band, pi, net, source.width, _gti(paths[0]), scale, curves.corrected), notes


def _net(source: CurveFile, background: CurveFile | None, scale: float, begins: float) -> NetCurve:
    """Subtract a background: ``rate - scale back``, errors in quadrature, in the bins that both have."""
    bins = _bins(source, begins)
    time = begins + (bins + 0.5) * source.width
    if background is None:
        return NetCurve(time, source.rate, source.error, source.fracexp, _counts(source))
    _, own, its = np.intersect1d(bins, _bins(background, begins), return_indices=True)
    if background.width != source.width or not own.size:
        raise FileError(background.path, f"has no bin in common with {source.path}: it cannot be subtracted", _AGAIN)
    back, back_error = scale * background.rate[its], scale * background.error[its]
    return NetCurve(
        time[own],
        source.rate[own] - back,
        np.hypot(source.error[own], back_error),
        source.fracexp[own],
        _counts(source)[own],
        back,
        back_error,
        _counts(background)[its],
    )


def _subtracted(net: NetCurve, made: CurveFile, begins: float) -> NetCurve:
    """Put the rates that lcmath has made into a net curve, whose counts and background are of nuproducts' curves.

    Where the background has no bin lcmath leaves no rate; such bins are not in `net`.
    """
    own = np.floor((net.time - begins) / made.width)
    _, place, where = np.intersect1d(own, _bins(made, begins), return_indices=True)
    rate, error = made.rate[where], made.error[where]
    if len(place) < len(own) or not (np.isfinite(rate) & np.isfinite(error)).all():
        raise FileError(made.path, "lacks rates of bins that both source and background have", _AGAIN)
    return replace(net, rate=rate, error=error)


def _bins(curve: CurveFile, begins: float) -> NDArray[np.float64]:
    """Number the bins of a curve: extractor's TIME is in the middle of what is exposed of a bin."""
    return np.asarray(np.floor((curve.time - begins) / curve.width + _ROUNDING))


def _counts(curve: CurveFile) -> NDArray[np.int64]:
    """Give the counts of bins, as their errors tell them: rate and error are divided by the same exposure."""
    ratio = np.divide(curve.rate, curve.error, out=np.zeros(len(curve.rate)), where=curve.error > 0)
    counts: NDArray[np.int64] = np.rint(ratio**2).astype(np.int64)
    return counts


def _begins(path: Path) -> float:
    """Give the start of the first bin: TSTART of the light curve."""
    _, hdus = read_fits(path, lambda hdu: hdu.name == "RATE")
    table = next((hdu for hdu in hdus if isinstance(hdu, Table)), None)
    start = table.header.get("TSTART") if table is not None else None
    if not isinstance(start, int | float):
        raise FileError(str(path), "does not say when it begins (TSTART)", _AGAIN)
    return float(start)


def _gti(path: Path) -> NDArray[np.float64]:
    found = general_gtis(read_gti_tables(path))
    if found is None:
        raise FileError(str(path), "has no good times", _AGAIN)
    return found.gti

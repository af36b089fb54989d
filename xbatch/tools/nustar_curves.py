"""Task `lightcurve` by HEASoft: nuproducts for each band, then the background subtracted as the native task does.

nuproducts' own curves are not net: its ``.flc`` is the source's curve alone. What is subtracted is scaled by the ratio
of the BACKSCAL of source and background, as spectra of the same regions are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.commands.call import Work
from xbatch.commands.nuproducts import Curves, pi_of_energy
from xbatch.ogip.curvefile import CurveFile, RateTable, read_curve, write_curve
from xbatch.ogip.eventheader import EventHeader
from xbatch.ogip.events import open_events
from xbatch.ogip.fitsreader import Table, read_fits
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.gtifile import general_gtis, read_gti_tables
from xbatch.ogip.pha import read_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand, step_bands
from xbatch.tasks._curve_figure import Panel, draw_curves, save_png
from xbatch.tools.execute import Session
from xbatch.xray.gti import total
from xbatch.xray.netcurve import variability

__all__ = ["run"]

_AGAIN = "Look at the log of the step"
#: Bins of source and background are the same where their middles are nearer than this part of a bin.
_SAME = 1e-3


@dataclass(frozen=True)
class _Net:
    """A light curve net of its background, its bins those that are written."""

    time: NDArray[np.float64]
    rate: NDArray[np.float64]
    error: NDArray[np.float64]
    fracexp: NDArray[np.float64]
    counts: NDArray[np.int64]
    back: NDArray[np.float64] | None = None
    back_error: NDArray[np.float64] | None = None
    back_counts: NDArray[np.int64] | None = None

    def chosen(self, keep: NDArray[np.bool_]) -> _Net:
        """Give some of the bins."""
        return _Net(
            self.time[keep],
            self.rate[keep],
            self.error[keep],
            self.fracexp[keep],
            self.counts[keep],
            None if self.back is None else self.back[keep],
            None if self.back_error is None else self.back_error[keep],
            None if self.back_counts is None else self.back_counts[keep],
        )


def run(job: Job) -> Outcome:
    """Make light curves by nuproducts.

    Inputs: what nuproducts reads, by the roles of ``work``; ``list``, the barycentred list, where there is one;
    ``bands/SCHEME`` (bands found in data). Parameters: as of `xbatch.tasks.lightcurve`, with ``curves``
    (`xbatch.commands.nustar.Curves`), ``folder`` and ``work``. Outputs: as of that task.

    Raises
    ------
    StepError
        nuproducts failed.
    FileError
        It has made something else than light curves of the same bins, or no bin is left.
    """
    work, curves = Work.of(job.params["work"]), Curves.of(job.params["curves"])
    bands = step_bands(job.params, job.inputs)
    folders = [curves.folder(job.params["folder"], band.stem, number == 0) for number, band in enumerate(bands)]
    with Session(job, work.environment) as session:
        session.stage(work.staged)
        session.write(work.written)
        for number, (band, folder) in enumerate(zip(bands, folders, strict=True)):
            session.call(curves.call(folder, (band.lo, band.hi), spectra=number == 0))
        scale = _scale(session.folder, curves, folders[0])
        header = open_events(job.inputs.get("list", job.inputs["events"]), session.folder / "list").header
        told = [
            _write(job, curves, header, band, session.folder / folder, scale)
            for band, folder in zip(bands, folders, strict=True)
        ]
        gti = _gti(session.folder / curves.products(folders[0])[0])
        calls = session.facts()
    facts = {
        "dt": curves.binsize,
        "start": told[0].pop("start"),
        "bins": told[0]["bins"],
        "bins_in_all": told[0].pop("bins_in_all"),
        "min_fracexp": _least(job.params),
        "corrections": list(job.params.get("corrections", ())),
        "background_scale": scale,
        "detectors": {},
        "gti_seconds": total(gti),
        "bands": [{key: value for key, value in one.items() if key not in {"start", "bins_in_all"}} for one in told],
    }
    notes = _notes(job, scale)
    write_atomically(job.out / "lightcurves.json", pretty_json({**facts, "notes": list(notes)}))
    if job.params.get("figure", True):
        _draw(job, header, gti, bands)
    few = {key: value for key, value in facts.items() if key != "bands"}
    return Outcome({**few, "bands": [one["band"] for one in told], "counts": told[0]["counts"], **calls}, notes)


def _notes(job: Job, scale: float | None) -> tuple[str, ...]:
    if scale is None:
        return ()
    said = ["rates are net of nuproducts' curve of the background, scaled by BACKSCAL"]
    if "area" in job.params.get("corrections", ()):
        said.append("nuproducts corrects all light in the source's region for the PSF, the background's there too")
    return tuple(said)


def _least(params: Mapping[str, Any]) -> float:
    return float(params.get("min_fracexp") or 0.0)


def _scale(folder: Path, curves: Curves, outdir: str) -> float | None:
    """Give the ratio of the areas of source and background; None where there is no background."""
    spectra = [folder / name for name in curves.products(outdir) if name.endswith(".pha")]
    areas = [float(np.median(read_pha(path).backscal)) for path in spectra]
    if len(areas) < 2:
        return None
    if not min(areas) > 0:
        raise FileError(str(spectra[areas.index(min(areas))]), "has a BACKSCAL of 0", "Draw another region")
    return areas[0] / areas[1]


def _write(
    job: Job, curves: Curves, header: EventHeader, band: StepBand, folder: Path, scale: float | None
) -> dict[str, Any]:
    """Write the net light curve of one band; give its facts."""
    paths = [folder / Path(name).name for name in curves.products("", spectra=False)]
    source = read_curve(paths[0])
    whole = _net(source, read_curve(paths[1]) if scale is not None else None, scale or 0.0, _begins(paths[0]))
    per_bin = "gti" not in job.params.get("corrections", ())
    net = whole.chosen((whole.fracexp > _least(job.params)) & np.isfinite(whole.rate) & np.isfinite(whole.error))
    if not net.time.size:
        raise FileError(
            str(job.inputs["events"]),
            f"has no bin of {source.width:g} s that is exposed by more than {_least(job.params):g}: at most "
            f"{source.fracexp.max(initial=0.0):.4g} is",
            "Choose shorter bins or a lower min_fracexp",
        )
    if per_bin:
        net = _per_bin(net)
    first, last = pi_of_energy(band.lo), pi_of_energy(band.hi) - 1
    exposure = net.fracexp * source.width
    gti = _gti(paths[0])
    cards = [
        Card("CHANTYPE", "PI"),
        Card("CHANMIN", first, "lowest PI"),
        Card("CHANMAX", last, "highest PI, included"),
        Card("E_MIN", band.lo, "[keV]"),
        Card("E_MAX", band.hi, "[keV] not included"),
        Card("E_UNIT", "keV"),
        Card("BANDNAME", band.name),
        Card("EXPOSURE", float(exposure.sum()), "[s] exposed, all bins"),
        Card("MINFREXP", _least(job.params), "bins with a larger FRACEXP are here"),
        Card("GTICORR", not per_bin, "rates are per exposed second"),
        Card("DEADAPP", curves.corrected, "dead time corrected"),
        Card("AREACORR", "area" in job.params.get("corrections", ()), "PSF, exposure and vignetting corrected"),
        *([Card("BKGSCALE", scale, "BACKSCAL of source / BACKSCAL of background")] if scale is not None else []),
    ]
    table = RateTable(
        net.time, net.rate, net.error, net.fracexp, net.counts, net.back, net.back_error, source.width, gti, cards
    )
    write_curve(job.out / f"{band.stem}.lc", header, table)
    return {
        "start": float(net.time[0]) - 0.5 * source.width,
        "bins_in_all": round(float(whole.time[-1] - whole.time[0]) / source.width) + 1,
        **_facts(band, (first, last), net, exposure),
    }


def _net(source: CurveFile, background: CurveFile | None, scale: float, begins: float) -> _Net:
    """Subtract a background of the same bins: ``rate - scale back``, errors in quadrature."""
    # extractor's TIME is in the middle of what is exposed of a bin, which begins at a whole number of bins
    time = begins + (np.floor((source.time - begins) / source.width + _SAME) + 0.5) * source.width
    if background is None:
        return _Net(time, source.rate, source.error, source.fracexp, _counts(source))
    if len(background.time) != len(source.time) or np.any(np.abs(background.time - source.time) > _SAME * source.width):
        raise FileError(
            background.path,
            f"has {len(background.time)} bins, the source's curve {len(source.time)}, or other times: it cannot be "
            "subtracted",
            _AGAIN,
        )
    back, back_error = scale * background.rate, scale * background.error
    error = np.hypot(source.error, back_error)
    return _Net(time, source.rate - back, error, source.fracexp, _counts(source), back, back_error, _counts(background))


def _counts(curve: CurveFile) -> NDArray[np.int64]:
    """Give the counts of bins, as their errors tell them: rate and error are divided by the same exposure."""
    ratio = np.divide(curve.rate, curve.error, out=np.zeros(len(curve.rate)), where=curve.error > 0)
    counts: NDArray[np.int64] = np.rint(ratio**2).astype(np.int64)
    return counts


def _per_bin(net: _Net) -> _Net:
    """Give rates per second of the bin, not per exposed second."""
    back = None if net.back is None else net.back * net.fracexp
    back_error = None if net.back_error is None else net.back_error * net.fracexp
    return replace(net, rate=net.rate * net.fracexp, error=net.error * net.fracexp, back=back, back_error=back_error)


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


def _facts(band: StepBand, pi: tuple[int, int], net: _Net, exposure: NDArray[np.float64]) -> dict[str, Any]:
    varies = variability(net.rate, net.error, exposure, net.back)
    return {
        "band": band.name,
        "file": f"{band.stem}.lc",
        "lo": band.lo,
        "hi": band.hi,
        "pi": list(pi),
        "counts": int(net.counts.sum()),
        "background_counts": None if net.back_counts is None else int(net.back_counts.sum()),
        "exposure": float(exposure.sum()),
        "bins": int(net.time.size),
        "rate": float((net.rate * exposure).sum() / exposure.sum()),
        "rate_error": float(np.sqrt(((net.error * exposure) ** 2).sum()) / exposure.sum()),
        "excess_variance": None if varies is None else varies.excess,
        "excess_variance_error": None if varies is None else varies.excess_error,
        "fractional_variability": None if varies is None else varies.fractional,
        "fractional_variability_error": None if varies is None else varies.fractional_error,
        "chi2": None if varies is None else varies.chi2,
        "dof": None if varies is None else varies.dof,
    }


def _draw(job: Job, header: EventHeader, gti: NDArray[np.float64], bands: Sequence[StepBand]) -> None:
    title = " ".join(part for part in (header.object, str(job.params.get("obsid", "")), header.instrument) if part)
    panels = [Panel(band.name, read_curve(job.out / f"{band.stem}.lc")) for band in bands]
    save_png(draw_curves(panels, gti, title, str(job.params.get("name", ""))), job.out / "lightcurves.png")

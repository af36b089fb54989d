"""Task `rgsproc`: spectra of RGS1 and RGS2 under names that no exposure is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.base.fitsheader import read_headers
from xbatch.commands.call import Work
from xbatch.commands.rgs import Product, kept_name, product_of
from xbatch.registry import Job, Outcome
from xbatch.tools.execute import Session

__all__ = ["run"]

_SPECTRUM = "src.pha"


def run(job: Job) -> Outcome:
    """Make the spectra, and keep those of the longest exposure of each instrument.

    Inputs: what the work stages. Parameters: ``wanted``, pairs of instrument and order that must be there; ``obsid``;
    ``work``. Outputs: ``RGS1_o1.src.pha``, ``RGS1_o1.bkg.pha``, ``RGS1_o1.rmf`` and so on for the instruments and
    orders that there are, and ``rgsproc.json``, what was found and what was taken.

    Raises
    ------
    StepError
        rgsproc fails, or has not made what is wanted.
    """
    work = Work.of(job.params["work"])
    with Session(job, work.environment) as session:
        session.do(work)
        found = {name: one for path in session.folder.iterdir() if (one := product_of(name := path.name)) is not None}
        seconds = _exposures(session.folder, found)
        taken = {instrument: max(some, key=lambda name: (some[name], name)) for instrument, some in seconds.items()}
        _check(job, found, taken)
        session.keep(
            {
                kept_name(one.instrument, one.order, one.kind): name
                for name, one in found.items()
                if taken.get(one.instrument) == one.exposure
            }
        )
        facts = session.facts()
    about = {"seconds": seconds, "taken": taken}
    write_atomically(job.out / "rgsproc.json", pretty_json(about))
    return Outcome({**about, **facts}, tuple(_notes(seconds, taken)))


def _exposures(folder: Path, found: Mapping[str, Product]) -> dict[str, dict[str, float]]:
    """Give the seconds of each exposure of each instrument."""
    seconds: dict[str, dict[str, float]] = {}
    for name, one in sorted(found.items()):
        if one.kind == _SPECTRUM:
            header = {key: value for each in read_headers(folder / name) for key, value in each.items()}
            exposure = float(str(header.get("EXPOSURE") or 0.0))
            seconds.setdefault(one.instrument, {})[one.exposure] = exposure
    return seconds


def _check(job: Job, found: Mapping[str, Product], taken: Mapping[str, str]) -> None:
    """Make sure that what is wanted is there."""
    there = {
        (one.instrument, one.order, one.kind) for one in found.values() if taken.get(one.instrument) == one.exposure
    }
    for instrument, order in job.params["wanted"]:
        if instrument not in taken:
            raise StepError(
                f"rgsproc has made no spectrum of {instrument}: the observation has no exposure of it in spectroscopy",
                cure=f"Leave {instrument} of {job.params['obsid']} out, with 'where' in the spec",
            )
        lacking = [kind for kind in ("src.pha", "bkg.pha", "rmf") if (instrument, order, kind) not in there]
        if lacking:
            what = {"src.pha": "spectrum", "bkg.pha": "background", "rmf": "response"}[lacking[0]]
            raise StepError(
                f"rgsproc has made no {what} of {instrument} in order {order} (exposure {taken[instrument]})",
                cure="Look at the log of the step for what it says of this exposure",
            )


def _notes(seconds: Mapping[str, Mapping[str, float]], taken: Mapping[str, str]) -> Sequence[str]:
    return [
        f"{instrument}: exposure {taken[instrument]} taken, the longest of {len(some)} "
        f"({', '.join(f'{name} {value / 1000:.3g} ks' for name, value in some.items())})"
        for instrument, some in seconds.items()
        if len(some) > 1
    ]

"""Lists of events of the RGS: a source on all CCDs, background beside it, protons at times; and their good times."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.expression import Shape
from tests.fakes.sas.fitsfile import Hdu, named, table
from tests.fakes.sas.setup import digest
from tests.fakes.sas.subspace import gti_table, region_table
from xbatch.ogip.fitswriter import Card
from xbatch.xray.gti import inside, intersection, total

__all__ = ["background_region", "events_table", "filtered", "flare_times", "good_tables", "good_times_of"]

_LOST = {"RGS1": 7, "RGS2": 4}
#: Counts/s of one CCD: of the source, of quiet background beside it, of protons in a flare.
_SOURCE, _QUIET, _PROTONS = 0.5, 0.04, 4.0
#: Half the width in radians of what is left out around the source, and of the field.
_BUFFER, _HALF = 3e-4, 1.2e-3
_CARDS = ("TELESCOP", "INSTRUME", "OBS_ID", "EXPIDSTR", "DATE-OBS", "DATE-END", "TSTART", "TSTOP")


def _ccds(instrument: str) -> list[int]:
    return [ccd for ccd in range(1, 10) if ccd != _LOST[instrument]]


def flare_times(raw: Iterable[Hdu]) -> NDArray[np.float64]:
    """Give when protons come, of the raw data of an exposure."""
    found = named(raw, "FLARES")
    return (
        np.zeros((0, 2)) if found is None else np.column_stack([found.rows["START"], found.rows["STOP"]]).astype(float)
    )


def events_table(stem: str, raw: list[Hdu], wavelengths: bool) -> Hdu:
    """Draw the events of an exposure, in order of time."""
    head = raw[0]
    start, stop = (float(head.get(key)) for key in ("TSTART", "TSTOP"))
    rng = np.random.default_rng(digest(stem, "events", str(head.get("SEED"))))
    flares = flare_times(raw)
    times, ccds, across = [], [], []
    for ccd in _ccds(str(head.get("INSTRUME"))):
        for rate, spans, beside in (
            (_SOURCE, np.array([[start, stop]]), False),
            (_QUIET, np.array([[start, stop]]), True),
            (_PROTONS if ccd == 9 else 0.3 * _PROTONS, flares, True),
        ):
            for low, high in spans:
                count = rng.poisson(rate * (high - low))
                times.append(rng.uniform(low, high, count))
                ccds.append(np.full(count, ccd, np.int16))
                side = rng.uniform(_BUFFER, _HALF, count) * rng.choice([-1, 1], count)
                across.append(side if beside else rng.uniform(-0.5 * _BUFFER, 0.5 * _BUFFER, count))
    order = np.argsort(np.concatenate(times), kind="stable")
    ccd = np.concatenate(ccds)[order]
    wavelength = 38.0 - 3.7 * (ccd - rng.uniform(0, 1, len(ccd)))
    columns = [("TIME", "s", np.concatenate(times)[order]), ("CCDNR", "", ccd), ("BETA_CORR", "rad", 1e-3 * wavelength)]
    columns += [("M_LAMBDA", "Angstrom", wavelength)] if wavelengths else []
    columns += [("XDSP_CORR", "rad", np.concatenate(across)[order]), ("FLAG", "", np.zeros(len(ccd), np.int32))]
    cards = [Card(key, head.get(key)) for key in _CARDS]
    cards += [Card("MJDREF", 50814.0), Card("TIMESYS", "TT"), Card("TIMEUNIT", "s"), Card("TIMEZERO", 0)]
    return table("EVENTS", columns, cards)


def good_tables(raw: Hdu) -> list[Hdu]:
    """Make the good times of each CCD: all of the exposure."""
    span = np.array([[float(raw.get("TSTART")), float(raw.get("TSTOP"))]])
    cards = [Card("MJDREF", 50814.0), Card("TIMESYS", "TT"), Card("TIMEZERO", 0)]
    return [gti_table(f"STDGTI{ccd:02d}", span, cards) for ccd in _ccds(str(raw.get("INSTRUME")))]


def good_times_of(hdus: Iterable[Hdu]) -> NDArray[np.float64]:
    """Give the good times of a list: those of all its CCDs are the same here."""
    rows = next(hdu for hdu in hdus if hdu.name.startswith("STDGTI")).rows
    return np.column_stack([rows["START"], rows["STOP"]]).astype(float)


def filtered(hdus: Iterable[Hdu], good: Iterable[NDArray[np.float64]]) -> list[Hdu]:
    """Give what is left of a list within good times, all of them."""
    made = [hdu.copy() for hdu in hdus]
    times = good_times_of(made)
    for one in good:
        times = intersection(times, one)
    for at, hdu in enumerate(made):
        if hdu.name.startswith("STDGTI"):
            cards = [Card(key, hdu.get(key)) for key in ("MJDREF", "TIMESYS", "TIMEZERO")]
            made[at] = gti_table(hdu.name, times, cards)
        elif hdu.name == "EVENTS":
            rows = hdu.rows
            hdu.rows = rows[inside(rows["TIME"], times)] if total(times) else rows[:0]
    return made


def background_region(instrument: str) -> Hdu:
    """Make the region of the background: the field without a strip around the source, in wavelengths."""
    axes = ("M_LAMBDA", "XDSP_CORR")
    field = Shape(axes, "box", (22.0, 0.0, 20.0, 1.5 * _HALF))
    source = Shape(axes, "box", (22.0, 0.0, 20.0, 0.99 * _BUFFER))
    return region_table(f"{instrument}_BACKGROUND", [[(field, True), (source, False)]])

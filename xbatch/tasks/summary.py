"""Task `summary`: one table of all spectra: number, observation, when, how bright, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.ogip.pha import read_pha
from xbatch.ogip.tables import Column, Figure, Value, write_tables
from xbatch.ogip.times import observation_mjd
from xbatch.registry import Job, Outcome

__all__ = ["run"]

_COLUMNS = (
    Column("num", "int64", description="Number of the spectrum"),
    Column("obsid", description="Observation"),
    Column("instrument"),
    Column("spectrum", description="Name of the spectrum in the spec"),
    Column(
        "mjd",
        "float64",
        "d",
        "XMM-Newton: mean of DATE-OBS and DATE-END (UTC); others: TSTART in the scale of the file (NuSTAR: TT)",
        digits=8,
        latex="MJD",
    ),
    Column("rate", "float64", "ct / s", "All counts of the source region over EXPOSURE, background included", digits=3),
    Column("exposure", "float64", "ks", "EXPOSURE: live time", digits=3),
    Column("note"),
)
_NUSTAR_EXPOSURE_DIGITS = 5
_MISSING = "no result: a step that makes it has failed"


def run(job: Job) -> Outcome:
    """Collect all spectra in one table, in the order of the plan.

    Parameters: ``spectra``, a list of ``{role, obsid, instrument, spectrum, note}``, and ``min_exposure`` in s, where
    shorter spectra are left out of sums and fits, which the table says. The inputs are
    ``spectrum.pha`` files by those roles; a spectrum that is not there keeps its number and says so. Outputs are
    ``summary.ecsv`` (every digit), ``summary.csv`` and ``summary.tex`` (rounded).

    Raises
    ------
    FileError
        An input cannot be read.
    """
    entries: Sequence[Mapping[str, Any]] = job.params["spectra"]
    rows: list[dict[str, Value]] = []
    missing: list[str] = []
    short: list[str] = []
    least = float(job.params.get("min_exposure") or 0.0)
    for number, entry in enumerate(entries, 1):
        row: dict[str, Value] = {"num": number, **{key: entry[key] for key in ("obsid", "instrument", "spectrum")}}
        path = job.inputs.get(entry["role"])
        if path is None:
            missing.append("/".join(str(entry[key]) for key in ("obsid", "instrument", "spectrum")))
            rows.append({**row, "note": _MISSING})
            continue
        spectrum = read_pha(path)
        kiloseconds = spectrum.exposure / 1000
        words = [entry.get("note") or ""]
        if spectrum.exposure < least:
            words.append(f"left out of sums and fits: less than {least / 1000:g} ks")
            short.append("/".join(str(entry[key]) for key in ("obsid", "instrument", "spectrum")))
        long = str(spectrum.header.get("TELESCOP", "")).casefold() == "nustar"
        rows.append(
            {
                **row,
                "mjd": observation_mjd(spectrum.header)[0],
                "rate": float(spectrum.counts.sum()) / spectrum.exposure,
                "exposure": Figure(kiloseconds, _NUSTAR_EXPOSURE_DIGITS) if long else kiloseconds,
                "note": "; ".join(word for word in words if word),
            }
        )
    write_tables(job.out, "summary", _COLUMNS, rows, {})
    facts: dict[str, Any] = {"spectra": len(entries), "missing": missing}
    if least > 0:
        facts["short"] = short
    notes = [f"{name} is missing" for name in missing]
    notes += [f"{name} is left out of sums and fits: its exposure is below {least / 1000:g} ks" for name in short]
    return Outcome(facts, tuple(notes))

"""Task `pileup`: find the smallest inner radius of a region whose events are free of pile-up."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.base.fitsheader import read_headers
from xbatch.commands.call import Call, Work
from xbatch.commands.epic import EPATPLOT_SCRIPT
from xbatch.ogip.tables import Column, write_tables
from xbatch.registry import Job, Outcome
from xbatch.tasks._selectlib import shape_expression
from xbatch.tools.execute import Session
from xbatch.xray.pileup import PatternRatios, is_borderline, is_piled_up, radii
from xbatch.xray.regions import Annulus

__all__ = ["run"]

_ATTRIBUTES = ("SNGL_OTM", "ESGL_OTM", "DBLE_OTM", "EDBL_OTM")
_NUMBER = r"([-+]?\d+\.?\d*(?:[eE][-+]?\d+)?)"
_PRINTED = re.compile(rf"s:\s*{_NUMBER}\s*\+/-\s*{_NUMBER}\s+d:\s*{_NUMBER}\s*\+/-\s*{_NUMBER}")
#: Radii of a search without success that are told: so many from its start, and from its end.
_TOLD = 3
_NOT_DRAWN = (
    "epatplot has found the ratios and could not draw its own plot: SAS does that by a Python script, which needs the "
    "folder lib/python of SAS_DIR in PYTHONPATH, and astropy, matplotlib and beautifultable in the Python first on PATH"
)
_LOOP = re.compile(r"\{loop:(\w+)\}")
_COLUMNS = (
    Column("radius", "float64", "arcsec", "Inner radius"),
    Column("singles", "float64", "", "Observed over expected fraction of singles", digits=4),
    Column("singles_error", "float64", "", "1 sigma", digits=2),
    Column("doubles", "float64", "", "Observed over expected fraction of doubles", digits=4),
    Column("doubles_error", "float64", "", "1 sigma", digits=2),
    Column("piled_up", description="Whether a ratio is outside what is allowed"),
)


def run(job: Job) -> Outcome:
    """Try one inner radius after another until the patterns of the events are those of single photons.

    Inputs: ``selection`` (see `xbatch.tasks.selection`), and what the work stages. Parameters: ``region``; ``pileup``:
    ``start``, ``first``, ``step``, ``max`` (arcsec), ``n_sigma``, ``direction`` (see `xbatch.xray.pileup`), ``band``
    (eV); optional ``figure`` (bool, True): whether ``pileup.png`` is drawn;
    ``work``, whose calls are made for each radius, with ``{loop:expression}`` for the region and ``{loop:number}`` for
    the count of radii. The last but one selects events, the last is `epatplot` on them: the list itself is not
    written into.

    Outputs: ``pileup.json`` (``inner`` in arcsec, ``accepted``, ``table``), ``pileup.ecsv``, ``pileup.csv``,
    ``pileup.tex``, ``pileup.png``, the ratios by radius with what is accepted, and ``pileup.gif`` or ``pileup.pdf``,
    the last plot of `epatplot`, if it has made one.

    Raises
    ------
    StepError
        A call fails or tells no ratios, or no radius up to the largest is free of pile-up: the message has the ratios.
    """
    asked: Mapping[str, Any] = job.params["pileup"]
    work = Work.of(job.params["work"])
    table: list[dict[str, Any]] = []
    with Session(job, work.environment) as session:
        session.stage(work.staged)
        ring = _ring(job)
        for number, radius in enumerate(radii(*(float(asked[key]) for key in ("start", "first", "step", "max")))):
            ratios = _try(session, work.calls, ring, radius, number)
            table.append(_row(ratios, radius, asked))
            if not table[-1]["piled_up"]:
                break
        else:
            raise _too_bright(job, asked, table)
        drawn = session.results[-1].exit_status == 0
        session.keep(_plot(work, len(table) - 1) if drawn else {}, optional=work.kept)
        facts = session.facts()
    found = {"inner": table[-1]["radius"], "accepted": True, "table": table}
    write_atomically(job.out / "pileup.json", pretty_json({**found, "rule": dict(asked)}))
    rows = [{**row, "piled_up": "yes" if row["piled_up"] else "no"} for row in table]
    write_tables(job.out, "pileup", _COLUMNS, rows, {})
    if job.params.get("figure", True):
        _draw(job, asked, table)
    return Outcome({**found, **facts}, (*_notes(table, asked), *([] if drawn else [_NOT_DRAWN])))


def _draw(job: Job, asked: Mapping[str, Any], table: Sequence[Mapping[str, Any]]) -> None:
    from xbatch.tasks._curve_figure import save_png
    from xbatch.tasks._pileup_figure import draw_pileup

    where = " ".join(str(job.params[name]) for name in ("obsid", "instrument"))
    figure = draw_pileup(table, asked, float(table[-1]["radius"]), f"{where}: {job.params['region']}")
    save_png(figure, job.out / "pileup.png")


def _ring(job: Job) -> Mapping[str, float]:
    """Give the centre, the outer radius and the scale of the region, in pixels."""
    name, path = str(job.params["region"]), job.inputs["selection"]
    region = json.loads(path.read_bytes())["regions"].get(name, {})
    if "outer" not in region:
        raise StepError(
            f"the region {name!r} is neither a circle nor an annulus, and its inner radius is to be found",
            cure="Write shape: annulus, center: target, inner: 0 arcsec, outer: 50 arcsec",
        )
    return {key: float(region[key]) for key in ("x", "y", "outer", "pixels")}


def _try(
    session: Session, calls: Sequence[Call], ring: Mapping[str, float], radius: float, number: int
) -> PatternRatios:
    inner = radius * ring["pixels"]
    if inner >= ring["outer"]:
        raise StepError(
            f"the inner radius of {radius:g} arcsec leaves nothing of the region, which ends at "
            f"{ring['outer'] / ring['pixels']:g} arcsec",
            cure="Give the search a smaller max",
        )
    values = {
        "expression": shape_expression(Annulus(ring["x"], ring["y"], inner, ring["outer"])),
        "number": f"{number:02d}",
    }
    printed = ""
    for call in calls:
        result = session.call(_of_loop(call, values), excused=EPATPLOT_SCRIPT)
        printed = f"{result.stdout}\n{result.stderr}"
    events = dict(_of_loop(calls[-1], values).args)["set"]
    try:
        return PatternRatios(*(_written(session.folder / events) or _said(printed, events)))
    except ValueError as error:
        raise StepError(
            f"the patterns of events beyond {radius:g} arcsec cannot be compared: {error}",
            cure="Use a wider band, or leave the observation out of the search",
        ) from error


def _of_loop(call: Call, values: Mapping[str, str]) -> Call:
    def put(text: str) -> str:
        return _LOOP.sub(lambda found: values[found[1]], text)

    args = tuple((name, put(value)) for name, value in call.args)
    return replace(call, args=args, expects=tuple(put(pattern) for pattern in call.expects))


def _written(path: Path) -> tuple[float, ...] | None:
    """Read the ratios that epatplot has written into its input."""
    for header in read_headers(path):
        values = [header.get(name) for name in _ATTRIBUTES]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            return tuple(float(str(value)) for value in values)
    return None


def _said(printed: str, events: str) -> tuple[float, ...]:
    """Read the ratios that epatplot has printed."""
    found = _PRINTED.findall(printed)
    if not found:
        raise StepError(
            f"epatplot tells no ratios of patterns: {events} has no {', '.join(_ATTRIBUTES)}, and none are printed",
            cure="See the log for what it says",
        )
    return tuple(float(value) for value in found[-1])


def _row(ratios: PatternRatios, radius: float, asked: Mapping[str, Any]) -> dict[str, Any]:
    rule = float(asked["n_sigma"]), str(asked["direction"])
    return {
        "radius": radius,
        **vars(ratios),
        "piled_up": is_piled_up(ratios, *rule),
        "borderline": is_borderline(ratios, *rule),
    }


def _plot(work: Work, number: int) -> dict[str, str]:
    return {name: _LOOP.sub(f"{number:02d}", pattern) for name, pattern in work.kept.items()}


def _too_bright(job: Job, asked: Mapping[str, Any], table: Sequence[Mapping[str, Any]]) -> StepError:
    rows = [
        f'{row["radius"]:g}": s {row["singles"]:.3f} +/- {row["singles_error"]:.3f}, '
        f"d {row['doubles']:.3f} +/- {row['doubles_error']:.3f}"
        for row in table
    ]
    if len(rows) > 2 * _TOLD:
        rows = [*rows[:_TOLD], f"{len(rows) - 2 * _TOLD} more", *rows[-_TOLD:]]
    return StepError(
        f"no inner radius of {job.params['region']!r} up to {asked['max']:g} arcsec is free of pile-up by the rule "
        f"{asked['direction']} at {asked['n_sigma']:g} sigma ({'; '.join(rows)})",
        cure="Allow a larger max, or another rule (accept); leave the observation out if its core is lost",
    )


def _notes(table: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> list[str]:
    last = table[-1]
    notes = [
        f"no pile-up from an inner radius of {last['radius']:g} arcsec: singles {last['singles']:.3f} +/- "
        f"{last['singles_error']:.3f}, doubles {last['doubles']:.3f} +/- {last['doubles_error']:.3f} of what is "
        f"expected ({asked['direction']}, {asked['n_sigma']:g} sigma)"
    ]
    if last["borderline"]:
        notes.append("a ratio lies on its limit to the last digit, which is taken for allowed")
    return notes

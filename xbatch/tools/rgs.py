"""Task `rgsproc`: spectra of RGS1 and RGS2 under names that no exposure is in, of some times where that is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.base.fitsheader import read_headers
from xbatch.commands.call import Call, Work, filled
from xbatch.commands.rgs import (
    FOUND,
    RGS,
    TIMES,
    Product,
    events_name,
    flare_name,
    kept_name,
    of_exposures,
    product_of,
    short_name,
    sources_name,
)
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.registry import Job, Outcome
from xbatch.tools.execute import Session
from xbatch.tools.flares import draw_cut, good_of, is_empty, lost_note, nothing_left
from xbatch.xray.gti import intersection, total, union

__all__ = ["run"]

_SPECTRUM = "src.pha"
_WORDS = {_SPECTRUM: "spectrum", "bkg.pha": "background", "rmf": "response"}
Seconds = Mapping[str, Mapping[str, float]]


def run(job: Job) -> Outcome:
    """Make the spectra, and keep those of the longest exposure of each instrument.

    Inputs: what the work stages. Parameters: ``wanted``, pairs of instrument and order that must be there; ``obsid``;
    ``work``; where flares are cut ``flares``, for each instrument whose light curve says when there are some: ``rate``
    (``["<", 0.1]``, counts/s), ``bin`` (s), ``ccd``; ``times``, the name of a time selection, whose GTIs the work
    stages as ``times.gti``. With either, the work has rgsproc up to the spectra, `evselect` and `tabgtigen` for each of
    the instruments in ``flares``, and rgsproc again, for the times that are good in all of them and selected. What of
    its calls only the files say stands in them as ``{found:RGS1.events}`` and ``{found:RGS1.sources}``. Of several
    exposures the one is then taken that has the most of the selected time.

    Outputs: ``RGS1_o1.src.pha``, ``RGS1_o1.bkg.pha``, ``RGS1_o1.rmf`` and so on for the instruments and
    orders that there are, and ``rgsproc.json``, what was found and what was taken; where flares are cut
    ``RGS1_flare.lc``, ``RGS1_flare.gti`` and ``RGS1_flare.png`` of each instrument in ``flares``.

    Raises
    ------
    StepError
        A task fails, rgsproc has not made what is wanted, or no time is left.
    FileError
        What a task has left cannot be read.
    """
    work = Work.of(job.params["work"])
    flares: Mapping[str, Any] = job.params.get("flares", {})
    selection: str = job.params.get("times", "")
    good: Mapping[str, float] = {}
    lost: Sequence[str] = ()
    with Session(job, work.environment) as session:
        if flares or selection:
            seconds, taken, good, lost = _of_some_times(job, session, work)
        else:
            session.do(work)
            seconds = _exposures(session.folder)
            taken = _longest(seconds)
        found = _found(session.folder)
        _check(job, found.values(), taken, tuple(_WORDS))
        left = _exposures(session.folder)
        session.keep(
            {
                kept_name(one.instrument, one.order, one.kind): name
                for name, one in found.items()
                if taken.get(one.instrument) == one.exposure
            }
        )
        session.keep({name: name for one in flares for name in (flare_name(one, "lc"), flare_name(one, "gti"))})
        facts, told = session.facts(), session.notes()
    about: dict[str, Any] = {"seconds": seconds, "taken": taken}
    if selection:
        about["times"] = selection
    if flares or selection:
        about["left"] = {instrument: left[instrument][exposure] for instrument, exposure in taken.items()}
    if flares:
        about["flares"] = {one: _drawn(job, one, flare["rate"], good) for one, flare in flares.items()}
    write_atomically(job.out / "rgsproc.json", pretty_json(about))
    notes = (*_notes(seconds, taken, selection), *_left_notes(about, flares), *lost, *_blind_notes(job, flares))
    return Outcome({**about, **facts}, (*told, *notes))


# ---- flares and time selections ------------------------------------------------------------------------------------


def _of_some_times(
    job: Job, session: Session, work: Work
) -> tuple[dict[str, dict[str, float]], dict[str, str], dict[str, float], list[str]]:
    """Make lists, find the times without flares, and make spectra of these, within the time selection.

    Returns
    -------
    seconds : dict
        Of each exposure of each instrument, before that.
    taken : dict
        The exposure of each instrument.
    good : dict
        Seconds that its own cut leaves of each instrument whose flares are cut.
    lost : list of str
        What light curves do not tell of.
    """
    wanted = [one for one in RGS if any(one == instrument for instrument, _ in job.params["wanted"])]
    first, *cuts, again = work.calls
    session.stage(work.staged)
    session.write(work.written)
    session.call(first)
    every = _exposures(session.folder)
    seconds = {instrument: some for instrument, some in every.items() if instrument in wanted}
    selected = good_of(session.folder / TIMES) if "times" in job.params else None
    taken = _longest(seconds if selected is None else _within(session.folder, seconds, selected))
    _check(job, _found(session.folder).values(), taken, (_SPECTRUM,))
    patterns = {"events": events_name, "sources": sources_name} if cuts else {"events": events_name}
    values = {
        f"{instrument}.{what}": _only(session.folder, pattern(instrument, exposure), instrument)
        for instrument, exposure in taken.items()
        for what, pattern in patterns.items()
    }
    lists = {one: session.folder / values[f"{one}.events"] for one in taken}
    if selected is not None:
        _check_selection(job, lists, selected)
    for call in cuts:
        session.call(_with_found(call, values))
    good = _check_times(job, session.folder, lists, selected)
    flares: Mapping[str, Any] = job.params.get("flares", {})
    told = {
        one: lost_note(session.folder / flare_name(one, "lc"), _times(lists[one], flare["ccd"]))
        for one, flare in flares.items()
    }
    if {(one, exposure) for one, some in every.items() for exposure in some} != set(taken.items()):
        again = of_exposures(again, [short_name(*pair) for pair in taken.items()])
    session.call(again)
    return seconds, taken, good, [f"{one}: {text}" for one, text in told.items() if text]


def _within(folder: Path, seconds: Seconds, selected: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Give the seconds of each exposure that are in a time selection."""
    return {
        instrument: {
            exposure: total(
                intersection(_times(folder / _only(folder, events_name(instrument, exposure), instrument)), selected)
            )
            for exposure in some
        }
        for instrument, some in seconds.items()
    }


def _only(folder: Path, pattern: str, instrument: str) -> str:
    found = sorted(path.name for path in folder.glob(pattern))
    if not found:
        raise StepError(f"rgsproc has left no file {pattern}, by which times of {instrument} are chosen")
    return found[0]


def _with_found(call: Call, values: Mapping[str, str]) -> Call:
    """Put the names of files in the place of a call's tokens of them; other tokens stay."""

    def value(token: str) -> str:
        role, _, key = token.partition(":")
        return values[key] if role == FOUND else f"{{{token}}}"

    return replace(call, args=tuple((name, filled(text, value)) for name, text in call.args))


def _check_selection(job: Job, lists: Mapping[str, Path], selected: NDArray[np.float64]) -> None:
    """Make sure that the time selection has some time of each instrument, whatever flares are cut."""
    for instrument, path in lists.items():
        own = _times(path)
        if not total(intersection(own, selected)):
            name = job.params["times"]
            raise StepError(
                f"the time selection {name} holds no good time of {instrument}, {_span(own)}: it is {_span(selected)}",
                cure="Select other times",
            )


def _span(gti: NDArray[np.float64]) -> str:
    return f"from {gti[0, 0]:.10g} s to {gti[-1, 1]:.10g} s" if len(gti) else "which has none"


def _check_times(
    job: Job, folder: Path, lists: Mapping[str, Path], selected: NDArray[np.float64] | None
) -> dict[str, float]:
    """Make sure that some time is left of each instrument: rgsproc would fail with words of its own.

    Returns
    -------
    dict
        Seconds that its own cut leaves of each instrument whose flares are cut.
    """
    flares: Mapping[str, Any] = job.params.get("flares", {})
    good = {instrument: good_of(folder / flare_name(instrument, "gti")) for instrument in flares}
    everywhere = reduce(intersection, [*good.values(), *([] if selected is None else [selected])])
    within = "" if selected is None else f", and in the time selection {job.params['times']},"
    left: dict[str, float] = {}
    for instrument, path in lists.items():
        own = _times(path, flares.get(instrument, {}).get("ccd"))
        if instrument in flares:
            left[instrument] = total(intersection(own, good[instrument]))
        if not left.get(instrument, 1.0):
            raise nothing_left(folder / flare_name(instrument, "lc"), flares[instrument]["rate"], instrument)
        if not total(intersection(own, everywhere)):
            raise StepError(
                f"no time of {instrument} is left: only times that are good in {' and '.join(flares)}{within} are kept",
                cure="Choose higher rates, or cut flares by one of the instruments alone",
            )
    return left


def _times(path: Path, ccd: int | None = None) -> NDArray[np.float64]:
    """Give the good times of a list: those of a CCD, or of any where it is not said or has none."""
    tables = read_gti_tables(path)
    named = [table.gti for table in tables if ccd is not None and table.name == f"STDGTI{ccd:02d}"]
    return union(*(named or [table.gti for table in tables]))


def _drawn(job: Job, instrument: str, cut: Sequence[Any], good: Mapping[str, float]) -> dict[str, Any]:
    rates, picture = (job.out / flare_name(instrument, kind) for kind in ("lc", "png"))
    return draw_cut(rates, good[instrument], picture, cut, f"{job.params['obsid']} {instrument}")


def _left_notes(about: Mapping[str, Any], flares: Mapping[str, Any]) -> Iterator[str]:
    """Say how much time is left of each instrument, and what has cut it."""
    cuts = ", ".join(
        f"{instrument}: rate {flare['rate'][0]} {float(flare['rate'][1]):.4g} on CCD {flare['ccd']}"
        for instrument, flare in flares.items()
    )
    for instrument, left in about.get("left", {}).items():
        before = about["seconds"][instrument][about["taken"][instrument]]
        if "times" in about:
            and_cuts = f", free of flares ({cuts})" if flares else ""
            yield f"{instrument}: {left:.6g} of {before:.6g} s are in the time selection {about['times']}{and_cuts}"
        else:
            yield f"{instrument}: {left:.6g} of {before:.6g} s are free of flares ({cuts})"


def _blind_notes(job: Job, flares: Mapping[str, Any]) -> Iterator[str]:
    for instrument, flare in flares.items():
        if is_empty(job.out / flare_name(instrument, "lc")):
            yield f"{instrument}: CCD {flare['ccd']} has no counts beside the source, and flares cannot be seen in it"


# ---- exposures -----------------------------------------------------------------------------------------------------


def _found(folder: Path) -> dict[str, Product]:
    """Give the spectra and responses that there are, by the names of their files."""
    return {path.name: one for path in sorted(folder.iterdir()) if (one := product_of(path.name)) is not None}


def _exposures(folder: Path) -> dict[str, dict[str, float]]:
    """Give the seconds of each exposure of each instrument."""
    seconds: dict[str, dict[str, float]] = {}
    for name, one in _found(folder).items():
        if one.kind == _SPECTRUM:
            header = {key: value for each in read_headers(folder / name) for key, value in each.items()}
            exposure = float(str(header.get("EXPOSURE") or 0.0))
            seconds.setdefault(one.instrument, {})[one.exposure] = exposure
    return seconds


def _longest(seconds: Seconds) -> dict[str, str]:
    return {instrument: max(some, key=lambda name: (some[name], name)) for instrument, some in seconds.items()}


def _check(job: Job, found: Collection[Product], taken: Mapping[str, str], kinds: Sequence[str]) -> None:
    """Make sure that what is wanted is there."""
    there = {(one.instrument, one.order, one.kind) for one in found if taken.get(one.instrument) == one.exposure}
    for instrument, order in job.params["wanted"]:
        if instrument not in taken:
            raise StepError(
                f"rgsproc has made no spectrum of {instrument}: the observation has no exposure of it in spectroscopy",
                cure=f"Leave {instrument} of {job.params['obsid']} out, with 'where' in the spec",
            )
        lacking = [kind for kind in kinds if (instrument, order, kind) not in there]
        if lacking:
            raise StepError(
                f"rgsproc has made no {_WORDS[lacking[0]]} of {instrument} in order {order} "
                f"(exposure {taken[instrument]})",
                cure="Look at the log of the step for what it says of this exposure",
            )


def _notes(seconds: Seconds, taken: Mapping[str, str], selection: str) -> Iterator[str]:
    for instrument, some in seconds.items():
        if len(some) > 1:
            every = ", ".join(f"{name} {value / 1000:.3g} ks" for name, value in some.items())
            why = f"with most time in {selection}, of" if selection else "the longest of"
            yield f"{instrument}: exposure {taken[instrument]} taken, {why} {len(some)} ({every})"

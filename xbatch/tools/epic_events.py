"""Task `epicevents`: the event list of one EPIC camera of one observation, of the exposures that are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.base.fitsheader import read_headers
from xbatch.commands.call import Work
from xbatch.commands.epic import merge
from xbatch.ogip.rows import RowTable, row_tables
from xbatch.registry import Job, Outcome
from xbatch.tools.execute import Session

__all__ = ["Exposure", "choose", "run"]

#: As epproc and emproc, and as epchain and emchain name their lists.
_PROC = re.compile(r"(?:.*/)?\d+_\d+_(EPN|EMOS1|EMOS2)_([SU]\d{3})_(Imaging|Timing)Evts\.ds")
_CHAIN = re.compile(r"(?:.*/)?P\d{10}(PN|M1|M2)([SU]\d{3})(PI|MI|TI|OO)EVLI\d{4}\.FIT")
_CAMERAS = {"PN": "EPN", "M1": "EMOS1", "M2": "EMOS2"}
_MODES = {"Imaging": "imaging", "PI": "imaging", "MI": "imaging", "Timing": "timing", "TI": "timing"}
_OUT_OF_TIME, _OUT_OF_TIME_FOLDER = "OO", "oot/"
_ATTITUDE = re.compile(r"[^/]*AttHk\.ds|P\d{10}OBX\d+ATTTSR\d{4}\.FIT")
_CLOSED = frozenset({"closed", "calclosed"})
_MERGED = "merged-{}.ds"
_CCDS: Mapping[str, int] = {"EPN": 12, "EMOS1": 7, "EMOS2": 7}
#: The CCD on the optical axis, the one that is read in timing mode; of EPN in its small window too (XMM-Newton Users'
#: Handbook, science modes of the EPIC cameras). Those around it then read nothing of EPN, and make images of a MOS
#: (Data Files Handbook, 6.2 and 6.4): such an exposure of a MOS has a list of either mode.
_CENTRAL: Mapping[str, int] = {"EPN": 4, "EMOS1": 1, "EMOS2": 1}
_SMALL_WINDOW, _FAST = "PrimeSmallWindow", "Fast"


@dataclass(frozen=True)
class Exposure:
    """One list that a pipeline has made.

    Attributes
    ----------
    name : str
        Its file in the working folder.
    identity : str
        ``S003``: scheduled or unscheduled, and the number.
    mode : str
        ``imaging`` or ``timing``.
    seconds : float
        ONTIME.
    events : int
    filter, submode : str
        As in its header.
    out_of_time : bool
        Whether it holds simulated out-of-time events.
    start : float
        TSTART.
    """

    name: str
    identity: str
    mode: str
    seconds: float = 0.0
    events: int = 0
    filter: str = ""
    submode: str = ""
    out_of_time: bool = False
    start: float = 0.0

    @property
    def looks_at_sky(self) -> bool:
        """Whether the filter wheel lets X-rays through and something was seen."""
        return self.filter.casefold() not in _CLOSED and self.events > 0


def run(job: Job) -> Outcome:
    """Make the lists of all exposures, and choose.

    Inputs: what the work stages. Parameters: ``instrument``, ``mode`` (``imaging`` | ``timing``), ``exposures``
    (``merge``, ``longest``, or numbers counted from 1 in the order of scheduled, then unscheduled exposures of the
    mode), ``chosen`` (bool: the calls make those alone that are wanted), ``work``, and ``part_errors`` (``note``)
    where errors of parts of the chain are no failure: the CCDs that have events are told then.

    Outputs: ``events.fits``; ``oot.fits``, of simulated out-of-time events; ``attitude.fits``; ``epicevents.json``,
    what was found and what was taken.

    Raises
    ------
    StepError
        A call fails, or there is no exposure that is wanted.
    """
    work = Work.of(job.params["work"])
    instrument, mode = str(job.params["instrument"]), str(job.params["mode"])
    with Session(job, work.environment) as session:
        session.do(work)
        names = sorted(path.relative_to(session.folder).as_posix() for path in _files(session.folder))
        found = [one for name in names if (one := _exposure(session.folder, name, instrument, mode))]
        lists = sorted((one for one in found if not one.out_of_time), key=_order)
        taken, why = choose(lists, job.params["exposures"], bool(job.params.get("chosen")), instrument, mode)
        kept = {"events.fits": _joined(session, taken, "events")}
        wanted = {one.identity for one in taken}
        doubles = [one for one in found if one.out_of_time and one.identity in wanted]
        undoubled = sorted(wanted - {one.identity for one in doubles}) if doubles else []
        if doubles:
            kept["oot.fits"] = _joined(session, doubles, "oot")
        kept |= dict([("attitude.fits", name) for name in names if _ATTITUDE.fullmatch(name)][:1])
        outer = _outer_alone(session.folder, names, instrument, mode, taken)
        session.keep(kept)
        facts, told = session.facts(), session.notes()
    about: dict[str, Any] = {
        "found": [_told(one) for one in lists],
        "taken": [one.identity for one in taken],
        "why": why,
        "merged": len(taken) > 1,
        "seconds": sum(one.seconds for one in taken),
    }
    if "part_errors" in job.params:
        about["ccds"] = _ccds(job.out / "events.fits")
        told += _lacking(about["ccds"], taken, instrument, len(outer) == len(taken))
    write_atomically(job.out / "epicevents.json", pretty_json(about))
    centre = [
        f"exposure {identity} has no events of CCD {_CENTRAL[instrument]}, which was read in timing mode"
        for identity in outer
    ]
    alone = [f"exposure {identity} has no list of out-of-time events: oot.fits lacks it" for identity in undoubled]
    return Outcome({**about, **facts}, (*told, *_notes(lists, taken, why), *centre, *alone))


def choose(
    lists: Sequence[Exposure], wanted: str | Sequence[int], chosen: bool, instrument: str, mode: str
) -> tuple[list[Exposure], str]:
    """Choose among the exposures of one mode.

    Parameters
    ----------
    lists : sequence of Exposure
        In order: scheduled ones first, then by number.
    wanted : str or sequence of int
        ``merge``, ``longest`` or numbers, counted from 1.
    chosen : bool
        Whether the numbers have chosen already what was made.
    instrument, mode : str
        For messages.

    Returns
    -------
    taken : list of Exposure
    why : str

    Raises
    ------
    StepError
        There is none that is wanted.
    """
    there = ", ".join(f"{one.identity} ({one.seconds / 1000:.3g} ks, {one.filter or 'no filter'})" for one in lists)
    if not isinstance(wanted, str):
        count = len(lists)
        if chosen and count:
            return list(lists), f"exposure {', '.join(str(number) for number in wanted)} as asked for"
        lacking = [number for number in wanted if not 1 <= number <= count]
        if lacking or not count:
            raise StepError(
                f"{instrument} has no exposure {(lacking or list(wanted))[0]} in {mode} mode: it has "
                f"{f'{count}: {there}' if count else 'none'}",
                cure="Change 'use' under data.exposures, or the mode under data.pipeline",
            )
        return [lists[number - 1] for number in dict.fromkeys(wanted)], "as asked for by number"
    open_ones = [one for one in lists if one.looks_at_sky]
    if not open_ones:
        raise StepError(
            f"{instrument} has no exposure in {mode} mode that looks at the sky: "
            f"{f'of {there}, none has events and an open filter' if lists else 'the pipeline has made none'}",
            cure="Leave the instrument of this observation out, or choose the other mode (data.pipeline.mode)",
        )
    alone = f"the only one in {mode} mode" if len(lists) == 1 else "the only one that looks at the sky"
    if wanted == "longest":
        why = alone if len(open_ones) == 1 else f"the longest of {len(open_ones)}"
        return [max(open_ones, key=lambda one: one.seconds)], why
    if wanted != "merge":
        raise StepError(f"exposures are chosen by merge, longest or numbers, not {wanted!r}")
    return open_ones, alone if len(open_ones) == 1 else f"all {len(open_ones)}, put together"


def _files(folder: Path) -> list[Path]:
    return [path for part in (folder, folder / _OUT_OF_TIME_FOLDER) if part.is_dir() for path in part.iterdir()]


def _exposure(folder: Path, name: str, instrument: str, mode: str) -> Exposure | None:
    """Recognise a list of an instrument and mode by its name, and read what its header says."""
    found = _PROC.fullmatch(name) or _CHAIN.fullmatch(name)
    if found is None or _CAMERAS.get(found[1], found[1]) != instrument:
        return None
    # the name of a chain's list of out-of-time events does not tell the mode, of which there is one in a call
    if _MODES.get(found[3], mode) != mode:
        return None
    out_of_time = found[3] == _OUT_OF_TIME or name.startswith(_OUT_OF_TIME_FOLDER)
    header: dict[str, Any] = {}
    for each in read_headers(folder / name):
        header |= each
        if str(each.get("EXTNAME", "")).strip() == "EVENTS":
            break
    return Exposure(
        name,
        found[2],
        mode,
        float(header.get("ONTIME") or header.get("LIVETIME") or header.get("EXPOSURE") or 0.0),
        int(header.get("NAXIS2") or 0),
        str(header.get("FILTER", "")).strip(),
        str(header.get("SUBMODE", "")).strip(),
        out_of_time,
        float(header.get("TSTART") or 0.0),
    )


def _order(one: Exposure) -> tuple[str, str]:
    return one.identity, one.name


def _outer_alone(
    folder: Path, names: Sequence[str], instrument: str, mode: str, taken: Sequence[Exposure]
) -> list[str]:
    """Say which imaging lists of a MOS are of the outer CCDs alone: their exposures have a list of timing mode too."""
    if instrument == "EPN" or mode != "imaging":
        return []
    timing = {one.identity for name in names if (one := _exposure(folder, name, instrument, "timing"))}
    return [one.identity for one in taken if one.identity in timing or one.submode.startswith(_FAST)]


def _joined(session: Session, lists: Sequence[Exposure], stem: str) -> str:
    """Put lists together, two at a time; give the name of the whole.

    They are taken in order of time: merge puts the later one of its two lists behind the other, and its manual warns of
    a third that lies between the two.
    """
    names = [one.name for one in sorted(lists, key=lambda one: (one.start, _order(one)))]
    whole = names[0]
    for number, name in enumerate(names[1:], 2):
        out = f"{stem}-{_MERGED.format(number)}"
        session.call(merge(whole, name, out))
        whole = out
    return whole


def _ccds(events: Path) -> list[int]:
    """Give the CCDs that a list has events of."""
    found: set[int] = set()
    for table in row_tables(events):
        if isinstance(table, RowTable) and str(table.header.get("EXTNAME", "")).strip() == "EVENTS":
            for chunk in table.chunks(["CCDNR"]):
                found.update(np.unique(chunk["CCDNR"]).tolist())
    return sorted(found)


def _lacking(ccds: Sequence[int], taken: Sequence[Exposure], instrument: str, outer: bool) -> Iterator[str]:
    """Say which CCDs have no events, of those that are read."""
    alone = all(
        one.mode == "timing" or (instrument == "EPN" and one.submode.startswith(_SMALL_WINDOW)) for one in taken
    )
    read = [_CENTRAL[instrument]] if alone else range(1, _CCDS[instrument] + 1)
    read = [number for number in read if not (outer and number == _CENTRAL[instrument])]
    lacking = [number for number in read if number not in ccds]
    if lacking:
        kinds = ", ".join(sorted({one.submode for one in taken} - {""})) or "no submode"
        yield f"{instrument} has no events of CCD {', '.join(map(str, lacking))} of {len(read)} ({kinds})"


def _told(one: Exposure) -> Mapping[str, Any]:
    return {
        "exposure": one.identity,
        "file": one.name,
        "seconds": one.seconds,
        "events": one.events,
        "filter": one.filter,
        "submode": one.submode,
    }


def _notes(lists: Sequence[Exposure], taken: Sequence[Exposure], why: str) -> list[str]:
    left = [one for one in lists if one not in taken]
    notes = []
    if len(lists) > 1 or left:
        notes.append(f"exposure {', '.join(one.identity for one in taken)} of {len(lists)} taken: {why}")
    for what in ("filter", "submode"):
        kinds = sorted({getattr(one, what) for one in taken} - {""})
        if len(kinds) > 1:
            notes.append(f"exposures of different {what}s were put together: {', '.join(kinds)}")
    notes += [
        f"exposure {one.identity} left out: {one.events} events, filter {one.filter or 'unknown'}"
        for one in left
        if not one.looks_at_sky
    ]
    return notes

"""Where the event list of an observation and instrument is: as a template says, or as archives and pipelines name it.

Nothing is guessed. A list that is not there, or of which there are several, is a problem that says what was looked
for and what there is; all of them are said at once.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import Problem
from xbatch.base.fitsheader import find_file
from xbatch.plan.links import missing_file, unreadable
from xbatch.spec.eventmodel import Observed
from xbatch.spec.model import Analysis

__all__ = ["Lists", "archived", "find_lists", "optional_gz"]

_MODULES = {"FPMA": "A", "FPMB": "B"}
_CHAINS = {"EMOS1": "M1", "EMOS2": "M2", "EPN": "PN"}
_KINDS = {"EMOS1": "M", "EMOS2": "M", "EPN": "P"}
_LISTS = re.compile(r"\.(evt|fits?|ftz|ds|events?)(\.gz)?$", re.IGNORECASE)
_ROOT_CURE = "is data.root right? (--set data.root=FOLDER)"
_OWN_NAME = "a list of another name is named with 'events: TEMPLATE' under data"
_DEPTH = 2
_SHOWN = 4


@dataclass(frozen=True)
class Lists:
    """The files of an observation and instrument: its event list and, where there is one, its live time."""

    events: Path
    livetime: Path | None = None


def optional_gz(path: Path) -> Path:
    """Take ``[.gz]`` off a template's end: a packed file is looked for in any case."""
    return path.with_name(path.name.removesuffix("[.gz]"))


def find_lists(observed: Sequence[Observed], analysis: Analysis) -> tuple[dict[str, Lists], list[Problem]]:
    """Find the event lists of all observations and instruments, with their housekeeping where live time is in it.

    Returns
    -------
    lists : dict
        By `Observed.subject`; without those that were not found.
    problems : list of Problem
        XB401 for each list that is not there, XB406 for each of which there are several.
    """
    lists: dict[str, Lists] = {}
    problems: list[Problem] = []
    for one in observed:
        try:
            found, refused = _find(one, analysis)
            livetime, lost = _livetime(one, analysis, found)
        except PermissionError as error:
            found, livetime, lost = None, None, []
            refused = [unreadable(Path(error.filename), analysis, "data.root")]
        problems += refused + lost
        if found is not None:
            lists[one.subject] = Lists(found, livetime)
    return lists, problems


def _find(one: Observed, analysis: Analysis) -> tuple[Path | None, list[Problem]]:
    if one.events is not None:
        wanted = optional_gz(one.events)
        found = find_file(wanted)
        return found, [] if found else [missing_file(wanted, analysis, "data.events", one.subject, "event lists")]
    if not one.root.is_dir():
        message = f"no folder {one.root}, where the event lists should be"
        return None, [Problem(analysis.place("data.root"), "XB401", message, _ROOT_CURE, "data.root")]
    names = _names(one)
    if names:
        return _one_of(one, analysis, archived(one), names)
    message = f"no archive has event lists of {one.subject} under a name that is known here"
    return None, [Problem(analysis.place("data"), "XB401", message, _OWN_NAME, "data")]


def archived(one: Observed) -> list[Path]:
    """List the event lists of an observation and instrument that have a name archives and pipelines give, each once."""
    found = list(_nustar_lists(one) if one.mission == "nustar" else _xmm_lists(one)) if _names(one) else []
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]


def _names(one: Observed) -> list[str]:
    """Say which names are looked for; none where no archive is known."""
    if one.mission == "nustar" and one.instrument in _MODULES:
        return [f"{one.obsid}/event_cl/{_nustar_name(one)}[.gz] (also without one or both of these folders)"]
    return _xmm_names(one) if one.mission == "xmm" and one.instrument in _CHAINS else []


def _one_of(
    one: Observed, analysis: Analysis, found: Sequence[Path], names: Sequence[str]
) -> tuple[Path | None, list[Problem]]:
    """Take the only file of those that were found; none and several are problems."""
    if len(found) == 1:
        return found[0], []
    if found:
        shown = ", ".join(str(path.relative_to(one.root)) for path in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        message = f"{len(found)} event lists of {one.subject} below {one.root}: {shown}{more}"
        cure = "say which with 'events: TEMPLATE' under data; lists of several exposures are merged beforehand"
        return None, [Problem(analysis.place("data"), "XB406", message, cure, "data")]
    message = f"no event list of {one.subject} below {one.root}: looked for {' and '.join(names)}"
    near = _near(one, names)
    meant = f"did you mean {near!r}? " if near else ""
    return None, [Problem(analysis.place("data.root"), "XB401", message, f"{meant}{_ROOT_CURE}; {_OWN_NAME}", "data")]


def _near(one: Observed, names: Sequence[str]) -> str:
    """Find the list that looks most like those that were looked for."""
    there = {path.name: path for path in _files(one) if _LISTS.search(path.name)}
    for name in names:
        close = difflib.get_close_matches(name.partition(" ")[0].rpartition("/")[2], there, n=1, cutoff=0.7)
        if close:
            return str(there[close[0]].relative_to(one.root))
    own = sorted(name for name in there if one.obsid in name)
    return str(there[own[0]].relative_to(one.root)) if own else ""


def _nustar_name(one: Observed) -> str:
    return f"nu{one.obsid}{_MODULES[one.instrument]}01_cl.evt"


def _nustar_lists(one: Observed) -> Iterator[Path]:
    for folder in (f"{one.obsid}/event_cl", one.obsid, "event_cl", "."):
        found = find_file(one.root / folder / _nustar_name(one))
        if found is not None:
            yield found


def _xmm_names(one: Observed) -> list[str]:
    chain, kind = _CHAINS[one.instrument], _KINDS[one.instrument]
    return [
        f"P{one.obsid}{chain}S???{kind}IEVLI????.FIT (or .FTZ)",
        f"????_{one.obsid}_{one.instrument}_S???_ImagingEvts.ds",
    ]


def _xmm_lists(one: Observed) -> Iterator[Path]:
    """Give the imaging lists of emchain, epchain, the pipeline (PPS), emproc and epproc, scheduled and not."""
    chain, kind = _CHAINS[one.instrument], _KINDS[one.instrument]
    name = re.compile(
        rf"(P{one.obsid}{chain}[SU]\d{{3}}{kind}IEVLI\d{{4}}\.(FITS?|FTZ)"
        rf"|\d{{4}}_{one.obsid}_{one.instrument}_[SU]\d{{3}}_ImagingEvts\.(ds|fits?))(\.gz)?",
        re.IGNORECASE,
    )
    unpacked: set[Path] = set()
    for path in _files(one):
        plain = path.with_name(re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE))
        if name.fullmatch(path.name) and plain not in unpacked:
            unpacked.add(plain)
            yield path


def _files(one: Observed) -> Iterator[Path]:
    """Give the files of the observation's folder and two folders deep in it, then those of the root itself, sorted."""
    yield from _below(one.root / one.obsid, _DEPTH)
    yield from _below(one.root, 0)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        sorted_entries = sorted(entries, key=lambda entry: entry.name)
    yield from (Path(entry.path) for entry in sorted_entries if entry.is_file())
    if depth:
        for entry in sorted_entries:
            if entry.is_dir():
                yield from _below(Path(entry.path), depth - 1)


def _livetime(one: Observed, analysis: Analysis, events: Path | None) -> tuple[Path | None, list[Problem]]:
    """Find the housekeeping with NuSTAR's live time; without it the header's mean live time is used."""
    if one.livetime is not None:
        wanted = optional_gz(one.livetime)
        found = find_file(wanted)
        return found, [] if found else [missing_file(wanted, analysis, "data.livetime", one.subject, "housekeeping")]
    if events is None or one.mission != "nustar" or one.instrument not in _MODULES:
        return None, []
    name = f"nu{one.obsid}{_MODULES[one.instrument]}_fpm.hk"
    folders: Iterable[Path] = (
        events.parent.parent / "hk",
        events.parent,
        one.root / one.obsid / "hk",
        one.root / one.obsid / "event_cl",
    )
    return next((found for folder in folders if (found := find_file(folder / name))), None), []

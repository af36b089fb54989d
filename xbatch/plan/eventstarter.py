"""A starter spec for a folder of event lists: regions round the target, images, light curves, spectra.

What a header says is taken from it. Where the source is, and where there is only background, no header says: the
regions are a beginning, with a comment that says how to look at them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, UsageError
from xbatch.base.fitsheader import first_with, read_headers
from xbatch.plan.archive import archived
from xbatch.plan.starter import files_below, head_lines, model_lines, obsid_of, template_of, unique
from xbatch.spec.eventmodel import Observed
from xbatch.spec.missions import MISSIONS

__all__ = ["FoundList", "event_starter_text", "find_event_lists"]

_MISSIONS = {"NUSTAR": "nustar", "XMM": "xmm"}
_LIST = re.compile(r"\.(evt|fits?|ftz|ds)(\.gz)?$", re.IGNORECASE)
_MATRIX = re.compile(r"\.(rmf|rsp)(\.gz)?$", re.IGNORECASE)
_AREA = re.compile(r"\.arf(\.gz)?$", re.IGNORECASE)
_IMAGERS = {"nustar": ("FPMA", "FPMB"), "xmm": ("EPN", "EMOS1", "EMOS2")}
_TARGETS = (("RA_OBJ", "DEC_OBJ"), ("RA_NOM", "DEC_NOM"), ("RA_PNT", "DEC_PNT"))
_SAME_DEG = 0.5 / 60.0
_SHOWN = 6


@dataclass(frozen=True)
class _Habits:
    """What one begins with for a mission: sizes in arcsec, bands, the bin of light curves."""

    source: int
    inner: int
    outer: int
    bands: Mapping[str, str]
    dt: str


_HABITS = {
    "nustar": _Habits(60, 120, 200, {"full": "3-79 keV", "soft": "3-10 keV", "hard": "10-30 keV"}, "256 s"),
    "xmm": _Habits(40, 80, 120, {"full": "0.3-10 keV", "soft": "0.5-2 keV", "hard": "2-10 keV"}, "100 s"),
}


@dataclass(frozen=True, order=True)
class FoundList:
    """One event list: its path below the folder, and what its header says.

    `target` is where the observation looks, right ascension and declination in degrees; `archived` is true where it is
    found without being named. `matrices` and `areas` are RMFs and ARFs beside it or in another folder of its
    observation, as paths below the folder.
    """

    path: str
    mission: str
    obsid: str
    instrument: str
    target: tuple[float, float]
    archived: bool = False
    matrices: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()


def find_event_lists(folder: Path) -> list[FoundList]:
    """Find the NuSTAR and XMM-Newton EPIC event lists below a folder, sorted by path.

    Raises
    ------
    UsageError
        The folder is not there, cannot be read, or holds no such list.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the one that holds your event lists")
    found = [one for path in files_below(folder, _LIST) if (one := _found(path, folder)) is not None]
    if not found:
        raise UsageError(
            f"{folder} holds no imaging event list of NuSTAR or XMM-Newton (an extension EVENTS with TIME, PI, X and Y)"
        )
    return sorted(found)


def _found(path: Path, folder: Path) -> FoundList | None:
    try:
        primary = read_headers(path, limit=1)[0]
        events = first_with(path, lambda header: header.get("EXTNAME") == "EVENTS")
    except FileError:
        return None
    header = {**primary, **(events or {})}
    mission = _MISSIONS.get(str(header.get("TELESCOP") or "").strip().upper(), "other")
    instrument = str(header.get("INSTRUME") or "").strip()
    columns = {str(header.get(f"TTYPE{n}")).upper() for n in range(1, int(header.get("TFIELDS") or 0) + 1)}
    target = _target(header)
    if target is None or instrument not in _IMAGERS.get(mission, ()) or not {"TIME", "PI", "X", "Y"} <= columns:
        return None
    obsid = obsid_of(path, folder, header, mission)
    beside = sorted(_beside(path, folder, obsid))
    here = Observed(mission, obsid, instrument, folder)
    return FoundList(
        path=path.relative_to(folder).as_posix(),
        mission=mission,
        obsid=obsid,
        instrument=instrument,
        target=target,
        archived=[one.resolve() for one in archived(here)] == [path.resolve()],
        matrices=tuple(name for name in beside if _MATRIX.search(name)),
        areas=tuple(name for name in beside if _AREA.search(name)),
    )


def _beside(path: Path, folder: Path, obsid: str) -> Iterator[str]:
    """Give the files of a list's observation, else those beside the list, as paths below a folder."""
    tree = next((one for one in (path.parent, path.parent.parent) if one.name == obsid and folder in one.parents), None)
    folders = [tree, *(one for one in tree.iterdir() if one.is_dir())] if tree is not None else [path.parent]
    return (one.relative_to(folder).as_posix() for some in folders for one in some.iterdir())


def _target(header: Mapping[str, Any]) -> tuple[float, float] | None:
    for pair in _TARGETS:
        ra, dec = (header.get(key) for key in pair)
        if isinstance(ra, int | float) and isinstance(dec, int | float):
            return float(ra), float(dec)
    return None


def event_starter_text(found: Sequence[FoundList], folder: Path, name: str) -> str:
    """Write a spec for some event lists, as text that validates and runs.

    The mission with the most lists is taken, and one list of each observation and instrument; others are named in
    comments.
    """
    missions = [one.mission for one in found]
    mission = max(unique(missions), key=missions.count)
    mine = _chosen([one for one in found if one.mission == mission])
    lines = [
        *head_lines(name, mission, [(one.obsid, one.instrument) for one in mine]),
        *_data(mine, folder),
        *(f"  # not taken: {json.dumps(one.path)}" for one in found if one not in mine),
        "",
        *_regions(mine, _HABITS[mission]),
        "",
        *_products(mine, _HABITS[mission]),
    ]
    return "\n".join(lines) + "\n"


def _chosen(found: Sequence[FoundList]) -> list[FoundList]:
    """Take one list of each observation and instrument: an archive's, of science mode, not unfiltered, if there is."""

    def rank(one: FoundList) -> tuple[bool, bool, bool, str]:
        return (not one.archived, "01_cl" not in one.path, "_uf" in one.path, one.path)

    best: dict[tuple[str, str], FoundList] = {}
    for one in sorted(found, key=rank):
        best.setdefault((one.obsid, one.instrument), one)
    return sorted(best.values(), key=lambda one: (one.obsid, MISSIONS[one.mission].instruments.index(one.instrument)))


def _data(found: Sequence[FoundList], folder: Path) -> list[str]:
    """Write the block ``data``; lists that are found without being named are not named."""
    lines = ["data:", f"  root: {json.dumps(str(folder))}", "  level: events"]
    if all(one.archived for one in found):
        return lines
    templates: dict[str, list[FoundList]] = {}
    for one in found:
        plain = re.sub(r"\.gz$", "[.gz]", one.path)
        templates.setdefault(template_of(plain, one.obsid, one.instrument), []).append(one)
    first, *others = sorted(templates, key=lambda text: -len(templates[text]))
    if not others:
        return [*lines, f"  events: {json.dumps(first)}"]
    exceptions = [
        f"      - {{where: {{obsid: {json.dumps(one.obsid)}, instrument: {one.instrument}}}, file: {json.dumps(text)}}}"
        for text in others
        for one in templates[text]
    ]
    return [*lines, "  events:", f"    file: {json.dumps(first)}", "    for:", *exceptions]


def _regions(found: Sequence[FoundList], habits: _Habits) -> list[str]:
    """Write a circle and a ring round each target."""
    targets: dict[str, tuple[float, float]] = {}
    for one in found:
        targets.setdefault(one.obsid, one.target)
    first = next(iter(targets.values()))
    moved = {obsid: place for obsid, place in targets.items() if _apart(place, first)}
    sizes = {
        "src": ("circle", f"radius: {habits.source} arcsec", "round the target: make it fit your source"),
        "bkg": (
            "annulus",
            f"inner: {habits.inner} arcsec, outer: {habits.outer} arcsec",
            "sky without sources, on the same detector if there is room",
        ),
    }
    lines = ["regions:      # see them on the image before anything is extracted: xbatch preview THIS-FILE"]
    for name, (shape, size, remark) in sizes.items():
        if not moved:
            lines.append(f"  {name}: {{shape: {shape}, frame: fk5, center: {_place(first)}, {size}}}      # {remark}")
            continue
        lines += [f"  {name}:      # {remark}", f"    shape: {shape}", "    frame: fk5", f"    center: {_place(first)}"]
        lines += [f"    {part}" for part in size.split(", ")]
        lines += ["    for:"]
        same = f"shape: {shape}, frame: fk5, {size}"
        lines += [
            f"      - {{where: {{obsid: {json.dumps(obsid)}}}, {same}, center: {_place(place)}}}"
            for obsid, place in moved.items()
        ]
    lines.append('  # a file of DS9 does as well: src: {file: "regions/{obsid}_src.reg"}, below root')
    return lines


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) > _SAME_DEG or abs(one[1] - other[1]) > _SAME_DEG


def _place(place: tuple[float, float]) -> str:
    return f"[{place[0]:.6f}, {place[1]:.6f}]"


def _products(found: Sequence[FoundList], habits: _Habits) -> list[str]:
    response = _common(found, "matrices")
    area = _common(found, "areas")
    lines = [
        "spectra:",
        "  src:",
        "    region: src",
        "    background: bkg",
    ]
    if response:
        lines.append(f"    response: {json.dumps(response)}")
        lines += [f"    arf: {json.dumps(area)}"] if area else []
    else:
        lines.append('    # response: "{obsid}/FILE.rmf"      # and arf: a fit needs them; events bring none')
        there = unique(path for one in found for path in one.matrices)
        lines += [f"    #   there is {path}" for path in there[:_SHOWN]]
    lines += ["", "bands:", *(f"  {name}: {band}" for name, band in habits.bands.items())]
    lines += ["", "images:", f"  sky: {{bands: [{', '.join(habits.bands)}]}}"]
    lines += ["", "lightcurves:", f"  src: {{spectrum: src, dt: {habits.dt}, bands: [full]}}"]
    by_background = "  bg3: {type: bmin, counts: 3}      # wstat is biased where groups have no background counts"
    lines += ["", "binning:", by_background if response else "  min25: {type: min, counts: 25}", ""]
    fit = _fit(len(unique(one.obsid for one in found)) > 1, unique(one.instrument for one in found))
    if response:
        return [*lines, *fit]
    commented = [f"# under binning:{by_background[1:]}", *(f"# {line}" for line in fit)]
    return [*lines, "# With a response, a fit to begin with:", *commented]


def _common(found: Sequence[FoundList], kind: str) -> str:
    """Give the one template of matrices (or areas) that lie beside each list; empty where it is not that simple."""
    common: set[str] | None = None
    for one in found:
        here = {template_of(path, one.obsid, one.instrument) for path in getattr(one, kind)}
        common = here if common is None else common & here
    own = {text for text in common or () if "{module}" in text or "{instrument}" in text}
    chosen = own or common or set()
    return chosen.pop() if len(chosen) == 1 else ""


def _fit(several_observations: bool, instruments: Sequence[str]) -> list[str]:
    return [
        "fit:",
        "  powerlaw:",
        "    data: [{spectra: src, binning: bg3, band: full}]",
        *(["    group_by: [obsid]      # one fit for each observation"] if several_observations else []),
        "    background: {mode: profiled}",
        "    statistic: wstat",
        *model_lines(len(instruments) > 1, f"[{', '.join(instruments[1:])}]"),
    ]

"""Region files before anything runs: which are missing, and which are in pixels that are not those of all their users.

A position in pixels means another place in each observation: one region in image or physical coordinates can serve
several event lists only where these have the same X and Y. Whether a text is in pixels is told by its words for
coordinate systems alone; that it makes sense is for the steps that use it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, Problem
from xbatch.base.fitsheader import first_with
from xbatch.plan.archive import Lists
from xbatch.spec.eventmodel import Observed
from xbatch.spec.model import Analysis

__all__ = ["pixel_system", "region_problems"]

_SKY = {"fk5", "j2000", "icrs", "fk4", "b1950", "galactic"}
_PIXEL = {"image", "physical"}
_MARKS = {"global", "line", "vector", "text", "ruler", "compass", "projection", "segment", "composite"}
_WORD = re.compile(r"[-+!]?\s*([A-Za-z][A-Za-z0-9_]*)\s*(.*)")
_SHOWN = 6


def pixel_system(text: str) -> str:
    """Name the pixel system, ``image`` or ``physical``, that a region text uses somewhere; empty for none.

    A shape before any word for a system is on the sky if its numbers are sexagesimal or have a unit of angle, and in
    physical pixels if not.
    """
    system = ""
    for statement in _statements(text):
        match = _WORD.fullmatch(statement)
        if match is None:
            continue
        word, rest = match[1].lower(), match[2]
        if word in _SKY | _PIXEL and not rest.startswith("("):
            system = word
            match = _WORD.fullmatch(rest)
            if match is None:
                continue
            word, rest = match[1].lower(), match[2]
        if word in _MARKS:
            continue
        found = system or _system_of_numbers(rest)
        if found in _PIXEL:
            return found
    return ""


def _statements(text: str) -> Iterator[str]:
    for line in text.lstrip("\ufeff").splitlines():
        for piece in re.split(r";|\|\|", line.partition("#")[0]):
            if piece.strip():
                yield piece.strip()


def _system_of_numbers(arguments: str) -> str:
    """Tell by the form of a shape's numbers what they are."""
    first = re.split(r"[,\s]+", arguments.strip(" ()"))[0].lower()
    if first.endswith("i"):
        return "image"
    on_sky = re.search(r"[:\"'hmd]", arguments.lower()) or first.endswith("r")
    return "sky" if on_sky else "physical"


@dataclass
class _Use:
    """Who uses one region in pixels: one file, or one inline shape."""

    name: str
    path: str
    system: str
    title: str
    users: list[Observed] = field(default_factory=list)


def region_problems(observed: Sequence[Observed], lists: Mapping[str, Lists], analysis: Analysis) -> list[Problem]:
    """Say what is wrong with the regions before anything runs.

    Parameters
    ----------
    observed : sequence of Observed
        With the regions of each.
    lists : Mapping
        The event lists that were found, by `Observed.subject`.
    analysis : Analysis
        For places.

    Returns
    -------
    list of Problem
        XB401 with all files of an entry that are missing; XB407 for a region in pixels that serves several
        observations, or instruments whose X and Y differ.
    """
    missing: dict[str, dict[Path, str]] = {}
    uses: dict[tuple[str, str], _Use] = {}
    systems: dict[Path, str | None] = {}
    for one in observed:
        for region in one.regions.values():
            if region.file is None:
                system, key, title = _inline_system(region.params), repr(region.params), "its shape"
            else:
                if region.file not in systems:
                    systems[region.file] = _file_system(region.file)
                found = systems[region.file]
                if found is None:
                    missing.setdefault(region.path, {})[region.file] = region.name
                    continue
                system, key, title = found, str(region.file), region.file.name
            if system:
                use = uses.setdefault((region.path, key), _Use(region.name, region.path, system, title))
                if one not in use.users:
                    use.users.append(one)
    problems = [_missing(files, path, analysis) for path, files in missing.items()]
    return problems + [problem for use in uses.values() for problem in _shared(use, lists, analysis)]


def _file_system(path: Path) -> str | None:
    """Look into a region file; None if it is not there."""
    if not path.is_file():
        return None
    try:
        return pixel_system(path.read_bytes().decode("utf-8", "replace"))
    except OSError:
        return ""


def _inline_system(params: Mapping[str, Any]) -> str:
    frames = (str(shape.get("frame", "")).lower() for shape in params.get("shapes", ()))
    return next((frame for frame in frames if frame in _PIXEL), "")


def _missing(files: Mapping[Path, str], path: str, analysis: Analysis) -> Problem:
    """Name every file of one region that is not there, folder by folder."""
    folders: dict[Path, list[str]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file.name)
    shown = "; ".join(f"{', '.join(names)} in {folder}" for folder, names in folders.items())
    region, first = next(iter(files.values())), next(iter(files))
    if first.parent.is_dir():
        there = sorted(one.name for one in first.parent.iterdir() if one.suffix == ".reg")
        near = difflib.get_close_matches(first.name, there, n=1)
        held = f"{first.parent} holds {', '.join(there[:_SHOWN]) or 'no .reg file'}"
        hint = f"did you mean {near[0]!r}?" if near else held
    else:
        hint = f"there is no folder {first.parent}"
    count = "a file" if len(files) == 1 else f"{len(files)} files"
    where = f"{path}.file"
    message = f"{count} of the region {region!r} {'is' if len(files) == 1 else 'are'} not there: {shown}"
    return Problem(analysis.place(where), "XB401", message, hint, where)


def _shared(use: _Use, lists: Mapping[str, Lists], analysis: Analysis) -> list[Problem]:
    """Refuse pixels that mean several places."""
    obsids = list(dict.fromkeys(one.obsid for one in use.users))
    if len(obsids) > 1:
        who, field_name = f"{len(obsids)} observations ({', '.join(obsids[:_SHOWN])})", "{obsid}"
    elif len({_frame(lists[one.subject].events) for one in use.users if one.subject in lists} - {None}) > 1:
        names = [one.instrument for one in use.users]
        who, field_name = f"{' and '.join(names)}, whose X and Y are not the same", "{instrument}"
    else:
        return []
    where = use.path
    message = f"the region {use.name!r} is in {use.system} coordinates ({use.title}) and serves {who}"
    hint = f"save it in fk5 coordinates, or make one for each: put {field_name} into the file's name"
    return [Problem(analysis.place(where), "XB407", message, hint, where)]


def _frame(path: Path) -> tuple[Any, ...] | None:
    """Give what places X and Y of an event list on the sky; None where its header does not say."""
    try:
        header = first_with(path, lambda one: "TTYPE1" in one and one.get("EXTNAME") == "EVENTS")
    except FileError:
        return None
    if header is None:
        return None
    columns = {str(header.get(f"TTYPE{n}")).upper(): n for n in range(1, int(header.get("TFIELDS") or 0) + 1)}
    if "X" not in columns or "Y" not in columns:
        return None
    keys = [f"{word}{columns[axis]}" for axis in "XY" for word in ("TCRVL", "TCRPX", "TCDLT")]
    if not all(key in header for key in keys):
        keys = [f"REF{axis}{word}" for axis in "XY" for word in ("CRVL", "CRPX", "CDLT")]
    return tuple(header.get(key) for key in keys)

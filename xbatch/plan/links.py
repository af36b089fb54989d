"""Which files belong to a spectrum: those the spec names, else those its own header names.

BACKFILE, RESPFILE and ANCRFILE (OGIP/92-007) are followed beside the spectrum, ``.gz`` tried as cfitsio does. What is
missing is collected, never raised one at a time. A spectrum whose header cannot be read is no fault of the spec: its
step will say what is wrong with the file, and the other steps go on.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, Problem
from xbatch.base.fitsheader import find_file, first_with
from xbatch.spec.model import Analysis, SpectrumFiles

__all__ = ["Links", "follow", "is_spectrum", "missing_file", "unreadable"]

_NO_FILE = {"", "none", "%match%"}
_KEYWORDS = {"response": "RESPFILE", "arf": "ANCRFILE", "background": "BACKFILE"}


@dataclass(frozen=True)
class Links:
    """The files of one subject, found; None where there is none.

    `unreadable` is true where the spectrum is there but its header is not FITS: nothing could be followed. `missing`
    has the roles (``response``, ``arf``, ``background``) whose file is named and not there. `responses` are the RMF and
    ARF of each further response, by its name; no RMF where it is that of the first, and there is none.
    """

    files: SpectrumFiles
    pha: Path
    response: Path | None
    arf: Path | None
    background: Path | None
    unreadable: bool = False
    missing: frozenset[str] = frozenset()
    responses: Mapping[str, tuple[Path | None, Path | None]] = field(default_factory=dict)


def follow(files: SpectrumFiles, analysis: Analysis) -> tuple[Links | None, list[Problem]]:
    """Find the files of a spectrum.

    Returns
    -------
    links : Links or None
        None where the spectrum itself is not there.
    problems : list of Problem
        Each file that is named and missing: by the spec (XB401) or by the spectrum's header (XB402).
    """
    try:
        return _follow(files, analysis)
    except PermissionError as error:
        return None, [unreadable(Path(error.filename).parent, analysis, f"{files.path}.file")]


def _follow(files: SpectrumFiles, analysis: Analysis) -> tuple[Links | None, list[Problem]]:
    pha = find_file(files.file)
    if pha is None:
        return None, [_missing(files.file, analysis, f"{files.path}.file", files)]
    header, unreadable = _spectrum_header(pha)
    found: dict[str, Path | None] = {}
    problems: list[Problem] = []
    for key, keyword in _KEYWORDS.items():
        named = getattr(files, key)
        found[key] = None
        if named == "none":
            continue
        if named is not None:
            found[key] = find_file(Path(named))
            if found[key] is None:
                problems.append(_missing(Path(named), analysis, f"{files.path}.{key}", files))
            continue
        value = str(header.get(keyword) or "").strip()
        if value.lower() in _NO_FILE:
            continue
        found[key] = find_file(pha.parent / value)
        if found[key] is None:
            problems.append(
                Problem(
                    analysis.place(files.path),
                    "XB402",
                    f"{keyword} of {pha} names {value!r}, which is not beside it",
                    f"put it there, or give '{key}: FILE' (or '{key}: none') in the spec",
                    f"{files.path}.{key}",
                )
            )
    missing = frozenset(problem.path.rpartition(".")[2] for problem in problems)
    further: dict[str, tuple[Path | None, Path | None]] = {}
    for name, one in files.responses.items():
        rmf, lacking = _named(one.response, analysis, f"{files.path}.responses.{name}.response", files)
        arf, lacking_too = _named(one.arf, analysis, f"{files.path}.responses.{name}.arf", files)
        further[name] = (found["response"] if one.response is None else rmf, arf)
        problems += [*lacking, *lacking_too]
    links = Links(files, pha, found["response"], found["arf"], found["background"], unreadable, missing, further)
    return links, problems


def _named(
    path: Path | None, analysis: Analysis, where: str, files: SpectrumFiles
) -> tuple[Path | None, list[Problem]]:
    """Find a file of the spec; what is wrong where it is not there."""
    found = None if path is None else find_file(path)
    return found, [] if path is None or found else [_missing(path, analysis, where, files)]


def _spectrum_header(pha: Path) -> tuple[Mapping[str, Any], bool]:
    """Read the header of the SPECTRUM extension; an empty one and True where that cannot be done."""
    try:
        header = first_with(pha, is_spectrum)
    except FileError:
        return {}, True
    return (header, False) if header is not None else ({}, True)


def is_spectrum(header: Mapping[str, Any]) -> bool:
    """Say whether a header is that of a spectrum, by its name or its class (OGIP/92-007)."""
    return header.get("EXTNAME") == "SPECTRUM" or header.get("HDUCLAS1") == "SPECTRUM"


def _missing(path: Path, analysis: Analysis, where: str, files: SpectrumFiles) -> Problem:
    return missing_file(path, analysis, where, files.subject.path, f"files of spectra.{files.subject.spectrum}")


def missing_file(path: Path, analysis: Analysis, where: str, owner: str, kind: str) -> Problem:
    """Say that a file of the spec is missing (XB401), with the nearest name that is there.

    Parameters
    ----------
    path : Path
        The file as the spec names it.
    analysis : Analysis
        For the place.
    where : str
        The dotted path of its name in the spec.
    owner : str
        What it is the file of.
    kind : str
        What its folder should hold, in the plural.
    """
    place = analysis.place(where)
    if not path.parent.is_dir():
        # The folder is what is wrong: one problem for all the files that should be in it.
        parent = next(p for p in path.parents if p.is_dir())
        gone = parent / path.relative_to(parent).parts[0]
        near = difflib.get_close_matches(gone.name, sorted(p.name for p in parent.iterdir() if p.is_dir()), n=1)
        meant = f"did you mean {str(parent / near[0])!r}? " if near else ""
        hint = f"{meant}is data.root right? (--set data.root=FOLDER)"
        return Problem(place, "XB401", f"no folder {gone}, where {kind} should be", hint, where)
    try:
        names = sorted(p.name for p in path.parent.iterdir())
    except PermissionError:
        return unreadable(path.parent, analysis, where)
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"{path.parent} holds {', '.join(names[:5]) or 'nothing'}"
    return Problem(place, "XB401", f"no file {path} for {owner}", hint, where)


def unreadable(folder: Path, analysis: Analysis, where: str) -> Problem:
    """Say that a folder cannot be read (XB401)."""
    message = f"folder {folder} cannot be read"
    return Problem(analysis.place(where), "XB401", message, "give yourself permission to read it", where)

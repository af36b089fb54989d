"""A starter spec for a folder of spectra: what is there, named by templates, and a fit to begin with.

Nothing is guessed that a header can say; what is guessed is a comment in the text, for its reader to decide.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from xbatch.base.errors import FileError, UsageError
from xbatch.base.fitsheader import find_file, read_headers
from xbatch.plan.links import is_spectrum
from xbatch.spec.wording import flow

__all__ = [
    "Found",
    "files_below",
    "find_spectra",
    "head_lines",
    "model_lines",
    "obsid_of",
    "starter_text",
    "template_of",
    "unique",
]

_MISSIONS = {"NUSTAR": "nustar", "XMM": "xmm"}
_BANDS = {"nustar": "3-79 keV", "xmm": "0.3-10 keV"}
_MODULES = {"FPMA": "A", "FPMB": "B"}
_PRUNED = {"store", ".store", "products", ".git", "__pycache__"}
_DEPTH = 4
_OBSID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_OBSID_DIGITS = {"nustar": 11, "xmm": 10}
_SHOWN = 6
_SPECTRUM = re.compile(r"\.(pha|pi|fits?|ftz|grp|ds|bak|fak)(\.gz)?$", re.IGNORECASE)
_MATRIX = re.compile(r"\.(rmf|rsp)(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Found:
    """One source spectrum: its path below the folder, and what its header says."""

    path: str
    mission: str
    obsid: str
    instrument: str
    grouped: bool
    poisson: bool
    background: bool
    response: bool
    matrices: tuple[str, ...] = ()  # RMFs beside it, where the header names none that is there


def find_spectra(folder: Path) -> list[Found]:
    """Find the source spectra below a folder, sorted by path; backgrounds that others name are left out.

    Raises
    ------
    UsageError
        The folder is not there, cannot be read, or holds no spectrum.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the one that holds your PHA files")
    headers = dict(_spectrum_headers(folder))
    backgrounds = {
        str(found.resolve())
        for path, header in headers.items()
        if _named(header, "BACKFILE") and (found := find_file(path.parent / _named(header, "BACKFILE")))
    }
    sources = [
        _found(path, folder, header)
        for path, header in headers.items()
        if str(path.resolve()) not in backgrounds and header.get("HDUCLAS2") != "BKG" and not _derived(path, headers)
    ]
    if not sources:
        raise UsageError(f"{folder} holds no PHA spectrum (an extension with EXTNAME or HDUCLAS1 = SPECTRUM)")
    return sorted(sources)


def _spectrum_headers(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path in files_below(folder, _SPECTRUM):
        try:
            headers = read_headers(path)
        except FileError:
            continue
        for header in headers:
            if is_spectrum(header):
                yield path, {**headers[0], **header}
                break


def files_below(folder: Path, pattern: re.Pattern[str]) -> Iterator[Path]:
    """Give the files below a folder whose name has a pattern, sorted, leaving out what xbatch itself has made.

    Raises
    ------
    UsageError
        A folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read ({error.strerror}); give yourself permission to read it")

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if name not in _PRUNED)
        if len(Path(parent).relative_to(folder).parts) >= _DEPTH:
            folders.clear()
        for name in sorted(names):
            path = Path(parent) / name
            if pattern.search(name) and path.is_file():
                yield path


def _derived(path: Path, headers: Mapping[Path, Mapping[str, Any]]) -> bool:
    """Say whether a spectrum is a grouped copy of another in the same folder (``x_grp.pha`` beside ``x.pha``)."""
    plain = re.sub(r"[_-]?(grp|grouped)(?=\.)", "", path.name)
    return plain != path.name and (path.parent / plain) in headers


def _named(header: Mapping[str, Any], keyword: str) -> str:
    value = str(header.get(keyword) or "").strip()
    return "" if value.lower() in {"none", "%match%"} else value


def _found(path: Path, folder: Path, header: Mapping[str, Any]) -> Found:
    relative = path.relative_to(folder).as_posix()
    mission = _MISSIONS.get(str(header.get("TELESCOP") or "").strip().upper(), "other")
    response = _named(header, "RESPFILE")
    background = _named(header, "BACKFILE")
    linked = bool(response and find_file(path.parent / response))
    return Found(
        path=relative,
        mission=mission,
        obsid=obsid_of(path, folder, header, mission),
        instrument=str(header.get("INSTRUME") or "data").strip(),
        grouped="GROUPING" in {str(header.get(f"TTYPE{n}")) for n in range(1, 20)},
        poisson=header.get("POISSERR") is True,
        background=bool(background and find_file(path.parent / background)),
        response=linked,
        matrices=() if linked else tuple(sorted(one.name for one in path.parent.iterdir() if _MATRIX.search(one.name))),
    )


def obsid_of(path: Path, folder: Path, header: Mapping[str, Any], mission: str) -> str:
    """Take the obsid of the header, else of a folder that is named like one, else the folder's or file's name."""
    named = str(header.get("OBS_ID") or "").strip()
    if _OBSID.fullmatch(named):
        return named
    digits = _OBSID_DIGITS.get(mission, 0)
    for parent in path.resolve().parents:
        if parent.name.isdecimal() and len(parent.name) == digits:
            return parent.name
    name = path.parent.name if path.parent != folder else path.name.split(".")[0]
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name).lstrip("._+-") or "data"


def starter_text(found: Sequence[Found], folder: Path, name: str) -> str:
    """Write a spec for some spectra, as text that validates.

    The mission with the most spectra is taken; the spectra of others are named in a comment.
    """
    missions = [one.mission for one in found]
    mission = max(unique(missions), key=missions.count)
    mine = [one for one in found if one.mission == mission]
    lines = [
        *head_lines(name, mission, [(one.obsid, one.instrument) for one in mine]),
        f"data: {{root: {json.dumps(str(folder))}, level: spectra}}",
        "",
    ]
    others = [one for one in found if one.mission != mission]
    if others:
        lines.append("# Not taken, since of another mission; make a spec of their own with: xbatch init THEIR-FOLDER")
        lines += [f"#   {one.path} ({one.mission})" for one in others]
    lines += [*_spectra(mine), "", *_fit(mine, mission)]
    return "\n".join(lines) + "\n"


def unique(values: Iterable[str]) -> list[str]:
    """Give each value once, in the order of first appearance."""
    return list(dict.fromkeys(values))


def head_lines(name: str, mission: str, found: Sequence[tuple[str, str]]) -> list[str]:
    """Write the first lines of a spec: its name, and which observations there are.

    Parameters
    ----------
    name, mission : str
    found : sequence of (str, str)
        Obsid and instrument of each file; the instruments are given by observation where these differ.
    """
    lines = [
        "# Help in your editor: xbatch schema analysis > analysis-1.json",
        "# yaml-language-server: $schema=analysis-1.json",
        "xbatch: 1",
        f"name: {name}",
        f"mission: {mission}",
    ]
    instruments: dict[str, list[str]] = {}
    for obsid, instrument in found:
        instruments.setdefault(obsid, []).append(instrument)
    obsids: dict[tuple[str, ...], list[str]] = {}
    for obsid, names in instruments.items():
        obsids.setdefault(tuple(unique(names)), []).append(obsid)
    parts = [
        (f"obsids: [{', '.join(map(json.dumps, some))}]", f"instruments: {flow(list(names))}")
        for names, some in obsids.items()
    ]
    if len(parts) == 1:
        return [*lines, *parts[0]]
    return [*lines, "observations:", *(f"  - {{{', '.join(part)}}}" for part in parts)]


def template_of(path: str, obsid: str, instrument: str) -> str:
    """Turn a file's name into a template: its obsid and its module or instrument become fields."""
    text = path.replace(obsid, "{obsid}")
    module = _MODULES.get(instrument)
    if module:
        return re.sub(rf"(?<=\{{obsid\}}){module}(?=\d\d|[._])", "{module}", text)
    return text.replace(instrument, "{instrument}")


def _spectra(found: Sequence[Found]) -> list[str]:
    """Write the block ``spectra``: the templates, one name for each different spectrum of an instrument."""
    templates: dict[str, list[Found]] = {}
    for one in found:
        templates.setdefault(template_of(one.path, one.obsid, one.instrument), []).append(one)
    lines = ["spectra:"]
    taken = {(one.obsid, one.instrument) for one in next(iter(templates.values()))}
    first = next(iter(templates))
    exceptions = {
        (one.obsid, one.instrument): template
        for template, members in templates.items()
        for one in members
        if template != first and (one.obsid, one.instrument) not in taken
    }
    lines += ["  src:", f"    file: {json.dumps(first)}"]
    if not all(one.response for one in found):
        lines.append('    # response: "FILE"      # RESPFILE is missing for some: name the RMF (and arf:) here')
        beside = unique(str(PurePosixPath(one.path).parent / name) for one in found for name in one.matrices)
        lines += [f"    #   there is {name}" for name in beside[:_SHOWN]]
    if exceptions:
        lines.append("    for:")
        lines += [
            f"      - {{where: {{obsid: {json.dumps(obsid)}, instrument: {flow(instrument)}}}, "
            f"file: {json.dumps(template)}}}"
            for (obsid, instrument), template in exceptions.items()
        ]
    used = {*exceptions.values(), first}
    lines += [f"  # also there: {json.dumps(template)}" for template in templates if template not in used]
    return lines


def _fit(found: Sequence[Found], mission: str) -> list[str]:
    grouped = all(one.grouped for one in found)
    background = all(one.background for one in found)
    poisson = all(one.poisson for one in found)
    statistic = ("wstat" if background else "cstat") if poisson else "chi2"
    without = "ignore" if any(one.background for one in found) else "none"
    mode = ("profiled" if poisson else "subtract") if background else without
    binning, described = ("asis", "{type: file}") if grouped else ("min25", "{type: min, counts: 25}")
    several = len(unique(one.instrument for one in found)) > 1
    reference = found[0].instrument
    rest = flow([i for i in unique(one.instrument for one in found) if i != reference])
    lines = [
        "binning:",
        f"  {binning}: {described}",
        "",
        "fit:",
        "  powerlaw:",
        f"    data: [{{spectra: src, binning: {binning}, band: {_BANDS.get(mission, '1-10 keV')}}}]",
        *(
            ["    group_by: [obsid]      # one fit for each observation"]
            if len(unique(f.obsid for f in found)) > 1
            else []
        ),
        f"    background: {{mode: {mode}}}" + ("      # some have no background file" if mode == "ignore" else ""),
        f"    statistic: {statistic}",
    ]
    if statistic == "chi2":
        lines.append(f"    variance: {'data' if poisson else 'file'}")
    return [*lines, *model_lines(several, rest)]


def model_lines(several: bool, others: str) -> list[str]:
    """Write the model of a first fit, an absorbed power law: its parameters, and which errors are asked for.

    Parameters
    ----------
    several : bool
        Whether instruments are compared, the first of which sets the scale.
    others : str
        The other instruments, as a list in brackets.
    """
    lines = [
        "    abundances: wilm",
        "    cross_sections: vern",
        f"    model: {'constant.cal * ' if several else ''}tbabs.gal * powerlaw.pl",
        "    parameters:",
    ]
    if several:
        lines += [
            "      cal.factor:          # 1 for the first instrument, free for the others",
            "        value: 1",
            "        frozen: true",
            f"        for: [{{where: {{instrument: {others}}}, frozen: false}}]",
        ]
    return [
        *lines,
        "      gal.nH: {value: 0.1, min: 0, max: 100}     # 1e22 cm-2; freeze it at the Galactic value if you know it",
        "      pl.PhoIndex: {value: 2, min: -3, max: 10}",
        "    errors: {parameters: free, method: profile, confidence: 0.9}",
    ]

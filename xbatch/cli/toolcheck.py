"""The missions' tools and their calibration, as ``xbatch doctor`` looks for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.toolset import Toolset, find_toolset

__all__ = ["ToolCheck", "check_tools"]


@dataclass(frozen=True)
class ToolCheck:
    """What was found of a set of tools, or of calibration.

    Attributes
    ----------
    name : str
    ok : bool
    found : str
        Version and folder, or why it cannot be used.
    adds : str
        What cannot be done without it.
    get : str
    """

    name: str
    ok: bool
    found: str
    adds: str
    get: str


_HEASOFT = (
    "level: raw for NuSTAR (nupipeline), ARFs and RMFs of regions, light curves corrected for area (nuproducts), "
    "engine: heasoft. Without it a NuSTAR analysis starts from cleaned lists, and its responses are given",
    "conda install -c https://heasarc.gsfc.nasa.gov/FTP/software/conda -c conda-forge heasoft, "
    "then source $HEADAS/headas-init.sh",
)
_CALDB = (
    "calibration for nupipeline and nuproducts: none of them runs without it",
    "https://heasarc.gsfc.nasa.gov/docs/heasarc/caldb/install.html, then source $CALDB/software/tools/caldbinit.sh",
)
_SAS = (
    "level: raw for XMM-Newton (epproc, emproc, rgsproc), responses of regions, pile-up, detection, engine: sas. "
    "Without it an EPIC analysis starts from event lists, and its responses are given",
    "https://www.cosmos.esa.int/web/xmm-newton/sas-download, then source setsas.sh (after HEASoft's headas-init.sh)",
)
_CCF = (
    "calibration for SAS: no task of it runs without it. Each observation gets its own ccf.cif",
    "https://www.cosmos.esa.int/web/xmm-newton/current-calibration-files, then export SAS_CCFPATH=FOLDER",
)


def check_tools(environ: Mapping[str, str]) -> list[ToolCheck]:
    """Look for HEASoft, CALDB, SAS and the calibration files of XMM-Newton, always in this order."""
    tools = find_toolset(environ)
    return [
        _suite("HEASoft", "HEADAS", ("ftlist", "nuproducts"), tools, environ, _HEASOFT, lambda found: found.heasoft),
        _calibration("CALDB", "CALDB", str(tools.caldb or ""), "data/nustar/fpm/caldb.indx", environ, _CALDB),
        _suite("SAS", "SAS_DIR", ("evselect",), tools, environ, _SAS, lambda found: found.sas),
        _calibration("CCF", "SAS_CCFPATH", tools.ccf and environ["SAS_CCFPATH"], "*.CCF", environ, _CCF),
    ]


def _suite(
    name: str,
    variable: str,
    programs: tuple[str, ...],
    tools: Toolset,
    environ: Mapping[str, str],
    texts: tuple[str, str],
    choose: Callable[[Toolset], object | None],
) -> ToolCheck:
    place = environ.get(variable, "")
    missing = [program for program in programs if shutil.which(program, path=environ.get("PATH", "")) is None]
    if not place:
        found = f"{variable} is not set"
    elif choose(tools) is None:
        found = f"{variable}={place} does not exist"
    elif missing:
        found = f"{variable}={place}, but {missing[0]} is not on PATH: its set-up script was not sourced"
    else:
        suite = tools.heasoft if name == "HEASoft" else tools.sas
        version = suite.version if suite is not None and suite.version else "version unknown"
        return ToolCheck(name, True, f"{version}, at {place}", *texts)
    return ToolCheck(name, False, found, *texts)


def _calibration(
    name: str, variable: str, there: str, wanted: str, environ: Mapping[str, str], texts: tuple[str, str]
) -> ToolCheck:
    place = environ.get(variable, "")
    if there:
        return ToolCheck(name, True, there, *texts)
    if not place:
        found = f"{variable} is not set"
    elif not any(Path(one).exists() for one in place.split(":")):
        found = f"{variable}={place} does not exist"
    else:
        found = f"{variable}={place} has no {wanted}"
    return ToolCheck(name, False, found, *texts)

"""The missions' tools and their calibration, as ``xbatch doctor`` looks for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xbatch.base.toolset import Toolset, find_toolset
from xbatch.base.toolstate import find_program

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
        How to get it, or what to do about it.
    remarks : tuple of str
        What is odd with it.
    """

    name: str
    ok: bool
    found: str
    adds: str
    get: str
    remarks: tuple[str, ...] = ()


#: What xbatch calls by itself; an installation may have been built without some of it.
_PROGRAMS = {
    "heasoft": (
        *("nupipeline", "nuproducts", "nuexpomap", "nubackscale", "nusplitsc", "barycorr"),
        *("grppha", "ftgrouppha", "addspec", "lcmath", "extractor"),
    ),
    "sas": (
        *("cifbuild", "odfingest", "epproc", "emproc", "epchain", "emchain", "atthkgen", "merge", "barycen"),
        *("evselect", "tabgtigen", "espfilt", "epatplot", "backscale", "rmfgen", "arfgen", "epiclccorr", "specgroup"),
        *("rgsproc", "rgscombine", "edetect_chain", "emosaic"),
    ),
}


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
    """Look for HEASoft, CALDB, SAS and the calibration files of XMM-Newton, always in this order.

    What is said is what the plan would say of the same variables.
    """
    tools = find_toolset(environ)
    return [
        _check("HEASoft", "heasoft", _suite(tools, "heasoft"), tools, _HEASOFT),
        _check("CALDB", "caldb", str(tools.caldb or tools.remote), tools, _CALDB),
        _check("SAS", "sas", _suite(tools, "sas"), tools, _SAS),
        _check("CCF", "ccf", environ.get("SAS_CCFPATH", ""), tools, _CCF),
    ]


def _suite(tools: Toolset, name: str) -> str:
    suite = tools.suite(name)
    if suite is None:
        return ""
    absent = [tool for tool in _PROGRAMS[name] if find_program(tool, name, tools.environ) is None]
    more = f", without {', '.join(absent)}" if absent else ""
    return f"{suite.version or 'version unknown'}, at {suite.root}{more}"


def _check(title: str, name: str, found: str, tools: Toolset, texts: tuple[str, str]) -> ToolCheck:
    adds, get = texts
    fault = tools.faults.get(name)
    if fault is None:
        return ToolCheck(title, True, found, adds, get, tools.remarks.get(name, ()))
    what = fault.what.partition(": ")[2] or fault.what
    unset = re.fullmatch(r"\w+ is not set", what)
    return ToolCheck(title, False, what, adds, get if unset else fault.cure, tools.remarks.get(name, ()))

"""Which of the missions' tools are installed here, and which calibration they use; found without running anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Suite", "Toolset", "find_toolset"]


@dataclass(frozen=True)
class Suite:
    """An installed set of tools.

    Attributes
    ----------
    name : str
        ``heasoft`` or ``sas``.
    version : str
    root : Path
        ``$HEADAS`` or ``$SAS_DIR``.
    parameters : tuple of Path
        Folders with the tools' parameter files.
    """

    name: str
    version: str
    root: Path
    parameters: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Toolset:
    """What is installed here.

    Attributes
    ----------
    heasoft, sas : Suite or None
    caldb : Path or None
        The index of NuSTAR's calibration in CALDB.
    ccf : str
        Digest of the names of the calibration files that SAS can use; empty where there are none.
    """

    heasoft: Suite | None = None
    sas: Suite | None = None
    caldb: Path | None = None
    ccf: str = ""


def find_toolset(environ: Mapping[str, str]) -> Toolset:
    """Look for the missions' tools in the variables that their own set-up scripts export."""
    heasoft = _suite("heasoft", environ.get("HEADAS", ""), "syspfiles")
    sas = _suite("sas", environ.get("SAS_DIR", ""), "config")
    index = Path(environ.get("CALDB", "")) / "data" / "nustar" / "fpm" / "caldb.indx"
    return Toolset(heasoft, sas, index if environ.get("CALDB") and index.is_file() else None)


def _suite(name: str, root: str, parameters: str) -> Suite | None:
    folder = Path(root)
    return Suite(name, "", folder, (folder / parameters,)) if root and folder.is_dir() else None

"""Where a run was made: the Python environment, the missions' tools and their calibration, the machine."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbatch.base.packages import installed
from xbatch.base.toolset import find_suite

__all__ = ["host", "python_environment", "toolsets"]


def python_environment() -> dict[str, Any]:
    """Describe the interpreter and every distribution installed beside it."""
    return {
        "version": sys.version.split()[0],
        "implementation": "CPython" if sys.implementation.name == "cpython" else sys.implementation.name,
        "executable": sys.executable,
        "packages": installed(),
    }


def toolsets(environ: Mapping[str, str] | None = None) -> dict[str, dict[str, Any] | None]:
    """Describe HEASoft, SAS, CALDB and the CCF as they are set up; None for what is not.

    Parameters
    ----------
    environ : Mapping, optional
        The environment's variables; the process's own by default.

    Returns
    -------
    dict
        ``heasoft`` and ``sas`` with `path` and `version` (None where it cannot be told); ``caldb`` with `path` and the
        sha256 of each mission's ``caldb.indx``; ``ccf`` with `path` and `sha256` of the calibration index file.
    """
    environ = os.environ if environ is None else environ
    return {
        "heasoft": _suite("heasoft", environ),
        "sas": _suite("sas", environ),
        "caldb": _caldb(environ),
        "ccf": _ccf(environ),
    }


def host() -> dict[str, Any]:
    """Describe the machine."""
    system = os.uname()
    return {
        "name": system.nodename,
        "system": system.sysname,
        "release": system.release,
        "machine": system.machine,
        "cores": os.cpu_count(),
        "memory_mb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20),
    }


def _folder(environ: Mapping[str, str], variable: str) -> Path | None:
    path = Path(environ[variable]) if environ.get(variable) else None
    return path if path is not None and path.is_dir() else None


def _suite(name: str, environ: Mapping[str, str]) -> dict[str, Any] | None:
    found = find_suite(name, environ)
    return None if found is None else {"path": str(found.root), "version": found.version or None}


def _caldb(environ: Mapping[str, str]) -> dict[str, Any] | None:
    folder = _folder(environ, "CALDB")
    if folder is None:
        return None
    indexes = sorted(folder.glob("data/*/*/caldb.indx"))
    return {"path": str(folder), "indexes": {str(path.relative_to(folder)): _sha256(path) for path in indexes}}


def _ccf(environ: Mapping[str, str]) -> dict[str, Any] | None:
    path = Path(environ["SAS_CCF"]) if environ.get("SAS_CCF") else None
    if path is None or not path.is_file():
        return None
    return {"path": str(path), "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

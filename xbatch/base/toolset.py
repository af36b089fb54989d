"""Which of the missions' tools are installed here, and which calibration they use.

All of it is found in files and in the variables that the tools' own set-up scripts export. Only where no file tells a
version the tool that prints it is asked.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from xbatch.base.sasrelease import number_of, printed_number
from xbatch.base.scratchplace import named_fault
from xbatch.base.toolstate import Fault, caldb_index, ccf_names, find_faults, find_remarks, is_remote

__all__ = ["Suite", "Toolset", "find_suite", "find_toolset"]

_NUMBER = r"\d+\.\d+(?:\.\d+)?"
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Suite:
    """An installed set of tools.

    Attributes
    ----------
    name : str
        ``heasoft`` or ``sas``.
    version : str
        Empty where nothing tells it.
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
    remote : str
        ``$CALDB`` where that is read over the network; `caldb` is None then.
    faults : Mapping
        ``heasoft``, ``caldb``, ``sas``, ``ccf`` or ``scratch`` (the folder that tools work in) to why it cannot be used
        here.
    remarks : Mapping
        By the same names, what is odd and keeps nothing from running.
    environ : Mapping
        The variables that all this was found in; empty where they are not known.
    """

    heasoft: Suite | None = None
    sas: Suite | None = None
    caldb: Path | None = None
    ccf: str = ""
    remote: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def suite(self, name: str) -> Suite | None:
        """Give a suite by its name, ``heasoft`` or ``sas``."""
        return self.heasoft if name == "heasoft" else self.sas


def find_toolset(environ: Mapping[str, str]) -> Toolset:
    """Look for the missions' tools in the variables that their own set-up scripts export."""
    named = environ.get("CALDB", "")
    return Toolset(
        find_suite("heasoft", environ),
        find_suite("sas", environ),
        caldb_index(environ),
        _ccf(environ),
        named if is_remote(named) else "",
        {**find_faults(environ), **({"scratch": fault} if (fault := named_fault(environ)) else {})},
        find_remarks(environ),
        dict(environ),
    )


def find_suite(name: str, environ: Mapping[str, str]) -> Suite | None:
    """Look for one set of tools, ``heasoft`` or ``sas``; None where it is not initialised."""
    named = environ.get("HEADAS" if name == "heasoft" else "SAS_DIR", "")
    root = Path(named)
    if not named or not root.is_dir():
        return None
    if name == "heasoft":
        return Suite(name, _heasoft_version(root, environ), root, (root / "syspfiles",))
    # SAS_PATH may put packages of the user's own before those of the release
    roots = dict.fromkeys([*filter(None, environ.get("SAS_PATH", "").split(":")), named])
    return Suite(name, _sas_version(root, environ), root, tuple(Path(one) / "config" for one in roots))


def _heasoft_version(root: Path, environ: Mapping[str, str]) -> str:
    """Give the version of HEASoft: its folder is ``heasoft-6.35.1/PLATFORM``; conda keeps a list of packages."""
    for part in (root.resolve().name, root.resolve().parent.name):
        found = re.search(rf"heasoft-?_?v?({_NUMBER})", part, re.IGNORECASE)
        if found:
            return found[1]
    for prefix in (root, *root.resolve().parents[:2]):
        for path in sorted((prefix / "conda-meta").glob("heasoft-[0-9]*.json")):
            found = re.match(rf"heasoft-({_NUMBER})", path.name)
            if found:
                return found[1]
    # 29Apr2025_V6.35.1, V6.35.1
    return _printed([root / "bin" / "ftversion", root / "bin" / "fversion"], _heasoft_number, environ)


def _heasoft_number(text: str) -> str:
    found = re.search(rf"V({_NUMBER})", text)
    return found[1] if found else ""


def _sas_version(root: Path, environ: Mapping[str, str]) -> str:
    """Give the version of SAS: ``xmmsas_20230412_1735-21.0.0`` in the file RELEASE, or in the name of its folder."""
    texts = [root.resolve().name]
    with suppress(OSError):
        texts.insert(0, (root / "RELEASE").read_text(encoding="latin-1"))
    told = next((number for text in texts if (number := number_of(text))), "")
    return told or _printed([root / "bin" / "sasversion"], printed_number, environ)


def _printed(executables: Sequence[Path], read: Callable[[str], str], environ: Mapping[str, str]) -> str:
    """Ask the first of some executables that is there for its version; empty where it does not say."""
    for path in executables:
        if not os.access(path, os.X_OK):
            continue
        import subprocess  # slow, and seldom needed
        import tempfile

        with tempfile.TemporaryDirectory() as private:
            own = {
                "PFILES": f"{private};{path.parent.parent}/syspfiles",
                "HEADASNOQUERY": "",
                "HEADASPROMPT": os.devnull,
            }
            try:
                done = subprocess.run(
                    [path],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    cwd=private,
                    env={**environ, **own},
                    timeout=_PATIENCE_S,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired):
                continue
        if number := read((done.stdout + done.stderr).decode("latin-1")):
            return number
    return ""


def _ccf(environ: Mapping[str, str]) -> str:
    """Digest the names of the calibration files of XMM-Newton, of which each says its issue (``EPN_FWC_0001.CCF``)."""
    names = ccf_names(environ)
    return f"ccf1:{hashlib.sha256(chr(10).join(names).encode()).hexdigest()}" if names else ""

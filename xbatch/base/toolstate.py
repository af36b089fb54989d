"""What is wrong, or odd, with the set-up of the missions' tools: found in variables and folders; nothing is run.

`xbatch doctor` and the plan both ask here, so that they cannot say different things of one shell. A `Fault` keeps steps
from running here; a remark is said, and changes nothing.

What HEASoft needs is said at https://heasarc.gsfc.nasa.gov/docs/software/lheasoft (``headas-init.sh`` puts
``$HEADAS/bin`` on ``PATH``) and in HEASARC's "Accessing the HEASARC CALDB Remotely"; that SAS wants HEASoft before it,
in ESA's "SAS Start-up" thread.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "INDEX",
    "Fault",
    "caldb_index",
    "ccf_names",
    "clock_fault",
    "find_faults",
    "find_program",
    "find_remarks",
    "is_remote",
    "program_fault",
]

INDEX = "data/nustar/fpm/caldb.indx"
"""NuSTAR's index below ``$CALDB``."""

_CALDB = "NuSTAR's files of CALDB"
_CLOCKS = ("data/nustar/fpm/bcf/clock", "nuCclock*")
_ROOTS = {"heasoft": "HEADAS", "sas": "SAS_DIR"}
_TITLES = {"heasoft": "HEASoft", "sas": "SAS"}
_INSIDE = {"heasoft": "syspfiles", "sas": "config"}
_PROBES = {
    "heasoft": ("ftversion", "fversion", "nupipeline", "nuproducts", "grppha"),
    "sas": ("sasversion", "evselect"),
}
_SETUPS = {"heasoft": "source $HEADAS/headas-init.sh", "sas": "source $SAS_DIR/setsas.sh"}
_INSTALL = {
    "heasoft": "install HEASoft and source $HEADAS/headas-init.sh before the run",
    "sas": "install SAS, source its setsas.sh and export SAS_CCFPATH before the run",
}
_REMOTE = re.compile(r"(?:https?|ftp|s3)://", re.IGNORECASE)
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_SHOWN = 6


@dataclass(frozen=True)
class Fault:
    """Why something cannot be used, and what to do.

    Attributes
    ----------
    what : str
        Without a full stop; names the variable and its value, or the path looked for.
    cure : str
    """

    what: str
    cure: str


def find_faults(environ: Mapping[str, str]) -> dict[str, Fault]:
    """Say what keeps each of ``heasoft``, ``caldb``, ``sas`` and ``ccf`` from being used; no entry for what is fine."""
    found = {
        "heasoft": _suite_faults("heasoft", environ),
        "caldb": _caldb_faults(environ),
        "sas": _suite_faults("sas", environ),
        "ccf": _ccf_faults(environ),
    }
    first = {name: next(faults, None) for name, faults in found.items()}
    return {name: fault for name, fault in first.items() if fault is not None}


def find_remarks(environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Say what is odd, by the same names: what was set up may work all the same, or not as it seems."""
    faults = find_faults(environ)
    found = {
        "heasoft": () if "heasoft" in faults else tuple(_suite_remarks("heasoft", environ)),
        "caldb": () if "caldb" in faults else tuple(_caldb_remarks(environ)),
        "sas": () if "sas" in faults else (*_suite_remarks("sas", environ), *_without_heasoft(faults)),
        "ccf": () if "ccf" in faults else tuple(_ccf_remarks(environ)),
    }
    return {name: remarks for name, remarks in found.items() if remarks}


# ---- suites ----------------------------------------------------------------------------------------------------------


def find_program(tool: str, suite: str, environ: Mapping[str, str]) -> str | None:
    """Find a tool's executable: on ``PATH``, or in its suite's own folder; None if it is not there."""
    root = environ.get(_ROOTS[suite], "")
    places = [environ.get("PATH", os.defpath), *([f"{root}/bin", f"{root}/binextra"] if root else [])]
    found = shutil.which(tool, path=os.pathsep.join(places))
    return None if found is None else str(Path(found).absolute())


def program_fault(tool: str, suite: str, environ: Mapping[str, str]) -> Fault | None:
    """Say why a tool cannot be run, of a suite that is set up; None if it can."""
    if find_program(tool, suite, environ) is not None:
        return None
    root, title = environ.get(_ROOTS[suite], ""), _TITLES[suite]
    what = f"{tool}, which is neither on PATH nor in {root}/bin: this {title} was installed without it"
    return Fault(what, f"install the part of {title} that has {tool}, or a later release")


def _suite_faults(name: str, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Say why a suite cannot be used; each reason takes for granted that there is none before it."""
    variable, title, inside, setup = _ROOTS[name], _TITLES[name], _INSIDE[name], _SETUPS[name]
    value = environ.get(variable, "")
    if not value:
        there = next((found for tool in _PROBES[name] if (found := _on_path(tool, environ))), None)
        if there is None:
            yield Fault(f"{title}, which is not installed here: {variable} is not set", _INSTALL[name])
        what = f"{title}: {variable} is not set, though {there} is on PATH"
        yield Fault(what, f"export {variable} and {setup} before the run")
    root, about = Path(value), f"{title}: {variable}={value}"
    if not root.is_dir():
        state = "is no folder" if root.exists() else "does not exist"
        yield Fault(f"{about} {state}", f"export {variable} with the folder of {title}, and {setup}")
    if not (root / inside).is_dir():
        meant = _suite_near(root, inside)
        cure = f"export {variable}={meant}" if meant else f"export {variable} with the folder that has {inside} in it"
        yield Fault(f"{about} has no folder {inside}", f"{cure}, and {setup}")
    built, here = _machine(root.resolve().name), _MACHINES.get(platform.machine().lower(), "")
    if built and here and built != here and platform.system() == "Linux":
        what = f"{about} is built for {built}, and this machine is {here}"
        yield Fault(what, f"export {variable} with the folder of a build for {here}, and {setup}")
    if not _has_setup(name, root, environ):
        what = f"{about} is there, but its bin is not on PATH: its set-up script was not sourced"
        yield Fault(what, f"{setup} before the run")


def _has_setup(name: str, root: Path, environ: Mapping[str, str]) -> bool:
    """Say whether a suite's tools can be found by those of its tools that call others by their names."""
    own = {path.resolve() for path in (root / "bin", root / "binextra")}
    if any(Path(part).resolve() in own for part in environ.get("PATH", "").split(os.pathsep) if part):
        return True
    return any(_on_path(tool, environ) for tool in _PROBES[name])


def _on_path(tool: str, environ: Mapping[str, str]) -> str | None:
    return shutil.which(tool, path=environ.get("PATH", os.defpath))


def _suite_near(root: Path, inside: str) -> Path | None:
    """Find the folder that was meant: a release is unpacked into one folder, and built for a platform in another."""
    try:
        below = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError:
        return None
    here = [path for path in (*below, root.parent) if (path / inside).is_dir()]
    return here[0] if here else None


def _machine(name: str) -> str:
    found = re.match(r"(x86_64|aarch64|arm64)-", name)
    return _MACHINES[found[1]] if found else ""


def _suite_remarks(name: str, environ: Mapping[str, str]) -> Iterator[str]:
    variable = _ROOTS[name]
    root = Path(environ[variable])
    odd = re.search(r"[\s;:,]", str(root))
    if odd:
        sign = "blank" if odd[0].isspace() else repr(odd[0])
        yield f"{variable}={root} has a {sign} in its name, which many tools do not bear"
    for tool in _PROBES[name]:
        there = _on_path(tool, environ)
        own = root / "bin" / tool
        if there is not None and own.is_file() and Path(there).resolve() != own.resolve():
            yield (
                f"{tool} on PATH is {there}, and {variable} is {root}: tools of one installation are run, "
                "and the version and parameter files of the other are taken for theirs"
            )
            return


def _without_heasoft(faults: Mapping[str, Fault]) -> tuple[str, ...]:
    fault = faults.get("heasoft")
    if fault is None:
        return ()
    return (
        f"SAS is set up without HEASoft, whose tools some of its tasks call: {fault.what.partition(': ')[2]}. "
        "Source headas-init.sh first, then setsas.sh",
    )


# ---- CALDB -----------------------------------------------------------------------------------------------------------


def is_remote(caldb: str) -> bool:
    """Say whether ``$CALDB`` names a CALDB that is read over the network."""
    return bool(_REMOTE.match(caldb))


def caldb_index(environ: Mapping[str, str]) -> Path | None:
    """Find NuSTAR's index in a CALDB on disk."""
    root = environ.get("CALDB", "")
    if not root or is_remote(root):
        return None
    index = Path(root) / INDEX
    return index if index.is_file() else None


def clock_fault(environ: Mapping[str, str]) -> Fault | None:
    """Say that CALDB has no file of NuSTAR's clock, without which barycorr corrects nothing."""
    root = environ.get("CALDB", "")
    if not root or is_remote(root):
        return None
    folder = Path(root, _CLOCKS[0])
    if any(folder.glob(_CLOCKS[1])):
        return None
    what = f"NuSTAR's clock file, and there is no {_CLOCKS[1]} in {folder}"
    return Fault(what, "install NuSTAR's clock files into CALDB (they are a package apart), or write barycentre: false")


def _caldb_faults(environ: Mapping[str, str]) -> Iterator[Fault]:
    """Say why NuSTAR's part of CALDB cannot be used; each reason takes for granted that there is none before it."""
    value, sourced = environ.get("CALDB", ""), "source $CALDB/software/tools/caldbinit.sh before the run"
    if not value:
        yield Fault(f"{_CALDB}: CALDB is not set", f"install the NuSTAR CALDB, export CALDB and {sourced}")
    if is_remote(value):
        if "CALDBCONFIG" not in environ:
            what = f"{_CALDB}: CALDB={value} is read over the network, and CALDBCONFIG is not set"
            cure = (
                f"fetch {value.rstrip('/')}/software/tools/caldb.config and alias_config.fits, and export CALDBCONFIG "
                "and CALDBALIAS with the names of the two files"
            )
            yield Fault(what, cure)
    else:
        root, index = Path(value), Path(value) / INDEX
        if not root.is_dir():
            state = "is no folder" if root.exists() else "does not exist"
            yield Fault(f"{_CALDB}: CALDB={value} {state}", f"export CALDB with its folder, and {sourced}")
        if not index.is_file():
            yield _without_index(root, index, sourced)
        if not index.stat().st_size:
            yield Fault(f"{_CALDB}: {index} is empty", "install the NuSTAR CALDB anew")
    config = environ.get("CALDBCONFIG")
    if config is not None and not is_remote(config) and not Path(config).is_file():
        yield Fault(f"{_CALDB}: CALDBCONFIG={config} is not there", f"export it with its file, or {sourced}")


def _without_index(root: Path, index: Path, sourced: str) -> Fault:
    """Say that a CALDB has no NuSTAR, what it has, and where it may be instead."""
    what = f"{_CALDB}: CALDB={root} has no index of them (looked for {index})"
    for other in (root.parent, root.parent.parent, root / "caldb", root / "CALDB"):
        if (other / INDEX).is_file():
            return Fault(what, f"export CALDB={other}, and {sourced}")
    missions = _names(root / "data")
    has = f" (it has {', '.join(missions[:_SHOWN])}{' and more' if len(missions) > _SHOWN else ''})" if missions else ""
    return Fault(f"{what}{has}", f"install the NuSTAR part of CALDB there, and {sourced}")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _caldb_remarks(environ: Mapping[str, str]) -> Iterator[str]:
    root = environ.get("CALDB", "")
    if is_remote(root):
        yield (
            f"CALDB={root} is read over the network: its state cannot be pinned, and results may be others without "
            "notice when it is updated; a copy on disk is noticed to have changed"
        )
    if "CALDBCONFIG" not in environ:
        yield "CALDBCONFIG is not set: source $CALDB/software/tools/caldbinit.sh"


# ---- CCF -------------------------------------------------------------------------------------------------------------


def ccf_names(environ: Mapping[str, str]) -> list[str]:
    """List the names of the calibration files that SAS can use, sorted."""
    return sorted({name for folder in _ccf_folders(environ) for name in _constituents(folder)})


def _ccf_folders(environ: Mapping[str, str]) -> list[str]:
    return [part for part in environ.get("SAS_CCFPATH", "").split(":") if part]


def _constituents(folder: str | Path) -> Iterable[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.name.upper().endswith(".CCF")]
    except OSError:
        return []


def _ccf_faults(environ: Mapping[str, str]) -> Iterator[Fault]:
    """Say why there are no calibration files; each reason takes for granted that there is none before it."""
    about = "the calibration files of XMM-Newton"
    cure = "mirror them into a folder, and export SAS_CCFPATH with its name before the run"
    value = environ.get("SAS_CCFPATH")
    if not value:
        yield Fault(f"{about}: SAS_CCFPATH is {'not set' if value is None else 'empty'}", cure)
    folders = [Path(folder) for folder in _ccf_folders(environ)]
    if not any(folder.is_dir() for folder in folders):
        yield Fault(f"{about}: SAS_CCFPATH={value} does not exist", cure)
    if not any(_constituents(folder) for folder in folders):
        below = (folder / name for folder in folders for name in _names(folder))
        meant = next((folder for folder in below if _constituents(folder)), None)
        yield Fault(
            f"{about}: no *.CCF in SAS_CCFPATH={value}", cure if meant is None else f"export SAS_CCFPATH={meant}"
        )


def _ccf_remarks(environ: Mapping[str, str]) -> Iterator[str]:
    for folder in _ccf_folders(environ):
        if not Path(folder).is_dir():
            yield f"SAS_CCFPATH names {folder}, which does not exist"

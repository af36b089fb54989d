"""The fake addspec and lcmath."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import part_named, read_parts, write_parts
from tests.fakes.headas.parameters import Parameters

__all__ = ["TOOLS"]

_LONGEST_NAME = 100


def _addspec(run: Run, parameters: Parameters) -> None:
    parameters.needed("infil", "outfil")
    if parameters["units"].upper() not in ("C", "R"):
        raise ToolError("addspec: units is C or R")
    listed, name = Path(parameters["infil"]), parameters["outfil"]
    if not listed.is_file():
        raise ToolError(f"addspec: could not open the list of spectra {listed}")
    members = [line.strip() for line in listed.read_text().splitlines() if line.strip()]
    subtracts, adds = parameters.yes("qsubback"), parameters.yes("qaddrmf")
    if not members:
        raise ToolError(f"addspec: no spectra in {listed}")
    for one in members:
        if "/" in one or len(one) > _LONGEST_NAME or not Path(one).is_file():
            raise ToolError(f"addspec: could not open {one}: spectra stand in the working folder")
    wanted = [".pha", *([".bak"] if subtracts else []), *([".rsp"] if adds else [])]
    for suffix in wanted:
        # neither clobber nor ! help here
        if Path(name + suffix).exists():
            raise ToolError(f"addspec: file {name}{suffix} already exists")
    with tempfile.TemporaryDirectory() as scratch:
        _add(members, Path(scratch), subtracts, adds)
        for suffix, made in ((".pha", "spectrum.pha"), (".bak", "background.pha"), (".rsp", "sum.rsp")):
            if suffix in wanted:
                shutil.copy(Path(scratch) / made, run.keep(Path(name + suffix)))
    parts = read_parts(Path(f"{name}.pha"))
    parts[1].put("BACKFILE", f"{name}.bak" if subtracts else "none")
    parts[1].put("RESPFILE", f"{name}.rsp" if adds else "none")
    parts[1].put("ANCRFILE", "none")
    write_parts(Path(f"{name}.pha"), parts)
    run.leave(f" ** addspec 1.3.5 completed successfully: {name}.pha")


def _add(members: list[str], scratch: Path, subtracts: bool, adds: bool) -> None:
    """Add the spectra by the native task; leave spectrum.pha, background.pha and sum.rsp in the folder."""
    from dataclasses import replace

    import numpy as np

    from xbatch.ogip.response import load_response, read_response, save_response
    from xbatch.ogip.responsewriter import write_rmf
    from xbatch.registry import Job
    from xbatch.tasks.combine import run

    inputs = dict[str, Path]()
    for number, member in enumerate(members):
        inputs[f"spectrum/{number}"] = Path(member)
        header = read_parts(Path(member))[1]
        files = {role: header.get(card) for role, card in _LINKS.items()}
        for role in (["background"] if subtracts else []) + (["rmf"] if adds else []):
            if files[role].lower() in ("", "none") or not Path(files[role]).is_file():
                raise ToolError(f"addspec: could not open {files[role] or _LINKS[role]}, which {member} names")
        if subtracts:
            inputs[f"background/{number}"] = Path(files["background"])
        if adds:
            area = None if files["arf"].lower() in ("", "none") else Path(files["arf"])
            inputs[f"response/{number}"] = scratch / f"{number}.npz"
            save_response(inputs[f"response/{number}"], read_response(Path(files["rmf"]), area))
    params = {
        "obsid": "sum",
        "instrument": "",
        "mission": "",
        "spectrum": "sum",
        "members": members,
        "response": "exposure-weighted",
        "background": "keep",
        "on_missing": "error",
        "min_exposure": None,
        "rate_sigma": None,
        "detectors_differ": False,
    }
    run(Job("addspec", params, inputs, scratch))
    if adds:
        total = load_response(scratch / "response.npz")
        row = np.repeat(np.arange(total.energ_lo.size), np.diff(total.indptr))
        full = replace(total, matrix=(total.matrix * total.specresp[row]).astype(np.float32))
        write_rmf(scratch / "sum.rsp", full, {"TELESCOP": "NuSTAR", "INSTRUME": "FPMA"})
        parts = read_parts(scratch / "sum.rsp")
        part_named(parts, "MATRIX").put("HDUCLAS3", "FULL")
        write_parts(scratch / "sum.rsp", parts)


_LINKS = {"background": "BACKFILE", "rmf": "RESPFILE", "arf": "ANCRFILE"}


def _lcmath(run: Run, parameters: Parameters) -> None:
    parameters.needed("infile", "bgfile", "outfile")
    import numpy as np

    target = Path(parameters["outfile"].removeprefix("!"))
    if target.exists() and not parameters["outfile"].startswith("!"):
        raise ToolError(f"lcmath: file {target} already exists")
    parts, others = (read_parts(Path(parameters[name])) for name in ("infile", "bgfile"))
    table, other = part_named(parts, "RATE"), part_named(others, "RATE")
    if table.get("TIMEDEL") != other.get("TIMEDEL"):
        raise ToolError("lcmath: the bins of the two light curves have different lengths")
    time, beside = table.column("TIME"), other.column("TIME")
    common, own, their = np.intersect1d(time, beside, return_indices=True)
    if not common.size:
        raise ToolError("lcmath: the two light curves have no bin in common")
    table.keep(own)
    one, two = float(parameters["multi"]), float(parameters["multb"])
    sign = 1.0 if parameters.yes("addsubr") else -1.0
    table.fill("RATE", one * table.column("RATE") + sign * two * other.column("RATE")[their])
    table.fill("ERROR", np.hypot(one * table.column("ERROR"), two * other.column("ERROR")[their]))
    table.put("BACKAPP", sign < 0)
    write_parts(run.keep(target), parts)


TOOLS = {"addspec": _addspec, "lcmath": _lcmath}

"""The fake addspec and lcmath."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import Part, existing, part_named, read_parts, write_parts
from tests.fakes.headas.parameters import Parameters

__all__ = ["TOOLS"]

_LONGEST_NAME = 100
_TOO_LARGE = 2**31
#: Bins that overlap by less, s, touch.
_TOUCH = 1e-6


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
        if subtracts:
            _scale_backgrounds(members, Path(scratch), float(parameters["bexpscale"]))
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


def _scale_backgrounds(members: list[str], scratch: Path, factor: float) -> None:
    """Scale each background to its spectrum, and times and counts by a factor, before whole counts are added.

    The time is kept as addspec.f does: added in single precision, then made a whole number of 4 bytes, which on the
    usual machines is the least one where it is too large.
    """
    from dataclasses import replace

    import numpy as np

    from xbatch.ogip.pha import read_pha, write_pha

    spectra = [read_pha(Path(one)) for one in members]
    below = [read_pha(Path(read_parts(Path(one))[1].get(_LINKS["background"]))) for one in members]
    scaled = [factor * one.backscal / back.backscal * back.counts for one, back in zip(spectra, below, strict=True)]
    time = sum((np.float32(back.exposure) for back in below), np.float32(0)) * np.float32(factor)
    exposure = int(time) if time < _TOO_LARGE else -_TOO_LARGE
    made = read_pha(scratch / "background.pha")
    made = replace(made, counts=np.rint(np.sum(scaled, axis=0)), exposure=float(exposure), poisson=True, stat_err=None)
    total = read_pha(scratch / "spectrum.pha")
    for name, one in (("background.pha", made), ("spectrum.pha", total)):
        write_pha(scratch / name, replace(one, backscal=np.ones(one.counts.size)), one.header)


_LINKS = {"background": "BACKFILE", "rmf": "RESPFILE", "arf": "ANCRFILE"}


def _lcmath(run: Run, parameters: Parameters) -> None:
    """Subtract or add as lcmath's help and source have it.

    Bins of the second curve are laid beside those of the first by TIME and averaged by overlap; where there is none the
    rate is null. An output that is there is written over.
    """
    parameters.needed("infile", "bgfile", "outfile")
    import numpy as np

    target = Path(parameters["outfile"])
    if parameters["outfile"] == parameters["infile"]:
        raise ToolError("lcmathmake: Outfile must have a different name from infile")
    parts, others = (read_parts(existing(Path(parameters[name]))) for name in ("infile", "bgfile"))
    table, other = part_named(parts, "RATE"), part_named(others, "RATE")
    adds, mode = parameters.yes("addsubr"), int(parameters["err_mode"])
    width, its_width = table.number("TIMEDEL"), other.number("TIMEDEL")
    if not adds and width > its_width:
        raise ToolError("lcmathmake: Integration time longer in input than in background")
    time, beside = (one.column("TIME") + one.number("TIMEZERO") for one in (table, other))
    if time[0] - width > beside[-1] + its_width or time[-1] + width < beside[0] - its_width:
        raise ToolError("lcmathmake: Start/stop times in the input files do not overlap")
    lower = np.maximum(time[:, None] - 0.5 * width, beside[None, :] - 0.5 * its_width)
    overlap = np.minimum(time[:, None] + 0.5 * width, beside[None, :] + 0.5 * its_width) - lower
    overlap = np.where(overlap > _TOUCH, overlap, 0.0) * other.column("FRACEXP")[None, :]
    with np.errstate(invalid="ignore"):
        rate = overlap @ other.column("RATE") / overlap.sum(axis=1)
        error = np.sqrt(overlap**2 @ other.column("ERROR") ** 2) / overlap.sum(axis=1)
    factors = [float(parameters["multi"]), float(parameters["multb"])]
    live = [_efficiency(one) if parameters.yes("docor") else 1.0 for one in (table, other)]
    # 1 and 3 take what is multiplied for photons, 2 and 4 for what it is
    scaled = np.sqrt(factors) if mode in (1, 3) else np.array(factors)
    if mode not in (1, 2, 3, 4):
        raise ToolError(f"lcmath: err_mode {mode} is not known here")
    own, its = factors[0] / live[0] * table.column("RATE"), factors[1] / live[1] * rate
    table.fill("RATE", (own + its if adds else own - its).astype(np.float32))
    errors = np.hypot(scaled[0] / live[0] * table.column("ERROR"), scaled[1] / live[1] * error)
    table.fill("ERROR", errors.astype(np.float32))
    if not adds:
        table.put("HDUCLAS2", "NET")
        table.put("BACKAPP", True)
    target.unlink(missing_ok=True)
    write_parts(run.keep(target), parts)


def _efficiency(table: Part) -> float:
    """Give the live part that a header has and does not say to be in its rates."""
    part = 1.0 if table.get("DEADAPP") == "T" else table.number("DEADC", 1.0)
    return 1.0 / part if part > 1.0 else part


TOOLS = {"addspec": _addspec, "lcmath": _lcmath}

"""The fake barycorr: times later by some minutes, drifting as the Earth does."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import existing, read_parts, write_parts
from tests.fakes.headas.parameters import Parameters
from tests.fakes.headas.pipeline import calibration

__all__ = ["DELAY", "DRIFT", "TOOLS", "write_barycentred"]

#: Seconds that all times become later by, and by how much more each second.
DELAY, DRIFT = 250.0, 1e-4
_TIMES = {"TIME", "START", "STOP"}


def write_barycentred(source: Path, target: Path, orbit: Path) -> None:
    """Write a file with its times, those of its GTIs and those of its headers at the barycentre."""
    read_parts(orbit)
    parts = read_parts(source)
    begin = parts[0].number("TSTART") or parts[1].number("TSTART")
    if any(part.get("TIMEREF") == "SOLARSYSTEM" for part in parts):
        raise ToolError(f"{source} has been barycentred before")
    for part in parts:
        for number in range(1, int(part.number("TFIELDS")) + 1):
            name = part.get(f"TTYPE{number}").upper()
            if name in _TIMES and part.name != "BADPIX":
                times = part.column(name)
                part.fill(name, times + DELAY + DRIFT * (times - begin))
        for keyword in ("TSTART", "TSTOP"):
            if part.get(keyword):
                value = part.number(keyword)
                part.put(keyword, value + DELAY + DRIFT * (value - begin))
        if part.get("TIMESYS"):
            part.put("TIMESYS", "TDB")
            part.put("TIMEREF", "SOLARSYSTEM")
            part.put("PLEPHEM", "JPL-DE430")
            part.put("CREATOR", "barycorr")
    write_parts(target, parts)


def _barycorr(run: Run, parameters: Parameters) -> None:
    parameters.needed("infile", "outfile", "orbitfiles")
    source, target = Path(parameters["infile"]), Path(parameters["outfile"])
    if parameters["refframe"].upper() not in ("FK5", "ICRS"):
        raise ToolError(f"invalid refframe {parameters['refframe']}: FK5 or ICRS")
    if "ephem" in parameters and parameters["ephem"] != "-" and parameters["refframe"].upper() != "ICRS":
        raise ToolError(f"ephem={parameters['ephem']} needs refframe=ICRS")
    if parameters["clockfile"] == "CALDB":
        calibration()
    for name in ("ra", "dec"):
        try:
            float(parameters[name] if parameters[name] != "-" else 0)
        except ValueError:
            raise ToolError(f"{name} must be given in decimal degrees: {parameters[name]}") from None
    if target.exists() and not parameters.yes("clobber"):
        raise ToolError(f"file {target} already exists, use clobber=yes to overwrite it")
    orbit = existing(Path(parameters["orbitfiles"]))
    if parameters.yes("barytime"):
        raise ToolError("barytime=yes: a column BARYTIME is not made here")
    write_barycentred(source, run.keep(target), orbit)


TOOLS = {"barycorr": _barycorr}

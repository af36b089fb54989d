"""The fake nupipeline and nusplitsc: lists of a raw observation, screened."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import Part, existing, part_named, read_parts, write_parts
from tests.fakes.headas.parameters import Parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TOOLS", "calibration", "longest_path", "own_folder", "screened"]

_MODES = {"SCIENCE": "01", "OCCULTATION": "02", "SLEW": "03", "SAA": "04", "CALIBRATION": "05", "SCIENCE_SC": "06"}
#: The share of each orbit that a treatment of the South Atlantic Anomaly costs.
_COSTS = {"NONE": 0.0, "OPTIMIZED": 0.05, "STRICT": 0.1}
_TENTACLE = 0.03
#: xselect reads a list by its whole path, and has no room for a long one.
_LONGEST = 160


@contextlib.contextmanager
def own_folder(tool: str) -> Iterator[Path]:
    """Make the folder that a task of NuSTARDAS works in, in the working folder, and take it away."""
    folder = Path(f"{os.getpid()}_tmp_{tool}")
    try:
        folder.mkdir()
    except FileExistsError:
        raise ToolError(f"directory {folder} already exists") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def calibration(parts: str = "fpm") -> Path:
    """Give the folder of CALDB's files of the focal plane modules."""
    named = os.environ.get("CALDB")
    if not named:
        raise ToolError("CALDB environment variable not set")
    folder = Path(named) / "data" / "nustar" / parts
    if not (folder / "caldb.indx").is_file():
        raise ToolError(f"unable to open the CALDB index {folder / 'caldb.indx'}")
    return folder


def longest_path(path: Path) -> None:
    """Give up where xselect would: links do not help."""
    if len(os.path.realpath(path)) > _LONGEST:
        raise ToolError(f"xselect: unable to open {os.path.realpath(path)[:_LONGEST]}")


def screened(parts: Sequence[Part], gti: NDArray[np.float64], keep: NDArray[np.bool_] | None = None) -> list[Part]:
    """Give an event list with the events of some good times, and of some rows alone."""
    import numpy as np

    found = [copy.deepcopy(part) for part in parts]
    events, table = part_named(found, "EVENTS"), part_named(found, "GTI")
    times = events.column("TIME")
    inside = np.zeros(times.size, np.bool_)
    for start, stop in gti:
        inside |= (times >= start) & (times < stop)
    events.keep(inside if keep is None else inside & keep)
    table.replace_rows([gti[:, 0], gti[:, 1]])
    ontime = float((gti[:, 1] - gti[:, 0]).sum())
    live = ontime * events.number("DEADC", 1.0)
    for part in found:
        for keyword, value in (("ONTIME", ontime), ("EXPOSURE", live), ("LIVETIME", live)):
            if part.get(keyword):
                part.put(keyword, value)
    return found


def _nupipeline(run: Run, parameters: Parameters) -> None:
    parameters.needed("indir", "steminputs", "outdir")
    first, last = int(parameters["entrystage"]), int(parameters["exitstage"])
    if last == 3:
        raise ToolError("stage 3 is done by nuproducts")
    if first > last:
        raise ToolError(f"entrystage={first} is after exitstage={last}")
    calibration()
    instrument = parameters["instrument"].upper()
    if instrument not in ("ALL", "FPMA", "FPMB"):
        raise ToolError(f"invalid instrument {instrument}: ALL, FPMA or FPMB")
    saamode = parameters["saamode"].upper()
    if saamode not in _COSTS:
        raise ToolError(f"invalid saamode {saamode}: NONE, STRICT or OPTIMIZED")
    for name in ("pntra", "pntdec"):
        if not re.fullmatch(r"(?i)POINT|OBJECT|[-+\d.: ]+", parameters[name]):
            raise ToolError(f"invalid {name} {parameters[name]}")
    if parameters.yes("runsplitsc") and parameters["obsmode"].upper() not in ("ALL", "SCIENCE_SC"):
        raise ToolError("runsplitsc can be set to yes only if obsmode is set to ALL or SCIENCE_SC")
    source, stem = Path(parameters["indir"]), parameters["steminputs"]
    target = Path(parameters["outdir"])
    target.mkdir(parents=True, exist_ok=True)
    name = parameters["stemoutputs"]
    task = _Task(run, parameters, source, stem, target, stem if name == "DEFAULT" else name)
    modules = "AB" if instrument == "ALL" else instrument[-1]
    run.say(f"nupipeline_0.4.9: Running NuSTAR pipeline, stages {first} to {last}")
    with own_folder("nupipeline") as scratch:
        if first == 1:
            task.common()
            for module in modules:
                task.calibrate(module)
        if last == 2:
            for module in modules:
                task.screen(module, _COSTS[saamode] + (_TENTACLE if parameters.yes("tentacle") else 0.0))
        _litter(scratch, modules)
    run.leave("nupipeline_0.4.9: Exit with success")


class _Task:
    """One call of nupipeline: where things are, and what it is asked for."""

    def __init__(self, run: Run, parameters: Parameters, source: Path, stem: str, target: Path, name: str) -> None:
        self.run, self.parameters = run, parameters
        self.source, self.stem, self.target, self.name = source, stem, target, name

    def output(self, suffix: str) -> Path:
        """Give the path of a product, which must not be there."""
        path = self.target / f"{self.name}{suffix}"
        if path.exists() and not self.parameters.yes("clobber"):
            raise ToolError(f"file {path} already exists, use clobber=yes to overwrite it")
        path.unlink(missing_ok=True)  # another name of the same file keeps what it has
        return self.run.keep(path)

    def input(self, folder: str, suffix: str) -> list[Part]:
        """Read a file of the raw observation."""
        return read_parts(existing(self.source / folder / f"{self.stem}{suffix}"))

    def common(self) -> None:
        """Make what both modules share."""
        self.input("hk", "_ceb.hk")
        self.input("auxil", "_orb.fits")
        if not list((self.source / "auxil").glob("NUSTAR_TLE_ARCHIVE.txt.*")):
            raise ToolError(f"TLE file not found in {self.source / 'auxil'}")
        metrology = self.input("hk", "_met.fits")
        write_parts(self.output("_att.fits"), self.input("auxil", "_att.fits"))
        for suffix in ("_mast.fits", "_psd.fits", "_psdcorr.fits"):
            write_parts(self.output(suffix), metrology[:1])
        if "obebhkfile" in self.parameters:
            self.bench()

    def bench(self) -> None:
        """Copy the housekeeping of the optics bench, packed or not, as releases from 6.28 on do.

        What they do where there is none is not documented: this one goes on.
        """
        found = [self.source / "hk" / f"{self.stem}_obeb.hk{packed}" for packed in ("", ".gz")]
        source = next((path for path in found if path.is_file()), None)
        if source is None:
            self.run.say(f"nupipeline_0.4.9: Warning: {found[0]} not found")
            return
        shutil.copyfile(source, self.output(source.name.removeprefix(self.stem)))

    def calibrate(self, module: str) -> None:
        """Make what belongs to one module, up to its calibrated list (stage 1)."""
        events = self.input("event_uf", f"{module}_uf.evt")
        metrology = self.input("hk", "_met.fits")
        tables = metrology[1:3] if module == "A" else metrology[3:5]
        bad = self.input("auxil", f"{module}_dspx.fits")
        given = [f"{name}={self.parameters[name]}" for name in ("statusexpr", "gradeexpr", "cleanflick", "hkevtexpr")]
        for part in events[:2]:
            part.cards += [f"HISTORY nupipeline {text}"[:80] for text in given]
        write_parts(self.output(f"{module}_uf.evt"), events)
        for suffix, parts in (
            (f"{module}_fpm.hk", self.input("hk", f"{module}_fpm.hk")),
            (f"{module}_det1.fits", [events[0], tables[0]]),
            (f"{module}_oa.fits", [events[0], tables[1]]),
            (f"{module}_bp.fits", bad),
            (f"{module}_hp.fits", bad),
            (f"{module}.attorb", metrology[:1]),
            (f"{module}.mkf", metrology[:1]),
        ):
            write_parts(self.output(suffix), parts)

    def screen(self, module: str, cost: float) -> None:
        """Make the clean lists of one module (stage 2)."""
        import numpy as np

        calibrated = existing(self.target / f"{self.name}{module}_uf.evt")
        longest_path(calibrated)
        for suffix in (f"{module}_fpm.hk", f"{module}_det1.fits", "_mast.fits", "_att.fits"):
            existing(self.target / f"{self.name}{suffix}")
        parts = read_parts(calibrated)
        events, table = part_named(parts, "EVENTS"), part_named(parts, "GTI")
        split = read_parts(self.target / f"{self.name}_mast.fits")[0].number("TSPLIT")
        gti = np.column_stack([table.column("START"), table.column("STOP")])
        keep = _grades(self.parameters["gradeexpr"], events)
        asked = self.parameters["obsmode"].upper()
        for mode, number in _MODES.items():
            if asked not in ("ALL", mode):
                continue
            low, high = {"01": (-np.inf, split), "06": (split, np.inf)}.get(number, (0.0, 0.0))
            own = np.clip(gti, low, high)
            own = own[own[:, 1] > own[:, 0]]
            own[:, 0] += (own[:, 1] - own[:, 0]) * cost
            if not len(own):
                continue  # modes without good times have no list
            clean = screened(parts, own, keep)
            write_parts(self.output(f"{module}{number}_cl.evt"), clean)
            write_parts(self.output(f"{module}{number}_gti.fits"), [clean[0], part_named(clean, "GTI")])
            if self.parameters.yes("createexpomap") and number == "01":
                from tests.fakes.headas.maps import write_map

                write_map(self.output(f"{module}01_ex.img"), self.target / f"{self.name}{module}01_cl.evt", 1000)
            if self.parameters.yes("runsplitsc") and number == "06":
                for path in split_list(self.target / f"{self.name}{module}06_cl.evt", self.target, "NORMAL"):
                    self.run.keep(path)


def split_list(path: Path, target: Path, mode: str, stem: str = "") -> list[Path]:
    """Split a list of mode 06 by the star trackers that were in use; give the lists."""
    import numpy as np

    parts = read_parts(path)
    table = part_named(parts, "GTI")
    gti = np.column_stack([table.column("START"), table.column("STOP")])
    middle = 0.5 * (gti[0, 0] + gti[-1, 1])
    made = []
    for trackers, low, high in (("12", -np.inf, middle), ("3", middle, np.inf)):
        own = np.clip(gti, low, high)
        own = own[own[:, 1] > own[:, 0]]
        if len(own):
            made.append(target / f"{stem or path.name.removesuffix('_cl.evt')}_chu{trackers}_{mode[0]}_cl.evt")
            write_parts(made[-1], screened(parts, own))
    return made


def _nusplitsc(run: Run, parameters: Parameters) -> None:
    parameters.needed("infile", "chu123hkfile", "hkfile")
    source = existing(Path(parameters["infile"]))
    for name in ("chu123hkfile", "hkfile"):
        existing(Path(parameters[name]))
    mode, stem = parameters["splitmode"].upper(), parameters["stemout"]
    if mode not in ("NORMAL", "STRICT"):
        raise ToolError(f"invalid splitmode {mode}: NORMAL or STRICT")
    target = Path(parameters["outdir"])
    target.mkdir(parents=True, exist_ok=True)
    name = source.name.removesuffix(".gz").removesuffix("_cl.evt") if stem == "DEFAULT" else stem
    there = list(target.glob(f"{name}_chu*_{mode[0]}_cl.evt"))
    if there and not parameters.yes("clobber"):
        raise ToolError(f"file {there[0]} already exists, use clobber=yes to overwrite it")
    for path in split_list(source, target, mode, name):
        run.keep(path)
    run.leave("nusplitsc_0.0.4: Exit with success")


def _grades(expression: str, events: Part) -> NDArray[np.bool_] | None:
    """Give the rows that an expression over GRADE keeps, as far as it is of comparisons that must all hold."""
    grade = events.column("GRADE")
    keep: NDArray[np.bool_] | None = None
    for part in re.split(r"&&|(?i:\.AND\.)", expression.replace(" ", "")):
        found = re.fullmatch(r"(?i)\(*GRADE(==|<=|<|>=|>|\.(?:EQ|LE|LT|GE|GT)\.)(\d+)\)*", part)
        if not found:
            return None
        limit = int(found.group(2))
        kind = {".EQ.": "==", ".LE.": "<=", ".LT.": "<", ".GE.": ">=", ".GT.": ">"}.get(
            found.group(1).upper(), found.group(1)
        )
        rows: dict[str, NDArray[np.bool_]] = {
            "==": grade == limit,
            "<=": grade <= limit,
            "<": grade < limit,
            ">=": grade >= limit,
            ">": grade > limit,
        }
        keep = rows[kind] if keep is None else keep & rows[kind]
    return keep


def _litter(scratch: Path, modules: str) -> None:
    """Leave in the working folder what the real task leaves there."""
    (scratch / "xselect.log").write_text("")
    for module in modules:
        for name in ("hkrange01.fits", "20100101v005.teldef", "cutevt.fits"):
            Path(f"nu{module}{name}").write_text("temporary\n")
    for name in ("nuCal.fits", "nuCmk.fits", "nuCpre.fits"):
        Path(name).write_text("temporary\n")


TOOLS = {"nupipeline": _nupipeline, "nusplitsc": _nusplitsc}

"""Calibrated event lists of the EPIC cameras: epproc, epchain, emproc, emchain."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.fakes.sas.fitsfile import find, primary, read, table, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.setup import write_attitude
from tests.fakes.sas.task import Odf, Task
from xbatch.ogip.fitswriter import Card

__all__ = ["emchain", "emproc", "epchain", "epproc"]

_NAMES = {"PN": "EPN", "M1": "EMOS1", "M2": "EMOS2"}
_MODES = {"IME": "Imaging", "TIE": "Timing"}


def _exposures(odf: Odf, code: str, kinds: Iterable[str] = ("IME", "TIE")) -> list[Path]:
    """Give the files with the raw events of a camera, in order of their exposures."""
    found = [path for kind in kinds for path in odf.files(f"{code}[SU]???*{kind}.FIT")]
    return sorted(found, key=lambda path: (path.name[-7:] != "IME.FIT", path.name))


def _exposure(path: Path) -> str:
    return path.name.split("_")[2][2:6]


def _kind(path: Path) -> str:
    return path.name[-7:-4]


def _chosen(task: Task, found: list[Path]) -> list[Path]:
    """Leave those that ``instexpids`` names, such as PNS003."""
    values = task.values
    if not values.on("withinstexpids"):
        return found
    wanted = {item.upper() for item in values.items("instexpids")}
    return [path for path in found if path.name.split("_")[2][:6] in wanted]


def _write_list(task: Task, path: Path, source: Path, late: bool = False) -> None:
    """Write a list: that of the simulator, or one of out-of-time events (`late`), smeared along the columns."""
    hdus = read(source)
    events = find(hdus, "EVENTS", source)
    if late:
        rows = events.rows
        order = np.random.default_rng(len(rows)).permutation(len(rows))
        for name in ("RAWY", "DETY", "Y"):
            rows[name] = rows[name][order]
        events.rows = rows
    if "ccd" in task.run.fault:
        events.rows = events.rows[events.rows["CCDNR"] != task.run.fault["ccd"]]
    hdus[0].set("CREATOR", task.creator)
    write(task.keep(path), hdus)


def _write_leftover(task: Task, path: Path, source: Path) -> None:
    """Write what a pipeline leaves beside its lists."""
    cards = [Card("CREATOR", task.creator), Card("EXPIDSTR", _exposure(source))]
    write(path, [primary(cards), table("BADPIX", [("RAWX", "", np.array([3], np.int16))], [])])


def _pipeline(task: Task, codes: Iterable[str]) -> None:
    """Do what epproc and emproc have in common: all exposures, under names of the newer kind."""
    task.calibration()
    odf = task.odf()
    with task.alone(f"{odf.stem}_{task.name}_Frames.ds"):
        some = False
        for code in codes:
            for source in _chosen(task, _exposures(odf, code)):
                stem = f"{odf.stem}_{_NAMES[code]}_{_exposure(source)}"
                late = code == "PN" and task.values.on("withoutoftime")
                _write_list(task, Path(f"{stem}_{_MODES[_kind(source)]}Evts.ds"), source, late)
                _write_leftover(task, Path(f"{stem}_04_Badpixels.ds"), source)
                some = True
        if not some:
            raise SasError("noExposure", f"no exposures to process in the ODF of {odf.obsid}")
        write_attitude(task, odf, Path(f"{odf.stem}_AttHk.ds"))


def epproc(task: Task) -> None:
    """Make the lists of all pn exposures."""
    _pipeline(task, ["PN"])


def emproc(task: Task) -> None:
    """Make the lists of all MOS exposures."""
    values = task.values
    chosen = [
        code
        for code, name in (("M1", "emos1"), ("M2", "emos2"))
        if values.on(name) or not values.on("selectinstruments")
    ]
    _pipeline(task, chosen)


def epchain(task: Task) -> None:
    """Make the list of one pn exposure: the first unless asked for another."""
    values = task.values
    task.calibration()
    odf = task.odf()
    mode = values.text("datamode")
    kinds = {"IMAGING": ["IME"], "TIMING": ["TIE"], "BURST": ["BUE"]}.get(mode, ["IME", "TIE"])
    found = _exposures(odf, "PN", kinds)
    access, number = values.text("odfaccess"), values.text("exposure")
    if access == "all":
        chosen = found
    elif access == "odf":
        wanted = f"{values.text('schedule')}{int(number):03d}"
        chosen = [path for path in found if _exposure(path) == wanted]
    else:
        chosen = found[int(number) - 1 : int(number)] if int(number) > 0 else []
    if task.since(21) and not task.since(21, 1) and values.on("runradmonfix"):
        # 21.0.0 was given out without this part of the chain
        task.complain("CONSTITUENT", "one or more tasks of the chain are not available: radmonfix")
        return
    with task.alone("epchain_frames.in"):
        if not chosen:
            # the chain's own exit status says nothing
            raise SasError("noExposure", f"exposure {number} ({mode}) not found in the ODF of {odf.obsid}", 0)
        late = values.on("withoutoftime")
        for source in chosen:
            _raw_events(task, _exposure(source))
            letters = "OO" if late else "PI" if _kind(source) == "IME" else "TI"
            name = f"P{odf.obsid}PN{_exposure(source)}{letters}EVLI0000.FIT"
            _write_list(task, Path(name if values.on("usecanonicalnames") else values.text("outset")), source, late)
            if values.text("keepintermediate") != "none":
                _write_leftover(task, Path(f"P{odf.obsid}PN{_exposure(source)}BADPIX0004.FIT"), source)
        if values.on("runatthkgen"):
            write_attitude(task, odf, Path(f"P{odf.obsid}OBX000ATTTSR0000.FIT"), values.real("timestep"))


def _raw_events(task: Task, exposure: str) -> None:
    """Leave the raw events of a CCD, or take those that are there: their name does not tell the exposure."""
    path = Path("rawevents04.dat")
    if not task.values.on("runepframes") and (not path.exists() or path.read_text() != exposure):
        raise SasError("rawEvents", f"there are no raw events of {exposure}: `{path}' is absent or of another exposure")
    path.unlink(missing_ok=True)
    if task.values.text("keepintermediate") in {"all", "raw"}:
        path.write_text(exposure)


def emchain(task: Task) -> None:
    """Make the lists of MOS exposures: all, or those that ``exposures`` names (S001, or 1)."""
    values = task.values
    task.calibration()
    odf = task.odf()
    asked = values.items("instruments")
    codes = ["M1", "M2"] if asked == ["both"] else asked
    if not set(codes) <= {"M1", "M2"}:
        raise SasError("BadParameterValue", f"instruments `{values.text('instruments')}' are not M1 or M2", 0)
    wanted = values.items("exposures")
    with task.alone("merged.in.mos"):
        made: list[tuple[str, Path]] = []
        for code in codes:
            for source in _exposures(odf, code):
                name = _exposure(source)
                plain = str(int(name[1:]))
                # a bare number counts the exposures of an instrument, as the numbers in S001 do
                if wanted == ["all"] or name in wanted or plain in [item.lstrip("0") for item in wanted]:
                    made.append((code, source))
        if not made:
            raise SasError("noExposure", f"no exposures `{' '.join(wanted)}' of {' '.join(codes)} in the ODF", 0)
        for code, source in made:
            letters = "MI" if _kind(source) == "IME" else "TI"
            _write_list(task, Path(f"P{odf.obsid}{code}{_exposure(source)}{letters}EVLI0000.FIT"), source)
            if values.on("makeflaregti"):
                _flare_curve(Path(f"P{odf.obsid}{code}{_exposure(source)}FBKTSR0000.FIT"), source)
        write_attitude(task, odf, Path(f"P{odf.obsid}OBX000ATTTSR0000.FIT"))


def _flare_curve(path: Path, source: Path) -> None:
    from tests.fakes.sas.products import rate_table
    from tests.fakes.sas.select import select

    chosen = select(str(source), "PI > 10000")
    write(path, [primary(), rate_table(chosen, 100.0)])

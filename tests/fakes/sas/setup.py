"""Tasks that prepare the work: the calibration index, the summary of the raw data, the attitude."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.task import Odf, Task, odf_of
from xbatch.base.fitsheader import read_headers

__all__ = ["atthkgen", "cifbuild", "odfingest", "sasversion", "write_attitude"]

_VARIABLES = ("SAS_DIR", "SAS_CCFPATH", "SAS_CCF", "SAS_ODF", "SAS_VERBOSITY")


def sasversion(task: Task) -> None:
    """Print the release and the variables."""
    task.say("XMM-Newton SAS release and build information:\n")
    task.run.say(f"SAS release: {task.release}\n")
    task.run.say("SAS-related environment variables that are set:\n")
    for name in _VARIABLES:
        if name in os.environ:
            task.run.say(f"{name} = {os.environ[name]}")


def cifbuild(task: Task) -> None:
    """Write the list of the calibration files there are."""
    import numpy as np

    from tests.fakes.sas.fitsfile import primary, table, write
    from xbatch.ogip.fitswriter import Card

    values = task.values
    places = values.items("ccfpath") if values.on("withccfpath") else os.environ.get("SAS_CCFPATH", "").split(":")
    folders = [Path(place) for place in places if place]
    if not folders:
        raise SasError("noCcfPath", "SAS_CCFPATH is not set: there is nowhere to look for calibration files")
    files = sorted(path for folder in folders for path in folder.glob("*.CCF"))
    if not files:
        raise SasError("noCcfFiles", f"no calibration files in {' '.join(places)}")
    observed = values.text("observationdate")
    if not values.on("withobservationdate"):
        odf = task.odf(ingested=False)
        observed = _observed(odf)
    now = time.strftime("%Y-%m-%dT%H:%M:%S")
    dates = [now if date == "now" else date for date in (observed, values.text("analysisdate"))]
    parts = [path.stem.split("_") for path in files]
    names = [str(path) if values.on("fullpath") else path.name for path in files]
    columns = [
        ("SCOPE", "", np.array([part[0] for part in parts], "S6")),
        ("TYPEID", "", np.array(["_".join(part[1:-1]) for part in parts], "S32")),
        ("ISSUE", "", np.array([int(part[-1]) for part in parts], np.int16)),
        ("FILENAME", "", np.array(names, "S256")),
        ("CATEGORY", "", np.array([values.text("category")] * len(files), "S32")),
    ]
    cards = [Card("OBSVDATE", dates[0], "observation date"), Card("ANALDATE", dates[1], "analysis date")]
    write(
        task.keep(values.path("calindexset")),
        [primary([Card("CREATOR", task.creator)]), table("CALINDEX", columns, cards)],
    )


def _observed(odf: Odf) -> str:
    """Read when an observation began, from the summary that comes with the raw data."""
    lines = odf.files("SCX00000SUM.ASC")[0].read_text().splitlines()
    return next(line.split("/")[0].strip() for line in lines if "Start Time" in line)


def odfingest(task: Task) -> None:
    """Write the summary file: where the raw data are, and which exposures of which instruments there are."""
    values = task.values
    task.calibration()
    if values.on("withodfdir") or "odfdir" in values.given:
        odf = odf_of(Path(values.text("odfdir")))
    else:
        odf = task.odf(ingested=False)
    out = Path(values.text("outdir"))
    if not out.is_dir():
        raise SasError("OutdirNotFound", f"the folder `{out}' (outdir) does not exist")
    files = sorted(odf.folder.glob(f"{odf.stem}_*"))
    lines = [f"PATH {odf.folder.resolve()}/"] if values.on("writepath") else []
    lines += ["OBSERVATION", f"{odf.obsid} / Observation/Slew Identifier", f"{odf.revolution} / Revolution number"]
    lines += [f"{_observed(odf)} / Scheduled Start Time", "FILES", f"{len(files):3d} / Number of files"]
    lines += [f"{path.name:<31} / file" for path in files]
    for code, name in (("M1", "EMOS1"), ("M2", "EMOS2"), ("PN", "EPN"), ("R1", "RGS1"), ("R2", "RGS2")):
        found = sorted(
            {path.name.split("_")[2][2:6] for path in files if path.name.split("_")[2][:3] in (f"{code}S", f"{code}U")}
        )
        lines += ["INSTRUMENT", f"{code} / {name}", f"{'Y' if found else 'N'} / Instrument is active"]
        lines += [f"{len(found):3d} / Number of exposures for this instrument"]
        for exposure in found:
            lines += ["EXPOSURE", f"{exposure} / Exposure identifier"]
    lines += odf.files("SCX00000SUM.ASC")[0].read_text().splitlines()[4:]
    own = values.on("usecanonicalname")
    name = f"{odf.stem}_SCX00000SUM.SAS" if own else values.text("summaryfile")
    task.keep(out / name).write_text("\n".join(lines) + "\n")


def write_attitude(task: Task, odf: Odf, path: Path, step: float = 1.0) -> None:
    """Write where the telescope looked: always the same way."""
    import numpy as np

    from tests.fakes.sas.fitsfile import primary, table, write
    from xbatch.ogip.fitswriter import Card

    found = odf.files("SCX00000ATS.FIT")
    if not found:
        raise SasError("noAttitude", f"no attitude file (*ATS.FIT) in `{odf.folder}'")
    head = read_headers(found[0])[1]
    start, stop = (float(str(head[key])) for key in ("TSTART", "TSTOP"))
    times = np.arange(start, stop + step, max(step, (stop - start) / 500))
    pointing = [float(str(head[key])) for key in ("RA_PNT", "DEC_PNT", "PA_PNT")]
    columns = [("TIME", "s", times)]
    columns += [
        (name, "deg", np.full(times.size, value))
        for name, value in zip(("AHFRA", "AHFDEC", "AHFPA"), pointing, strict=True)
    ]
    columns.append(("DAHFPNT", "deg", np.zeros(times.size)))
    cards = [Card("TELESCOP", "XMM"), Card("OBS_ID", odf.obsid), Card("MJDREF", 50814.0), Card("TIMESYS", "TT")]
    cards += [Card("TSTART", start), Card("TSTOP", stop)]
    write(task.keep(path), [primary([Card("CREATOR", task.creator)]), table("ATTHK", columns, cards)])


def atthkgen(task: Task) -> None:
    """Write the attitude of an observation."""
    task.calibration()
    write_attitude(task, task.odf(), task.values.path("atthkset"), task.values.real("timestep"))


def digest(*texts: str) -> int:
    """Give a number that depends on some texts, for random streams."""
    return int.from_bytes(hashlib.sha256("|".join(texts).encode()).digest()[:8], "big")

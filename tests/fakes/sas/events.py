"""Good times of event lists and rates, lists put together, and times at the Sun's centre of mass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.expression import parse
from tests.fakes.sas.fitsfile import Hdu, events_of, find, named, primary, read, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.products import rate_table
from tests.fakes.sas.select import good_times, select, write_filtered
from tests.fakes.sas.subspace import gti_table
from tests.fakes.sas.task import Task
from xbatch.ogip.fitswriter import Card
from xbatch.xray.gti import normal, total, union

__all__ = ["barycen", "espfilt", "gtibuild", "merge", "tabgtigen"]

_CODES = {"EPN": "pn", "EMOS1": "mos1", "EMOS2": "mos2"}
_OLD_CODES = {"EPN": "PN", "EMOS1": "M1", "EMOS2": "M2"}
#: Seconds that barycen adds to all times.
DELAY = 123.456


def _write_gti(task: Task, path: Path, gti: NDArray[np.float64], more: float = 0.0) -> None:
    cards = [Card("ONTIME", total(gti), "[s] sum of all Good Time Intervals"), Card("TIMEUNIT", "s")]
    if len(gti):
        cards += [Card("TSTART", float(gti[0, 0])), Card("TSTOP", float(gti[-1, 1]))]
    cards += [Card("TIMESYS", "TT"), Card("MJDREF", 50814.0), Card("TIMEREF", "LOCAL"), Card("TASSIGN", "SATELLITE")]
    cards += [Card("TIMEZERO", 0), Card("CLOCKAPP", True), Card("MINGTISZ", more)]
    write(task.keep(path), [primary([Card("CREATOR", task.creator)]), gti_table("STDGTI", gti, cards)])


def tabgtigen(task: Task) -> None:
    """Make good times of the bins of a rate for which an expression is true."""
    values = task.values
    place, _, block = values.text("table").partition(":")
    hdus = read(Path(place))
    tables = [hdu for hdu in hdus[1:] if hdu.get("XTENSION") == "BINTABLE"]
    rate = find(hdus, block.upper(), place) if block else tables[0] if tables else find(hdus, "RATE", place)
    rows = rate.rows
    node = parse(values.text("expression"), rows.dtype.names)
    good = np.asarray(node.mask(lambda column: rows[column] if column else rows, good_times), bool)
    times = rows[values.text("timecolumn")].astype(np.float64)
    step = float(rate.get("TIMEDEL", np.median(np.diff(times)) if len(times) > 1 else 1.0))
    low, high = times - values.real("prefraction") * step, times + values.real("postfraction") * step
    gti = _joined(low[good], high[good], 1e-6 * step)
    gti = gti[gti[:, 1] - gti[:, 0] >= values.real("mingtisize")]
    if not len(gti):
        task.warn("emptyGti", "no good time intervals: the table of them is empty")
    _write_gti(task, values.path("gtiset"), gti, values.real("mingtisize"))


def _joined(low: NDArray[np.float64], high: NDArray[np.float64], slack: float) -> NDArray[np.float64]:
    """Join intervals that touch."""
    gti: list[list[float]] = []
    for start, stop in zip(low.tolist(), high.tolist(), strict=True):
        if gti and start <= gti[-1][1] + slack:
            gti[-1][1] = stop
        else:
            gti.append([start, stop])
    return np.array(gti, dtype=np.float64).reshape(-1, 2)


def gtibuild(task: Task) -> None:
    """Make good times of a text: ``start stop +`` or ``start stop -`` in each line."""
    path = task.values.path("file")
    if not path.is_file():
        raise SasError("FileNotFound", f"could not open the file `{path}'")
    gti = np.zeros((0, 2))
    for line in path.read_text().splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) < 2:
            raise SasError("BadLine", f"line `{line}' of `{path}' is not `start stop +'")
        one = np.array([[float(words[0]), float(words[1])]])
        if len(words) > 2 and words[2] == "-":
            gti = np.array([piece for row in gti for piece in _without(row, one[0])]).reshape(-1, 2)
        else:
            gti = np.asarray(union(gti, one)).reshape(-1, 2)
    _write_gti(task, task.values.path("table"), gti)


def _without(row: NDArray[np.float64], other: NDArray[np.float64]) -> list[tuple[float, float]]:
    pieces = [(row[0], min(row[1], other[0])), (max(row[0], other[1]), row[1])]
    return [(start, stop) for start, stop in pieces if stop > start]


def merge(task: Task) -> None:
    """Put two lists of one camera together: the one that begins later behind the other, without sorting events."""
    paths = [task.values.path(name) for name in ("set1", "set2")]
    files = [read(path) for path in paths]
    files.sort(key=lambda hdus: float(find(hdus, "EVENTS", "").get("TSTART")))
    lists = [events_of(hdus, path) for hdus, path in zip(files, paths, strict=True)]
    for key, error in (("DATAMODE", "filesNonCompatible"), ("OBS_ID", "differentObservations")):
        if len({str(events.get(key)) for events in lists}) > 1:
            raise SasError(error, f"`{paths[0]}' and `{paths[1]}' differ in {key}")
    if lists[0].dtype != lists[1].dtype:
        raise SasError("incompatible", f"the columns of `{paths[0]}' and `{paths[1]}' are not the same")
    made = lists[0].copy()
    made.rows = np.concatenate([events.rows for events in lists])
    for key in [key for key in made.header if key.startswith(("ONTIME", "LIVETI"))]:
        made.set(key, sum(float(events.get(key, 0.0)) for events in lists))
    made.set("TSTART", min(float(events.get("TSTART")) for events in lists))
    made.set("TSTOP", max(float(events.get("TSTOP")) for events in lists))
    made.set("DATE-OBS", min(str(events.get("DATE-OBS")) for events in lists))
    made.set("DATE-END", max(str(events.get("DATE-END")) for events in lists))
    hdus = []
    for hdu in files[0]:
        other = named(files[1], hdu.name) if hdu.name else None
        if hdu is lists[0]:
            hdus.append(made)
        elif other is not None and hdu.name.startswith(("EXPOSU", "STDGTI", "GTI")):
            hdus.append(_both(hdu, other))
        else:
            hdus.append(hdu)
    for key in ("DATE-OBS", "DATE-END"):
        hdus[0].set(key, str(made.get(key)))
    hdus[0].set("CREATOR", task.creator)
    write(task.keep(task.values.path("outset")), hdus)


def _both(one: Hdu, other: Hdu) -> Hdu:
    made = one.copy()
    rows = np.concatenate([one.rows, other.rows])
    first = rows.dtype.names[0]
    rows = rows[np.argsort(rows[first], kind="stable")]
    if first == "START":
        gti = normal(np.stack([rows["START"], rows["STOP"]], axis=1).astype(np.float64))
        rows = rows[: len(gti)]
        rows["START"], rows["STOP"] = gti[:, 0], gti[:, 1]
    made.rows = rows
    return made


def barycen(task: Task) -> None:
    """Write times at the Sun's centre of mass over those of a list."""
    values = task.values
    task.calibration()
    place, _, block = values.text("table").partition(":")
    hdus = read(Path(place))
    events = find(hdus, block.upper() or "EVENTS", place)
    task.same_observation({**hdus[0].header, **events.header}.get("OBS_ID"))
    if str(events.get("TIMEREF", "LOCAL")) != "LOCAL":
        raise SasError("alreadyCorrected", f"the times of `{place}' are barycentric already (TIMEREF)")
    _shift(events, [values.text("timecolumn")])
    events.set("TIMEREF", "SOLARSYSTEM")
    events.set("TIMESYS", "TDB")
    for key in ("TSTART", "TSTOP"):
        events.set(key, float(events.get(key)) + DELAY)
    for hdu in hdus:
        if values.on("processgtis") and ("GTI" in hdu.name or hdu.name.startswith("EXPOSU")):
            _shift(hdu, ["START", "STOP", "TIME"])
            hdu.set("TIMESYS", "TDB")
    write(task.keep(place), hdus)


def _shift(hdu: Hdu, names: list[str]) -> None:
    rows = hdu.rows
    for name in names:
        if name in (rows.dtype.names or ()):
            rows[name] = rows[name] + DELAY
    hdu.rows = rows


def espfilt(task: Task) -> None:
    """Leave out the flares of a list: bins of its rate far above the usual one.

    Before 20 the names of files begin with those of the observation, and there is no picture of a histogram; with long
    names 20 says the band in them, which 21 does not.
    """
    values = task.values
    task.calibration()
    late = None
    if task.since(20):
        path = values.path("eventfile")
        low, high, width = (values.integer(name) for name in ("elow", "ehigh", "binsize"))
        if values.on("withoot"):
            late = values.path("ootfile")
            read(late)
    else:
        path, low, high = values.path("eventset"), 8000, 12000
        width = values.integer("binsize") if "binsize" in values.texts else 60
    hdus = read(path)
    events = events_of(hdus, path)
    task.same_observation(events.get("OBS_ID"))
    camera, exposure = str(events.get("INSTRUME")), str(events.get("EXPIDSTR"))
    stem, ending, clean = f"{_CODES.get(camera, 'pn')}{exposure}", "fits", "allevc"
    if not task.since(20):
        stem, ending, clean = f"P{events.get('OBS_ID')}{_OLD_CODES.get(camera, 'PN')}{exposure}", "FIT", "objevlifilt"
    band = f"-{low}-{high}" if task.since(20) and not task.since(21) and values.on("withlongnames") else ""
    with task.alone(f"{stem}-temp.fits"):
        rate = rate_table(select(str(path), f"PI in [{low}:{high}]"), float(width))
        rows = rate.rows
        counts = rows["RATE"] * width
        usual = float(np.median(counts[counts > 0])) if np.any(counts > 0) else 0.0
        by_ratio = values.text("method") == "ratio"
        sigma = values.real("allowsigma") if "allowsigma" in values.texts else 3.0
        limit = values.real("ratio") * usual if by_ratio else usual + sigma * max(np.sqrt(usual), 1.0)
        good = counts <= limit
        gti = _joined(rows["TIME"][good] - 0.5 * width, rows["TIME"][good] + 0.5 * width, 1e-6)
        kept = f"{stem}-gti{band}.{ending}"
        _write_gti(task, Path(kept), gti)
        text = task.keep(f"{stem}-gti{band}.txt")
        text.write_text("".join(f"{start!r} {stop!r} +\n" for start, stop in gti.tolist()))
        _clean(task, path, Path(f"{stem}-{clean}{band}.{ending}"), kept)
        if not task.since(20):
            write(Path(f"{stem}-objlc.FIT"), [primary(), rate])
            write(Path(f"{stem}-corlc.FIT"), [primary(), rate])
            return
        write(Path(f"{stem}-fovlc{band}.fits"), [primary(), rate])
        if not by_ratio:
            Path(f"{stem}-hist{band}.qdp").write_text("read serr 2\n")
        if late is not None:
            _clean(task, late, Path(f"{stem}-allevcoot{band}.fits"), kept)
        if values.on("keepinterfiles"):
            write(Path(f"{stem}-corlc{band}.fits"), [primary(), rate])


def _clean(task: Task, source: Path, path: Path, gti: str) -> None:
    """Write a list in its new good times, as evselect does."""
    chosen = select(str(source), f"gti({gti},TIME)")
    write_filtered(task, chosen, path)

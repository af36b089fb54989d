"""rgsproc and rgscombine: spectra of the RGS, drawn from a power law through a made-up response."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.fitsfile import Hdu, find, primary, read, table, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.setup import digest, write_attitude
from tests.fakes.sas.task import Odf, Task
from xbatch.ogip.fitswriter import Card

__all__ = ["rgscombine", "rgsproc"]

_CHANNELS, _ENERGIES = 3600, 4000


def rgsproc(task: Task) -> None:
    """Make lists, spectra, backgrounds and responses of each exposure, of each order."""
    values = task.values
    task.calibration()
    odf = task.odf()
    first, last = (int(values.text(name)[0]) for name in ("entrystage", "finalstage"))
    if first > last:
        raise SasError("BadStages", "finalstage comes before entrystage", 0)
    orders = [int(item) for item in values.items("orders")]
    for item in values.items("auxgtitables"):
        read(Path(item.partition(":")[0]))
    wanted = {item.upper()[:6] for item in values.items("instexpids")} if values.on("withinstexpids") else None
    found = [path for code in ("R1", "R2") for path in odf.files(f"{code}[SU]???*SPE.FIT")]
    names = {path.name.split("_")[2][:6]: path for path in found}
    chosen = {name: path for name, path in names.items() if wanted is None or name in wanted}
    with task.alone("rgsproc_attgti.ds"):
        if not chosen:
            raise SasError("noExposure", f"no spectroscopy exposures to process in the ODF of {odf.obsid}", 0)
        if first == 1:
            write_attitude(task, odf, Path(f"P{odf.obsid}OBX000ATTTSR0000.FIT"), values.real("timestep"))
        for name, source in chosen.items():
            _exposure(task, odf, name, source, (first, last), orders)
        if first <= 5 <= last:
            columns = [("CHANNEL", "Angstrom", np.array([4.0, 40.0])), ("FLUX", "", np.zeros(2))]
            write(Path(f"P{odf.obsid}OBX000fluxed1000.FIT"), [primary(), table("FLUXED", columns)])


def _exposure(task: Task, odf: Odf, name: str, source: Path, stages: tuple[int, int], orders: Sequence[int]) -> None:
    stem = f"P{odf.obsid}{name}"
    raw = read(source)[0]
    merged, events = (Path(f"{stem}{what}0000.FIT") for what in ("merged", "EVENLI"))
    if stages[0] == 1:
        write(merged, [primary([Card("CREATOR", task.creator)], raw)])
    for needed, stage in ((merged, 2), (events, 4)):
        if stages[0] >= stage and not needed.is_file():
            raise SasError("DatasetNotFound", f"`{needed}' is not there: start from an earlier stage", 0)
    if stages[0] <= 3 <= stages[1]:
        lines = [("BETA_CORR", "deg", np.array([1.0])), ("M_LAMBDA", "Angstrom", np.array([12.0]))]
        columns = lines if task.values.on("withmlambdacolumn") else lines[:1]
        write(task.keep(events), [primary([Card("CREATOR", task.creator)], raw), table("EVENTS", columns)])
        write(Path(f"{stem}SRCLI_0000.FIT"), [primary(), table("SRCLIST", [("INDEX", "", np.array([1]))])])
    if stages[0] <= 4 <= stages[1]:
        for order in orders:
            _write_order(task, stem, raw, order)


def _write_order(task: Task, stem: str, raw: Hdu, order: int) -> None:
    values = task.values
    if values.integer("rmfbins") != _ENERGIES:
        raise SasError("NotSupported", f"only rmfbins={_ENERGIES} is known here")
    known = task.run.root / "lib" / f"rgs{order}"
    if not known.with_suffix(".rsp").is_file():
        raise SasError("BadOrder", f"order {order} is not in the calibration", 0)
    rate = float(raw.get("NORM")) * np.load(io.BytesIO(known.with_suffix(".npz").read_bytes()))["rate"]
    exposure = float(raw.get("EXPOSURE"))
    rng = np.random.default_rng(digest(stem, str(order), str(raw.get("SEED"))))
    background = np.full(_CHANNELS, 2e-5 * exposure)
    source = rng.poisson(rate * exposure + background)
    behind = rng.poisson(4.0 * background)
    names = {what: f"{stem}{what}{order}001.FIT" for what in ("SRSPEC", "BGSPEC", "RSPMAT")}
    quality = np.zeros(_CHANNELS, np.int16)
    quality[:5] = quality[-5:] = 1
    net = values.on("bkgcorrect")
    head = [Card(key, raw.get(key)) for key in ("TELESCOP", "INSTRUME", "OBS_ID", "EXPIDSTR", "DATE-OBS", "DATE-END")]
    head += [Card("RFLORDER", order), Card("EXPOSURE", exposure), Card("SPECBIN", values.text("spectrumbinning"))]
    head += [Card("TSTART", raw.get("TSTART")), Card("TSTOP", raw.get("TSTOP")), Card("MJDREF", 50814.0)]
    links = [Card("BACKFILE", "none" if net else names["BGSPEC"]), Card("RESPFILE", names["RSPMAT"])]
    counts = source - 0.25 * behind if net else source
    kinds = (("SRSPEC", counts, 1.0, [*links, Card("ANCRFILE", "none")]), ("BGSPEC", behind, 4.0, []))
    for what, values_of, scale, more in kinds:
        made = _spectrum(values_of, quality, scale, [*head, *more, Card("HDUCLAS2", "BKG" if scale > 1 else "TOTAL")])
        write(task.keep(names[what]), [primary([Card("CREATOR", task.creator)]), made])
    stock = read(known.with_suffix(".rsp"))
    for hdu in stock[1:]:
        hdu.set("INSTRUME", str(raw.get("INSTRUME")))
    stock[1].set("HDUCLAS3", "FULL", "the area is in it")
    stock[1].set("RFLORDER", order)
    write(task.keep(names["RSPMAT"]), stock)


def _spectrum(
    counts: NDArray[np.int64] | NDArray[np.float64], quality: NDArray[np.int16], scale: float, cards: Sequence[Card]
) -> Hdu:
    whole = counts.dtype.kind == "i"
    columns = [
        ("CHANNEL", "", np.arange(_CHANNELS, dtype=np.int16)),
        ("COUNTS", "count", counts.astype(np.int32 if whole else np.float32)),
        ("QUALITY", "", quality),
        ("AREASCAL", "", np.ones(_CHANNELS, np.float32)),
        ("BACKSCAL", "", np.full(_CHANNELS, scale, np.float32)),
    ]
    fixed = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "SPECTRUM"), Card("HDUCLAS3", "COUNT"), Card("CHANTYPE", "PI")]
    fixed += [Card("DETCHANS", _CHANNELS), Card("POISSERR", whole), Card("CORRSCAL", 1.0), Card("SYS_ERR", 0)]
    fixed += [Card("TLMIN1", 0), Card("TLMAX1", _CHANNELS - 1), Card("FILTER", "UNKNOWN")]
    return table("SPECTRUM", columns, [*fixed, *cards])


def rgscombine(task: Task) -> None:
    """Add spectra and their backgrounds; the response is the mean of theirs, by exposure."""
    values = task.values
    lists = {name: values.items(name) for name in ("pha", "rmf", "bkg")}
    lengths = {name: len(items) for name, items in lists.items() if items}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise SasError("listLengths", f"the lists of files are not of equal length: {said}")
    if values.integer("bins") != _CHANNELS and values.integer("bins") != 3400:
        raise SasError("BadBins", f"the spectra have {_CHANNELS} channels, not {values.integer('bins')}")
    spectra = [find(read(Path(name)), "SPECTRUM", name) for name in lists["pha"]]
    if any(spectrum.get("SPECBIN") != "lambda" for spectrum in spectra):
        raise SasError(
            "notLambda", "the spectra are not on a grid of wavelengths: run rgsproc with spectrumbinning=lambda"
        )
    if len({spectrum.get("RFLORDER") for spectrum in spectra}) > 1:
        task.warn("differentOrders", "the spectra are of different orders")
    _write_sum(task, spectra, values.path("filepha"), {"BACKFILE": "filebkg", "RESPFILE": "filermf"}, lists)
    if lists["bkg"]:
        backgrounds = [find(read(Path(name)), "SPECTRUM", name) for name in lists["bkg"]]
        _write_sum(task, backgrounds, values.path("filebkg"), {}, lists)
    if lists["rmf"]:
        _write_mean(task, lists["rmf"])


def _write_sum(
    task: Task, spectra: Sequence[Hdu], path: Path, links: Mapping[str, str], lists: Mapping[str, Sequence[str]]
) -> None:
    made = spectra[0].copy()
    rows = made.rows
    exposures = np.array([float(spectrum.get("EXPOSURE")) for spectrum in spectra])
    every = [spectrum.rows for spectrum in spectra]
    rows["COUNTS"] = np.sum([each["COUNTS"] for each in every], axis=0)
    rows["QUALITY"] = np.min([each["QUALITY"] for each in every], axis=0)
    for name in ("AREASCAL", "BACKSCAL"):
        rows[name] = np.average([each[name] for each in every], axis=0, weights=exposures)
    made.rows = rows
    made.set("EXPOSURE", float(exposures.sum()))
    made.set("INSTRUME", "RGS")
    for key, name in links.items():
        there = lists["bkg" if key == "BACKFILE" else "rmf"]
        made.set(key, task.values.text(name)[:68] if there else "none")
    write(task.keep(path), [primary([Card("CREATOR", task.creator)]), made])


def _write_mean(task: Task, names: Sequence[str]) -> None:
    """Write the mean of matrices, which are the same for both instruments here."""
    matrices = [find(read(Path(name)), "MATRIX", name) for name in names]
    rows = {int(matrix.get("NAXIS2")) for matrix in matrices}
    if rows != {task.values.integer("rmfgrid")}:
        text = f"the matrices have {', '.join(map(str, sorted(rows)))} energies, not {task.values.integer('rmfgrid')}"
        raise SasError("rmfgrid", text)
    made = read(Path(names[0]))
    for hdu in made[1:]:
        hdu.set("INSTRUME", "RGS")
    write(task.keep(task.values.path("filermf")), made)

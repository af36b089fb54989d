"""rgsproc and rgscombine: spectra of the RGS, drawn from a power law through a made-up response."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.fitsfile import Hdu, find, primary, read, table, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.rgsevents import (
    background_region,
    events_table,
    filtered,
    flare_times,
    good_tables,
    good_times_of,
)
from tests.fakes.sas.select import good_times
from tests.fakes.sas.setup import digest, write_attitude
from tests.fakes.sas.task import Odf, Task
from xbatch.ogip.fitswriter import Card
from xbatch.xray.gti import intersection, total

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
    good = [good_times(Path(item)) for item in values.items("auxgtitables")]
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
            _Exposure(task, odf, name, source, orders).stages(range(first, last + 1), good)
        if first <= 5 <= last:
            columns = [("CHANNEL", "Angstrom", np.array([4.0, 40.0])), ("FLUX", "", np.zeros(2))]
            write(Path(f"P{odf.obsid}OBX000fluxed1000.FIT"), [primary(), table("FLUXED", columns)])


class _Exposure:
    """What rgsproc makes of an exposure, stage after stage: each reads what those before it have left in the folder."""

    def __init__(self, task: Task, odf: Odf, name: str, source: Path, orders: Sequence[int]) -> None:
        self.task = task
        self.stem = f"P{odf.obsid}{name}"
        self.raw = read(source)
        self.orders = orders
        self.merged, self.events, self.sources = (
            Path(f"{self.stem}{what}0000.FIT") for what in ("merged", "EVENLI", "SRCLI_")
        )

    def stages(self, numbers: Iterable[int], good: Sequence[NDArray[np.float64]]) -> None:
        for number in numbers:
            if number == 1:
                self._merge()
            elif number == 2:
                self._read(self.sources, self.sources)
                self._read(self.merged, self.events)
            elif number == 3:
                left = filtered(self._read(self.merged, self.events), good)
                write(self.task.keep(self.events), left)
            elif number == 4:
                self._spectra()
            elif number == 5:
                self._responses()

    def _read(self, path: Path, other: Path) -> list[Hdu]:
        """Read a list; the filtered one where the other was done away with."""
        there = next((one for one in (path, other) if one.is_file()), None)
        if there is None:
            raise SasError("DatasetNotFound", f"`{path}' is not there: start from an earlier stage", 0)
        return read(there)

    def _merge(self) -> None:
        made = events_table(self.stem, self.raw, self.task.values.on("withmlambdacolumn"))
        head = primary([Card("CREATOR", self.task.creator)], self.raw[0])
        write(self.merged, [head, made, *good_tables(self.raw[0])])
        write(self.sources, [primary(), table("SRCLIST", [("INDEX", "", np.array([1]))])])

    def _spectra(self) -> None:
        """Add the regions to the list of sources, and make spectra of the good times."""
        left = good_times_of(self._read(self.events, self.events))
        sources = self._read(self.sources, self.sources)
        region = background_region(str(self.raw[0].get("INSTRUME")))
        write(self.sources, [*(hdu for hdu in sources if hdu.name != region.name), region])
        if not total(left):
            raise SasError("ZeroExposure", f"no exposure in `{self.events}': its good times are empty")
        for order in self.orders:
            _write_spectra(self.task, self.stem, self.raw, order, left)

    def _responses(self) -> None:
        for order in self.orders:
            spectrum = Path(f"{self.stem}SRSPEC{order}001.FIT")
            self._read(spectrum, spectrum)
            _write_response(self.task, self.stem, self.raw[0], order)


def _known(task: Task, order: int) -> Path:
    if task.values.integer("rmfbins") != _ENERGIES:
        raise SasError("NotSupported", f"only rmfbins={_ENERGIES} is known here")
    known = task.run.root / "lib" / f"rgs{order}"
    if not known.with_suffix(".rsp").is_file():
        raise SasError("BadOrder", f"order {order} is not in the calibration", 0)
    return known


def _write_spectra(task: Task, stem: str, hdus: Sequence[Hdu], order: int, left: NDArray[np.float64]) -> None:
    values, raw = task.values, hdus[0]
    rate = float(raw.get("NORM")) * np.load(io.BytesIO(_known(task, order).with_suffix(".npz").read_bytes()))["rate"]
    span = float(raw.get("TSTOP")) - float(raw.get("TSTART"))
    exposure = float(raw.get("EXPOSURE")) * (total(left) / span)
    rng = np.random.default_rng(digest(stem, str(order), str(raw.get("SEED"))))
    background = np.full(_CHANNELS, 2e-5 * exposure + 1e-3 * total(intersection(flare_times(hdus), left)))
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


def _write_response(task: Task, stem: str, raw: Hdu, order: int) -> None:
    stock = read(_known(task, order).with_suffix(".rsp"))
    for hdu in stock[1:]:
        hdu.set("INSTRUME", str(raw.get("INSTRUME")))
    stock[1].set("HDUCLAS3", "FULL", "the area is in it")
    stock[1].set("RFLORDER", order)
    write(task.keep(f"{stem}RSPMAT{order}001.FIT"), stock)


def _spectrum(
    counts: NDArray[np.int64] | NDArray[np.float64], quality: NDArray[np.int16], scale: float, cards: Sequence[Card]
) -> Hdu:
    whole = counts.dtype.kind == "i"
    seen = (quality == 0).astype(np.float32)
    columns = [
        ("CHANNEL", "", np.arange(_CHANNELS, dtype=np.int16)),
        ("COUNTS", "count", counts.astype(np.int32 if whole else np.float32)),
        ("QUALITY", "", quality),
        ("AREASCAL", "", seen),
        ("BACKSCAL", "", scale * seen),
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
    """Add what is good (rgscombine 1.4.1, *Algorithm*): a channel that is bad in all has neither counts nor scales."""
    made = spectra[0].copy()
    rows = made.rows
    exposures = np.array([float(spectrum.get("EXPOSURE")) for spectrum in spectra])
    every = [spectrum.rows for spectrum in spectra]
    good = np.array([each["QUALITY"] == 0 for each in every])
    rows["COUNTS"] = np.sum(np.where(good, [each["COUNTS"] for each in every], 0), axis=0)
    rows["QUALITY"] = ~good.any(axis=0)
    for name in ("AREASCAL", "BACKSCAL"):
        rows[name] = exposures @ np.where(good, [each[name] for each in every], 0.0) / exposures.sum()
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

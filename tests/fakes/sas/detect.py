"""Source detection: edetect_chain, emosaic, srcdisplay."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.fitsfile import Hdu, events_of, find, image, primary, read, table, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.task import Task
from xbatch.ogip.fitswriter import Card

__all__ = ["edetect_chain", "emosaic", "srcdisplay"]

_HALF = 3
_MOST = 30
_PLACE = ("CRPIX", "CRVAL", "CDELT", "CTYPE", "CUNIT", "RADECSYS", "EQUINOX")
_NUMBERS = {"EPN": 1, "EMOS1": 2, "EMOS2": 3}


@dataclass(frozen=True)
class _Band:
    """An image that was looked at."""

    path: str
    head: Hdu
    counts: NDArray[np.float64]
    instrument: int
    band: int
    ecf: float
    low: int
    high: int


@dataclass(frozen=True)
class _Source:
    x: int
    y: int
    counts: float
    likelihood: float


def _image(path: str) -> tuple[Hdu, NDArray[np.float64]]:
    head = read(Path(path.partition(":")[0]))[0]
    if int(head.get("NAXIS", 0)) != 2:
        raise SasError("notAnImage", f"`{path}' holds no image", 0)
    code = {32: ">i4", -32: ">f4", 16: ">i2", -64: ">f8"}[int(head.get("BITPIX"))]
    shape = (int(head.get("NAXIS2")), int(head.get("NAXIS1")))
    return head, np.frombuffer(head.data, code).reshape(shape).astype(np.float64)


def _bands(task: Task) -> list[_Band]:
    """Read the images, with the list entries that belong to them."""
    values = task.values
    images = values.items("imagesets")
    lists = {name: values.items(name) for name in ("pimin", "pimax", "ecf")}
    for name, items in lists.items():
        if len(items) != len(images) and not (name == "ecf" and items == ["1.0"]):
            text = f"{len(images)} images but {len(items)} values of {name}: the lists must be of equal length"
            raise SasError("listLengths", text, 0)
    ecfs = lists["ecf"] if len(lists["ecf"]) == len(images) else ["1.0"] * len(images)
    found: list[_Band] = []
    seen: dict[int, int] = {}
    for path, low, high, ecf in zip(images, lists["pimin"], lists["pimax"], ecfs, strict=True):
        head, counts = _image(path)
        if head.get("CTYPE1") is None:
            raise SasError("noWcs", f"image `{path}' has no sky coordinates", 0)
        number = _NUMBERS.get(str(head.get("INSTRUME")).strip(), 0)
        seen[number] = seen.get(number, 0) + 1
        found.append(_Band(path, head, counts, number, seen[number], float(ecf), int(low), int(high)))
    if len({band.counts.shape for band in found}) > 1:
        raise SasError("imageSizes", "the images are not of one size", 0)
    return found


def edetect_chain(task: Task) -> None:
    """Find sources: places where counts stand far above those around."""
    values = task.values
    task.calibration()
    attitude = read(values.path("attitudeset"))
    if len(attitude) < 2:
        raise SasError("noAttitude", f"`{values.path('attitudeset')}' holds no attitude", 0)
    with task.alone("edetect_chain_mask.ds"):
        bands = _bands(task)
        cameras = {band.instrument for band in bands}
        tables = values.items("eventsets")
        listed = [events_of(read(Path(name.partition(":")[0])), name) for name in tables]
        if {_NUMBERS.get(str(events.get("INSTRUME")).strip(), 0) for events in listed} != cameras:
            raise SasError("eventsets", f"{len(tables)} event lists do not fit the cameras of the images", 0)
        for name in ("eboxl_list", "eboxm_list", "eml_list"):
            if not values.path(name).parent.is_dir():
                raise SasError("CannotCreate", f"could not create `{values.path(name)}': no such folder", 0)
        _maps(task, bands)
        total = np.sum([band.counts for band in bands], axis=0)
        for name, least in (("eboxl_list", "eboxl_likemin"), ("eboxm_list", "eboxm_likemin"), ("eml_list", "likemin")):
            sources = _sources(total, values.real(least))
            cards = [Card("CREATOR", task.creator), Card("OBS_ID", str(bands[0].head.get("OBS_ID")))]
            made = _list(sources, bands, name == "eml_list")
            write(task.keep(values.path(name)), [primary(cards), made])


def _product(path: str, what: str) -> Path:
    """Name a product of an image: in the working folder, `what` before the extension, as the manual has it."""
    return Path(f"{Path(path).stem}{what}{Path(path).suffix}")


def _maps(task: Task, bands: Sequence[_Band]) -> None:
    """Make the maps of each image, and the mask of each camera, under the names that the chain gives them."""
    for band in bands:
        exposure = float(band.head.get("EXPOSURE", 1.0))
        sizes = {"bkg": 0.1, "sen": task.values.real("esen_mlmin") / exposure}
        if task.values.on("witheexpmap"):
            sizes["exp"] = exposure
        elif not _product(band.path, "exp").exists():
            raise SasError("fileNotFound", f"could not open exposure map `{_product(band.path, 'exp')}'", 0)
        kept = {key: value for key, value in band.head.header.items() if value is not None and key.startswith(_PLACE)}
        for what, size in sizes.items():
            made = image(np.full(band.counts.shape, size, np.float32))
            made.add([Card(key, value) for key, value in kept.items() if key not in made.header])
            write(task.keep(_product(band.path, what)), [made])
        if band.band == 1:
            write(task.keep(_product(band.path, "mask")), [image(np.ones(band.counts.shape, np.int32))])


def _boxed(counts: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Sum counts in boxes about each pixel."""
    padded = np.pad(counts, ((half + 1, half), (half + 1, half)))
    sums = padded.cumsum(0).cumsum(1)
    size = 2 * half + 1
    return sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]


def _sources(counts: NDArray[np.float64], least: float) -> list[_Source]:
    box, wide = _boxed(counts, _HALF), _boxed(counts, 5 * _HALF)
    inner, outer = (2 * _HALF + 1) ** 2, (10 * _HALF + 1) ** 2
    behind = np.maximum((wide - box) * inner / (outer - inner), 0.3)
    excess = box - behind
    # the likelihood ratio of counts n where b are expected: n ln(n / b) - (n - b)
    likelihood = np.where(excess > 0, box * np.log(np.maximum(box, 1e-9) / behind) - excess, 0.0)
    found: list[_Source] = []
    while len(found) < _MOST:
        y, x = np.unravel_index(int(np.argmax(likelihood)), likelihood.shape)
        if likelihood[y, x] < least:
            break
        found.append(_Source(int(x), int(y), float(excess[y, x]), float(likelihood[y, x])))
        reach = 6 * _HALF
        likelihood[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = 0.0
    return found


def _sky(head: Hdu, x: float, y: float) -> tuple[float, float]:
    """Give right ascension and declination of a pixel (from 1), in the tangent plane."""
    u, v = (
        np.radians((at - float(head.get(f"CRPIX{n}"))) * float(head.get(f"CDELT{n}"))) for n, at in ((1, x), (2, y))
    )
    ra, dec = (float(head.get(f"CRVAL{n}")) for n in (1, 2))
    sin, cos = np.sin(np.radians(dec)), np.cos(np.radians(dec))
    alpha = np.arctan2(u, cos - v * sin)
    return float((ra + np.degrees(alpha)) % 360), float(
        np.degrees(np.arctan2(np.cos(alpha) * (v * cos + sin), cos - v * sin))
    )


def _list(sources: Sequence[_Source], bands: Sequence[_Band], last: bool) -> Hdu:
    """Write a list: for each source a row of all bands together (0, 0), one of each camera, one of each image."""
    rows: list[tuple[float, ...]] = []
    for number, source in enumerate(sources, 1):
        ra, dec = _sky(bands[0].head, source.x + 1, source.y + 1)
        place = (source.x + 1.0, source.y + 1.0, ra, dec)
        cells = (
            slice(max(source.y - _HALF, 0), source.y + _HALF + 1),
            slice(max(source.x - _HALF, 0), source.x + _HALF + 1),
        )
        parts = [(band, float(band.counts[cells].sum())) for band in bands]
        total = sum(counts for _, counts in parts) or 1.0
        entries = [(0.0, 0.0, total, 1.0, 1.0)]
        for camera in sorted({band.instrument for band in bands}):
            mine = [(band, counts) for band, counts in parts if band.instrument == camera]
            entries.append(
                (
                    float(camera),
                    0.0,
                    sum(counts for _, counts in mine),
                    1.0,
                    float(mine[0][0].head.get("EXPOSURE", 1.0)),
                )
            )
            entries += [(camera, band.band, n, band.ecf, float(band.head.get("EXPOSURE", 1.0))) for band, n in mine]
        for camera, number_of_band, counts, ecf, exposure in entries:
            share = source.likelihood * counts / total
            rate = counts / exposure
            rows.append(
                (
                    number,
                    camera,
                    number_of_band,
                    counts,
                    max(counts, 1.0) ** 0.5,
                    *place,
                    share,
                    rate,
                    rate / ecf * 1e-11,
                )
            )
    cells_of = np.array(rows, dtype=np.float64).reshape(-1, 12)
    first = "ML_ID_SRC" if last else "BOX_ID_SRC"
    names = [(first, "i4"), ("ID_INST", "i2"), ("ID_BAND", "i2"), ("SCTS", "f4"), ("SCTS_ERR", "f4"), ("X_IMA", "f4")]
    names += [
        ("Y_IMA", "f4"),
        ("RA", "f8"),
        ("DEC", "f8"),
        ("DET_ML" if last else "LIKE", "f4"),
        ("RATE", "f4"),
        ("FLUX", "f4"),
    ]
    units = {"SCTS": "count", "SCTS_ERR": "count", "X_IMA": "image pixels", "Y_IMA": "image pixels", "RA": "deg"}
    units |= {"DEC": "deg", "RATE": "count/s", "FLUX": "erg/cm**2/s", "RADEC_ERR": "arcsec", "EXT": "image pixels"}
    columns = [(name, units.get(name, ""), cells_of[:, n].astype(code)) for n, (name, code) in enumerate(names)]
    if last:
        error = np.maximum(5.0 / np.sqrt(np.maximum(cells_of[:, 3], 1.0)), 0.1)
        columns += [("RADEC_ERR", "arcsec", error.astype("f4")), ("EXT", "image pixels", np.zeros(len(rows), "f4"))]
    return table("SRCLIST", columns, [Card("EXTVER", 1)])


def emosaic(task: Task) -> None:
    """Add images of one grid."""
    values = task.values
    names = values.items("imagesets")
    heads = [_image(name) for name in names]
    if values.on("withexposure") and len(values.items("exposuresets")) != len(names):
        raise SasError("listLengths", "the lists of images and exposure maps are not of equal length")
    if len({counts.shape for _, counts in heads}) > 1:
        raise SasError("imageSizes", "the images are not of one size")
    made = image(np.sum([counts for _, counts in heads], axis=0).astype(np.float32))
    kept = {key: value for key, value in heads[0][0].header.items() if key not in made.header and "DS" not in key}
    made.add([Card(key, value) for key, value in kept.items() if value is not None])
    made.set("CREATOR", task.creator)
    write(task.keep(values.path("mosaicedset")), [made])


def srcdisplay(task: Task) -> None:
    """Write the sources of a list as regions."""
    values = task.values
    rows = find(read(values.path("boxlistset")), "SRCLIST", values.text("boxlistset")).rows
    if values.on("withimageset"):
        _image(values.text("imageset"))
    if not values.on("withregionfile"):
        if not os.environ.get("DISPLAY"):
            raise SasError("noDisplay", "could not open the display: DISPLAY is not set")
        return
    label = values.text("label") if values.text("label") in (rows.dtype.names or ()) else rows.dtype.names[0]
    main = rows[(rows["ID_INST"] == 0) & (rows["ID_BAND"] == 0)]
    lines = ["# Region file format: DS9 version 4.0", "global color=green", "fk5"]
    radius = values.text("sourceradius")
    lines += [
        f"circle({row['RA']:.6f},{row['DEC']:.6f},{float(radius):.6f}) # text={{{int(row[label])}}}" for row in main
    ]
    task.keep(values.path("regionfile")).write_text("\n".join(lines) + "\n")

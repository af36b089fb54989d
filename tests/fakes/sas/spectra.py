"""What a spectrum of EPIC needs beside its counts: BACKSCAL, the redistribution matrix, the effective area."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.fitsfile import Hdu, find, primary, read, table, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.subspace import Component, Subspace, regions_of
from tests.fakes.sas.task import Task
from xbatch.ogip.fitswriter import Card

__all__ = ["area_of", "arfgen", "backscale", "enclosed_share", "rmfgen"]

_GRID = 400
_PATTERNS = {"EPN": 12, "EMOS1": 12, "EMOS2": 12}
_CHANNELS = {"EPN": 4096, "EMOS1": 2400, "EMOS2": 2400}
_MIDDLE, _ARCSEC = 25921.0, 0.05


def _spectrum(task: Task) -> tuple[Path, list[Hdu], Hdu]:
    """Read the spectrum that the call names, of the observation that SAS_ODF names."""
    path = task.values.path("spectrumset")
    hdus = read(path)
    spectrum = find(hdus, "SPECTRUM", path)
    task.calibration()
    task.same_observation(spectrum.get("OBS_ID"))
    return path, hdus, spectrum


def inside(components: Sequence[Component], x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which places are in a region."""
    found = np.zeros(np.shape(x), bool)
    for component in components:
        mine = np.ones(np.shape(x), bool)
        for shape, include in component:
            mine &= shape.inside(x, y) == include
        found |= mine
    return found


def _bounds(components: Sequence[Component]) -> tuple[float, float, float, float]:
    boxes = []
    for component in components:
        for shape, include in component:
            if not include:
                continue
            if shape.kind == "polygon":
                xs, ys = shape.numbers[::2], shape.numbers[1::2]
                boxes.append((min(xs), max(xs), min(ys), max(ys)))
            else:
                x, y, *sizes = shape.numbers
                reach = float(np.hypot(*sizes[:2])) if shape.kind in ("box", "ellipse") else max([1.0, *sizes[:2]])
                boxes.append((x - reach, x + reach, y - reach, y + reach))
    if not boxes:
        text = "DSS regions defined in X/Y and DETX/DETY space are unbounded. The ARF can not be calculated"
        raise SasError("RegionInvalid", text)
    low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return float(low[0]), float(high[1]), float(low[2]), float(high[3])


def _regions(hdus: Sequence[Hdu], spectrum: Hdu) -> list[list[Component]]:
    found = [components for name, components in regions_of(hdus, spectrum) if name in ("POS(X,Y)", "POS(RAWX,RAWY)")]
    if not found and Subspace.of(spectrum).find("RAWX") is None:
        text = "DSS regions defined in X/Y and DETX/DETY space are unbounded. The ARF can not be calculated"
        raise SasError("RegionInvalid", text)
    return found


def _cameras(root: Path) -> dict[str, Any]:
    """Read what the installation knows of the cameras."""
    found: dict[str, Any] = json.loads((root / "lib" / "cameras.json").read_text())
    return found


def area_of(root: Path, hdus: Sequence[Hdu], spectrum: Hdu) -> float:
    """Give the area of a spectrum's region on the CCDs, in units of X and Y (0.05 arcsec) squared."""
    found = _regions(hdus, spectrum)
    camera = _cameras(root)[str(spectrum.get("INSTRUME"))]
    if not found:
        term = Subspace.of(spectrum).find("RAWX")
        assert term is not None
        low, _, high = term.values[1].strip("()").partition(":")
        return (float(high or low) - float(low) + 1) * camera["rows"] * float(camera["pitch"]) ** 2
    x0, x1, y0, y1 = _bounds(found[0])
    grid = (np.arange(_GRID) + 0.5) / _GRID
    x, y = np.meshgrid(x0 + grid * (x1 - x0), y0 + grid * (y1 - y0))
    within = np.logical_and.reduce([inside(components, x, y) for components in found])
    area = (x1 - x0) * (y1 - y0)
    if regions_of(hdus, spectrum)[0][0] == "POS(RAWX,RAWY)":
        return float(within.mean()) * area * float(camera["pitch"]) ** 2
    roll = np.radians(float(spectrum.get("PA_PNT", 0.0)))
    u, v = x - _MIDDLE, y - _MIDDLE
    detx = camera["aim"][0] - np.cos(roll) * u - np.sin(roll) * v
    dety = camera["aim"][1] - np.sin(roll) * u + np.cos(roll) * v
    seen = np.zeros(x.shape, bool)
    for left, right, low, high in camera["ccds"]:
        seen |= (detx >= left) & (detx < right) & (dety >= low) & (dety < high)
    return float((within & seen).mean()) * area


def enclosed_share(root: Path, hdus: Sequence[Hdu], spectrum: Hdu) -> float:
    """Give the share of a point source's light in a region, the source in the middle of its first shape."""
    found = regions_of(hdus, spectrum)
    if not found or found[0][0] != "POS(X,Y)":
        return 0.9
    shape = found[0][1][0][0][0]
    xs, ys = (shape.numbers[::2], shape.numbers[1::2]) if shape.kind == "polygon" else shape.numbers[:2]
    core, slope = _cameras(root)["psf"]
    beyond = 1.0 - (np.arange(500) + 0.5) / 500
    distance = core * np.sqrt(beyond ** (1.0 / (1.0 - slope)) - 1.0)[:, None] / _ARCSEC
    angle = 2.0 * np.pi * np.arange(64)[None, :] / 64
    x, y = np.mean(xs) + distance * np.cos(angle), np.mean(ys) + distance * np.sin(angle)
    return float(np.logical_and.reduce([inside(components, x, y) for _, components in found]).mean())


def _bad_pixels(task: Task) -> None:
    """Look for the bad pixels in the list that is to have them."""
    values = task.values
    place = values.text("badpixlocation")
    if not values.on("withbadpixcorr"):
        return
    if place == "notSpecified":
        task.warn("noBadPixels", "badpixlocation is not given: no bad pixels are taken into account")
    elif not any(hdu.name.startswith("BADPIX") for hdu in read(Path(place.partition(":")[0]))):
        raise SasError("noBadPixels", f"`{place}' has no BADPIXnn extensions")


def backscale(task: Task) -> None:
    """Write BACKSCAL into a spectrum."""
    path, hdus, spectrum = _spectrum(task)
    _bad_pixels(task)
    spectrum.set("BACKSCAL", round(area_of(task.run.root, hdus, spectrum)), "Scaling factor for background")
    write(task.keep(path), hdus)


def rmfgen(task: Task) -> None:
    """Write a redistribution matrix: Gaussian lines."""
    values = task.values
    _, hdus, spectrum = _spectrum(task)
    _regions(hdus, spectrum)
    instrument = str(spectrum.get("INSTRUME"))
    channels = int(spectrum.get("DETCHANS", 0))
    if channels != _CHANNELS[instrument] and not values.on("acceptchanrange"):
        text = f"the spectrum has {channels} channels of 5 eV, {instrument} has {_CHANNELS[instrument]}"
        raise SasError("ChannelRangeInvalid", text)
    _check_patterns(instrument, spectrum)
    if values.on("withenergybins"):
        raise SasError("NotSupported", "only withenergybins=no is known here")
    with task.alone("filteredpixellist.ds"):
        stock = read(task.run.root / "lib" / f"{instrument}.rmf")
        stock[0].set("CREATOR", task.creator)
        for hdu in stock[1:]:
            hdu.set("FILTER", str(spectrum.get("FILTER", "")))
        write(task.keep(values.path("rmfset")), stock)


def _check_patterns(instrument: str, spectrum: Hdu) -> None:
    for term in Subspace.of(spectrum).terms:
        last = term.values.get(1, "").strip("()").rpartition(":")[2]
        if term.name == "PATTERN" and last.isdigit() and int(last) > _PATTERNS[instrument]:
            raise SasError("InvalidPatterns", "An RMF cannot be produced for the pattern range in the DSS")


def arfgen(task: Task) -> None:
    """Write an effective area, with the share of the light in the region where the source is a point."""
    values = task.values
    path, hdus, spectrum = _spectrum(task)
    _bad_pixels(task)
    found = _regions(hdus, spectrum)
    known = np.load(io.BytesIO((task.run.root / "lib" / f"{spectrum.get('INSTRUME')}.npz").read_bytes()))
    if values.on("withrmfset"):
        matrix = find(read(values.path("rmfset")), "MATRIX", values.text("rmfset")).rows
        low, high = (matrix[name].astype(np.float64) for name in ("ENERG_LO", "ENERG_HI"))
    else:
        low, high = known["low"], known["high"]
    if values.text("detmaptype") == "dataset":
        read(values.path("detmaparray"))
    share = 1.0
    if found and values.on("modelee") and not values.on("extendedsource"):
        share = enclosed_share(task.run.root, hdus, spectrum)
    area = np.interp(0.5 * (low + high), 0.5 * (known["low"] + known["high"]), known["area"]) * share
    columns = [("ENERG_LO", "keV", low), ("ENERG_HI", "keV", high), ("SPECRESP", "cm2", area)]
    cards = [Card("TELESCOP", "XMM"), Card("INSTRUME", str(spectrum.get("INSTRUME")))]
    cards += [Card("FILTER", str(spectrum.get("FILTER", ""))), Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "RESPONSE")]
    cards += [Card("HDUCLAS2", "SPECRESP"), Card("HDUVERS", "1.1.0")]
    if values.on("setbackscale"):
        spectrum.set("BACKSCAL", round(area_of(task.run.root, hdus, spectrum)), "Scaling factor for background")
        write(path, hdus)
    if values.on("keeparfset"):
        made = [primary([Card("CREATOR", task.creator)]), table("SPECRESP", columns, cards)]
        write(task.keep(values.path("arfset")), made)

"""A small event list on its way through the tasks that make products of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tests.ogip.eventfiles import EventFile, nustar_file, write_gtis
from xbatch.ogip.fitsreader import Table, read_fits
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.registry import Job
from xbatch.tasks import events, extract, image, lightcurve

WHO = {"mission": "nustar", "instrument": "FPMA", "obsid": "99900000001"}
KEV = 0.04
ALL = {"name": "all", "lo": 1.6, "hi": 1.6 + KEV * 4096}


def box(x: float, y: float, width: float, height: float, include: bool = True) -> dict[str, Any]:
    """Give a box on pixels, as a step's parameters hold it."""
    sizes = [width, height]
    return {"shape": "box", "frame": "physical", "center": [x, y], "sizes": sizes, "angle": 0, "include": include}


def circle(x: float, y: float, radius: float, include: bool = True) -> dict[str, Any]:
    """Give a circle on pixels."""
    return {"shape": "circle", "frame": "physical", "center": [x, y], "sizes": [radius], "include": include}


EVERYWHERE = box(500.5, 500.5, 1000, 1000)


def band(first: int, last: int, name: str = "") -> dict[str, Any]:
    """Give the band of NuSTAR's PI from `first` to `last`, both in it."""
    return {"name": name or f"b{first}-{last}", "lo": 1.6 + KEV * first, "hi": 1.6 + KEV * (last + 1)}


@dataclass
class World:
    """A folder with an event list; each product is made once for each call, by its task."""

    folder: Path
    list: EventFile = field(default_factory=nustar_file)
    screening: Mapping[str, Any] = field(default_factory=dict)
    made: int = 0

    def _out(self) -> Path:
        self.made += 1
        out = self.folder / f"out{self.made}"
        out.mkdir(parents=True)
        return out

    def table(self) -> Path:
        """Screen the list; give the table."""
        out = self._out()
        path = self.list.write(self.folder / "list.evt")
        events.run(Job("events:w", {**WHO, "screening": dict(self.screening)}, {"events": path}, out))
        return out / "events.bin"

    def gti(self, rows: ArrayLike) -> Path:
        """Write a time selection."""
        return write_gtis(self._out() / "gti.gti", rows)

    def spectra(self, table: Path, regions: Mapping[str, Sequence[Mapping[str, Any]]], gti: Path | None = None) -> Path:
        """Extract a spectrum of each region; give the folder."""
        out = self._out()
        spectra = [{"name": name, "region": name, "background": "", "source_type": "point"} for name in regions]
        params = {**WHO, "regions": {n: {"shapes": list(shapes)} for n, shapes in regions.items()}, "spectra": spectra}
        extract.run(Job("extract:w", params, _inputs(table, gti), out))
        return out

    def images(self, table: Path, bands: Sequence[Mapping[str, Any]], gti: Path | None = None, width: int = 50) -> Path:
        """Make an image of each band; give the folder."""
        out = self._out()
        params = {**WHO, "name": "sky", "frame": "sky", "bin": width, "bands": list(bands)}
        image.run(Job("image:w", params, _inputs(table, gti), out))
        return out

    def curves(
        self,
        table: Path,
        bands: Sequence[Mapping[str, Any]],
        gti: Path | None = None,
        region: Sequence[Mapping[str, Any]] = (EVERYWHERE,),
        **params: Any,
    ) -> Path:
        """Make a light curve of each band; give the folder."""
        out = self._out()
        given = {"dt": 50.0, "min_fracexp": 0.0, "corrections": ["gti"], **params}
        named = {"name": "lc", "regions": {"src": {"shapes": list(region)}}, "region": "src", "background": ""}
        lightcurve.run(Job("lightcurve:w", {**WHO, **named, **given, "bands": list(bands)}, _inputs(table, gti), out))
        return out


def _inputs(table: Path, gti: Path | None) -> dict[str, Path]:
    return {"events": table} | ({} if gti is None else {"gti": gti})


def pha(folder: Path, name: str) -> Spectrum:
    """Read a spectrum that was made."""
    return read_pha(folder / f"{name}.pha")


def counts(folder: Path, name: str) -> NDArray[np.float64]:
    """Give the counts of a spectrum by PI."""
    return pha(folder, name).counts


def picture(folder: Path, name: str) -> NDArray[Any]:
    """Give the pixels of an image."""
    from astropy.io import fits

    return np.asarray(fits.getdata(folder / f"{name}.img")).astype(np.int64)


def curve(folder: Path, name: str) -> dict[str, NDArray[np.float64]]:
    """Give the columns of a light curve; TIME in s of the list."""
    _, hdus = read_fits(folder / f"{name}.lc", lambda hdu: hdu.name == "RATE")
    for hdu in hdus:
        if isinstance(hdu, Table):
            return {column: np.asarray(hdu.column(column), np.float64) for column in ("TIME", "COUNTS", "FRACEXP")}
    raise AssertionError("no RATE")

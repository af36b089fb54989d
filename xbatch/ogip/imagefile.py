"""Images of events as FITS files: where their pixels lie, on the sky and in the coordinates they were made from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.fitswriter import BinTable, Card, write_fits
from xbatch.ogip.skyplane import PixelPlane, event_plane, image_plane
from xbatch.xray.histograms import Axis

__all__ = ["ImageGrid", "SkyImage", "grid_of", "identity_cards", "read_image", "resample", "write_image"]

_KEPT = (
    "TELESCOP",
    "INSTRUME",
    "FILTER",
    "OBJECT",
    "OBS_ID",
    "EXP_ID",
    "EXPIDSTR",
    "DATE-OBS",
    "DATE-END",
    "MJDREF",
    "MJDREFI",
    "MJDREFF",
    "TIMESYS",
    "TIMEUNIT",
    "TSTART",
    "TSTOP",
    "RA_OBJ",
    "DEC_OBJ",
    "RA_PNT",
    "DEC_PNT",
    "PA_PNT",
)


@dataclass(frozen=True)
class ImageGrid:
    """The pixels of an image.

    Attributes
    ----------
    x_axis, y_axis : Axis
        From the coordinates that it was made from to pixels.
    names : tuple of two str
        Of these coordinates: ``X``, ``Y``.
    wcs : SkyWcs or None
        Of the pixels of the image; None where they do not lie on the sky.
    """

    x_axis: Axis
    y_axis: Axis
    names: tuple[str, str] = ("X", "Y")
    wcs: SkyWcs | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y_axis.size, self.x_axis.size

    @cached_property
    def plane(self) -> PixelPlane:
        """Where the sky lies on the pixels of the image."""
        return event_plane(self.wcs, "image")

    def cards(self) -> list[Card]:
        """Give the world coordinates, those on the sky and those that the image was made from (LTM and LTV)."""
        cards: list[Card] = []
        if self.wcs is not None:
            for number in (1, 2):
                cards += [
                    Card(f"CTYPE{number}", self.wcs.ctype[number - 1]),
                    Card(f"CRPIX{number}", self.wcs.crpix[number - 1], "reference pixel"),
                    Card(f"CRVAL{number}", self.wcs.crval[number - 1], "[deg] at the reference pixel"),
                    Card(f"CDELT{number}", self.wcs.cdelt[number - 1], "[deg] per pixel"),
                    Card(f"CUNIT{number}", "deg"),
                ]
            if self.wcs.crota:
                cards.append(Card("CROTA2", self.wcs.crota, "[deg]"))
            cards.append(Card("RADESYS", self.wcs.radecsys))
            if not self.wcs.radecsys.startswith("ICRS"):
                cards.append(Card("EQUINOX", self.wcs.equinox))
        cards.append(Card("WCSNAMEP", "PHYSICAL"))
        for number, (axis, name) in enumerate(zip((self.x_axis, self.y_axis), self.names, strict=True), 1):
            cards += [
                Card(f"CTYPE{number}P", name),
                Card(f"CRPIX{number}P", 0.5),
                Card(f"CRVAL{number}P", (0.5 - axis.ltv) / axis.ltm),
                Card(f"CDELT{number}P", 1.0 / axis.ltm),
            ]
        for number, axis in enumerate((self.x_axis, self.y_axis), 1):
            cards += [
                Card(f"LTM{number}_{number}", axis.ltm, f"pixel = {self.names[number - 1]} x LTM + LTV"),
                Card(f"LTV{number}", axis.ltv),
            ]
        return cards


@dataclass(frozen=True)
class SkyImage:
    """An image that was read: its values, its plane, and its header."""

    path: str
    data: NDArray[np.float64]
    plane: PixelPlane
    header: Mapping[str, Any]


def grid_of(wcs: SkyWcs | None, x_axis: Axis, y_axis: Axis, names: tuple[str, str] = ("X", "Y")) -> ImageGrid:
    """Make the grid of an image of X and Y of an event list, whose world coordinates go over to the image's pixels."""
    if wcs is None:
        return ImageGrid(x_axis, y_axis, names)
    axes = (x_axis, y_axis)
    crpix = [at * axis.ltm + axis.ltv for at, axis in zip(wcs.crpix, axes, strict=True)]
    cdelt = [step / axis.ltm for step, axis in zip(wcs.cdelt, axes, strict=True)]
    size = ((1, x_axis.size), (1, y_axis.size))
    made = SkyWcs(
        (crpix[0], crpix[1]), wcs.crval, (cdelt[0], cdelt[1]), wcs.ctype, wcs.crota, wcs.radecsys, wcs.equinox, size
    )
    return ImageGrid(x_axis, y_axis, names, made)


def identity_cards(cards: Mapping[str, str | int | float | bool]) -> list[Card]:
    """Give the cards that say what was observed, when and with what, of those of an event list."""
    return [Card(key, cards[key]) for key in _KEPT if key in cards]


def write_image(
    path: Path, data: NDArray[Any], grid: ImageGrid, cards: Sequence[Card], gti: NDArray[np.float64] | None = None
) -> None:
    """Write an image, with the GTIs it was made of as an extension.

    Parameters
    ----------
    path : Path
    data : ndarray, shape `grid.shape`
        Its dtype is that of the file.
    grid : ImageGrid
    cards : sequence of Card
        What else the header is to say.
    gti : ndarray, shape (n, 2), optional
    """
    tables = []
    if gti is not None:
        about = [card for card in cards if card.keyword.startswith("MJDREF") or card.keyword in {"TIMESYS", "TIMEUNIT"}]
        labels = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "GTI"), Card("HDUCLAS2", "ALL"), *about]
        tables.append(BinTable("GTI", [("START", "s", gti[:, 0]), ("STOP", "s", gti[:, 1])], labels))
    head = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "IMAGE"), Card("CONTENT", "IMAGE"), *cards, *grid.cards()]
    write_fits(path, head, tables, data)


def read_image(path: Path) -> SkyImage:
    """Read the first image of a FITS file, plain or gzipped.

    Raises
    ------
    FileError
        It cannot be read, holds no image of two axes, or its coordinates cannot be used.
    """
    from astropy.io import fits

    name = str(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old cards that astropy mends are not the user's trouble
            with fits.open(path, memmap=False) as file:
                for hdu in file:
                    if getattr(hdu, "is_image", False) and hdu.header.get("NAXIS", 0) == 2:
                        data = np.asarray(hdu.data, dtype=np.float64)
                        return SkyImage(name, data, image_plane(hdu.header, name), dict(hdu.header))
    except (OSError, ValueError, TypeError) as error:
        raise FileError(name, f"cannot be read as FITS: {error}", "Make or fetch it again") from error
    raise FileError(name, "holds no image of two axes", "Name a FITS file with an image")


def resample(image: SkyImage, grid: ImageGrid) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give the value of an image at each pixel's centre of a grid: that of the pixel the centre lies in.

    Parameters
    ----------
    image : SkyImage
        Of any binning and any world coordinates.
    grid : ImageGrid
        With world coordinates.

    Returns
    -------
    values : ndarray, shape `grid.shape`
        0 where the image does not reach.
    there : ndarray of bool
        Where it does.

    Raises
    ------
    FileError
        One of the two does not lie on the sky.
    """
    for plane in (image.plane, grid.plane):
        if plane.sky is None:
            raise FileError(
                plane.file, f"cannot be laid on the sky: {plane.trouble}", "Use images with sky coordinates"
            )
    x, y = grid.plane.onto(image.plane, *_centres(grid))
    rows, columns = image.data.shape
    with np.errstate(invalid="ignore"):
        column, row = np.rint(x), np.rint(y)
        there = (column >= 1) & (column <= columns) & (row >= 1) & (row <= rows)
    at = np.where(there, row - 1, 0).astype(np.int64) * columns + np.where(there, column - 1, 0).astype(np.int64)
    values = np.where(there, image.data.reshape(-1).take(at), 0.0)
    return np.where(np.isfinite(values), values, 0.0), there


def _centres(grid: ImageGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = grid.shape
    x, y = np.meshgrid(np.arange(1.0, columns + 1.0), np.arange(1.0, rows + 1.0))
    return x, y

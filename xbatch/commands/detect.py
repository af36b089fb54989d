"""Calls of the SAS tasks that look for sources in images of EPIC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from xbatch.base.files import safe_name
from xbatch.commands import epic
from xbatch.commands.call import SAS, Call
from xbatch.commands.sas import listed, quoted

__all__ = [
    "ATTITUDE",
    "MOSAIC",
    "SOURCES",
    "CameraBands",
    "DetectBand",
    "atthkgen",
    "edetect_chain",
    "emosaic",
    "events_file",
    "full_file",
    "image_calls",
    "image_file",
]

ATTITUDE, MOSAIC = "attitude.ds", "mosaic.ds"
SOURCES = "emllist.fits"
"""The list of sources that `edetect_chain` ends with."""
#: What edetect_chain puts behind the root of an image's name for a map of it (its manual, "Output Files"); it takes no
#: names for them.
_MAPS = {"exposure": "exp", "background": "bkg", "sensitivity": "sen"}
_FULL = "full"
_ATTITUDE_STEP = 1


@dataclass(frozen=True)
class DetectBand:
    """A band that sources are looked for in.

    Attributes
    ----------
    name : str
    lo, hi : int
        PI (eV); the second is not in the band.
    pattern : tuple of int
        Lowest and highest PATTERN, both kept.
    ecf : float
        Energy conversion factor, 1e11 counts cm2/erg.
    """

    name: str
    lo: int
    hi: int
    pattern: tuple[int, int]
    ecf: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> DetectBand:
        """Read one of `xbatch.spec.rawmodel.Detection.params`."""
        low, high = data["pattern"]
        return cls(data["name"], int(data["lo"]), int(data["hi"]), (int(low), int(high)), float(data["ecf"]))

    def condition(self, camera: str) -> str:
        """Give the condition for events of the band that are good for images."""
        low, high = self.pattern
        pattern = f"(PATTERN=={low})" if low == high else f"(PATTERN IN [{low}:{high}])"
        return epic.all_of(epic.EVENT_FLAGS[camera], f"(PI IN [{self.lo}:{self.hi}))", pattern, "(FLAG==0)")


@dataclass(frozen=True)
class CameraBands:
    """The bands of one camera, in order."""

    camera: str
    bands: tuple[DetectBand, ...]

    @classmethod
    def of(cls, camera: str, data: Sequence[Mapping[str, Any]]) -> CameraBands:
        """Read those of `xbatch.spec.rawmodel.Detection.params`."""
        return cls(camera, tuple(DetectBand.of(one) for one in data))

    @property
    def full(self) -> DetectBand:
        """All of them as one band, with all their patterns: what is shown, and put together with other cameras."""
        patterns = [one.pattern for one in self.bands]
        return DetectBand(
            _FULL,
            min(one.lo for one in self.bands),
            max(one.hi for one in self.bands),
            (min(low for low, _ in patterns), max(high for _, high in patterns)),
            0.0,
        )

    @property
    def images(self) -> tuple[str, ...]:
        """The files of the images of the bands, without the full one."""
        return tuple(image_file(self.camera, one.name) for one in self.bands)

    def maps(self, what: str) -> dict[str, str]:
        """Name the maps that `edetect_chain` makes of the images, one of each.

        Parameters
        ----------
        what : str
            ``exposure``, ``background`` or ``sensitivity``.

        Returns
        -------
        dict of str to str
            The name that a map is kept by, to that of the chain.
        """
        images = {safe_name(one.name): PurePath(image_file(self.camera, one.name)) for one in self.bands}
        return {
            f"{what}-{self.camera}-{name}.img": f"{image.stem}{_MAPS[what]}{image.suffix}"
            for name, image in images.items()
        }


def image_file(camera: str, band: str) -> str:
    """Name the image of a band."""
    return f"{camera}_image_{safe_name(band)}.fits"


def full_file(camera: str) -> str:
    """Name the image of all bands of a camera together."""
    return f"{camera}_full.fits"


def events_file(camera: str) -> str:
    """Name the list of a camera in the working folder."""
    return f"{camera}_clean.fits"


def image_calls(one: CameraBands, pixels: int) -> tuple[Call, ...]:
    """Make the images of the bands of a camera, and that of all of them together.

    Parameters
    ----------
    one : CameraBands
    pixels : int
        Along a side; no size of a bin, which ``imageSize`` does not heed.
    """
    wanted = [(image_file(one.camera, band.name), band) for band in one.bands]
    wanted.append((full_file(one.camera), one.full))
    return tuple(
        epic.evselect_image(events_file(one.camera), out, band.condition(one.camera), pixels) for out, band in wanted
    )


def atthkgen() -> Call:
    """Write where the telescope looked, from the observation's files."""
    return Call(SAS, "atthkgen", (("atthkset", ATTITUDE), ("timestep", str(_ATTITUDE_STEP))), (ATTITUDE,))


def edetect_chain(
    cameras: Sequence[CameraBands],
    *,
    likelihood: float,
    splines: int,
    exposure_maps: bool = True,
    sensitivity: float | None = None,
) -> Call:
    """Look for sources in the images of one camera, or of several together.

    The chain goes on when one of its tasks has failed: that each has worked is known by what it leaves.

    Parameters
    ----------
    cameras : sequence of CameraBands
        The lists of images, of PI and of conversion factors are of one length and order.
    likelihood : float
        The least that counts.
    splines : int
        Nodes of the background map.
    exposure_maps : bool
        Whether exposure maps are made of the images; else they stand in the folder, by the names of `CameraBands.maps`.
    sensitivity : float or None
        The likelihood that the sensitivity maps are for, which must then be there; None for the task's own.
    """
    bands = [band for one in cameras for band in one.bands]
    lists = [f"{events_file(one.camera)}:EVENTS" for one in cameras]
    args = [
        ("imagesets", quoted(name for one in cameras for name in one.images)),
        ("eventsets", quoted(lists) if len(lists) > 1 else lists[0]),
        ("attitudeset", ATTITUDE),
        ("pimin", listed(band.lo for band in bands)),
        ("pimax", listed(band.hi for band in bands)),
        ("ecf", listed(f"{band.ecf:.10g}" for band in bands)),
        ("eboxl_list", "eboxlist_l.fits"),
        ("eboxm_list", "eboxlist_m.fits"),
        ("esp_nsplinenodes", str(splines)),
        ("eml_list", SOURCES),
    ]
    args += [("esen_mlmin", f"{sensitivity:.10g}")] if sensitivity is not None else []
    args += [("likemin", f"{likelihood:.10g}"), ("witheexpmap", "yes" if exposure_maps else "no")]
    needed = [("exposure", exposure_maps), ("background", True), ("sensitivity", sensitivity is not None)]
    maps = [file for what, wanted in needed if wanted for one in cameras for file in one.maps(what).values()]
    return Call(SAS, "edetect_chain", tuple(args), (SOURCES, *maps))


def emosaic(images: Sequence[str]) -> Call:
    """Put images of one piece of sky together."""
    return Call(SAS, "emosaic", (("imagesets", listed(images)), ("mosaicedset", MOSAIC)), (MOSAIC,))

"""Calls of nuproducts: spectra with their responses, and light curves in bands.

Parameters stand in the order of its manual; what is None is left to the tool.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xbatch.commands.call import HEASOFT, Call
from xbatch.commands.ftools import lcmath
from xbatch.commands.nustar import Module
from xbatch.commands.parameters import Value, arguments, degrees

__all__ = ["Area", "Barycentre", "Curves", "energy_of_curve", "nuproducts", "pi_of_energy", "spectrum_call"]

_LOWEST_CURVE_ENERGY = 3.1
#: lcmath's way to the errors that scales the background's by the factor itself, as what is subtracted is.
_ERRORS = 4
_ENERGY_OF_ZERO, _WIDTH, _ROUNDING = 1.6, 0.04, 1e-6


@dataclass(frozen=True)
class Area:
    """Where counts come from: files with regions, and one with times."""

    source: str
    background: str = ""
    times: str = ""

    def pairs(self) -> list[tuple[str, Value]]:
        """Give nuproducts' parameters for the regions."""
        return [
            ("bkgextract", bool(self.background)),
            ("srcregionfile", self.source),
            ("bkgregionfile", self.background or None),
        ]


@dataclass(frozen=True)
class Barycentre:
    """The correction of times to the solar system's barycentre.

    Attributes
    ----------
    position : tuple of float
        Of the source, degrees.
    orbit : str
        Name of the orbit file.
    times : bool
        Whether the times of a user's GTI file are still those of the spacecraft.
    """

    position: tuple[float, float]
    orbit: str
    times: bool = True

    def pairs(self) -> list[tuple[str, Value]]:
        """Give nuproducts' parameters for it."""
        ra, dec = self.position
        return [
            ("barycorr", True),
            ("srcra_barycorr", degrees(ra)),
            ("srcdec_barycorr", degrees(dec)),
            ("orbitfile", self.orbit),
            ("usrgtibarycorr", self.times),
        ]


def nuproducts(given: Sequence[tuple[str, Value]], expects: Sequence[str] = ()) -> Call:
    """Make products of an event list, with parameters in the order given."""
    return Call(HEASOFT, "nuproducts", arguments(given), tuple(expects))


def spectrum_call(
    module: Module,
    outdir: str,
    area: Area,
    *,
    extended: bool = False,
    arf: bool = True,
    rmf: bool = True,
    ghost_rays: bool = True,
    barycentre: Barycentre | None = None,
) -> Call:
    """Make the spectrum of a region, with its background and responses, and nothing else.

    Parameters
    ----------
    module : Module
    outdir : str
    area : Area
    extended : bool
        Whether the ARF is that of an extended source; its region may have any shape.
    arf, rmf : bool
        Whether they are made.
    ghost_rays : bool
        Whether the ARF of a point is corrected for them, as it is by the tool's default; in other regions than circles
        numkarf gives up unless it is told not to (its help and source in HEASoft 6.20).
    barycentre : Barycentre, optional
    """
    stem = f"{outdir}/{module.products}"
    below = bool(area.background)
    expects = [f"{stem}_sr.pha"]
    expects += [f"{stem}_bk.pha"] if below else []
    expects += [f"{stem}_sr.arf"] if arf else []
    expects += [f"{stem}_sr.rmf"] if rmf else []
    args: list[tuple[str, Value]] = [
        *_from(module, outdir),
        *area.pairs(),
        ("phafile", "DEFAULT"),
        ("bkgphafile", "DEFAULT" if below else None),
        ("runbackscale", True),
        ("runmkarf", arf),
        ("runmkrmf", rmf),
        ("imagefile", "NONE"),
        ("lcfile", "NONE"),
        ("bkglcfile", "NONE"),
        *([("correctlc", False), ("extended", True)] if extended else []),
        *([("grflag", False)] if arf and not (extended or ghost_rays) else []),
        ("usrgtifile", area.times or None),
        *(barycentre.pairs() if barycentre else ()),
    ]
    return nuproducts(args, expects)


#: What stands in `Curves.params` only where it is asked for, so that steps without it keep their keys.
_LATER = frozenset({"chu", "energy", "lcmath"})


@dataclass(frozen=True)
class Curves:
    """Light curves of a region and its background: what the calls for all bands have in common.

    Attributes
    ----------
    module : Module
    area : Area
    binsize : float
        Length of a bin, s.
    corrected : bool
        Whether curves are corrected for live time, and what else is said.
    effective_area : bool or None
        Whether for PSF, exposure and vignetting too; by the tool's default (None), they are.
    extended : bool
        Whether the source is larger than the PSF.
    barycentre : Barycentre or None
    energy : float or None
        Where PSF and vignetting are taken, keV; by the rule of `energy_of_curve` for each band where it is None.
    lcmath : bool
        Whether lcmath subtracts the background, and not who reads the curves.
    """

    module: Module
    area: Area
    binsize: float
    corrected: bool = True
    effective_area: bool | None = None
    extended: bool = False
    barycentre: Barycentre | None = None
    energy: float | None = None
    lcmath: bool = False

    def call(self, outdir: str, band: tuple[float, float] | None = None, *, spectra: bool = True) -> Call:
        """Make the curves of one band.

        Parameters
        ----------
        outdir : str
            A folder of this band's own: products of all bands have the same names.
        band : tuple of float, optional
            Energies in keV, the upper one not in it; the tool's own 3 to 78 keV unless given.
        spectra : bool
            Whether the spectra are kept, whose BACKSCAL scales the background; those of one band serve all.
        """
        below = bool(self.area.background)
        pha = "DEFAULT" if spectra else "NONE"
        args: list[tuple[str, Value]] = [
            *_from(self.module, outdir),
            ("binsize", self.binsize),
            *self.area.pairs(),
            ("imagefile", "none"),
            ("phafile", pha),
            ("bkgphafile", pha if below else None),
            ("runbackscale", True),
            ("correctlc", self.corrected),
            ("runmkarf", False),
            ("runmkrmf", False),
            ("pilow", None if band is None else pi_of_energy(band[0])),
            ("pihigh", None if band is None else pi_of_energy(band[1]) - 1),
            ("lcenergy", self.energy or (None if band is None else energy_of_curve(*band))),
            *((name, self.effective_area) for name in ("lcpsfflag", "lcexpoflag", "lcvignflag")),
            ("extended", True if self.extended else None),
            ("usrgtifile", self.area.times or None),
            *(self.barycentre.pairs() if self.barycentre else ()),
        ]
        return nuproducts(args, self.products(outdir, spectra))

    def subtraction(self, outdir: str, scale: float | str) -> Call:
        """Subtract the background from the curve of a band.

        Dead time is left as nuproducts has it: curves that it has not corrected are asked for as they are.

        Parameters
        ----------
        outdir : str
            The band's folder.
        scale : float or str
            Ratio of the BACKSCAL of source and background, or a token for it.
        """
        source, background = self.products(outdir, spectra=False)
        return lcmath(source, background, self.net(outdir), scale, correct=False, errors=_ERRORS)

    def net(self, outdir: str) -> str:
        """Name the net curve that `subtraction` makes."""
        return f"{outdir}/{self.module.products}_net.lc"

    def folder(self, base: str, name: str, first: bool) -> str:
        """Name the folder of a band: `base` for the first, and by its name for another."""
        return base if first else f"{base}_{name.replace('.', '_')}"

    def products(self, outdir: str, spectra: bool = True) -> tuple[str, ...]:
        """Name what a band's call makes: the curves of source and background, and their spectra."""
        kinds = ["sr", "bk"] if self.area.background else ["sr"]
        endings = ["lc", "pha"] if spectra else ["lc"]
        return tuple(f"{outdir}/{self.module.products}_{kind}.{ending}" for ending in endings for kind in kinds)

    def params(self) -> dict[str, Any]:
        """Give it as JSON-able data; what is not asked for is left out."""
        data = {key: value for key, value in asdict(self).items() if value or key not in _LATER}
        data["module"] = {key: value for key, value in data["module"].items() if value or key not in _LATER}
        return data

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Curves:
        """Read what `params` gave."""
        given = dict(data)
        given["module"], given["area"] = Module(**given["module"]), Area(**given["area"])
        if given["barycentre"] is not None:
            known = given["barycentre"]
            given["barycentre"] = Barycentre(
                (known["position"][0], known["position"][1]), known["orbit"], known["times"]
            )
        return cls(**given)


def _from(module: Module, outdir: str) -> list[tuple[str, Value]]:
    return [
        ("indir", module.folder),
        ("outdir", outdir),
        ("instrument", module.instrument),
        ("steminputs", module.stem),
        # it takes the list of mode 01 unless told
        ("stemout", module.products if module.chu else None),
        ("infile", f"{module.folder}/{module.events}" if module.chu else None),
        ("initseed", True if module.frozen_seed else None),
    ]


def pi_of_energy(energy: float) -> int:
    """Give the PI that an energy in keV lies in.

    Rounded to a millionth of a channel first: in binary 20 keV lies a hair below the channel that it begins.
    """
    return math.floor((energy - _ENERGY_OF_ZERO) / _WIDTH + _ROUNDING)


def energy_of_curve(lo: float, hi: float) -> float:
    """Give the energy in keV that PSF and vignetting of a light curve are taken at: the band's middle, within reach."""
    return max(round(0.5 * (lo + hi), 6), _LOWEST_CURVE_ENERGY)

"""Calls of NuSTAR's own tools: nupipeline, nuproducts, nuexpomap, nusplitsc, nubackscale, and their light curves.

A builder takes what a call is about and gives the call with its parameters in the order of their manuals. What is None
is left to the tool. Parameters have no order for HEASoft; a fixed one keeps equal calls equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xbatch.commands.call import HEASOFT, Call
from xbatch.commands.parameters import Value, arguments, degrees

__all__ = [
    "AUXILIARY",
    "MODULES",
    "SCREENING",
    "SPLIT_MODES",
    "Area",
    "Barycentre",
    "Curves",
    "Module",
    "energy_of_curve",
    "nubackscale",
    "nuexpomap",
    "nupipeline",
    "nuproducts",
    "nusplitsc",
    "pi_of_energy",
    "spectrum_call",
]

#: Letters of the modules in names of files.
MODULES: Mapping[str, str] = {"FPMA": "A", "FPMB": "B"}

#: What nupipeline takes of a screening, in the order that it is given.
SCREENING = ("saamode", "tentacle", "saacalc", "statusexpr", "gradeexpr", "cleanflick", "hkevtexpr")

#: The star trackers of mode 06 that nusplitsc tells apart.
SPLIT_MODES = ("chu1", "chu2", "chu3", "chu12", "chu13", "chu23", "chu123")

#: Files beside a module's event list that nuproducts looks for, by their endings after the stem and the module.
AUXILIARY = ("_det1.fits", "_oa.fits", "_fpm.hk")

_LOWEST_CURVE_ENERGY = 3.1
_ENERGY_OF_ZERO, _WIDTH, _ROUNDING = 1.6, 0.04, 1e-6


@dataclass(frozen=True)
class Module:
    """One module of an observation that nupipeline has reduced.

    Attributes
    ----------
    obsid : str
    instrument : str
        ``FPMA`` or ``FPMB``.
    folder : str
        Where its files are, relative to the working folder.
    """

    obsid: str
    instrument: str
    folder: str

    @property
    def letter(self) -> str:
        """``A`` or ``B``."""
        return MODULES[self.instrument]

    @property
    def stem(self) -> str:
        """What the names of all files of the observation begin with."""
        return f"nu{self.obsid}"

    @property
    def events(self) -> str:
        """The cleaned event list of mode 01."""
        return f"{self.stem}{self.letter}01_cl.evt"

    @property
    def products(self) -> str:
        """What the names of nuproducts' files begin with."""
        return f"{self.stem}{self.letter}01"

    @property
    def files(self) -> tuple[str, ...]:
        """All files that nuproducts looks for."""
        own = (f"{self.stem}{self.letter}{ending}" for ending in AUXILIARY)
        return (self.events, *own, f"{self.stem}_mast.fits", f"{self.stem}_att.fits")

    @property
    def orbit(self) -> str:
        """Orbit and attitude of the module, for barycorr."""
        return f"{self.stem}{self.letter}.attorb"


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


def nupipeline(
    obsid: str,
    outdir: str,
    *,
    instrument: str | None = None,
    stages: Sequence[int] | None = None,
    pointing: str | tuple[float, float] | None = None,
    obsmode: str | None = None,
    screening: Mapping[str, Any] | None = None,
    split: bool | None = None,
    clobber: bool | None = None,
    indir: str = "",
    expects: Sequence[str] = (),
) -> Call:
    """Calibrate and screen an observation.

    Parameters
    ----------
    obsid : str
    outdir, indir : str
        Folders; `indir` is the observation's unless named.
    instrument : str, optional
        ``ALL``, ``FPMA`` or ``FPMB``.
    stages : sequence of int, optional
        First and last stage.
    pointing : str or tuple of float, optional
        ``OBJECT``, ``POINT``, or right ascension and declination in degrees.
    obsmode : str, optional
    screening : Mapping, optional
        Some of `SCREENING`.
    split : bool, optional
        Whether mode 06 is split by star trackers.
    clobber : bool, optional
    expects : sequence of str, optional
        Products that must be there; the cleaned lists of the modules asked for unless given.
    """
    ra, dec = (pointing, pointing) if pointing is None or isinstance(pointing, str) else map(degrees, pointing)
    entry, leave = (None, None) if stages is None else (stages[0], stages[-1])
    chosen = dict(screening or {})
    if chosen.keys() - set(SCREENING):
        raise ValueError(f"nupipeline's screening has no {', '.join(sorted(chosen.keys() - set(SCREENING)))}")
    args: list[tuple[str, Value]] = [
        ("indir", indir or obsid),
        ("outdir", outdir),
        ("steminputs", f"nu{obsid}"),
        ("instrument", instrument),
        ("entrystage", entry),
        ("exitstage", leave),
        ("pntra", ra),
        ("pntdec", dec),
        ("obsmode", obsmode),
        *((name, _screened(name, chosen.get(name))) for name in SCREENING),
        ("runsplitsc", split),
        ("clobber", clobber),
    ]
    letters = MODULES.values() if instrument in {None, "ALL"} else [MODULES[str(instrument)]]
    lists = tuple(f"{outdir}/nu{obsid}{letter}01_cl.evt" for letter in letters)
    return Call(HEASOFT, "nupipeline", arguments(args), tuple(expects) or lists)


def _screened(name: str, value: Any) -> Value:
    """Write a screening's value; modes are in capitals, as the tool has them."""
    return str(value).upper() if name == "saamode" and value is not None else value


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
        ("usrgtifile", area.times or None),
        *(barycentre.pairs() if barycentre else ()),
    ]
    return nuproducts(args, expects)


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
    """

    module: Module
    area: Area
    binsize: float
    corrected: bool = True
    effective_area: bool | None = None
    extended: bool = False
    barycentre: Barycentre | None = None

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
            ("lcenergy", None if band is None else energy_of_curve(*band)),
            *((name, self.effective_area) for name in ("lcpsfflag", "lcexpoflag", "lcvignflag")),
            ("extended", True if self.extended else None),
            ("usrgtifile", self.area.times or None),
            *(self.barycentre.pairs() if self.barycentre else ()),
        ]
        return nuproducts(args, self.products(outdir, spectra))

    def folder(self, base: str, name: str, first: bool) -> str:
        """Name the folder of a band: `base` for the first, and by its name for another."""
        return base if first else f"{base}_{name.replace('.', '_')}"

    def products(self, outdir: str, spectra: bool = True) -> tuple[str, ...]:
        """Name what a band's call makes: the curves of source and background, and their spectra."""
        kinds = ["sr", "bk"] if self.area.background else ["sr"]
        endings = ["lc", "pha"] if spectra else ["lc"]
        return tuple(f"{outdir}/{self.module.products}_{kind}.{ending}" for ending in endings for kind in kinds)

    def params(self) -> dict[str, Any]:
        """Give it as JSON-able data."""
        return asdict(self)

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
    ]


def pi_of_energy(energy: float) -> int:
    """Give the PI that an energy in keV lies in.

    Rounded to a millionth of a channel first: in binary 20 keV lies a hair below the channel that it begins.
    """
    return math.floor((energy - _ENERGY_OF_ZERO) / _WIDTH + _ROUNDING)


def energy_of_curve(lo: float, hi: float) -> float:
    """Give the energy in keV that PSF and vignetting of a light curve are taken at: the band's middle, within reach."""
    return max(round(0.5 * (lo + hi), 6), _LOWEST_CURVE_ENERGY)


def nuexpomap(module: Module, outfile: str, *, vignetting: bool = False, energy: float | None = None) -> Call:
    """Make the exposure map of an event list on the sky.

    Parameters
    ----------
    module : Module
    outfile : str
    vignetting : bool
        Whether vignetting is in it, at `energy` in keV.
    energy : float, optional
    """
    own = f"{module.folder}/{module.stem}"
    args: list[tuple[str, Value]] = [
        ("infile", f"{module.folder}/{module.events}"),
        ("vignflag", vignetting),
        ("energy", energy),
        ("mastaspectfile", f"{own}_mast.fits"),
        ("attfile", f"{own}_att.fits"),
        ("det1reffile", f"{own}{module.letter}_det1.fits"),
        ("expomapfile", outfile),
    ]
    return Call(HEASOFT, "nuexpomap", arguments(args), (outfile,))


def nusplitsc(module: Module, raw: str, outdir: str, *, mode: str = "NORMAL") -> Call:
    """Split the events of mode 06, taken without the star tracker of the optics, by the trackers that were in use.

    Parameters
    ----------
    module : Module
    raw : str
        Folder of the observation as the archive has it.
    outdir : str
    mode : str
        ``NORMAL`` or ``STRICT``.
    """
    events = f"{module.stem}{module.letter}06_cl.evt"
    args: list[tuple[str, Value]] = [
        ("infile", f"{module.folder}/{events}"),
        ("chu123hkfile", f"{raw}/hk/{module.stem}_chu123.fits"),
        ("hkfile", f"{module.folder}/{module.stem}{module.letter}_fpm.hk"),
        ("splitmode", mode),
        ("outdir", outdir),
    ]
    return Call(HEASOFT, "nusplitsc", arguments(args), (f"{outdir}/{module.stem}{module.letter}06_chu*_cl.evt",))


def nubackscale(
    module: Module, source: str, background: str, source_out: str, background_out: str, *, exposure_map: str = "NONE"
) -> Call:
    """Weigh the BACKSCAL of two spectra with the exposure of their regions.

    Parameters
    ----------
    module : Module
    source, background : str
        Spectra as extractor makes them.
    source_out, background_out : str
        What is written.
    exposure_map : str
        Without vignetting; made by the tool unless named.
    """
    own = f"{module.folder}/{module.stem}"
    args: list[tuple[str, Value]] = [
        ("srcphafile", source),
        ("bkgphafile", background),
        ("srcoutfile", source_out),
        ("bkgoutfile", background_out),
        ("evtfile", f"{module.folder}/{module.events}"),
        ("mastaspectfile", f"{own}_mast.fits"),
        ("attfile", f"{own}_att.fits"),
        ("inexpomapfile", exposure_map if exposure_map != "NONE" else None),
        ("det1reffile", f"{own}{module.letter}_det1.fits"),
    ]
    return Call(HEASOFT, "nubackscale", arguments(args), (source_out, background_out))

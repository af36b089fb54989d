"""Calls of NuSTAR's own tools but nuproducts: nupipeline, nusplitsc, nuexpomap, nubackscale.

A builder takes what a call is about and gives the call with its parameters in the order of their manuals. What is None
is left to the tool. Parameters have no order for HEASoft; a fixed one keeps equal calls equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbatch.commands.call import HEASOFT, Call
from xbatch.commands.parameters import Value, arguments, degrees

__all__ = [
    "MODULES",
    "SCREENING",
    "SPLIT_MODES",
    "SPLIT_NORMAL",
    "Module",
    "nubackscale",
    "nuexpomap",
    "nupipeline",
    "nusplitsc",
]

#: Letters of the modules in names of files.
MODULES: Mapping[str, str] = {"FPMA": "A", "FPMB": "B"}

#: What nupipeline takes of a screening, in the order that it is given.
SCREENING = ("saamode", "tentacle", "saacalc", "statusexpr", "gradeexpr", "cleanflick", "hkevtexpr")

#: The star trackers of mode 06 that nusplitsc tells apart.
SPLIT_MODES = ("chu1", "chu2", "chu3", "chu12", "chu13", "chu23", "chu123")

#: What nusplitsc calls its way to split (splitmode) in the names of its lists: NORMAL, unless it is told otherwise.
SPLIT_NORMAL = "N"


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
    frozen_seed : bool
        Whether the tools' random draws begin with their fixed seed.
    chu : str
        The camera head units, ``12``, whose part of mode 06 is meant; empty for mode 01.
    """

    obsid: str
    instrument: str
    folder: str
    frozen_seed: bool = False
    chu: str = ""

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
        """The cleaned event list: of mode 01, or of mode 06 with some camera head units, as nusplitsc names it."""
        return f"{self.products}_cl.evt"

    @property
    def products(self) -> str:
        """What the names of nuproducts' files begin with."""
        mode = f"06_chu{self.chu}_{SPLIT_NORMAL}" if self.chu else "01"
        return f"{self.stem}{self.letter}{mode}"

    @property
    def orbit(self) -> str:
        """Orbit and attitude of the module, for barycorr."""
        return f"{self.stem}{self.letter}.attorb"


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
    frozen_seed: bool = False,
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
    frozen_seed : bool
        Whether random draws begin with the tools' fixed seed.
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
        ("initseed", True if frozen_seed else None),
        ("clobber", clobber),
    ]
    letters = MODULES.values() if instrument in {None, "ALL"} else [MODULES[str(instrument)]]
    lists = tuple(f"{outdir}/nu{obsid}{letter}01_cl.evt" for letter in letters)
    return Call(HEASOFT, "nupipeline", arguments(args), tuple(expects) or lists)


def _screened(name: str, value: Any) -> Value:
    """Write a screening's value; modes are in capitals, as the tool has them."""
    return str(value).upper() if name == "saamode" and value is not None else value


def nusplitsc(infile: str, units: str, housekeeping: str, outdir: str) -> Call:
    """Split a list of mode 06 by the camera head units in use.

    Which combinations were in use only data decide, so that no list is insisted on.

    Parameters
    ----------
    infile : str
        The cleaned list of mode 06.
    units : str
        The observation's housekeeping of the camera head units (``hk/nuOBSID_chu123.fits``).
    housekeeping : str
        That of the module, with its live time (``_fpm.hk``).
    outdir : str
    """
    args: list[tuple[str, Value]] = [
        ("infile", infile),
        ("chu123hkfile", units),
        ("hkfile", housekeeping),
        ("outdir", outdir),
        ("clobber", True),
    ]
    return Call(HEASOFT, "nusplitsc", arguments(args))


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
        ("initseed", True if module.frozen_seed else None),
    ]
    return Call(HEASOFT, "nuexpomap", arguments(args), (outfile,))


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

"""Calls of the SAS tasks that make spectra of the RGS, and how their products are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from xbatch.commands.call import SAS, Call
from xbatch.commands.epic import evselect_rate
from xbatch.commands.sas import listed

__all__ = [
    "COMBINED",
    "FOUND",
    "ORDERS",
    "RGS",
    "TIMES",
    "Product",
    "background_rates",
    "events_name",
    "flare_name",
    "kept_name",
    "of_exposures",
    "pattern_of",
    "product_of",
    "rgscombine",
    "rgsproc",
    "rgsproc_again",
    "rgsproc_first",
    "short_name",
    "sources_name",
]

RGS = ("RGS1", "RGS2")
ORDERS = (1, 2)
COMBINED = ("source.pha", "background.pha", "response.rmf")
"""What `rgscombine` leaves here."""
FOUND = "found"
"""Role of the tokens for files whose names have an exposure in them: ``{found:RGS1.events}``."""
TIMES = "times.gti"
"""A time selection, in the working folder."""

_CODES = {"R1": "RGS1", "R2": "RGS2"}
_KINDS = {"SRSPEC": "src.pha", "BGSPEC": "bkg.pha", "RSPMAT": "rmf"}
_SPECTRA = ("P*R*SRSPEC*.FIT", "P*R*BGSPEC*.FIT")
_RESPONSES = "P*R*RSPMAT*.FIT"
#: PppppppppppR1SnnnSRSPEComms.FIT: exposure, what it is, order, number of the source (001: the proposal's).
_NAME = re.compile(r"P\d{10}(R[12])([SU]\d{3})(SRSPEC|BGSPEC|RSPMAT)(\d)001\.FIT")


def rgsproc(combined: bool = False) -> Call:
    """Make spectra, backgrounds and responses of RGS1 and RGS2, both orders, of all exposures.

    Parameters
    ----------
    combined : bool
        Whether `rgscombine` follows, which needs channels of wavelength.
    """
    args = [("orders", listed(ORDERS)), ("bkgcorrect", "no"), ("withmlambdacolumn", "yes")]
    args += [("spectrumbinning", "lambda")] if combined else []
    return Call(SAS, "rgsproc", tuple(args), (*_SPECTRA, _RESPONSES))


def rgsproc_first(in_wavelengths: bool = True) -> Call:
    """Make lists, regions and spectra, from which times are chosen; responses would be made again afterwards.

    The regions of background, which the light curves of flares need, are made in the stage of the spectra, in
    wavelengths (rgsproc 1.37, *Algorithm*).

    Parameters
    ----------
    in_wavelengths : bool
        Whether flares are looked for, or `rgscombine` follows.
    """
    first = rgsproc(combined=in_wavelengths)
    return replace(first, args=(*first.args, ("finalstage", "4:spectra")), expects=(_events("R*"), *_SPECTRA))


def rgsproc_again(gtis: Iterable[str], in_wavelengths: bool = True) -> Call:
    """Filter the lists by good times, and make spectra and responses of what is left.

    Parameters
    ----------
    gtis : iterable of str
        Files; the times that are in all of them are kept, of both instruments (rgsfilter 1.19, *Algorithm*).
    in_wavelengths : bool
        As of `rgsproc_first`.
    """
    call = rgsproc(combined=in_wavelengths)
    stages = (("auxgtitables", listed(gtis)), ("entrystage", "3:filter"), ("finalstage", "5:fluxing"))
    return replace(call, args=(*call.args, *stages), expects=(_events("R*"), *call.expects))


def short_name(instrument: str, exposure: str) -> str:
    """Name an exposure as rgsproc does: ``R1S004``."""
    return f"{_code(instrument)}{exposure}"


def of_exposures(call: Call, exposures: Iterable[str]) -> Call:
    """Have rgsproc work on some exposures alone, named by `short_name`."""
    return replace(call, args=(*call.args, ("withinstexpids", "yes"), ("instexpids", listed(exposures))))


def background_rates(instrument: str, events: str, sources: str, out: str, ccd: int, width: float) -> Call:
    """Count what one CCD has beside the source in bins of time, in counts/s.

    CCD 9 is the nearest to the optical axis: it has the fewest photons of the source, and the most protons (XMM-Newton
    ABC Guide, chapter 10; SAS Users' Guide, RGS light curves).

    Parameters
    ----------
    instrument, events, sources, out : str
        `sources` is the list with the regions that rgsproc has made.
    ccd : int
    width : float
        s.
    """
    region = f"REGION({sources}:{instrument}_BACKGROUND,M_LAMBDA,XDSP_CORR)"
    return evselect_rate(events, out, f"(CCDNR=={ccd})&&({region})", width)


@dataclass(frozen=True)
class Product:
    """A product of rgsproc.

    Attributes
    ----------
    instrument : str
        ``RGS1`` or ``RGS2``.
    exposure : str
        ``S004``.
    order : int
    kind : str
        ``src.pha``, ``bkg.pha`` or ``rmf``.
    """

    instrument: str
    exposure: str
    order: int
    kind: str


def product_of(name: str) -> Product | None:
    """Say what a file of rgsproc's is by its name; None if it is neither spectrum nor response."""
    found = _NAME.fullmatch(name)
    return Product(_CODES[found[1]], found[2], int(found[4]), _KINDS[found[3]]) if found else None


def events_name(instrument: str, exposure: str = "[SU]???") -> str:
    """Give the pattern of the name that rgsproc gives the list of events of an exposure, or of any."""
    return _events(short_name(instrument, exposure))


def sources_name(instrument: str, exposure: str = "[SU]???") -> str:
    """Give the pattern of the name of the list with sources and regions of an exposure, or of any."""
    return f"P*{short_name(instrument, exposure)}SRCLI_0000.FIT"


def _events(whose: str) -> str:
    return f"P*{whose}EVENLI0000.FIT"


def _code(instrument: str) -> str:
    return next(code for code, name in _CODES.items() if name == instrument)


def flare_name(instrument: str, kind: str) -> str:
    """Name what a cut of flares leaves: the ``lc``, the ``gti`` and the ``png`` of an instrument."""
    return f"{instrument}_flare.{kind}"


def kept_name(instrument: str, order: int, kind: str) -> str:
    """Name a product as it is kept, whichever exposure it is of."""
    return f"{instrument}_o{order}.{kind}"


def pattern_of(instrument: str, order: int, kind: str) -> str:
    """Give the pattern of the names that rgsproc gives a product, of whichever exposure."""
    kinds = {name: code for code, name in _KINDS.items()}
    return f"P*{_code(instrument)}[SU]???{kinds[kind]}{order}001.FIT"


def rgscombine(members: Sequence[tuple[str, int]]) -> Call:
    """Add spectra of one order, with their backgrounds and responses.

    Parameters
    ----------
    members : sequence of (str, int)
        Instrument and order of each.

    Raises
    ------
    ValueError
        They are of different orders.
    """
    if len({order for _, order in members}) != 1:
        raise ValueError("rgscombine adds spectra of one order")
    lists = {
        name: listed(kept_name(instrument, order, kind) for instrument, order in members)
        for name, kind in (("pha", "src.pha"), ("bkg", "bkg.pha"), ("rmf", "rmf"))
    }
    files = zip(("filepha", "filebkg", "filermf"), COMBINED, strict=True)
    return Call(SAS, "rgscombine", (*lists.items(), *files), COMBINED)

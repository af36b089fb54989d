"""Calls of the SAS tasks that make spectra of the RGS, and how their products are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xbatch.commands.call import SAS, Call
from xbatch.commands.sas import listed

__all__ = ["COMBINED", "ORDERS", "RGS", "Product", "kept_name", "pattern_of", "product_of", "rgscombine", "rgsproc"]

RGS = ("RGS1", "RGS2")
ORDERS = (1, 2)
COMBINED = ("source.pha", "background.pha", "response.rmf")
"""What `rgscombine` leaves here."""

_CODES = {"R1": "RGS1", "R2": "RGS2"}
_KINDS = {"SRSPEC": "src.pha", "BGSPEC": "bkg.pha", "RSPMAT": "rmf"}
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
    return Call(SAS, "rgsproc", tuple(args), ("P*R*SRSPEC*.FIT", "P*R*BGSPEC*.FIT", "P*R*RSPMAT*.FIT"))


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


def kept_name(instrument: str, order: int, kind: str) -> str:
    """Name a product as it is kept, whichever exposure it is of."""
    return f"{instrument}_o{order}.{kind}"


def pattern_of(instrument: str, order: int, kind: str) -> str:
    """Give the pattern of the names that rgsproc gives a product, of whichever exposure."""
    codes = {name: code for code, name in _CODES.items()}
    kinds = {name: code for code, name in _KINDS.items()}
    return f"P*{codes[instrument]}[SU]???{kinds[kind]}{order}001.FIT"


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

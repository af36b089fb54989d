"""What each mission calls its instruments, and how its obsids look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["MISSIONS", "PLACEHOLDER", "Channels", "Mission"]

PLACEHOLDER = "data"


@dataclass(frozen=True)
class Channels:
    """Spectral channels of equal width: channel c holds (offset + c) / per_keV to (offset + c + 1) / per_keV keV."""

    per_keV: int  # noqa: N815
    offset: int = 0

    def edge(self, number: int) -> float:
        """Give the lower edge of a channel, keV."""
        return (self.offset + number) / self.per_keV


@dataclass(frozen=True)
class Mission:
    """One mission's conventions.

    Attributes
    ----------
    title : str
    instruments : tuple of str
        All that there are; empty where any name will do.
    default : tuple of str
        Those meant where a spec names none.
    obsid_digits : int
        Digits of an obsid; 0 where anything goes.
    synonyms : Mapping
        Other names people write, for hints.
    channels : Mapping
        Spectral channels by instrument; without those whose channels are not even in energy.
    """

    title: str
    instruments: tuple[str, ...] = ()
    default: tuple[str, ...] = (PLACEHOLDER,)
    obsid_digits: int = 0
    synonyms: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, Channels] = field(default_factory=dict)


# FPMA and FPMB: 0.04 keV from 1.6 keV. EPIC: 5 eV, as evselect makes spectra (spectralbinsize=5).
_FPM = Channels(per_keV=25, offset=40)
_EPIC = Channels(per_keV=200)

MISSIONS: Mapping[str, Mission] = MappingProxyType(
    {
        "nustar": Mission(
            "NuSTAR",
            ("FPMA", "FPMB"),
            ("FPMA", "FPMB"),
            11,
            {"a": "FPMA", "b": "FPMB"},
            {"FPMA": _FPM, "FPMB": _FPM},
        ),
        "xmm": Mission(
            "XMM-Newton",
            ("EPN", "EMOS1", "EMOS2", "RGS1", "RGS2"),
            ("EPN", "EMOS1", "EMOS2"),
            10,
            {"pn": "EPN", "m1": "EMOS1", "m2": "EMOS2", "mos1": "EMOS1", "mos2": "EMOS2"},
            {"EPN": _EPIC, "EMOS1": _EPIC, "EMOS2": _EPIC},
        ),
        "other": Mission("another mission"),
    }
)

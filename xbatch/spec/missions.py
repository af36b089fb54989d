"""What each mission calls its instruments, and how its obsids look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["MISSIONS", "PLACEHOLDER", "Mission"]

PLACEHOLDER = "data"


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
    """

    title: str
    instruments: tuple[str, ...] = ()
    default: tuple[str, ...] = (PLACEHOLDER,)
    obsid_digits: int = 0
    synonyms: Mapping[str, str] = field(default_factory=dict)


MISSIONS: Mapping[str, Mission] = MappingProxyType(
    {
        "nustar": Mission(
            "NuSTAR",
            ("FPMA", "FPMB"),
            ("FPMA", "FPMB"),
            11,
            {"a": "FPMA", "b": "FPMB"},
        ),
        "xmm": Mission(
            "XMM-Newton",
            ("EPN", "EMOS1", "EMOS2", "RGS1", "RGS2"),
            ("EPN", "EMOS1", "EMOS2"),
            10,
            {"pn": "EPN", "m1": "EMOS1", "m2": "EMOS2", "mos1": "EMOS1", "mos2": "EMOS2"},
        ),
        "other": Mission("another mission"),
    }
)

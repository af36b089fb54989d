"""Tells the kinds of YAML file apart, so that one given for another is a single problem."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbatch.base.errors import Problem, SpecError
from xbatch.spec.nodes import Table

__all__ = ["refuse_other_kind"]

_KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "xbatch": ("an analysis", "run it with: xbatch run"),
        "simulate": ("a simulation", "make its spectra with: xbatch simulate"),
        "manifest": ("the manifest of a run", "the spec of that run is spec.yaml beside it"),
        "plan": ("a plan", "name the spec that it was made from"),
    }
)


def refuse_other_kind(root: Table, wanted: str) -> None:
    """Refuse a document that says that it is of another kind.

    Parameters
    ----------
    root : Table
    wanted : str
        The key that documents of the kind wanted begin with: ``xbatch`` or ``simulate``.

    Raises
    ------
    SpecError
        It lacks that key, and has that of another kind.
    """
    if wanted in root.entries:
        return
    for key, (kind, cure) in _KINDS.items():
        if key in root.entries:
            message = f"this is {kind} ({key}: ...), and {_KINDS[wanted][0]} ({wanted}: 1) is wanted"
            raise SpecError([Problem(root.key_place(key), "XB025", message, cure, key)])

"""Who does a kind of work, and why: xbatch itself, or a toolset where the spec asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec

if TYPE_CHECKING:
    from xbatch.base.toolset import Toolset
    from xbatch.plan.rawmade import RawContext

__all__ = ["engine_context", "installed_here", "native_because"]

_TOOLSET = ("toolset",)
_TOOLS = frozenset({"heasoft", "sas"})
#: Why xbatch itself does a kind of work that the spec leaves to the plan.
_NATIVE = {
    "spectra": "its response is named, and to count events needs no calibration",
    "lightcurves": "to count events needs no calibration, and 'area' is not to be corrected",
    "images": "to count events needs no calibration",
    "binning": "to group channels needs no calibration",
    "combine": "to add spectra needs no calibration",
}


def engine_context(analysis: Analysis, spec: Spec, kind: str, shared: Memo) -> RawContext | None:
    """Say what is installed here, where the spec leaves a kind of work to a toolset; None where it does not.

    Parameters
    ----------
    analysis, spec
    kind : str
        ``binning`` or ``combine``.
    shared : Memo
        Keeps what was found for the other members of a sweep.
    """
    if spec.engines.get(kind) not in _TOOLS:
        return None
    from xbatch.plan.rawmade import RawContext  # what belongs to toolsets is loaded for specs that ask for them

    return RawContext(analysis, spec, installed_here(shared))


def installed_here(shared: Memo) -> Toolset:
    """Say what is installed here; looked up once for all members of a sweep."""
    import os

    from xbatch.base.toolset import find_toolset

    toolset: Toolset | None = shared.find(_TOOLSET)
    if toolset is None:
        toolset = find_toolset(os.environ)
        shared.keep(_TOOLSET, toolset, ())
    return toolset


def native_because(engines: Mapping[str, str], kind: str) -> str:
    """Say why xbatch itself does a kind of work.

    Parameters
    ----------
    engines : Mapping
        `Spec.engines`.
    kind : str
        ``spectra``, ``lightcurves``, ``images``, ``binning`` or ``combine``.
    """
    return "the spec asks for xbatch's own" if engines.get(kind) == "native" else _NATIVE[kind]

"""The bands of a step: fixed ones from its parameters, those of a scheme from the file of the step that found them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import safe_name
from xbatch.xray.channels import pi_range

__all__ = ["StepBand", "step_bands"]


@dataclass(frozen=True)
class StepBand:
    """A band: its name, its energies in keV, the upper one not in it, and its first and last PI, both in it."""

    name: str
    lo: float
    hi: float
    first: int
    last: int

    @property
    def pi(self) -> tuple[int, int]:
        """First and last PI, both included."""
        return self.first, self.last

    @property
    def stem(self) -> str:
        """The name of its files, without their ending."""
        return safe_name(self.name)


def step_bands(params: Mapping[str, Any], inputs: Mapping[str, Path]) -> list[StepBand]:
    """Give the bands of a step in the order they are asked for.

    Parameters
    ----------
    params : Mapping
        ``mission``, ``instrument``, and ``bands``: a list of ``{"name", "lo", "hi"}`` in keV and
        ``{"scheme": NAME, "most": n}``.
    inputs : Mapping of str to Path
        With ``bands/NAME`` for each scheme.

    Raises
    ------
    StepError
        There is no band, two share a name, or one holds no PI.
    FileError
        A scheme's file is not what it should be.
    """
    found: dict[str, StepBand] = {}
    for entry in params.get("bands") or ():
        for band in _fixed(entry) if "scheme" not in entry else _of_scheme(entry, inputs):
            name, lo, hi = band
            try:
                first, last = pi_range(str(params.get("mission", "")), str(params.get("instrument", "")), lo, hi)
            except ValueError as error:
                raise StepError(f"the band {name!r} cannot be used: {error}", cure="Give it other energies") from error
            made = StepBand(name, lo, hi, first, last)
            if found.setdefault(name, made) != made:
                raise StepError(f"two bands are called {name!r}", cure="Give them different names")
    if not found:
        raise StepError("no band is asked for", cure="Name a band, for example 3-79 keV")
    return list(found.values())


def _fixed(entry: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    return [(str(entry["name"]), float(entry["lo"]), float(entry["hi"]))]


def _of_scheme(given: Mapping[str, Any], inputs: Mapping[str, Path]) -> list[tuple[str, float, float]]:
    scheme, most = str(given["scheme"]), given.get("most")
    path = inputs.get(f"bands/{scheme}")
    if path is None:
        raise StepError(f"the bands of {scheme} are not there", cure="Run the step that finds them")
    try:
        bands = json.loads(path.read_text(encoding="utf-8"))["bands"]
        found = [(str(band["name"]), float(band["lo"]), float(band["hi"])) for band in bands]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(str(path), f"holds no bands: {error!r}", "Run the step that made it again") from error
    if most and len(found) > int(most):
        raise FileError(str(path), f"holds {len(found)} bands, at most {most} were planned", "Run the step again")
    return found

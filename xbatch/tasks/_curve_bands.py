"""The bands of light curves: fixed ones, and those that a step found in the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import safe_name
from xbatch.xray.channels import pi_range

__all__ = ["CurveBand", "curve_bands"]


@dataclass(frozen=True)
class CurveBand:
    """A band of energies: `lo` to `hi` keV, `hi` not included; `pi` its first and last PI, both included."""

    name: str
    lo: float
    hi: float
    pi: tuple[int, int]

    @property
    def file(self) -> str:
        """The name of its light curve's file."""
        return f"{safe_name(self.name)}.lc"


def curve_bands(params: Mapping[str, Any], inputs: Mapping[str, Path]) -> list[CurveBand]:
    """Give the bands that are asked for, in that order; those of equal names and energies once.

    Raises
    ------
    StepError
        There is none, or the instrument does not see one.
    FileError
        The file of a scheme's bands is no such file.
    """
    found: dict[str, CurveBand] = {}
    for given in params.get("bands") or ():
        for entry in _of_scheme(given, inputs) if "scheme" in given else [given]:
            name, lo, hi = str(entry["name"]), float(entry["lo"]), float(entry["hi"])
            try:
                pi = pi_range(str(params.get("mission", "")), str(params.get("instrument", "")), lo, hi)
            except ValueError as error:
                raise StepError(f"the band {name} cannot be used: {error}", cure="Choose another band") from error
            found[name] = CurveBand(name, lo, hi, pi)
    if not found:
        raise StepError("the light curves have no bands", cure="Name one")
    return list(found.values())


def _of_scheme(given: Mapping[str, Any], inputs: Mapping[str, Path]) -> list[Mapping[str, Any]]:
    scheme = str(given["scheme"])
    path = inputs.get(f"bands/{scheme}")
    if path is None:
        raise StepError(f"the bands of {scheme} are not known", cure="See the step that finds them")
    try:
        bands: list[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["bands"]
    except (OSError, ValueError, KeyError) as error:
        raise FileError(str(path), f"does not hold bands: {error}", "Run the step that made it again") from error
    most = given.get("most")
    if most and len(bands) > int(most):
        raise FileError(str(path), f"holds {len(bands)} bands, at most {most} were planned", "Run the step again")
    return bands

"""Fakes of the missions' toolsets, HEASoft and SAS, for tests on machines that have neither."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["make_headas", "make_sas"]


def make_headas(folder: Path, version: str = "") -> Mapping[str, str]:
    """Build a fake HEASoft, and give the variables of its environment; see `tests.fakes.headas`."""
    from tests.fakes.headas import VERSION
    from tests.fakes.headas import make_headas as build

    return build(folder, version or VERSION)


def make_sas(folder: Path, release: str = "") -> Mapping[str, str]:
    """Build a fake SAS, and give the variables of its environment; see `tests.fakes.sas`."""
    from tests.fakes.sas import RELEASE
    from tests.fakes.sas import make_sas as build

    environment: Mapping[str, str] = build(folder, release or RELEASE)
    return environment

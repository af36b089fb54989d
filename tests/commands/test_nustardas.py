"""What NuSTAR's tools do otherwise from one release of HEASoft to the next."""

from __future__ import annotations

import pytest

from xbatch.commands.nustardas import Nustardas, bench_file


@pytest.mark.parametrize(
    ("version", "copies", "corrects", "saacalc", "clock"),
    [
        ("6.20", False, False, 2, False),
        ("6.22.1", False, False, 3, False),
        ("6.26.1", False, False, 3, False),
        ("6.27.2", False, False, 3, True),
        ("6.28", True, True, 3, True),
        ("6.29", True, False, 3, True),
        ("6.36", True, False, 3, True),
        ("", True, False, 3, True),
    ],
)
def test_releases(version: str, copies: bool, corrects: bool, saacalc: int, clock: bool) -> None:
    tools = Nustardas.of(version)
    assert tools.copies_bench is copies
    assert tools.corrects_for_temperature is corrects
    assert tools.saacalc == saacalc
    assert tools.knows_clock is clock


def test_the_housekeeping_of_the_optics_bench() -> None:
    assert bench_file("60001110002") == "nu60001110002_obeb.hk"

"""Quantities above 0."""

from __future__ import annotations

import pytest

from xbatch.base.errors import Place
from xbatch.spec.nodes import Scalar
from xbatch.spec.positive import positive
from xbatch.spec.report import Report


def _read(text: str, kind: str = "time") -> tuple[float | None, list[str]]:
    report = Report()
    value = positive(Scalar(text, text, Place("a.yaml", 3, 5)), kind, report, "for example 1 s")
    return value, [f"{one.code} {one.message}; {one.hint}" for one in report.problems]


@pytest.mark.parametrize(("text", "kind", "value"), [("2 ks", "time", 2000.0), ("4 arcsec", "angle", 4.0)])
def test_what_is_above_0_is_read(text: str, kind: str, value: float) -> None:
    assert _read(text, kind) == (value, [])


@pytest.mark.parametrize("text", ["0 s", "-5 s"])
def test_what_is_not_is_told_with_what_to_write(text: str) -> None:
    value, (said,) = _read(text)
    assert value is None
    assert said.startswith("XB205 ") and text in said and said.endswith("is not above 0; for example 1 s")


def test_what_is_no_such_quantity_is_told_and_what_is_not_there_is_not() -> None:
    value, said = _read("5 keV")
    assert value is None and len(said) == 1
    report = Report()
    assert positive(None, "time", report, "") is None and report.problems == []

"""Numbers with units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.quantity import (
    Measured,
    QuantityError,
    energies,
    energy_range,
    measured,
    probability,
    quantity,
    span,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3-79 keV", (3.0, 79.0)),
        ("3 - 79keV", (3.0, 79.0)),
        ("3–79 keV", (3.0, 79.0)),
        ("2 10 keV", (2.0, 10.0)),
        ("300-10000 eV", (0.3, 10.0)),
        ("200 eV - 10 keV", (0.2, 10.0)),
        ("1e-3-2.5e1 keV", (0.001, 25.0)),
        ("0-15 keV", (0.0, 15.0)),
        (".5-1. MeV", (500.0, 1000.0)),
    ],
)
def test_energy_ranges(text: str, value: tuple[float, float]) -> None:
    assert energy_range(text) == value


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("3-79", "XB212", "write it as 3-79 keV"),
        ("3-79 kev", "XB212", "write keV"),
        ("3-79 kV", "XB212", "did you mean 'keV'?"),
        ("3-79 arcsec", "XB212", "units: eV, keV, MeV"),
        ("79-3 keV", "XB211", "swap the ends"),
        ("3-3 keV", "XB211", "swap the ends"),
        ("wide", "XB210", "write it as 3-79 keV"),
        ("-3-79 keV", "XB210", "write it as 3-79 keV"),
        ("1e999-1e9999 keV", "XB210", "check the exponent"),
    ],
)
def test_what_is_no_energy_range_is_told_why(text: str, code: str, hint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        energy_range(text)
    assert (caught.value.code, caught.value.hint) == (code, hint)


def test_ranges_of_channels() -> None:
    assert (span("35-1909").lo, span("35-1909").hi, span("35-1909").dimension) == (35.0, 1909.0, "channel")
    assert span("4-4 channels").dimension == "channel"


def test_quantities_of_other_kinds() -> None:
    assert quantity("2.5 arcmin", "angle") == 150.0
    assert quantity("5 ks", "time") == 5000.0
    assert quantity("30 counts", "counts") == 30.0
    assert quantity("3 sigma", "significance") == 3.0


def test_lists_of_energies() -> None:
    assert energies("2 6 7 10 keV") == (2.0, 6.0, 7.0, 10.0)
    assert energies("500, 2000 eV") == (0.5, 2.0)


def test_confidences() -> None:
    assert probability("0.9") == 0.9
    assert probability("90 %") == 0.9
    assert probability("1 sigma") == 0.6826894921370859
    for text in ("0", "1", "100 %", "-1 sigma"):
        with pytest.raises(QuantityError, match="between 0 and 1"):
            probability(text)


@given(st.integers(0, 10**6))
def test_ev_are_thousandths_of_kev_to_the_last_bit(number: int) -> None:
    assert quantity(f"{number} eV", "energy") == number / 1000


@given(st.floats(1e-3, 1e4), st.floats(1e-3, 1e4))
def test_a_range_written_is_the_range_read(a: float, b: float) -> None:
    if a < b:
        assert energy_range(f"{a!r}-{b!r} keV") == (a, b)


@given(st.text(max_size=40) | st.text("0123456789.eE-+ keVM%", max_size=30))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    for read in (energy_range, energies, probability, lambda one: quantity(one, "energy"), span):
        try:
            read(text)
        except QuantityError as error:
            assert error.code.startswith("XB2")


def test_a_quantity_of_any_dimension_is_known_by_its_unit() -> None:
    arcsec, arcmin = measured("90 arcsec"), measured(" 1.5arcmin ")
    assert arcsec is not None
    assert arcsec == Measured(90.0, "arcsec", "angle")
    assert arcmin is not None
    assert arcmin.number_in(arcsec) == 90.0
    assert arcsec.number_in(arcmin) == 1.5
    for text in ("90", "3-79 keV", "min30", "90 parsec", "1e999 s", ""):
        assert measured(text) is None

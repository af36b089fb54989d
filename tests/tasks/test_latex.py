"""Numbers and units in LaTeX."""

from __future__ import annotations

import pytest

from xbatch.tasks.latex import latex_number, latex_unit


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1.98765, 0.0213, 0.0309), "$1.988^{+0.031}_{-0.021}$"),
        ((1.98765, 0.021, 0.0213), r"$1.988\pm0.021$"),
        ((4.4e-4, 5e-5, 5.2e-5), r"$4.40^{+0.52}_{-0.50}\times10^{-4}$"),
        ((4.4e-4, 5e-5, 5e-5), r"$(4.40\pm0.50)\times10^{-4}$"),
        ((0.25, None, 0.1), "$0.25^{+0.10}$"),
        ((-2.0, None, None), "$-2.000$"),
    ],
)
def test_numbers(numbers: tuple[float, float | None, float | None], text: str) -> None:
    assert latex_number(*numbers) == text


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("keV", "keV"),
        ("", ""),
        ("10^22 cm^-2", "10$^{22}$ cm$^{-2}$"),
        ("erg cm-2 s-1", "erg cm$^{-2}$ s$^{-1}$"),
        ("cm**-2", "cm$^{-2}$"),
        ("a_b", r"a\_b"),
    ],
)
def test_units(unit: str, text: str) -> None:
    assert latex_unit(unit) == text

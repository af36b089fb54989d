"""Components that enclose others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import BASE, codes, fit, parameters

TWO = "cflux.f(powerlaw.pl + cflux.g(gaussian.fe))"


def test_a_flux_is_a_parameter_like_others(tmp_path: Path) -> None:
    found = parameters(tmp_path, BASE + fit("tbabs.gal * cflux.f(powerlaw.pl)", "{pl.norm: {frozen: true}}"))
    assert list(found) == ["gal.nH", "f.Emin", "f.Emax", "f.lg10Flux", "pl.PhoIndex", "pl.norm"]
    assert (found["f.Emin"].value, found["f.Emin"].frozen) == (0.5, True)
    assert (found["f.lg10Flux"].value, found["f.lg10Flux"].frozen) == (-12.0, False)


@pytest.mark.parametrize(
    ("model", "said", "expected"),
    [
        ("cflux.f(powerlaw.a + powerlaw.b)", "{a.norm: {frozen: true}}", []),
        ("cflux.f(powerlaw.a + powerlaw.b)", '{a.norm: {link: "2 * b.norm"}}', []),
        ("cflux.f(powerlaw.a + powerlaw.b)", "{a.PhoIndex: {frozen: true}}", ["XB321"]),
        (TWO, "{fe.norm: {frozen: true}}", ["XB321"]),
        (TWO, "{pl.norm: {frozen: true}}", ["XB321"]),
        (TWO, '{"*.norm": {frozen: true}}', []),
        (TWO, "{fe.norm: {frozen: true}, g.lg10Flux: {frozen: true}}", []),
        ("cflux.f(powerlaw.pl)", "{pl.norm: {frozen: true}, f.Emin: {value: 3}, f.Emax: {value: 3}}", ["XB309"]),
    ],
)
def test_what_a_flux_needs(tmp_path: Path, model: str, said: str, expected: list[str]) -> None:
    text = BASE + fit(model, said)
    if expected:
        assert codes(tmp_path, text) == expected
    else:
        assert parameters(tmp_path, text)

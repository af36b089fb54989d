import numpy as np
import pytest

from xbatch.xray.absorption import Grains, absorption_table, phabs_tau, tbabs_tau

ENERGIES = np.geomspace(0.1, 60.0, 300)


def test_phabs_is_the_sum_over_the_elements() -> None:
    # Above all edges the optical depth falls nearly as E^-3.
    tau = phabs_tau(np.array([20.0, 40.0]), "angr", "vern")
    assert tau[0] / tau[1] == pytest.approx(8, rel=0.15)


def test_optical_depth_at_1_keV() -> None:
    # What XSPEC 12.9.1 has in the narrow bin 0.9995-1.0005 keV for 1e21 / cm2: TBabs, abund wilm, 0.84050.
    assert np.exp(-0.1 * tbabs_tau(np.array([1.0]), "wilm")[0]) == pytest.approx(0.84050, abs=2e-5)


def test_grains_shield_and_small_grains_do_not() -> None:
    at = np.array([0.3, 0.6, 1.0])
    usual = tbabs_tau(at, "wilm")
    assert np.all(tbabs_tau(at, "wilm", grains=Grains(density=3.0)) < usual)
    dust = tbabs_tau(at, "wilm", grains=Grains(smallest=1e-7, largest=2e-7))
    denser = tbabs_tau(at, "wilm", grains=Grains(density=2.0, smallest=1e-7, largest=2e-7))
    assert np.all(dust > usual)
    np.testing.assert_allclose(dust, denser, rtol=1e-6)


def test_molecules_absorb_more_than_their_atoms() -> None:
    at = np.array([0.2])
    assert tbabs_tau(at, "wilm", h2_fraction=0.2) > tbabs_tau(at, "wilm", h2_fraction=0.0)


@pytest.mark.parametrize("kind", ["phabs", "tbabs"])
@pytest.mark.parametrize("xsect", ["vern", "bcmc"])
def test_table_has_a_value_for_each_bin(kind: str, xsect: str) -> None:
    tau = absorption_table(ENERGIES, "wilm", xsect, kind)
    assert tau.shape == (ENERGIES.size - 1,)
    assert np.all(tau > 0)


def test_tbabs_does_not_depend_on_the_cross_sections_chosen() -> None:
    tables = [absorption_table(ENERGIES, "wilm", xsect, "tbabs") for xsect in ("vern", "bcmc")]
    np.testing.assert_array_equal(*tables)


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(ValueError, match="energies above 0 keV; the lowest here is 0 keV"):
        phabs_tau(np.array([0.0, 1.0]), "angr", "vern")
    with pytest.raises(ValueError, match="no absorption 'wabs'"):
        absorption_table(ENERGIES, "angr", "vern", "wabs")
    with pytest.raises(ValueError, match="no abundance table"):
        absorption_table(ENERGIES, "solar", "vern", "tbabs")


@pytest.mark.parametrize("xsect", ["vern", "bcmc"])
def test_nothing_is_absorbed_above_100_keV(xsect: str) -> None:
    # As XSPEC 12.15: phabs asks where a bin begins, tbabs has 0 at the edges themselves.
    edges = np.array([99.0, 99.6, 100.2, 101.0, 3000.0])
    atoms = absorption_table(edges, "angr", xsect, "phabs")
    expected = {"vern": [1.3711825e-5, 1.346616e-5], "bcmc": [1.1222581e-5, 1.1069013e-5]}[xsect]
    np.testing.assert_allclose(atoms[:2], expected, rtol=1e-3)
    np.testing.assert_array_equal(atoms[2:], 0)
    medium = absorption_table(edges, "angr", xsect, "tbabs")
    np.testing.assert_allclose(medium[:2], [1.3731905e-5, 6.803689e-6], rtol=1e-4)
    np.testing.assert_array_equal(medium[2:], 0)

import numpy as np
import pytest

from xbatch.xray.cross_sections import (
    CROSS_SECTIONS,
    atom_cross_section,
    bin_cross_section,
    edge_cross_section,
    h2_yan,
    helium_yan,
    hydrogen_band,
)

ENERGIES = np.geomspace(100.0, 80_000.0, 400)


def test_hydrogen_at_threshold_is_6_3_megabarn() -> None:
    at = np.array([13.6])
    assert hydrogen_band(at)[0] == pytest.approx(6.3e-18, rel=0.01)
    assert atom_cross_section(1, at, "vern")[0] == pytest.approx(6.3e-18, rel=0.01)


def test_nothing_below_a_threshold() -> None:
    low = np.array([10.0])
    assert hydrogen_band(low)[0] == 0
    assert helium_yan(low)[0] == 0
    assert atom_cross_section(1, low, "vern")[0] == 0


def test_helium_of_both_sources_agree() -> None:
    np.testing.assert_allclose(helium_yan(ENERGIES[50:]), atom_cross_section(2, ENERGIES[50:], "bcmc"), rtol=1e-3)


def test_a_molecule_absorbs_more_than_two_atoms() -> None:
    ratio = h2_yan(ENERGIES) / hydrogen_band(ENERGIES)
    assert np.all((ratio > 2.3) & (ratio < 3.1))
    assert h2_yan(np.array([50.0]))[0] == pytest.approx(2.85 * hydrogen_band(np.array([50.0]))[0])


@pytest.mark.parametrize("xsect", CROSS_SECTIONS)
@pytest.mark.parametrize("z", range(1, 31))
def test_never_negative(z: int, xsect: str) -> None:
    assert np.all(atom_cross_section(z, ENERGIES, xsect) >= 0)


@pytest.mark.parametrize(("z", "edge"), [(8, 531.7), (26, 7111.2)])
def test_both_sets_jump_at_k_edges(z: int, edge: float) -> None:
    for xsect in CROSS_SECTIONS:
        below, above = atom_cross_section(z, np.array([edge - 30, edge + 30]), xsect)
        assert above > 5 * below


def test_sets_agree_within_the_fits_quality() -> None:
    for z in (6, 7, 8, 10, 12, 14, 16, 26):
        vern, bcmc = (atom_cross_section(z, np.array([3000.0, 9000.0]), xsect) for xsect in CROSS_SECTIONS)
        np.testing.assert_allclose(vern, bcmc, rtol=0.15)


def test_elements_without_figures_absorb_nothing_in_bcmc() -> None:
    for z in (3, 4, 5, 9, 15, 19, 21, 22, 23, 25):
        assert not atom_cross_section(z, ENERGIES, "bcmc").any()


@pytest.mark.parametrize("xsect", CROSS_SECTIONS)
def test_narrow_bins_give_the_value_at_their_middle(xsect: str) -> None:
    edges = np.array([2000.0, 2000.001])
    expected = atom_cross_section(14, np.array([2000.0005]), xsect)
    np.testing.assert_allclose(bin_cross_section(14, edges, xsect), expected, rtol=1e-6)


def test_bin_over_an_edge_weighs_logarithms_by_width() -> None:
    # Silicon's K edge at 1840 eV in a bin of which three quarters are below it.
    value = bin_cross_section(14, np.array([1839.97, 1840.01]), "bcmc")[0]
    below, above = atom_cross_section(14, np.array([1839.989, 1840.0]), "bcmc")
    assert value == pytest.approx(below**0.75 * above**0.25, rel=1e-4)


def test_fine_structure_joins_the_smooth_fits() -> None:
    for z, low, high in ((8, 490.02, 584.49), (10, 865.01, 870.17), (26, 700.2, 794.9)):
        inside = np.array([low, high])
        np.testing.assert_allclose(edge_cross_section(z, inside), atom_cross_section(z, inside, "vern"), rtol=0.05)
        outside = np.array([low - 10, high + 10])
        np.testing.assert_array_equal(edge_cross_section(z, outside), atom_cross_section(z, outside, "vern"))


def test_oxygen_has_a_resonance_below_its_edge() -> None:
    energies = np.arange(520.0, 540.0, 0.02)
    strong = energies[np.argmax(edge_cross_section(8, energies))]
    assert strong == pytest.approx(527.4, abs=0.5)  # 1s-2p of O I at 23.51 Angstrom


def test_unknown_set_is_named() -> None:
    for function in (atom_cross_section, bin_cross_section):
        with pytest.raises(ValueError, match="no set of cross-sections 'obcm'; there are vern, bcmc"):
            function(1, ENERGIES, "obcm")

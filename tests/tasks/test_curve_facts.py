"""What is said of the light curve of a band."""

from __future__ import annotations

import numpy as np
import pytest

from xbatch.tasks._bands import StepBand
from xbatch.tasks._curve_facts import band_cards, curve_facts, curve_file

BAND = StepBand("3-10 keV", 3.0, 10.0, 35, 209)
RATE, ERROR, EXPOSURE = np.array([1.0, 2.0, 4.0]), np.array([0.1, 0.2, 0.3]), np.array([100.0, 50.0, 50.0])


def test_a_band_is_told_by_its_energies_and_channels() -> None:
    said = {card.keyword: card.value for card in band_cards(BAND, (36, 208))}
    assert (said["E_MIN"], said["E_MAX"], said["E_UNIT"], said["BANDNAME"]) == (3.0, 10.0, "keV", "3-10 keV")
    assert (said["CHANMIN"], said["CHANMAX"], said["CHANTYPE"]) == (36, 208, "PI")
    assert curve_file(BAND) == "3-10_keV.lc"


@pytest.mark.parametrize("background", [True, False])
def test_rates_are_weighted_by_exposure(background: bool) -> None:
    back = np.array([0.1, 0.1, 0.2]) if background else None
    back_counts = np.array([10, 5, 10]) if background else None
    counts = np.array([110, 105, 210])
    facts = curve_facts(BAND, (35, 209), (RATE, ERROR, back), EXPOSURE, counts, back_counts)
    assert facts["rate"] == pytest.approx((100 + 100 + 200) / 200)
    assert facts["rate_error"] == pytest.approx(np.sqrt(10.0**2 + 10.0**2 + 15.0**2) / 200)
    assert (facts["bins"], facts["exposure"], facts["counts"]) == (3, 200.0, 425)
    assert facts["background_counts"] == (25 if background else None)
    assert (facts["file"], facts["pi"], facts["lo"], facts["hi"]) == ("3-10_keV.lc", [35, 209], 3.0, 10.0)
    assert facts["dof"] == 2 and facts["chi2"] > 10


def test_one_bin_does_not_vary() -> None:
    facts = curve_facts(BAND, (35, 209), (RATE[:1], ERROR[:1], None), EXPOSURE[:1], np.array([100]), None)
    assert facts["rate"] == 1.0 and facts["chi2"] is None and facts["excess_variance"] is None

"""Energies as numbers of PI, as the tasks count them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.channels import pi_of_band, pi_of_energies
from xbatch.spec.model import Subject
from xbatch.spec.quantity import QuantityError
from xbatch.xray.channels import pi_range

FPMA = Subject("nustar", "90402339002", "FPMA", "")
EPN = Subject("xmm", "0201430201", "EPN", "")


def test_both_ends_of_a_pi_range_are_in_it() -> None:
    assert pi_of_energies(EPN, 0.2, 12.0) == (200, 12000)
    assert pi_of_energies(FPMA, 3.0, 79.0) == (35, 1935)
    assert pi_of_band(EPN, 10.0, 12.0) == (10000, 11999)
    assert pi_of_band(FPMA, 3.0, 79.0) == (35, 1934)


@given(st.sampled_from([FPMA, EPN]), st.integers(160, 1400), st.integers(1, 500))
def test_bands_are_those_of_the_tasks(subject: Subject, lo: int, width: int) -> None:
    ends = lo / 100, (lo + 4 * width) / 100
    if ends[1] < 20.0:
        assert pi_of_band(subject, *ends) == pi_range(subject.mission, subject.instrument, *ends)


@pytest.mark.parametrize("ends", [(0.5, 1.5), (3.0, 3.01), (170.0, 200.0)])
def test_a_band_without_channels_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(QuantityError, match=r"holds no PI channel of FPMA, which has 1.6 to 165.44 keV"):
        pi_of_band(FPMA, *ends)


def test_another_mission_has_channels_alone() -> None:
    with pytest.raises(QuantityError, match="not known"):
        pi_of_band(Subject("other", "1", "XRT", ""), 1.0, 2.0)

from __future__ import annotations

from dataclasses import replace

import pytest

from xbatch.xray.fit.parameters import FitParameter, Parameters, read_parameters

NORM = FitParameter("pl.norm", "pl", "norm", (0, 1), 2.0, 0.0, 10.0)
CAL_A = FitParameter("cal.factor[FPMA]", "cal", "factor", (0,), 1.0, 0.0, 10.0, frozen=True)
CAL_B = FitParameter("cal.factor[FPMB]", "cal", "factor", (1,), 1.5, 0.0, 10.0)
TWICE = FitParameter("ga.norm", "ga", "norm", (0, 1), 0.0, 0.0, 10.0, link="2 * pl.norm * cal.factor[FPMB]")
HALF = FitParameter("gb.norm", "gb", "norm", (0, 1), 0.0, 0.0, 10.0, link="ga.norm / 2")


def test_free_ones_give_all_values_through_links() -> None:
    parameters = Parameters([HALF, NORM, CAL_A, CAL_B, TWICE])
    assert parameters.free_names == ("pl.norm", "cal.factor[FPMB]")
    assert parameters.values([3.0, 2.0]) == [6.0, 3.0, 1.0, 2.0, 12.0]
    assert parameters.start.tolist() == [2.0, 1.5]


def test_slots_follow_the_components_and_the_datasets() -> None:
    parameters = Parameters([NORM, CAL_A, CAL_B])
    slots = parameters.slots({"cal": ("factor",), "pl": ("norm",)}, [("cal", "pl"), ("cal", "pl")])
    assert slots == [{"cal": (1,), "pl": (0,)}, {"cal": (2,), "pl": (0,)}]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([NORM, NORM], "share a name"),
        ([replace(NORM, value=11.0)], "starts at 11, outside its limits 0 to 10"),
        ([replace(NORM, link="ga.norm"), replace(TWICE, link="pl.norm")], "links lead in a circle"),
        ([replace(NORM, link="ga.norm")], "no parameter 'ga.norm'"),
    ],
)
def test_what_cannot_be_is_refused(parameters: list[FitParameter], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameters(parameters)


def test_a_missing_or_double_value_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cal\.factor has no value for dataset 1"):
        Parameters([CAL_A]).slots({"cal": ("factor",)}, [("cal",)] * 2)
    with pytest.raises(ValueError, match=r"cal\.factor has two values for dataset 0"):
        Parameters([CAL_A, replace(CAL_B, datasets=(0, 1))]).slots({"cal": ("factor",)}, [("cal",)] * 2)


def test_reading_passes_over_what_it_does_not_know() -> None:
    item = {
        "name": "pl.norm", "component": "pl", "parameter": "norm", "datasets": [0, 1], "value": 2, "min": 0, "max": 10,
        "unit": "", "frozen": False, "link": None, "path": "fit.x",
    }  # fmt: skip
    assert read_parameters([item]).all == (NORM,)

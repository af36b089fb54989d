from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.compare.made import compared, differing, fitted
from xbatch.base.numbers import Rounded
from xbatch.plan.reasons import Reason
from xbatch.report.compare.data import Difference, Number
from xbatch.report.compare.words import (
    axis_words,
    by_power,
    changes_of,
    common_power,
    difference_cells,
    difference_text,
    intro,
    notes_of,
    number_column,
    row_labels,
    unit_text,
)


def test_rows_are_named_by_what_tells_them_apart() -> None:
    rows = [fitted(20), fitted(30, group="99900000002")]
    assert row_labels(compared(*rows), rows) == ["counts 20", "99900000002, counts 30"]
    rows = [fitted(20), fitted(20, run=1)]
    assert row_labels(compared(*rows, runs=2), rows) == ["before, counts 20", "after, counts 20"]
    plain = fitted(values={})
    assert row_labels(compared(plain), [plain]) == ["pl"]


@given(st.lists(st.sampled_from(["a.b", "c.b", "b", "a.c.b", "d"]), unique=True, min_size=1))
def test_words_of_axes_tell_them_apart(axes: list[str]) -> None:
    words = axis_words(axes)
    assert len(set(words.values())) == len(axes)
    assert all(axis.endswith(word) for axis, word in words.items())


@pytest.mark.parametrize(
    ("values", "power"),
    [([1.9, 2.1], 0), ([0.0079, 0.0081], -3), ([3e-11, 2e-12], -11), ([0.0], 0), ([4e5], 5), ([12000.0], 0), ([], 0)],
)
def test_one_power_of_ten_for_a_column(values: list[float], power: int) -> None:
    assert common_power(values) == power


def test_numbers_are_rounded_by_their_errors_and_fixed_ones_are_not() -> None:
    assert by_power(Number(0.00793, 5.6e-4, 6.1e-4), -3) == Rounded("7.93", "0.56", "0.61")
    assert by_power(Number(6.4, state="frozen"), 0) == Rounded("6.4")


def test_a_column_has_one_power_and_says_what_is_fixed() -> None:
    rows = [fitted(20), fitted(30, parameters={"pl.norm": Number(0.004, unit="photons/keV/cm2/s at 1 keV")})]
    column = number_column([*rows, fitted(40, parameters={})], "pl.norm")
    assert column.heading == "10⁻³ photons keV⁻¹ cm⁻² s⁻¹ at 1 keV"
    assert [number and number.value for number in column.numbers] == ["3.210", "4.000", None]
    assert number_column(rows, "fe.LineE").states == ("frozen", "")
    assert unit_text("erg/cm2/s") == "erg cm⁻² s⁻¹"


def test_numbers_too_far_apart_for_one_power_keep_their_own() -> None:
    rows = [fitted(20, parameters={"x": Number(5000.0)}), fitted(30, parameters={"x": Number(2e-6)})]
    column = number_column(rows, "x")
    assert (column.power, column.numbers[1]) == (0, Rounded("2.000", exponent=-6))


def test_differences_end_at_the_digit_of_their_column() -> None:
    rows = [fitted(20, 1.9), fitted(30, 1.95), fitted(40, parameters={})]
    assert difference_cells(rows, [None, rows[0], rows[0]], number_column(rows, "pl.PhoIndex")) == ["", "+0.050", ""]


def test_changes_are_gathered_over_rows_and_steps() -> None:
    rows = [fitted(20)]
    for counts in (30, 50):
        differs = tuple(differing(20.0, float(counts), subject=f"a/{module}/src/bins") for module in ("FPMA", "FPMB"))
        rows.append(fitted(counts, reference=0, differs=differs))
    (change,) = changes_of(compared(*rows))
    assert change.where == "group a/FPMA/src/bins and 1 more"
    assert (change.what, change.moves, change.rows) == ("binning.counts", (("20", ("30", "50")),), 2)


def test_places_of_a_list_are_left_open_where_they_alone_differ() -> None:
    differs = (differing(79, 40, "datasets[0].band.hi"), differing(79, 40, "datasets[1].band.hi"))
    (change,) = changes_of(compared(fitted(20), fitted(30, differs=differs)))
    assert (change.what, change.moves) == ("datasets[*].band.hi", (("79", ("40",)),))
    (one,) = changes_of(compared(fitted(20), fitted(30, differs=differs[:1])))
    assert one.what == "datasets[0].band.hi"


def test_of_more_than_two_runs_it_is_said_which() -> None:
    rows = [fitted(), fitted(run=1, differs=(differing(20, 30),)), fitted(run=2, differs=(differing(20, 40),))]
    (change,) = changes_of(compared(*rows, runs=3))
    assert change.moves == (("20", ("30 in after", "40 in third")),)


def test_differences_in_words() -> None:
    assert difference_text(differing(20.0, 30.0)) == "group a/FPMA/src/bins: binning.counts 20 -> 30"
    digests = Reason("input", "pha", "fits1:" + "ab" * 32, "fits1:" + "cd" * 32)
    told = Difference("spectrum", "a", digests, ("/x/one.pha", "/y/two.pha"))
    assert difference_text(told) == "spectrum a: input pha one.pha (abababab…) -> two.pha (cdcdcdcd…)"
    assert difference_text(Difference("fit", "pl", Reason("task version", "fit", 2, 3))).endswith("of the task 2 -> 3")
    assert difference_text(Difference("fit", "pl", Reason("engine", "", "native 1", "sas 1"))).endswith(
        "engine native 1 -> sas 1"
    )
    added = Difference("fit", "pl", Reason("parameter", "parameters[fe.norm]", None, {"name": "fe.norm"}))
    assert difference_text(added) == "fit pl: parameters[fe.norm] not there -> there"


def test_notes_begin_with_what_has_no_result_and_name_whom_they_concern() -> None:
    pegged = Number(0.0, unit="1e22 cm-2", state="free", note="pegged at min")
    rows = [
        fitted(20, parameters={"gal.nH": pegged}, notes=("stand-in response",)),
        fitted(30, notes=("stand-in response",)),
        fitted(40, result="failed", message="no good channel", parameters={}, stat_value=None),
        fitted(50, result="poor"),
    ]
    assert notes_of(compared(*rows), rows, ["gal.nH"]) == [
        ("failed: no good channel", ["counts 40"], True),
        ("poor fit: the model does not describe the data, so errors are not given", ["counts 50"], True),
        ("stand-in response", ["counts 20", "counts 30"], False),
        ("gal.nH: pegged at min", ["counts 20"], False),
    ]
    said = [fitted(20, parameters={"gal.nH": pegged}, notes=("gal.nH is at its lower limit, 0",))]
    assert [text for text, _, _ in notes_of(compared(*said), said, ["gal.nH"])] == ["gal.nH is at its lower limit, 0"]


def test_the_first_line_says_what_is_compared() -> None:
    assert intro(compared(fitted(20), fitted(30))) == "sweep: 2 members, binning.bins.counts"
    assert intro(compared(fitted(), fitted(run=1), runs=2)) == "2 runs: before, after"
    assert intro(compared(fitted(members=()))) == "sweep: no sweep"

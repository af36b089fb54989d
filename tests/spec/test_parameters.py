"""Which values a fit has, which spectra share each, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.specs import BASE, TWO_EPOCHS, codes, fit, jobs, parameters
from xbatch.spec.components import COMPONENTS
from xbatch.spec.model import Band, Dataset, Subject
from xbatch.spec.parameters import Instance, named

CAL = "cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false}]}"


def test_one_value_for_all_but_a_free_constant(tmp_path: Path) -> None:
    found = parameters(tmp_path, BASE + fit(parameters=f"{{{CAL}, gal.nH: {{value: 0.6, frozen: true, max: 2}}}}"))
    assert list(found) == ["cal.factor[FPMA]", "cal.factor[FPMB]", "gal.nH", "pl.PhoIndex", "pl.norm"]
    assert (found["cal.factor[FPMA]"].frozen, found["cal.factor[FPMB]"].frozen) == (True, False)
    assert (found["cal.factor[FPMA]"].datasets, found["cal.factor[FPMB]"].datasets) == ((0,), (1,))
    nh = found["gal.nH"]
    assert (nh.value, nh.min, nh.max, nh.unit, nh.frozen, nh.datasets) == (0.6, 0.0, 2.0, "1e22 cm-2", True, (0, 1))


def test_a_free_constant_is_one_for_each_obsid_and_instrument(tmp_path: Path) -> None:
    found = parameters(tmp_path, TWO_EPOCHS + fit())
    assert [name for name in found if name.startswith("cal")] == [
        "cal.factor[90402339002/FPMA]",
        "cal.factor[90402339002/FPMB]",
        "cal.factor[90402339004/FPMA]",
        "cal.factor[90402339004/FPMB]",
    ]


def test_names_are_as_short_as_tells_them_apart(tmp_path: Path) -> None:
    found = parameters(tmp_path, TWO_EPOCHS + fit(parameters=f"{{{CAL}}}"))
    assert [name for name in found if name.startswith("cal")] == [
        "cal.factor[FPMA]",
        "cal.factor[90402339002/FPMB]",
        "cal.factor[90402339004/FPMB]",
    ]


@pytest.mark.parametrize("axis", ["obsid", "epoch"])
def test_tie_makes_one_value_along_an_axis(tmp_path: Path, axis: str) -> None:
    text = fit(parameters=f"{{cal.factor: {{tie: [{axis}]}}}}", more="epochs: {early: {tag: early}, late: {tag: late}}")
    found = parameters(tmp_path, TWO_EPOCHS + text)
    assert found["cal.factor[FPMA]"].datasets == (0, 2)
    assert found["cal.factor[FPMB]"].datasets == (1, 3)


def test_vary_frees_along_an_axis(tmp_path: Path) -> None:
    text = fit("powerlaw.pl", "{pl.norm: {vary: [epoch]}}", "epochs: {early: {tag: early}, late: {tag: late}}")
    found = parameters(tmp_path, TWO_EPOCHS + text)
    assert list(found) == ["pl.PhoIndex", "pl.norm[early]", "pl.norm[late]"]
    assert found["pl.norm[late]"].datasets == (2, 3)


def test_an_observation_in_no_epoch_is_one_of_its_own(tmp_path: Path) -> None:
    text = fit("powerlaw.pl", "{pl.norm: {vary: [epoch]}}", "epochs: {early: {tag: early}}")
    assert "pl.norm[90402339004]" in parameters(tmp_path, TWO_EPOCHS + text)


def test_frozen_values_do_not_vary(tmp_path: Path) -> None:
    found = parameters(tmp_path, TWO_EPOCHS + fit("powerlaw.pl", "{pl.norm: {frozen: true, vary: [obsid]}}"))
    assert found["pl.norm"].datasets == (0, 1, 2, 3)


def test_exceptions_split_a_value(tmp_path: Path) -> None:
    text = fit("powerlaw.pl", "{pl.PhoIndex: {value: 2, for: [{where: {obsid: 90402339004}, value: 1.5, max: 3}]}}")
    found = parameters(tmp_path, TWO_EPOCHS + text)
    assert found["pl.PhoIndex[90402339002]"].value == 2.0
    late = found["pl.PhoIndex[90402339004]"]
    assert (late.value, late.max, late.datasets) == (1.5, 3.0, (2, 3))
    assert late.path == "fit.one.parameters.pl.PhoIndex.for[0]"


def test_names_overrule_globs(tmp_path: Path) -> None:
    text = fit(
        "powerlaw.a + powerlaw.b", '{a.norm: {value: 3}, "*.norm": {value: 2, min: 0.1}, "*.Pho*": {frozen: true}}'
    )
    found = parameters(tmp_path, BASE + text)
    assert (found["a.norm"].value, found["a.norm"].min) == (3.0, 0.1)
    assert (found["b.norm"].value, found["b.norm"].min) == (2.0, 0.1)
    assert found["a.PhoIndex"].frozen


def test_a_link_names_another_value(tmp_path: Path) -> None:
    text = fit("powerlaw.a + powerlaw.b", '{a.norm: {value: 3}, b.norm: {link: "2 * a.norm"}}')
    linked = parameters(tmp_path, BASE + text)["b.norm"]
    assert (linked.link, linked.value, linked.frozen, linked.datasets) == ("2 * a.norm", 6.0, False, (0, 1))


def test_a_link_to_what_varies_varies_with_it(tmp_path: Path) -> None:
    text = fit("powerlaw.a + powerlaw.b", '{a.norm: {vary: [obsid]}, b.norm: {link: "a.norm / 2"}}')
    found = parameters(tmp_path, TWO_EPOCHS + text)
    assert found["b.norm[90402339004]"].link == "a.norm[90402339004] / 2"
    assert found["b.norm[90402339004]"].datasets == (2, 3)


def test_a_link_may_name_a_subject(tmp_path: Path) -> None:
    exception = '{where: {instrument: FPMB}, link: "1.1 * cal.factor[instrument=FPMA]"}'
    found = parameters(tmp_path, TWO_EPOCHS + fit(parameters=f"{{cal.factor: {{for: [{exception}]}}}}"))
    assert found["cal.factor[90402339004/FPMB]"].link == "1.1 * cal.factor[90402339004/FPMA]"


def test_links_follow_links(tmp_path: Path) -> None:
    text = fit("powerlaw.a + powerlaw.b", '{a.norm: {link: "b.norm + 1"}, b.norm: {link: "a.PhoIndex * 2"}}')
    assert parameters(tmp_path, BASE + text)["a.norm"].value == 3.0


def test_an_exception_with_a_value_takes_the_place_of_a_link(tmp_path: Path) -> None:
    exception = "{where: {instrument: FPMB}, value: 5}"
    text = fit("powerlaw.a + powerlaw.b", f'{{a.norm: {{link: "b.norm", for: [{exception}]}}}}')
    found = parameters(tmp_path, BASE + text)
    assert found["a.norm[FPMA]"].link == "b.norm"
    assert (found["a.norm[FPMB]"].link, found["a.norm[FPMB]"].value) == ("", 5.0)


def test_exceptions_of_a_grouped_fit_need_match_in_one_group_only(tmp_path: Path) -> None:
    text = fit(parameters=f"{{{CAL}}}", more="group_by: [instrument]")
    both = jobs(tmp_path, BASE + text)
    assert [job.parameters[0].name for job in both] == ["cal.factor", "cal.factor"]
    assert [job.parameters[0].frozen for job in both] == [True, False]


def test_a_link_to_a_spectrum_of_another_group_is_an_error(tmp_path: Path) -> None:
    exception = '{where: {instrument: FPMB}, link: "cal.factor[instrument=FPMA]"}'
    text = fit(parameters=f"{{cal.factor: {{for: [{exception}]}}}}", more="group_by: [instrument]")
    assert codes(tmp_path, BASE + text) == ["XB311"]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1), st.integers(0, 3)),
        min_size=1,
        max_size=12,
        unique_by=lambda one: one[:3],
    )
)
def test_names_are_unique(subjects: list[tuple[int, int, int, int]]) -> None:
    datasets = [
        Dataset(Subject("nustar", f"o{o}", ("FPMA", "FPMB")[i], f"s{s}"), "b", Band("x", 1, 2))
        for o, i, s, _ in subjects
    ]
    values = sorted({value for *_, value in subjects})
    rule_of = {value: tuple(n for n, one in enumerate(subjects) if one[3] == value) for value in values}
    rule = COMPONENTS["powerlaw"].parameters[0]
    found = [Instance("pl", "PhoIndex", rule, numbers, 1, 0, 2, False, None, "") for numbers in rule_of.values()]
    names = [one.name for one in named(found, datasets)]
    assert len(set(names)) == len(names)

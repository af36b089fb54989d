"""Sweeps by zip, cases and conditions, and their limit."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spec.specs import codes, problems, read
from tests.spec.sweeps import SPEC, VALUES, blocks, shuffled, swept
from xbatch.base.errors import SpecError
from xbatch.spec import load
from xbatch.spec.points import TooManyMembersError
from xbatch.spec.schema import load_schema
from xbatch.spec.sweep import MOST_MEMBERS

COUNTS, SNR, BAND = "binning.a.counts", "binning.b.snr", "bands.full"
EACH = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def names(folder: Path, sweep: dict[str, Any]) -> list[str]:
    return [member.name for member in read(folder, swept(sweep)).members]


def test_lists_of_a_zip_are_taken_side_by_side(tmp_path: Path) -> None:
    sweep = {"zip": {COUNTS: [10, 20], SNR: [3, 3]}, "grid": {BAND: ["3-9 keV", "3-20 keV"]}}
    assert names(tmp_path, sweep) == [
        "full=3-9keV,counts=10,snr=3",
        "full=3-9keV,counts=20,snr=3",
        "full=3-20keV,counts=10,snr=3",
        "full=3-20keV,counts=20,snr=3",
    ]


def test_several_zips_multiply(tmp_path: Path) -> None:
    sweep = {"zip": [{COUNTS: [10, 20], SNR: [3, 4]}, {BAND: ["3-9 keV", "3-20 keV"]}]}
    assert len(names(tmp_path, sweep)) == 4


def test_a_case_sets_several_paths_and_names_the_member(tmp_path: Path) -> None:
    sweep = {"cases": {"soft": {BAND: "3-9 keV", COUNTS: 10}, "hard": {BAND: "9-20 keV"}}}
    soft, hard = read(tmp_path, swept(sweep)).members
    assert (soft.name, hard.name) == ("case=soft", "case=hard")
    assert soft.values == {"case": "soft", BAND: "3-9 keV", COUNTS: 10}
    assert soft.by_case == {BAND, COUNTS}
    assert [one.spec.bands["full"].hi for one in (soft, hard)] == [9.0, 20.0]
    assert [one.spec.binnings["a"].params["counts"] for one in (soft, hard)] == [10.0, 30.0]


def test_points_are_left_out(tmp_path: Path) -> None:
    sweep = {
        "grid": {COUNTS: [10, 20, 30]},
        "cases": {"soft": {BAND: "3-9 keV"}, "hard": {BAND: "9-20 keV"}},
        "exclude": [{COUNTS: [10, 20], "case": "soft"}, {BAND: "9-20keV", COUNTS: 30.0}],
    }
    assert names(tmp_path, sweep) == ["counts=10,case=hard", "counts=20,case=hard", "counts=30,case=soft"]


def test_an_axis_may_be_there_for_some_members_only(tmp_path: Path) -> None:
    inner = {"if": {SNR: 5}, "grid": {"fit.one.statistic": ["chi2", "pgstat"]}}
    sweep = {
        "grid": {"fit.one.data[0].binning": ["a", "b"]},
        "when": [
            {"if": {"fit.one.data[0].binning": "b"}, "grid": {SNR: [4, 5]}, "when": [inner]},
            {"if": {"fit.one.data[0].binning": ["a", "c"]}, "zip": {COUNTS: [10, 20]}},
        ],
    }
    expected = [
        "counts=10,binning=a",
        "counts=20,binning=a",
        "snr=4,binning=b",
        "snr=5,binning=b,statistic=chi2",
        "snr=5,binning=b,statistic=pgstat",
    ]
    assert names(tmp_path, sweep) == expected
    sweep["when"].reverse()
    assert sorted(names(tmp_path, sweep)) == sorted(expected)


def test_conditions_see_values_of_the_file_and_defaults(tmp_path: Path) -> None:
    when = [
        {"if": {"binning.a.type": "min"}, "grid": {COUNTS: [10, 20]}},
        {"if": {"fit.one.variance": "data"}, "grid": {SNR: [4, 5]}},
    ]
    assert len(names(tmp_path, {"when": when})) == 4
    sweep = {"grid": {"binning.b": [{"snr": 5}, {"type": "min", "counts": 5}]}}
    sweep["when"] = [{"if": {"binning.b.type": "snmin"}, "grid": {"binning.a.counts": [10, 20]}}]
    assert len(names(tmp_path, sweep)) == 3


def test_parts_beside_each_other_do_not_see_each_other(tmp_path: Path) -> None:
    parts = [
        {"if": {"binning.a.type": "min"}, "grid": {COUNTS: [10, 20]}, "exclude": [{COUNTS: 10, SNR: 3}]},
        {"if": {"binning.b.type": "snmin"}, "grid": {SNR: [4, 5]}},
    ]
    found = names(tmp_path, {"when": parts})
    assert found == ["counts=20,snr=4", "counts=20,snr=5"]
    assert sorted(names(tmp_path, {"when": parts[::-1]})) == found


def test_cases_in_parts_add_up(tmp_path: Path) -> None:
    sweep = {
        "cases": {"soft": {BAND: "3-9 keV"}, "hard": {BAND: "9-20 keV"}},
        "when": [{"if": {"case": "soft"}, "cases": {"fine": {COUNTS: 10}, "coarse": {COUNTS: 90}}}],
        "exclude": [{"case": "coarse"}],
    }
    members = read(tmp_path, swept(sweep)).members
    assert [member.name for member in members] == ["case=fine+soft", "case=hard"]
    assert members[0].values["case"] == ["fine", "soft"]


def test_more_members_than_the_limit_are_refused_with_their_number(tmp_path: Path) -> None:
    sweep = {"grid": {COUNTS: list(range(1, 41)), SNR: list(range(1, 31))}}
    with pytest.raises(TooManyMembersError) as caught:
        read(tmp_path, swept(sweep))
    assert caught.value.count == 1200
    (problem,) = caught.value.problems
    assert problem.code == "XB132" and "1200 members, more than 1000" in problem.message
    assert "--members 1200" in problem.hint and "limit: 1200" in problem.hint
    assert len(load(tmp_path / "spec.yaml", (), 1200).members) == 1200
    assert len(read(tmp_path, swept({**sweep, "limit": 1200})).members) == 1200
    sweep["exclude"] = [{COUNTS: list(range(1, 11))}]
    assert len(read(tmp_path, swept(sweep)).members) == 900
    sweep["exclude"] = [{COUNTS: 7}]
    with pytest.raises(TooManyMembersError) as caught:
        load(tmp_path / "spec.yaml", (f"sweep.exclude={json.dumps(sweep['exclude'])}",))
    assert caught.value.count == 1170


def test_a_sweep_without_end_is_not_counted_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.spec.points._MOST_COUNTED", 5000)
    sweep: dict[str, Any] = {"grid": {COUNTS: list(range(1, 1001)), SNR: list(range(1, 1001))}}
    sweep["when"] = [{"if": {"binning.a.type": "min"}, "grid": {"binning.a.bad": [[[n]] for n in range(1000)]}}]
    with pytest.raises(TooManyMembersError, match="more than 5000 members") as caught:
        read(tmp_path, swept(sweep))
    assert caught.value.count == 0


def test_other_faults_of_a_large_sweep_come_first(tmp_path: Path) -> None:
    text = swept({"grid": {COUNTS: list(range(1, 2001)), "binning.c.counts": [1]}})
    assert codes(tmp_path, text) == ["XB130"]


def test_the_limit_is_that_of_the_schema() -> None:
    assert load_schema().root["properties"]["sweep"]["properties"]["limit"]["default"] == MOST_MEMBERS


def test_each_problem_is_told_once_however_many_members_have_it(tmp_path: Path) -> None:
    text = swept({"grid": {COUNTS: list(range(1, 301)), "fit.one.model": ["powrlaw.pl", "powerlaw.pl"]}})
    found = problems(tmp_path, text)
    assert sorted({problem.code for problem in found}) == ["XB302", "XB306"]
    assert len(found) == 2


def test_a_number_and_its_text_are_one_value(tmp_path: Path) -> None:
    assert codes(tmp_path, swept({"cases": {"one": {COUNTS: 5}, "two": {COUNTS: 5.0}}})) == ["XB131"]
    assert codes(tmp_path, swept({"zip": {COUNTS: [5, 6, 5], SNR: [3, 3, 3.0]}})) == ["XB131"]


@EACH
@given(blocks())
def test_a_sweep_is_what_its_blocks_multiply_to(tmp_path: Path, sweep: dict[str, Any]) -> None:
    axes = [[{path: value} for value in values] for path, values in sweep.get("grid", {}).items()]
    if "zip" in sweep:
        lists = sweep["zip"]
        axes.append([dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)])
    if "cases" in sweep:
        axes.append([{"case": name, **case} for name, case in sweep["cases"].items()])
    points = [{path: value for row in rows for path, value in row.items()} for rows in product(*axes)]
    try:
        members = read(tmp_path, swept(sweep)).members
    except SpecError as error:
        # Two cases that set the same may be drawn.
        assert {problem.code for problem in error.problems} == {"XB131"}
        return
    assert [dict(member.values) for member in members] == points
    assert len({member.name.casefold() for member in members}) == len(members)


@EACH
@given(blocks(), st.data())
def test_names_do_not_hang_on_the_order_of_anything(tmp_path: Path, sweep: dict[str, Any], data: st.DataObject) -> None:
    other = shuffled(data.draw, sweep)
    try:
        found = {member.name: member for member in read(tmp_path, swept(sweep)).members}
    except SpecError:
        return
    again = {member.name: member for member in read(tmp_path, swept(other)).members}
    assert again.keys() == found.keys()
    for name, member in found.items():
        assert again[name].values == member.values
        assert again[name].spec == member.spec


@EACH
@given(blocks(), st.data())
def test_more_values_leave_the_members_there_are_as_they_were(
    tmp_path: Path, sweep: dict[str, Any], data: st.DataObject
) -> None:
    more = json.loads(json.dumps(sweep))
    for path, values in more.get("grid", {}).items():
        values += [value for value in data.draw(st.lists(st.sampled_from(VALUES[path]))) if value not in values][:1]
    for path, values in more.get("zip", {}).items():
        values.append(
            next(value for value in VALUES[path] + [values[0]] if value not in values[:2] or value == values[0])
        )
    if "cases" in more:
        free = sorted(VALUES.keys() - more.get("grid", {}).keys() - more.get("zip", {}).keys())
        path = data.draw(st.sampled_from(free))
        more["cases"]["new"] = {path: data.draw(st.sampled_from(VALUES[path]))}
    more["when"] = [{"if": {COUNTS: [VALUES[COUNTS][0], 30]}, "grid": {"fit.one.statistic": ["pgstat"]}}]
    try:
        found = read(tmp_path, swept(sweep)).members
        again = {member.name: member for member in read(tmp_path, swept(more)).members}
    except SpecError:
        return
    for member in found:
        if member.values.get(COUNTS, 30) not in (VALUES[COUNTS][0], 30):
            assert again[member.name].values == member.values
            assert again[member.name].spec == member.spec


@EACH
@given(st.lists(st.sampled_from(VALUES[COUNTS]), min_size=1, unique=True), st.data())
def test_a_zip_is_the_diagonal_of_a_grid(tmp_path: Path, counts: list[float], data: st.DataObject) -> None:
    some = st.lists(st.sampled_from([3, 4, 5, 6, 7]), min_size=len(counts), max_size=len(counts), unique=True)
    both = {COUNTS: counts, SNR: data.draw(some)}
    diagonal = list(zip(*both.values(), strict=True))
    grid = {
        member.name: member
        for member in read(tmp_path, swept({"grid": both})).members
        if (member.values[COUNTS], member.values[SNR]) in diagonal
    }
    zipped = read(tmp_path, swept({"zip": both})).members
    assert {member.name: member for member in zipped} == grid


@EACH
@given(blocks(), st.data())
def test_what_is_left_out_is_all_that_goes(tmp_path: Path, sweep: dict[str, Any], data: st.DataObject) -> None:
    try:
        whole = {member.name: member for member in read(tmp_path, swept(sweep)).members}
    except SpecError:
        return
    assert {m.name: m for m in read(tmp_path, swept({**sweep, "exclude": []})).members} == whole
    victim = data.draw(st.sampled_from(sorted(whole)))
    point = {path: [value] for path, value in whole[victim].values.items()}
    fewer = swept({**sweep, "exclude": [point]})
    if len(whole) == 1:
        assert codes(tmp_path, fewer) == ["XB136"]
    else:
        del whole[victim]
        assert {member.name: member for member in read(tmp_path, fewer).members} == whole


@EACH
@given(blocks())
def test_members_are_what_their_values_make_of_the_spec_alone(tmp_path: Path, sweep: dict[str, Any]) -> None:
    try:
        members = read(tmp_path, swept(sweep)).members
    except SpecError:
        return
    for member in members:
        values = [f"{path}={json.dumps(value)}" for path, value in member.values.items() if path != "case"]
        (alone,) = read(tmp_path, SPEC, values).members
        assert alone.spec == member.spec

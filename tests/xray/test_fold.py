from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tests.xray.fit.peers import sherpa_data
from tests.xray.worlds import CHANNELS, ENERGIES, World, instrument, make_world
from xbatch.xray.fold import find_groups, fold, group_bounds, group_middle, group_sum, notice
from xbatch.xray.folding import Folding


def whole(folding: Folding) -> NDArray[np.float64]:
    matrix = folding.matrix
    return matrix if isinstance(matrix, np.ndarray) else np.asarray(matrix.toarray())


FLAGS = st.lists(st.sampled_from([1, -1, 0]), min_size=1, max_size=40)


def test_groups_begin_where_grouping_is_not_minus_one() -> None:
    groups = find_groups(np.array([1, -1, -1, 0, 1, -1]), np.zeros(6, dtype=int))
    assert groups.index.tolist() == [0, 0, 0, 1, 2, 2]
    assert groups.first.tolist() == [0, 3, 4]
    assert groups.last.tolist() == [2, 3, 5]


def test_bad_channels_are_left_out_one_by_one() -> None:
    groups = find_groups(np.array([1, -1, -1, 1, -1, 1]), np.array([5, 0, 0, 2, 1, 0]))
    assert groups.index.tolist() == [-1, 0, 0, -1, -1, 1]
    assert groups.first.tolist() == [1, 5]
    assert groups.last.tolist() == [2, 5]


def test_a_bad_first_channel_does_not_join_its_group_to_the_one_before() -> None:
    groups = find_groups(np.array([1, -1, 1, -1]), np.array([0, 0, 5, 0]))
    assert groups.index.tolist() == [0, 0, -1, 1]


def test_no_good_channel_is_no_group() -> None:
    groups = find_groups(np.array([1, -1]), np.array([1, 1]))
    assert groups.size == 0
    assert group_bounds(groups, np.array([1.0, 2.0]), np.array([2.0, 3.0]))[0].size == 0


@given(FLAGS, st.data())
def test_groups_hold_every_good_channel_once_and_sums_keep_counts(flags: list[int], data: st.DataObject) -> None:
    quality = np.array(data.draw(st.lists(st.sampled_from([0, 0, 0, 5]), min_size=len(flags), max_size=len(flags))))
    groups = find_groups(np.array(flags), quality)
    assert np.array_equal(groups.index >= 0, quality == 0)
    assert np.all(np.diff(groups.index[groups.index >= 0]) >= 0)
    counts = np.arange(len(flags), dtype=float)
    assert group_sum(groups, counts).sum() == counts[quality == 0].sum()


def test_middle_is_between_the_extremes_of_good_channels() -> None:
    groups = find_groups(np.array([1, -1, -1, 1]), np.array([0, 0, 5, 0]))
    assert group_middle(groups, np.array([1.0, 4.0, 9.0, 2.0])).tolist() == [2.5, 2.0]


@pytest.mark.parametrize(("edge", "first", "last"), [("inside", 8, 91), ("overlap", 4, 95)])
def test_a_band_keeps_groups_inside_or_overlapping(edge: str, first: int, last: int) -> None:
    groups = World(np.ones(CHANNELS), np.ones(CHANNELS)).groups(1.0, 9.8, edge)
    assert (groups.first[0], groups.last[-1]) == (first, last)


def test_edges_of_32_bits_are_where_they_are_meant_to_be() -> None:
    edges = np.float32(1.6 + 0.04 * np.arange(4097)).astype(np.float64)
    groups = find_groups(np.ones(4096, dtype=int), np.zeros(4096, dtype=int))
    kept = notice(groups, edges[:-1], edges[1:], 3.0, 79.0)
    assert (kept.first[0], kept.last[-1]) == (35, 1934)


def test_channels_of_a_grating_descend_in_energy() -> None:
    edges = np.linspace(3.0, 1.0, 21)
    groups = find_groups(np.ones(20, dtype=int), np.zeros(20, dtype=int))
    kept = notice(groups, edges[1:], edges[:-1], 1.5, 2.0)
    assert kept.size == 5
    assert group_bounds(kept, edges[1:], edges[:-1])[1].max() == pytest.approx(2.0)


def test_an_unknown_edge_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="'inside' or 'overlap'"):
        World(np.ones(CHANNELS), np.ones(CHANNELS)).groups(1.0, 9.0, "near")


@pytest.mark.parametrize(("lo", "hi"), [(1.0, 10.0), (0.9, 9.7), (0.95, 9.75), (0.3, 20.0)])
def test_overlap_is_the_rule_of_sherpa(lo: float, hi: float) -> None:
    world = make_world()
    groups = world.groups(lo, hi, "overlap")
    data = sherpa_data(world, "none", lo, hi)
    assert group_sum(groups, world.source).tolist() == data.get_dep(True).tolist()


def test_folding_is_the_response_summed_over_groups() -> None:
    one = instrument()
    world = make_world(areascal=np.linspace(0.5, 1.5, CHANNELS), quality=np.where(np.arange(CHANNELS) == 30, 5, 0))
    groups = world.groups(1.0, 10.0)
    folding = world.folding(groups)
    flux = np.random.default_rng(3).uniform(size=ENERGIES)
    channels = (flux * one.specresp) @ one.dense() * world.exposure * world.areascal
    part = slice(folding.first, folding.last)
    assert folding.operator(part.start, part.stop).fold(flux[part]) == pytest.approx(
        group_sum(groups, channels), rel=1e-13
    )
    assert folding.matrix @ flux == pytest.approx(group_sum(groups, channels), rel=1e-13)


@given(
    st.integers(0, 2**32),
    st.integers(1, 9),
    st.integers(1, 30),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.1, 0.6]),
)
def test_a_matrix_with_gaps_folds_as_it_does_in_full(
    seed: int, energies: int, channels: int, even: bool, upwards: bool, full: float
) -> None:
    rng = np.random.default_rng(seed)
    dense = rng.uniform(size=(energies, channels)) * (rng.uniform(size=(energies, channels)) < full)
    row, column = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(dense, axis=1))])
    group = np.repeat(np.arange(channels), rng.integers(1, 5, channels))[:channels]
    group[rng.uniform(size=channels) < 0.2] = -1
    group = group if upwards else group[::-1].copy()  # the channels of gratings have descending energies
    scale = np.full(channels, 5.0) if even else rng.uniform(size=channels)
    area = rng.uniform(size=energies)
    folding = fold(indptr, column.astype(np.int32), dense[row, column], area, group, scale, channels)
    member = (group == np.arange(channels)[:, None]).astype(float)
    assert whole(folding) == pytest.approx(member @ (dense * area[:, None] * scale).T, rel=1e-12)
    kept = np.flatnonzero(whole(folding).any(axis=0))
    assert (folding.first, folding.last) == ((kept[0], kept[-1] + 1) if kept.size else (0, 0))


def test_only_energies_that_matter_are_used() -> None:
    folding = make_world().folding(make_world().groups(4.0, 6.0))
    middle = (instrument().edges[1:] + instrument().edges[:-1]) / 2
    assert 2.5 < middle[folding.first] < 3.0
    assert 6.5 < middle[folding.last - 1] < 7.2


def test_dense_and_sparse_forms_agree() -> None:
    one = instrument()
    narrow = make_world().folding(make_world().groups())
    coarse = replace(make_world(), grouping=np.where(np.arange(CHANNELS) % 60 == 0, 1, -1).astype(np.int16))
    wide = coarse.folding(coarse.groups(0.5, 12.5))
    for folding in (wide, narrow):
        operator = folding.operator(0, ENERGIES)
        assert folding.operator(0, ENERGIES) is operator
        flux = np.random.default_rng(5).uniform(size=(one.edges.size - 1, 3))
        counts = folding.matrix @ flux
        assert operator.fold(flux) == pytest.approx(counts, rel=1e-13)
        assert operator.fold(flux[:, 1]) == pytest.approx(counts[:, 1], rel=1e-13)
        weights = np.linspace(-1, 2, counts.shape[0])
        assert operator.back(weights) == pytest.approx(folding.matrix.T @ weights, rel=1e-12, abs=1e-12)


def test_large_responses_are_folded_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world()
    groups = world.groups()
    monkeypatch.setattr("xbatch.xray.redistribution._DENSE_FROM", 1.1)
    at_once = world.folding(groups)
    monkeypatch.setattr("xbatch.xray.redistribution._BLOCK", 37)
    assert np.array_equal(whole(at_once), whole(world.folding(groups)))


def test_a_response_of_nothing_folds_to_nothing() -> None:
    one = instrument()
    none = np.full(CHANNELS, -1)
    empty = fold(one.indptr, one.indices, one.matrix, one.specresp, none, np.ones(CHANNELS), 3)
    assert (empty.first, empty.last, whole(empty).any()) == (0, 0, False)
    dark = fold(one.indptr, one.indices, one.matrix, 0 * one.specresp, none + 1, np.ones(CHANNELS), 1)
    assert (dark.first, dark.last) == (0, 0)


def test_no_group_is_kept_where_there_is_none() -> None:
    groups = find_groups(np.array([1, 1]), np.array([2, 5])).keep(np.zeros(0, dtype=bool))
    assert groups.size == 0
    assert groups.index.tolist() == [-1, -1]


@pytest.mark.parametrize("columns", [0, 1, 2, 3, 5])
def test_several_columns_fold_as_each_alone(columns: int) -> None:
    edges = np.arange(200)
    near = np.exp(-((edges[:, None] - 2.0 * np.arange(100)) ** 2) / 8.0)
    near[near < 1e-9] = 0
    flux = np.random.default_rng(1).random((columns, 200)).T
    for matrix in (near.T, near.T + 1e-6):
        operator = Folding(csr_matrix(matrix), 0, 200).operator(0, 200)
        np.testing.assert_allclose(operator.fold(flux), matrix @ flux, rtol=1e-13)
        np.testing.assert_allclose(operator.back(np.ones(100)), matrix.sum(axis=0), rtol=1e-13)


def test_a_folding_is_applied_to_more_energies_than_it_sees() -> None:
    matrix = np.zeros((3, 10))
    matrix[:, 4:6] = [[1.0, 2.0], [3.0, 0.0], [0.0, 4.0]]
    folding = Folding(csr_matrix(matrix), 4, 6)
    for first, last in ((4, 6), (0, 8), (3, 10)):
        flux = np.arange(1.0, last - first + 1)
        np.testing.assert_array_equal(folding.operator(first, last).fold(flux), matrix[:, first:last] @ flux)

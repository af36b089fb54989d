from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.test_group import SIZE, response, spectrum
from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import Response, load_response, read_response, save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks.combine import run

PARAMS: Mapping[str, Any] = {
    "obsid": "e2012",
    "instrument": "FPMA",
    "mission": "nustar",
    "spectrum": "src",
    "response": "exposure-weighted",
    "background": "keep",
    "on_missing": "error",
    "rate_sigma": None,
    "detectors_differ": False,
    "min_exposure": 0.0,
}


def combine(
    folder: Path,
    sources: Sequence[Spectrum | None],
    backgrounds: Sequence[Spectrum | None] = (),
    responses: Sequence[Response | None] = (),
    **params: Any,
) -> tuple[Spectrum, Spectrum | None, Outcome]:
    out = folder / "out"
    out.mkdir(parents=True)
    inputs: dict[str, Path] = {}
    for kind, parts in (("spectrum", sources), ("background", backgrounds)):
        for number, part in enumerate(parts):
            if part is not None:
                inputs[f"{kind}/{number}"] = folder / f"{kind}{number}.pha"
                write_pha(inputs[f"{kind}/{number}"], part)
    for number, matrix in enumerate(responses):
        if matrix is not None:
            inputs[f"response/{number}"] = folder / f"{number}.npz"
            save_response(inputs[f"response/{number}"], matrix)
    members = [f"{number}/FPMA/src" for number in range(len(sources))]
    outcome = run(Job("combine:e2012/FPMA/src", {**PARAMS, "members": members, **params}, inputs, out))
    below = out / "background.pha"
    return read_pha(out / "spectrum.pha"), read_pha(below) if below.exists() else None, outcome


def bright(seed: int, **changes: Any) -> Spectrum:
    return spectrum(counts=np.random.default_rng(seed).poisson(20, SIZE).astype(float), **changes)


def dense(one: Response) -> np.ndarray[Any, Any]:
    """The product of matrix and area, shape (m, c)."""
    filled = np.zeros((one.energ_lo.size, one.channel.size))
    rows = np.repeat(np.arange(one.energ_lo.size), np.diff(one.indptr))
    filled[rows, one.indices] = one.matrix
    return filled * one.specresp[:, None]


def test_counts_and_exposures_add(tmp_path: Path) -> None:
    parts = [bright(1, exposure=1000.0), bright(2, exposure=3000.0)]
    total, below, outcome = combine(tmp_path, parts)
    assert np.array_equal(total.counts, parts[0].counts + parts[1].counts)
    assert (total.exposure, total.poisson, below) == (4000.0, True, None)
    assert total.header["OBS_ID"] == "e2012" and total.header["BACKFILE"] == "none"
    assert outcome.facts["members"] == ["0/FPMA/src", "1/FPMA/src"]
    assert outcome.facts["counts"] == total.counts.sum()
    with fits.open(tmp_path / "out" / "spectrum.pha") as hdus:
        cards = hdus["SPECTRUM"].header
        assert [cards[key] for key in ("NMEMBER", "MEMBER1", "MEMBER2")] == [2, "0/FPMA/src", "1/FPMA/src"]


def test_backgrounds_stay_whole_counts_with_one_scale(tmp_path: Path) -> None:
    parts = [bright(1, exposure=1000.0), bright(2, exposure=3000.0)]
    below = [bright(3, exposure=1000.0, backscal=np.full(SIZE, 0.008)), bright(4, exposure=3000.0)]
    total, added, outcome = combine(tmp_path, parts, below)
    assert added is not None and added.poisson
    assert np.array_equal(added.counts, below[0].counts + below[1].counts)
    scale = total.exposure * total.backscal / (added.exposure * added.backscal)
    # One scale, and in all as much background as the spectra's own backgrounds have.
    assert np.ptp(scale) == 0
    expected = 0.25 * below[0].counts.sum() + below[1].counts.sum()
    assert scale[0] * added.counts.sum() == pytest.approx(expected)
    assert outcome.facts["net_rate"] == pytest.approx((total.counts.sum() - expected) / 4000)
    assert any("stand for 0.25 to 1 counts" in note for note in outcome.notes)
    assert total.header["BACKFILE"] == "background.pha"


def test_equal_scales_are_kept_exactly(tmp_path: Path) -> None:
    parts = [bright(n, exposure=1000.0 * (n + 1)) for n in range(3)]
    below = [bright(n + 5, exposure=1000.0 * (n + 1), backscal=np.full(SIZE, 0.01)) for n in range(3)]
    total, added, outcome = combine(tmp_path, parts, below)
    assert added is not None
    assert total.exposure * total.backscal / (added.exposure * added.backscal) == pytest.approx(np.full(SIZE, 0.2))
    assert not outcome.notes


def test_subtracted_backgrounds_leave_errors_and_no_background(tmp_path: Path) -> None:
    parts = [bright(1, exposure=1000.0), bright(2, exposure=3000.0)]
    below = [bright(3, exposure=1000.0, backscal=np.full(SIZE, 0.004)), bright(4, exposure=3000.0)]
    total, added, outcome = combine(tmp_path, parts, below, background="subtract")
    assert added is None and not total.poisson and total.stat_err is not None
    net = parts[0].counts + parts[1].counts - 0.5 * below[0].counts - below[1].counts
    assert total.counts == pytest.approx(net)
    variance = parts[0].counts + parts[1].counts + 0.25 * below[0].counts + below[1].counts
    assert total.stat_err == pytest.approx(np.sqrt(variance))
    assert any("POISSERR F" in note for note in outcome.notes)


def test_backgrounds_with_errors_are_scaled_and_keep_them(tmp_path: Path) -> None:
    weighted = bright(3, poisson=False, stat_err=np.full(SIZE, 2.0))
    _, added, _ = combine(tmp_path, [bright(1), bright(2)], [weighted, bright(4)])
    assert added is not None and not added.poisson
    assert added.stat_err == pytest.approx(np.sqrt(4.0 + bright(4).counts))


def test_responses_are_weighted_by_exposure_or_counts(tmp_path: Path) -> None:
    one = response()
    other = replace(one, matrix=one.matrix * np.linspace(0.5, 1, one.matrix.size), specresp=one.specresp * 3)
    parts = [bright(1, exposure=1000.0), bright(2, exposure=3000.0)]
    counts = [part.counts.sum() for part in parts]
    for kind, weights in (("exposure-weighted", (1000.0, 3000.0)), ("counts-weighted", counts)):
        folder = tmp_path / kind
        folder.mkdir()
        _, _, outcome = combine(folder, parts, (), [one, other], response=kind)
        mean = load_response(folder / "out" / "response.npz")
        expected = (weights[0] * dense(one) + weights[1] * dense(other)) / sum(weights)
        assert dense(mean) == pytest.approx(expected)
        assert any("2 different matrices" in note for note in outcome.notes)


def test_equal_matrices_are_kept_as_they_are(tmp_path: Path) -> None:
    one = response()
    other = replace(one, specresp=one.specresp * 3)
    _, _, outcome = combine(tmp_path, [bright(1), bright(2)], (), [one, other])
    mean = load_response(tmp_path / "out" / "response.npz")
    assert np.array_equal(mean.matrix, one.matrix) and np.array_equal(mean.first, one.first)
    assert mean.specresp == pytest.approx(2 * one.specresp)
    assert not outcome.notes


def test_a_member_without_response_leaves_the_sum_without(tmp_path: Path) -> None:
    _, _, outcome = combine(tmp_path, [bright(1), bright(2)], (), [response(), None])
    assert not (tmp_path / "out" / "response.npz").exists()
    assert "no response: 1/FPMA/src has none" in outcome.notes


def test_short_members_are_left_out(tmp_path: Path) -> None:
    parts = [bright(1, exposure=4000.0), bright(2, exposure=6000.0)]
    total, _, outcome = combine(tmp_path, parts, min_exposure=5000.0)
    assert np.array_equal(total.counts, parts[1].counts) and total.exposure == 6000.0
    assert outcome.notes == (
        "0/FPMA/src is left out: exposure 4000 s, less than 5000 s",
        "the sum is 1/FPMA/src alone",
    )
    with pytest.raises(StepError, match="nothing is left to be added: 2 of 2 spectra have less than 10000 s"):
        combine(tmp_path / "none", parts, min_exposure=1e4)


def test_missing_members_are_skipped_or_refused(tmp_path: Path) -> None:
    parts = [None, bright(2), bright(3)]
    total, _, outcome = combine(tmp_path, parts, on_missing="skip")
    assert np.array_equal(total.counts, bright(2).counts + bright(3).counts)
    assert outcome.notes == ("0/FPMA/src is left out: it could not be made",)
    with pytest.raises(StepError, match="0/FPMA/src, which is to be added, is not there"):
        combine(tmp_path / "error", parts)


def test_doubtful_sums_are_noted_where_that_is_asked_for(tmp_path: Path) -> None:
    steady, flaring = bright(1), bright(2)
    flaring = replace(flaring, counts=3 * flaring.counts, header={**flaring.header, "DETNAM": "DET1"})
    _, _, outcome = combine(tmp_path, [steady, flaring], rate_sigma=3.0, detectors_differ=True)
    assert sum("more than 3 sigma" in note for note in outcome.notes) == 2
    assert "detectors differ: DETNAM is , DET1" in outcome.notes
    assert not combine(tmp_path / "unasked", [steady, flaring])[2].notes


def test_bad_channels_of_a_member_are_bad_and_groups_are_undone(tmp_path: Path) -> None:
    quality = np.zeros(SIZE, dtype=np.int16)
    quality[:5] = 5
    flags = np.where(np.arange(SIZE) % 4, -1, 1).astype(np.int16)
    total, _, _ = combine(tmp_path, [bright(1, quality=quality, grouping=flags), bright(2)])
    assert np.array_equal(total.quality, quality) and np.all(total.grouping == 1)


@pytest.mark.parametrize("background", ["keep", "subtract"])
def test_channels_that_are_not_seen_may_have_scales_of_nothing(tmp_path: Path, background: str) -> None:
    quality = np.zeros(SIZE, dtype=np.int16)
    quality[:3] = 1
    seen = (quality == 0).astype(np.float64)
    dark = {"quality": quality, "areascal": seen}
    parts = [bright(n, backscal=seen, **dark) for n in (1, 2)]
    below = [bright(n, backscal=4 * seen, **dark) for n in (3, 4)]
    total, _, _ = combine(tmp_path / "dark", parts, below, background=background)
    plain = [[replace(one, areascal=np.ones(SIZE)) for one in some] for some in (parts, below)]
    even = [[replace(one, backscal=np.full(SIZE, one.backscal[-1])) for one in some] for some in plain]
    same, _, _ = combine(tmp_path / "even", *even, background=background)
    good = total.quality == 0
    assert np.array_equal(good, quality == 0)
    assert np.array_equal(total.counts[good], same.counts[good])
    parts[1] = replace(parts[1], quality=np.zeros(SIZE, dtype=np.int16))
    with pytest.raises(StepError, match="AREASCAL of spectra to be added must be above 0"):
        combine(tmp_path / "good", parts, below, background=background)


def test_times_span_the_members(tmp_path: Path) -> None:
    times = {"MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TIMESYS": "TDB"}
    parts = [
        bright(n, header={"TSTART": start, "TSTOP": start + 50, "DATE-OBS": f"2012-0{n}-01T00:00:00", **times})
        for n, start in ((2, 500.0), (1, 100.0))
    ]
    total, _, _ = combine(tmp_path, parts)
    assert (total.header["TSTART"], total.header["TSTOP"]) == (100.0, 550.0)
    assert total.header["DATE-OBS"] == "2012-01-01T00:00:00"


@pytest.mark.parametrize(
    ("sources", "backgrounds", "message"),
    [
        ([bright(1), bright(2, detchans=99)], [], "1/FPMA/src has channels 0 to 39 .40 of 99."),
        ([bright(1), bright(2)], [bright(3), None], "1/FPMA/src has no background, and others"),
        ([bright(1), bright(2, poisson=False)], [], "POISSERR = F and no STAT_ERR"),
        ([bright(1), bright(2)], [bright(3), bright(4, backscal=np.arange(SIZE) / 1e3)], "must be above 0"),
    ],
    ids=["channels", "backgrounds", "errors", "scale"],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, sources: list[Spectrum], backgrounds: list[Spectrum | None], message: str
) -> None:
    with pytest.raises(StepError, match=message):
        combine(tmp_path, sources, backgrounds)


def test_responses_of_different_grids_are_refused(tmp_path: Path) -> None:
    one = response()
    other = replace(one, energ_lo=one.energ_lo + 0.1, energ_hi=one.energ_hi + 0.1)
    with pytest.raises(StepError, match="0/FPMA/src and 1/FPMA/src have different energies"):
        combine(tmp_path, [bright(1), bright(2)], (), [one, other])


def test_weights_by_counts_need_counts(tmp_path: Path) -> None:
    empty = spectrum(counts=np.zeros(SIZE))
    with pytest.raises(StepError, match="no spectrum has counts"):
        combine(tmp_path, [empty, empty], (), [response(), response()], response="counts-weighted")


@given(st.lists(st.integers(0, 2**31), min_size=2, max_size=4, unique=True))
def test_the_order_of_members_does_not_matter(tmp_path_factory: pytest.TempPathFactory, seeds: list[int]) -> None:
    parts = [bright(seed, exposure=1000.0 + seed % 1000) for seed in seeds]
    below = [bright(seed + 1, exposure=2000.0, backscal=np.full(SIZE, 0.001 * (1 + seed % 7))) for seed in seeds]
    one, its, _ = combine(tmp_path_factory.mktemp("one"), parts, below)
    other, others, _ = combine(tmp_path_factory.mktemp("other"), parts[::-1], below[::-1])
    assert its is not None and others is not None
    assert np.array_equal(one.counts, other.counts) and np.array_equal(its.counts, others.counts)
    assert its.backscal == pytest.approx(others.backscal, rel=1e-12)


@pytest.mark.real_data
def test_sums_as_addspec_makes_them(tmp_path: Path, reference: Path) -> None:
    folder = reference / "responses"

    def parts(*names: str) -> list[Spectrum]:
        return [read_pha(folder / "in" / f"{name}.pha.gz") for name in names]

    def counts(name: str) -> np.ndarray[Any, Any]:
        return read_pha(folder / name).counts

    total, below, _ = combine(tmp_path / "keep", parts("q1", "q2"), parts("b1", "b2"))
    assert below is not None and below.poisson
    assert np.array_equal(total.counts, counts("addspec-counts.pha.gz")) and total.exposure == 3500.0
    scaled = below.counts * total.backscal * total.exposure / (below.backscal * below.exposure)
    # addspec rounds each channel to whole counts.
    assert np.all(np.abs(scaled - counts("addspec-counts.bak.gz")) <= 1)
    net, none, _ = combine(tmp_path / "net", parts("q1", "q2"), parts("b1", "b2"), background="subtract")
    assert none is None
    assert np.all(np.abs(total.counts - net.counts - counts("addspec-counts.bak.gz")) <= 1)


@pytest.mark.real_data
def test_responses_as_addrmf_and_addarf_make_them(tmp_path: Path, reference: Path) -> None:
    folder = reference / "responses"
    matrices = []
    for number in (1, 2):
        for kind in ("rmf", "arf"):
            name = f"{kind[0]}{number}.{kind}"
            (tmp_path / name).write_bytes(gzip.decompress((folder / "in" / f"{name}.gz").read_bytes()))
        matrices.append(read_response(tmp_path / f"r{number}.rmf", tmp_path / f"a{number}.arf"))
    source = read_pha(folder / "in" / "s1.pha.gz")
    parts = [replace(source, exposure=400.0), replace(source, exposure=600.0)]
    combine(tmp_path / "sum", parts, (), matrices)
    mean = load_response(tmp_path / "sum" / "out" / "response.npz")
    expected = 0.4 * dense(matrices[0]) + 0.6 * dense(matrices[1])
    assert np.abs(dense(mean) - expected).max() <= 3e-6 * expected.max()
    plain = [replace(one, specresp=np.ones_like(one.specresp)) for one in matrices]
    combine(tmp_path / "plain", parts, (), plain)
    peer = read_response(folder / "addrmf-2.rmf.gz", None)
    of_matrices = dense(load_response(tmp_path / "plain" / "out" / "response.npz"))
    # addrmf drops what is below its threshold of 1e-6.
    assert np.abs(of_matrices - dense(peer)).max() <= 1e-6

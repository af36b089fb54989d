from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.test_group import SIZE, response, spectrum
from tests.xray.test_equal_bands import spread
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.pha import Spectrum, write_pha
from xbatch.ogip.response import Response, save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks.bands import run

PARAMS: Mapping[str, Any] = {
    "name": "b",
    "scheme": "equal-counts",
    "lo": 1.0,
    "hi": 5.0,
    "n": 4,
    "min_channels": None,
    "form": "mended",
    "mission": "other",
    "instrument": "X",
}


def bands(
    folder: Path,
    source: Spectrum,
    background: Spectrum | None = None,
    matrix: Response | None = None,
    to: tuple[Spectrum, Response | None] | None = None,
    **params: Any,
) -> tuple[dict[str, Any], Outcome]:
    out = folder / "out"
    out.mkdir(parents=True)
    inputs = {}
    held = {"spectrum": source, "background": background, "to/spectrum": to[0] if to else None}
    for role, one in held.items():
        if one is not None:
            inputs[role] = folder / f"{role.replace('/', '_')}.pha"
            write_pha(inputs[role], one)
    for role, its in (("response", matrix), ("to/response", to[1] if to else None)):
        if its is not None:
            inputs[role] = folder / f"{role.replace('/', '_')}.npz"
            save_response(inputs[role], its)
    outcome = run(Job("bands:b", {**PARAMS, **params}, inputs, out))
    return json.loads((out / "bands.json").read_text()), outcome


def pn(counts: np.ndarray[Any, Any], **changes: Any) -> Spectrum:
    """A spectrum of 4096 channels of 5 eV."""
    size = counts.size
    whole = spectrum(
        channel=np.arange(size, dtype=np.int64),
        counts=counts.astype(float),
        sys_err=np.zeros(size),
        quality=np.zeros(size, dtype=np.int16),
        grouping=np.ones(size, dtype=np.int16),
        backscal=np.ones(size),
        areascal=np.ones(size),
        detchans=size,
    )
    return replace(whole, **changes)


def test_bands_of_equal_counts_adjoin_and_fill_the_range(tmp_path: Path) -> None:
    found, outcome = bands(tmp_path, spectrum(counts=np.full(SIZE, 10.0)), matrix=response())
    assert [(one["lo"], one["hi"], one["channels"]) for one in found["bands"]] == [
        (1.0, 2.0, [0, 9]),
        (2.0, 3.0, [10, 19]),
        (3.0, 4.0, [20, 29]),
        (4.0, 5.0, [30, 39]),
    ]
    assert [one["counts"] for one in found["bands"]] == [100.0] * 4
    assert [one["name"] for one in found["bands"]] == ["b.1", "b.2", "b.3", "b.4"]
    assert outcome.facts == {"bands": 4, "asked": 4, "counts": 400.0}
    assert outcome.notes == ("all counts are shared out: the spectrum has no background",)


def test_backgrounds_are_scaled_by_area_and_exposure(tmp_path: Path) -> None:
    source = spectrum(counts=np.full(SIZE, 10.0), exposure=1000.0)
    counts = np.where(np.arange(SIZE) < 20, 0.0, 40.0)
    below = spectrum(counts=counts, exposure=4000.0, backscal=np.full(SIZE, 0.004))
    found, outcome = bands(tmp_path / "mended", source, below, response(), n=2)
    # A scale of 1/8: net counts are 10 below channel 20 and 5 from there on.
    assert found["edges"] == [0, 14, 39] and outcome.facts["counts"] == 300.0
    assert not outcome.notes
    faithful, outcome = bands(
        tmp_path / "faithful", replace(source, counts=source.counts * 3), below, response(), n=2, form="faithful"
    )
    # BACKSCAL alone, 1/2: 30 and 10.
    assert outcome.facts["counts"] == 800.0
    assert faithful["edges"] == [0, 12, 39]
    assert [one["channels"] for one in faithful["bands"]] == [[0, 11], [12, 38]]


def test_channels_without_response_are_the_missions(tmp_path: Path) -> None:
    edges = [400, 454, 524, 592, 661, 735, 816, 906, 1009, 1130, 1271, 1465, 1999]
    counts = np.zeros(4096)
    counts[400:2000] = spread(edges, 12)
    params = {"mission": "xmm", "instrument": "EPN", "lo": 2.0, "hi": 10.0, "n": 12}
    source = pn(counts, poisson=False, stat_err=np.sqrt(counts))
    found, _ = bands(tmp_path, source, **params)
    assert found["edges"] == edges
    assert found["bands"][0]["lo"] == 2.0 and found["bands"][-1]["hi"] == 10.0
    assert found["bands"][0]["hi"] == found["bands"][1]["lo"] == 2.275
    assert [one["counts"] for one in found["bands"]] == pytest.approx([3e5] * 12)
    with pytest.raises(FileError, match="has DETCHANS 4096, where spectra of EMOS1 have 2400"):
        bands(tmp_path / "mos", source, **{**params, "instrument": "EMOS1"})
    with pytest.raises(StepError, match=r"other X are not known.*there is no response"):
        bands(tmp_path / "other", source, **{**params, "mission": "other", "instrument": "X"})


def test_edges_go_to_the_channels_of_another_spectrum(tmp_path: Path) -> None:
    coarse = response()
    target = spectrum()
    counts = np.zeros(4096)
    counts[200:1000] = 10
    params = {"mission": "xmm", "instrument": "EPN", "n": 3}
    found, _ = bands(tmp_path, pn(counts), to=(target, coarse), **params)
    assert found["edges"] == [0, 13, 26, 39]
    assert [one["hi"] for one in found["bands"]] == [2.4, 3.7, 5.0]
    named, _ = bands(tmp_path / "named", pn(counts), to=(pn(counts), None), **params)
    assert named["edges"] == [200, 466, 732, 999]


def test_narrow_bands_are_joined(tmp_path: Path) -> None:
    counts = np.ones(SIZE)
    counts[5:10] = 50
    found, outcome = bands(tmp_path, spectrum(counts=counts), matrix=response(), n=8, min_channels=6)
    assert found["edges"] == [0, 6, 39]
    assert "2 bands, 8 were asked for" in outcome.notes


def test_bad_channels_do_not_count(tmp_path: Path) -> None:
    quality = np.zeros(SIZE, dtype=np.int16)
    quality[:20] = 5
    found, _ = bands(tmp_path, spectrum(counts=np.full(SIZE, 10.0), quality=quality), matrix=response(), n=2)
    assert found["edges"] == [0, 29, 39] and [one["counts"] for one in found["bands"]] == [100.0, 100.0]


def test_equal_signal_to_noise(tmp_path: Path) -> None:
    below = spectrum(counts=np.arange(SIZE, dtype=float) * 40, backscal=np.full(SIZE, 0.02))
    source = spectrum(counts=20.0 + 4 * np.arange(SIZE))
    found, _ = bands(tmp_path, source, below, response(), scheme="equal-snr", n=3)
    ratios = [one["snr"] for one in found["bands"]]
    assert len(ratios) == 3 and ratios == pytest.approx([np.mean(ratios)] * 3, rel=0.15)


@given(st.lists(st.integers(0, 1000), min_size=SIZE, max_size=SIZE).filter(any), st.integers(1, 30))
def test_bands_share_out_all_counts(tmp_path_factory: pytest.TempPathFactory, counts: list[int], number: int) -> None:
    folder = tmp_path_factory.mktemp("bands")
    found, _ = bands(folder, spectrum(counts=np.array(counts, float)), matrix=response(), n=number)
    assert sum(one["counts"] for one in found["bands"]) == sum(counts)
    for one, following in pairwise(found["bands"]):
        assert one["hi"] == following["lo"] and one["channels"][1] + 1 == following["channels"][0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"lo": 40.0, "hi": 50.0}, "holds no channel of 1 to 5 keV"),
        ({"counts": np.zeros(SIZE)}, "there are no net counts to share out in 1 to 5 keV"),
        ({"form": "faithful", "min_channels": 100}, "makes no band"),
    ],
)
def test_what_makes_no_bands_is_refused(tmp_path: Path, params: dict[str, Any], message: str) -> None:
    source = spectrum(counts=params.pop("counts", np.ones(SIZE)))
    with pytest.raises(StepError, match=message):
        bands(tmp_path, source, matrix=response(), **params)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.fit_bench import Bench, params
from tests.xray.worlds import instrument
from xbatch.base.errors import StepError
from xbatch.ogip.pha import read_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks.fake import run


def draw(bench: Bench, name: str = "drawn", background: bool = True, **changes: Any) -> tuple[Path, Outcome]:
    given = {
        "obsid": "1", "instrument": "ONE", "mission": "other", "spectrum": "pl", "note": "",
        "model": {"component": "pl"}, "components": {"pl": "powerlaw"}, "values": {"pl": [1.7, 0.02]},
        "abundances": "wilm", "cross_sections": "vern", "exposure": None, "seed": 1, **changes,
    }  # fmt: skip
    roles = {"grouped/0": "spectrum", "response/0": "response"} | ({"background/0": "background"} if background else {})
    out = bench.folder / name
    out.mkdir()
    inputs = {mine: bench.inputs[role] for role, mine in roles.items()}
    return out, run(Job("fake:x", given, inputs, out))


def expected(bench: Bench) -> np.ndarray[Any, Any]:
    """Fold the power law by the plainest of sums, and add the background as it is scaled."""
    one, like = instrument(), read_pha(bench.inputs["grouped/0"])
    low, high = one.edges[:-1], one.edges[1:]
    photons = 0.02 * (low**-0.7 - high**-0.7) / 0.7
    folded = (photons * one.specresp) @ one.dense() * like.exposure * like.areascal
    below = read_pha(bench.inputs["background/0"])
    share = like.exposure * like.backscal * like.areascal / (below.exposure * below.backscal * below.areascal)
    return np.asarray(folded + share * below.counts)


def test_counts_are_poisson_about_the_folded_model(bench: Bench) -> None:
    wanted = expected(bench)
    out, outcome = draw(bench)
    counts = read_pha(out / "spectrum.pha").counts
    assert outcome.facts["drawn_from"] == pytest.approx(wanted.sum(), rel=1e-9)
    pull = (counts - wanted) / np.sqrt(wanted)
    # 120 channels: the mean of their pulls has an error of 0.09, that of the squares of 0.13.
    assert abs(pull.mean()) < 0.4
    assert abs((pull**2).mean() - 1) < 0.6
    below = read_pha(bench.inputs["background/0"]).counts
    drawn = read_pha(out / "background.pha")
    assert abs(drawn.counts.sum() - below.sum()) < 5 * np.sqrt(below.sum())
    assert (out / "response.npz").read_bytes() == bench.inputs["response/0"].read_bytes()


def test_a_drawn_spectrum_says_that_it_is(bench: Bench) -> None:
    out, outcome = draw(bench)
    spectrum = read_pha(out / "spectrum.pha")
    assert outcome.notes == ("1/ONE/pl is drawn from a model (seed 1), not observed",)
    assert spectrum.poisson and spectrum.stat_err is None and np.all(spectrum.grouping == 1)
    assert spectrum.header["BACKFILE"] == "background.pha"


def test_the_exposure_changes_source_and_background_alike(bench: Bench) -> None:
    like, below = read_pha(bench.inputs["grouped/0"]), read_pha(bench.inputs["background/0"])
    out, outcome = draw(bench, exposure=3 * like.exposure)
    assert read_pha(out / "spectrum.pha").exposure == 3 * like.exposure
    assert read_pha(out / "background.pha").exposure == pytest.approx(3 * below.exposure)
    assert outcome.facts["drawn_from"] == pytest.approx(3 * expected(bench).sum(), rel=1e-9)


def test_seeds_and_names_make_draws(bench: Bench) -> None:
    first, same, seed, name = (
        draw(bench, place, **changes)[0]
        for place, changes in (("a", {}), ("b", {}), ("c", {"seed": 2}), ("d", {"instrument": "TWO"}))
    )
    assert (first / "spectrum.pha").read_bytes() == (same / "spectrum.pha").read_bytes()
    counts = [tuple(read_pha(one / "spectrum.pha").counts) for one in (first, seed, name)]
    assert len(set(counts)) == 3


def test_without_a_background_there_is_none(bench: Bench) -> None:
    out, _ = draw(bench, background=False)
    assert not (out / "background.pha").exists()
    assert read_pha(out / "spectrum.pha").header["BACKFILE"] == "none"


def test_counts_that_cannot_be_drawn_are_refused(bench: Bench) -> None:
    with pytest.raises(StepError, match="cannot be drawn"):
        draw(bench, values={"pl": [1.7, 1e20]})


def test_a_fit_finds_what_was_drawn(bench: Bench) -> None:
    out, _ = draw(bench, background=False)
    bench.inputs = {"grouped/0": out / "spectrum.pha", "response/0": out / "response.npz"}
    given = params(statistic="cstat", background="none", model={"component": "pl"}, components={"pl": "powerlaw"})
    bench.run({**given, "parameters": given["parameters"][1:]})
    for one, truth in zip(bench.fit["parameters"], (1.7, 0.02), strict=True):
        assert abs(one["value"] - truth) < 2.5 * one["error_plus"]

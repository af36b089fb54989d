"""The example that draws spectra from two models and fits each with both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.world import Desk
from xbatch.simulator import simulate

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

CONFIGS = Path(__file__).parents[2] / "examples" / "configs"
TRUTH = {("as_powerlaw", "steep"): ("pl.PhoIndex", 2.2), ("as_bremsstrahlung", "hot"): ("br.kT", 20.0)}


def test_each_drawn_spectrum_is_found_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path, capsys)
    simulate(CONFIGS / "spectra-simulation.yaml", desk.data)
    out, store = tmp_path / "out" / "run", tmp_path / "out" / "store"
    steps = ("--only", "fit:*")
    place = ("--set", f"data.root={desk.data}", "--out", out, "--store", store, "--jobs", 2)
    said = desk.xbatch("run", CONFIGS / "continuum.yaml", *place, *steps)
    assert said.status == 0, said.all
    for (fit, spectrum), (name, truth) in TRUTH.items():
        document = json.loads((out / "products" / "fits" / fit / spectrum / "fit.json").read_text())
        found = next(one for one in document["parameters"] if one["name"] == name)
        assert abs(found["value"] - truth) < 2.5 * found["error_plus"], (fit, found)

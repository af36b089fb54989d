"""Random edits of a spec and of its data: what `plan` promises holds, and the results are those of a clean run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.end_to_end.test_resume import products
from tests.end_to_end.world import OBSIDS, SPEC
from tests.run.inline import inline_workers
from xbatch.cli.run import leave_record
from xbatch.plan.compile import compile_plan
from xbatch.provenance import manifest
from xbatch.run.session import execute, survey
from xbatch.spec import load

ONLY = ("parameters:*", "summary:*", "group:*")  # figures and scripts take longer than all else


class Desk:
    """A spec as a choice of what stands in it, data beside it, and a folder in which it is run again and again."""

    def __init__(self, root: Path, simulated: Path) -> None:
        self.root = root
        self.values: dict[str, Any] = {
            "obsids": list(OBSIDS),
            "counts": 30,
            "band": "4-40 keV",
            "value": 1.7,
            "sweep": "",
        }
        shutil.copytree(simulated, root / "data")

    def write(self) -> None:
        text = SPEC.replace('["99900000001", "99900000002"]', str(self.values["obsids"]).replace("'", '"'))
        text = text.replace("counts: 30", f"counts: {self.values['counts']}").replace("4-40 keV", self.values["band"])
        text = text.replace("value: 1.7", f"value: {self.values['value']}")
        (self.root / "desk.yaml").write_text(text + self.values["sweep"])

    def run(self, name: str) -> None:
        """Run, and hold what came to what was promised."""
        self.write()
        analysis = load(self.root / "desk.yaml", ())
        plan = compile_plan(analysis)
        place = self.root / name
        promised = survey(plan, place / "desk", place / ".store", only=ONLY)
        result = execute(plan, place / "desk", place / ".store", jobs=1, only=ONLY, make_workers=inline_workers)
        assert result.ok, [one.message for one in result.steps]
        for verdict, step in zip(promised, result.steps, strict=True):
            assert verdict.step == step.name
            assert verdict.kind != "blocked"
            if verdict.kind != "waits":
                assert (step.outcome, step.key) == ("done" if verdict.kind == "run" else "up to date", verdict.key)
        again = survey(plan, place / "desk", place / ".store", only=ONLY)
        assert {verdict.kind for verdict in again} == {"up to date"}
        leave_record(analysis, plan, result, 1)


def touch_data(desk: Desk) -> None:
    """Copy a file over itself: other times, the same content."""
    path = desk.root / "data" / OBSIDS[0] / f"nu{OBSIDS[0]}A01_sr.pha"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def reduce_data(desk: Desk) -> None:
    """Give one channel one count more, or take it back."""
    path = desk.root / "data" / OBSIDS[0] / f"nu{OBSIDS[0]}B01_sr.pha"
    with fits.open(path, memmap=False) as file:
        file["SPECTRUM"].data["COUNTS"][300] ^= 1
        file.writeto(path, overwrite=True)


def value(name: str, *choices: Any) -> st.SearchStrategy[Callable[[Desk], None]]:
    return st.sampled_from(choices).map(lambda choice: lambda desk: desk.values.update({name: choice}))


EDITS = st.one_of(
    st.sampled_from([touch_data, reduce_data]),
    value("obsids", list(OBSIDS), [OBSIDS[0]], [OBSIDS[1]]),
    value("counts", 30, 50),
    value("band", "4-40 keV", "5-30 keV"),
    value("value", 1.7, 2.0),
    value("sweep", "", "sweep: {grid: {binning.min30.counts: [30, 40]}}\n"),
)


@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],
)
@given(edits=st.lists(st.lists(EDITS, min_size=1, max_size=2), min_size=2, max_size=4))
def test_edits_rerun_what_hangs_on_them(edits: list[list[Callable[[Desk], None]]], simulated: Path) -> None:
    pytest.importorskip("sherpa", reason="a fit needs Sherpa")
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), simulated)
        for some in [[], *edits]:
            for edit in some:
                edit(desk)
            desk.run("out")
        desk.run("clean")
        one, two = (desk.root / name / "desk" for name in ("out", "clean"))
        assert products(one) == products(two)
        assert manifest.without_volatile(manifest.read(one)) == manifest.without_volatile(manifest.read(two))

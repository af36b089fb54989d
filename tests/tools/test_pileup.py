"""The search for pile-up: which radii are tried, what is read of epatplot, and when the search ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.sas.fitsfile import primary, write
from tests.tools.played import play
from xbatch.base.errors import StepError
from xbatch.commands import epic
from xbatch.commands.call import Call, Work
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job
from xbatch.tools import pileup

Ratios = tuple[float, float, float, float]
CLEAN: Ratios = (1.0, 0.01, 1.0, 0.015)
PILED: Ratios = (0.9, 0.01, 1.2, 0.015)
RULE = {
    "band": [500, 10000],
    "events": "all",
    "start": 0.0,
    "first": 3.0,
    "step": 0.5,
    "max": 5.0,
    "n_sigma": 1.0,
    "direction": "two-sided",
}
PIXELS = 20.0


def _job(folder: Path, region: dict[str, Any] | None = None, **rule: Any) -> Job:
    ring = {"x": 25000.0, "y": 24000.0, "outer": 50 * PIXELS, "pixels": PIXELS}
    selection = folder / "selection.json"
    selection.write_text(json.dumps({"regions": {"src": ring if region is None else region}}))
    name = "pattern-{loop:number}"
    calls = (
        epic.evselect_filter("events.fits", f"{name}.fits", "{loop:expression}"),
        epic.epatplot(f"{name}.fits", name, (500, 10000)),
    )
    work = Work(calls, kept={"pileup.gif": f"{name}.gif", "pileup.pdf": f"{name}.pdf"})
    (folder / "out").mkdir()
    who = {"mission": "xmm", "obsid": "0761220101", "instrument": "EPN"}
    params = {**who, "name": "pn", "region": "src", "pileup": {**RULE, **rule}, "work": work.params()}
    return Job("pileup:1/EPN/pn", params, {"selection": selection}, folder / "out")


def _epatplot(ratios: Callable[[float], Ratios], printed: bool = False) -> Callable[[Call, Path], str | None]:
    """Make tools that know the ratios beyond each inner radius, arcsec."""
    inner: list[float] = []

    def tool(call: Call, folder: Path) -> str | None:
        given = dict(call.args)
        if call.tool == "evselect":
            found = re.search(r"ANNULUS\(([^)]*)\)|CIRCLE\(", given["expression"])
            assert found is not None
            inner.append(float(found[1].split(",")[2]) / PIXELS if found[1] else 0.0)
            return None
        (folder / given["plotfile"]).write_bytes(b"%PDF")
        values = ratios(inner[-1])
        names = ("SNGL_OTM", "ESGL_OTM", "DBLE_OTM", "EDBL_OTM")
        cards = [] if printed else [Card(name, value) for name, value in zip(names, values, strict=True)]
        write(folder / given["set"], [primary(cards)])
        s, es, d, ed = values
        return f"first s: 9 +/- 1  d: 9 +/- 1\n s: {s} +/- {es}   d: {d} +/- {ed}\n" if printed else None

    return tool


@pytest.mark.parametrize(
    ("free_from", "tried"), [(0.0, [0.0]), (3.2, [0.0, 3.0, 3.5]), (5.0, [0.0, 3, 3.5, 4, 4.5, 5])]
)
@pytest.mark.parametrize("printed", [False, True])
def test_the_first_radius_that_is_free_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_from: float, tried: list[float], printed: bool
) -> None:
    calls = play(monkeypatch, pileup, _epatplot(lambda inner: CLEAN if inner >= free_from else PILED, printed))
    outcome = pileup.run(_job(tmp_path))
    found = json.loads((tmp_path / "out/pileup.json").read_text())
    assert (found["inner"], found["accepted"]) == (tried[-1], True)
    assert [row["radius"] for row in found["table"]] == tried
    assert [row["piled_up"] for row in found["table"]] == [True] * (len(tried) - 1) + [False]
    assert [call.tool for call in calls] == ["evselect", "epatplot"] * len(tried)
    assert outcome.facts["inner"] == tried[-1]
    assert (tmp_path / "out/pileup.pdf").read_bytes() == b"%PDF"
    assert not any("draw" in note for note in outcome.notes)
    # each radius has files of its own, and the list itself is not written into
    written = [dict(call.args)["set"] for call in calls if call.tool == "epatplot"]
    assert len(set(written)) == len(tried) and "events.fits" not in written


def test_no_radius_is_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, pileup, _epatplot(lambda inner: PILED))
    with pytest.raises(StepError, match=r"up to 3.5 arcsec is free of pile-up") as caught:
        pileup.run(_job(tmp_path, max=3.5))
    assert '0": s 0.900 +/- 0.010, d 1.200 +/- 0.015; 3": s' in str(caught.value)
    assert not (tmp_path / "out/pileup.json").exists()


def test_only_one_direction_counts_where_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, pileup, _epatplot(lambda inner: (1.2, 0.01, 0.9, 0.01)))
    assert pileup.run(_job(tmp_path, direction="task")).facts["inner"] == 0.0


def test_a_ratio_on_its_limit_is_allowed_and_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, pileup, _epatplot(lambda inner: (0.99, 0.01, 1.0, 0.015)))
    outcome = pileup.run(_job(tmp_path))
    assert outcome.facts["inner"] == 0.0
    assert any("on its limit" in note for note in outcome.notes)


def test_the_region_must_have_a_middle_and_leave_something(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = play(monkeypatch, pileup, _epatplot(lambda inner: PILED))
    (tmp_path / "a").mkdir()
    with pytest.raises(StepError, match="neither a circle nor an annulus"):
        pileup.run(_job(tmp_path / "a", region={}))
    assert calls == []
    (tmp_path / "b").mkdir()
    small = {"x": 1.0, "y": 1.0, "outer": 3.2 * PIXELS, "pixels": PIXELS}
    with pytest.raises(StepError, match=r"of 3.5 arcsec leaves nothing of the region, which ends at 3.2 arcsec"):
        pileup.run(_job(tmp_path / "b", region=small))


def test_a_plot_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def silent(call: Call, folder: Path) -> None:
        if call.tool == "epatplot":
            write(folder / dict(call.args)["set"], [primary()])

    play(monkeypatch, pileup, silent)
    with pytest.raises(StepError, match=r"tells no ratios of patterns: pattern-00.fits has no SNGL_OTM"):
        pileup.run(_job(tmp_path))


def test_ratios_are_ratios_where_their_plot_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def undrawn(call: Call, folder: Path) -> str:
        if call.tool == "evselect":
            return ""
        write(folder / dict(call.args)["set"], [primary()])
        (folder / "pattern-00.pdf").write_bytes(b"")
        return """\
epatplot:- 0.5-10.0 keV observed-to-model fractions:
epatplot:- s: 1.001 +/- 0.010   d: 0.998 +/- 0.015
  File "/opt/sas/bin/epatplot_graph.py", line 3, in <module>
ModuleNotFoundError: No module named 'matplotlib'
"""

    play(monkeypatch, pileup, undrawn)
    outcome = pileup.run(_job(tmp_path))
    assert (outcome.facts["inner"], outcome.facts["table"][0]["singles"]) == (0.0, 1.001)
    assert outcome.notes[-1].startswith("epatplot has found the ratios and could not draw")
    assert not (tmp_path / "out/pileup.pdf").exists()


def test_ratios_that_make_no_sense(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, pileup, _epatplot(lambda inner: (1.0, -1.0, 1.0, -1.0)))
    with pytest.raises(StepError, match="beyond 0 arcsec cannot be compared"):
        pileup.run(_job(tmp_path))

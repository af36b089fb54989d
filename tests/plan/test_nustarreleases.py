"""What plans of NuSTAR take from the release of HEASoft that is installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.nustarworlds import HEASOFT, TOOLS, TUTORIAL, by_task, context_of, made_of, planned, tutorial, work_of
from xbatch.base.files import safe_name
from xbatch.base.toolset import Toolset
from xbatch.commands.call import Staged
from xbatch.plan.rawmade import RawMade
from xbatch.plan.script import script
from xbatch.plan.steps import Step, StepInput, ordered

OBSID = "60001110002"
BENCH = f"nu{OBSID}_obeb.hk"
REDUCTION, WHERE = f"nupipeline:{OBSID}", f"{OBSID}_p/event_cl/{BENCH}"


def installed(version: str) -> Toolset:
    return replace(TOOLS, heasoft=replace(HEASOFT, version=version))


def by_release(tmp_path: Path, version: str, text: str = TUTORIAL) -> RawMade:
    return made_of(context_of(tmp_path, text, installed(version)))


def put_bench(tmp_path: Path, packed: bool = True) -> None:
    path = tmp_path / "data" / OBSID / "hk" / (f"{BENCH}.gz" if packed else BENCH)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def one(made: RawMade, task: str) -> Step:
    (step,) = by_task(made, task)
    return step


@pytest.mark.parametrize("version", ["6.20", "6.26.1", "6.27.2"])
def test_what_earlier_releases_have_not_is_not_looked_for(tmp_path: Path, version: str) -> None:
    put_bench(tmp_path)
    made = by_release(tmp_path, version)
    assert not any("obeb" in name for name in one(made, "nupipeline").outputs)
    spectrum = one(made, "nuproducts")
    assert "bench" not in spectrum.inputs
    assert WHERE not in work_of(spectrum).staged


@pytest.mark.parametrize("packed", [True, False])
def test_what_a_correction_hangs_on_is_insisted_on(tmp_path: Path, packed: bool) -> None:
    put_bench(tmp_path, packed)
    made = by_release(tmp_path, "6.28")
    reduction, spectrum = one(made, "nupipeline"), one(made, "nuproducts")
    assert BENCH in reduction.outputs
    assert spectrum.inputs["bench"] == StepInput(REDUCTION, BENCH)
    # nupipeline copies what may be packed
    assert work_of(reduction).kept[BENCH] == f"{WHERE}*"
    assert work_of(spectrum).staged[WHERE] == Staged("bench", "unpack", optional=True)


@pytest.mark.parametrize("version", ["6.28", "6.29", "6.35.1", ""])
def test_it_is_taken_where_it_comes(tmp_path: Path, version: str) -> None:
    if version != "6.28":
        put_bench(tmp_path)  # these make no correction unless told to
    made = by_release(tmp_path, version)
    assert f"{BENCH}?" in one(made, "nupipeline").outputs
    assert one(made, "nuproducts").inputs["bench"] == StepInput(REDUCTION, BENCH, optional=True)


def test_whether_it_is_there_changes_no_parameter(tmp_path: Path) -> None:
    before = by_release(tmp_path, "6.28").steps
    put_bench(tmp_path)
    after = by_release(tmp_path, "6.28").steps
    assert [step.params for step in before] == [step.params for step in after]
    assert [set(step.inputs) for step in before] == [set(step.inputs) for step in after]


def test_only_effective_areas_take_it(tmp_path: Path) -> None:
    text = tutorial(spectra="spectra: {src: {region: src, background: bgd, arf: none}}")
    made = by_release(tmp_path, "6.28", text)
    assert "bench" not in one(made, "nuproducts").inputs
    assert "bench" not in one(made, "lightcurve").inputs
    text = tutorial(spectra="spectra: {src: {region: src, background: bgd, source_type: extended}}")
    assert "bench" in one(by_release(tmp_path, "6.28", text), "nuproducts").inputs


def test_the_other_module_needs_none(tmp_path: Path) -> None:
    put_bench(tmp_path)
    text = tutorial(observations=f'observations: [{{obsids: ["{OBSID}"], instruments: [FPMB]}}]')
    assert f"{BENCH}?" in one(by_release(tmp_path, "6.28", text), "nupipeline").outputs


def test_by_hand_it_is_taken_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = planned(context_of(tmp_path, TUTORIAL), monkeypatch)
    lines = script(ordered("all", steps), "out/run").splitlines()
    assert f"keep_if {BENCH} {WHERE}*" in lines
    source = f'"$WORK/products/{safe_name(REDUCTION)}/{BENCH}"'
    assert f"[ ! -e {source} ] || unpack {source} {WHERE}" in lines


@pytest.mark.parametrize(("version", "expected"), [("6.20", "2"), ("6.22", "3"), ("6.35.1", "3")])
def test_the_way_to_find_passages_is_one_that_the_release_has(tmp_path: Path, version: str, expected: str) -> None:
    text = tutorial(screening="screening: {default: {saamode: strict}}")
    args = dict(work_of(one(by_release(tmp_path, version, text), "nupipeline")).calls[0].args)
    assert args["saacalc"] == expected
    text = tutorial(screening="screening: {default: {saamode: strict, saacalc: 1}}")
    assert dict(work_of(one(by_release(tmp_path, version, text), "nupipeline")).calls[0].args)["saacalc"] == "1"


@pytest.mark.parametrize(("version", "old"), [("6.26.1", True), ("6.27.2", False), ("6.35.1", False)])
def test_tools_that_are_older_than_the_clock_files_are_remarked_on(tmp_path: Path, version: str, old: bool) -> None:
    text = tutorial(data="data: {root: data, level: raw, pipeline: {barycentre: true}}")
    made = by_release(tmp_path, version, text)
    for task in ("barycorr", "nuproducts", "lightcurve"):
        said = [remark for remark in one(made, task).remarks if "which need NuSTARDAS 1.9.2" in remark]
        assert bool(said) is old, task
    assert one(made, "nupipeline").remarks == ()


@pytest.mark.parametrize(("version", "said"), [("6.27.2", False), ("6.28", True), ("6.29", False)])
def test_a_correction_that_one_release_alone_makes_is_remarked_on(tmp_path: Path, version: str, said: bool) -> None:
    made = by_release(tmp_path, version)
    remarks = one(made, "nuproducts").remarks
    assert any("corrects the ARF of FPMA for the temperature of the optics" in remark for remark in remarks) is said
    assert one(made, "lightcurve").remarks == ()
    text = tutorial(observations=f'observations: [{{obsids: ["{OBSID}"], instruments: [FPMB]}}]')
    assert one(by_release(tmp_path, version, text), "nuproducts").remarks == ()

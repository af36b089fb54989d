"""What a document of level raw is filled up with."""

from __future__ import annotations

from pathlib import Path

from tests.spec.specs import RAW, RAW_NUSTAR, RAW_XMM, read
from xbatch.spec import load, resolved_text

JOINT = Path(__file__).parent / "joint_raw.yaml"
DETECT = "detect: {all: {bands: {EPN: [{band: 1-2 keV, ecf: 1}]}}}\n"


def test_the_data_of_both_missions(tmp_path: Path) -> None:
    assert read(tmp_path, RAW_NUSTAR + RAW).document["data"] == {
        "level": "raw",
        "root": ".",
        "fetch": "missing",
        "pipeline": {
            "pointing": "object",
            "stages": [1, 2],
            "obsmode": "all",
            "split": False,
            "frozen_seed": False,
            "barycentre": False,
        },
    }
    data = read(tmp_path, RAW_XMM + "data: {level: raw, pipeline: {tasks: chain}}\n").document["data"]
    assert data["exposures"] == {"default": "merge"}
    assert data["pipeline"] == {
        "tasks": "chain",
        "mode": "imaging",
        "out_of_time": False,
        "barycentre": False,
        "analysis_date": "2026-01-01",
        "part_errors": "fail",
    }


def test_spectra_and_sums_of_the_rgs_have_their_own(tmp_path: Path) -> None:
    text = RAW_XMM + RAW + "spectra: {rgs: {region: pipeline, where: {instrument: [RGS1, RGS2]}}}\n"
    document = read(tmp_path, text + "combine: {r: {of: rgs, over: instrument, method: rgscombine}}\n").document
    assert document["spectra"]["rgs"] == {
        "region": "pipeline",
        "where": {"instrument": ["RGS1", "RGS2"]},
        "orders": [1],
    }
    assert document["combine"]["r"] == {"of": "rgs", "over": "instrument", "method": "rgscombine"}


def test_a_resolved_spec_reads_to_the_same_analysis(tmp_path: Path) -> None:
    for number, first in enumerate((load(JOINT), read(tmp_path, RAW_XMM + RAW + DETECT))):
        path = tmp_path / f"{number}.yaml"
        path.write_text(resolved_text(first).replace("root: data", f"root: {JOINT.parent / 'data'}"), encoding="utf-8")
        second = load(path)
        assert {**second.document, "data": 0} == {**first.document, "data": 0}
        for one, other in zip(first.members, second.members, strict=True):
            assert one.spec.raw == other.spec.raw
            assert one.spec.engines == other.spec.engines
            assert [job.subject for job in one.spec.fits] == [job.subject for job in other.spec.fits]

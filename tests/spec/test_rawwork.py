"""Specs of level raw as a whole: observations, what belongs to which of them, the joint study of a Seyfert galaxy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.spec.specs import RAW, RAW_NUSTAR, RAW_XMM, codes, problems, raw, read, work
from xbatch.spec import load
from xbatch.spec.model import Spec

JOINT = Path(__file__).parent / "joint_raw.yaml"
PAGE = Path(__file__).parents[2] / "docs" / "raw.md"


@pytest.fixture(scope="module")
def joint() -> Spec:
    (member,) = load(JOINT).members
    return member.spec


def test_an_observation_of_nustar(tmp_path: Path) -> None:
    (one,) = raw(tmp_path, RAW_NUSTAR + "data: {level: raw, root: data, fetch: never}\n").observations
    assert (one.mission, one.obsid, one.instruments) == ("nustar", "60001110002", ("FPMA", "FPMB"))
    assert (one.folder, one.fetch) == (tmp_path / "data" / "60001110002", "never")
    assert one.params == {
        "pointing": "OBJECT",
        "stages": [1, 2],
        "obsmode": "ALL",
        "split": False,
        "frozen_seed": False,
        "barycentre": False,
    }
    assert one.instrument_params == {"FPMA": one.params, "FPMB": one.params}
    assert one.target == pytest.approx((213.3120833, -3.2075833))


def test_screenings_in_use_are_given_as_nupipeline_takes_them(tmp_path: Path) -> None:
    text = (
        RAW_NUSTAR
        + RAW
        + """\
screening:
  strict: {saamode: strict, tentacle: true, saacalc: 2}
  bright: {base: strict, saamode: none, statusexpr: STATUS==b0000xx00xx0xx000, cleanflick: false, hkevtexpr: NONE}
  unused: {gradeexpr: GRADE==0}
spectra:
  plain: {region: src}
  a: {region: src, screening: strict}
  b: {region: src, screening: bright}
"""
    )
    (one,) = raw(tmp_path, text).observations
    assert one.screenings == {
        "default": {},
        "strict": {"saamode": "STRICT", "tentacle": True, "saacalc": 2},
        "bright": {
            "saamode": "NONE",
            "tentacle": True,
            "saacalc": 2,
            "statusexpr": "STATUS==b0000xx00xx0xx000",
            "cleanflick": False,
            "hkevtexpr": "NONE",
        },
    }


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("for: [{where: {module: A}, grade: 0}]", True),
        ("for: [{where: {module: B}, grade: 0}]", True),
        ("for: [{where: {module: B}, status: b0000x00xx0xx0000}]", True),
        ("for: [{where: {module: B}, saamode: strict}]", True),
        ("for: [{where: {obsid: '60001110002'}, grade: 0}]", False),
        ("for: [{where: {module: B}, grade: 0-26}]", False),
        ("gradeexpr: GRADE==0, for: [{where: {module: B}, grade: 0}]", False),
        ("for: [{where: {module: B}, pi_range: 35-400}]", False),
    ],
)
def test_nupipeline_is_told_the_same_of_both_modules(tmp_path: Path, said: str, refused: bool) -> None:
    screening = f"screening: {{own: {{{said}}}}}\n"
    text = RAW_NUSTAR + RAW + screening + "spectra: {a: {region: src, screening: own}}\n"
    assert codes(tmp_path, text) == (["XB232"] if refused else [])
    alone = text.replace("screening: own}", "screening: own, where: {module: B}}")
    assert codes(tmp_path, alone) == []


def test_a_screening_may_be_of_a_part_of_mode_06(tmp_path: Path) -> None:
    text = (
        RAW_NUSTAR
        + RAW
        + """\
screening:
  both: {chu: 12, grade: 0}
  other: {base: both, for: [{where: {module: B}, chu: "3"}]}
spectra: {plain: {region: src}, a: {region: src, screening: both}, b: {region: src, screening: other}}
"""
    )
    found = [{name: one.chu for name, one in seen.screenings.items()} for seen in work(tmp_path, text).observed]
    assert found == [{"default": "", "both": "12", "other": "12"}, {"default": "", "both": "12", "other": "3"}]
    (one,) = raw(tmp_path, text).observations
    assert one.screenings == {"default": {}, "both": {}, "other": {}}  # nupipeline is told nothing of it
    assert work(tmp_path, text).observed[0].screenings["other"].params == {"grade": [0, 0]}


@pytest.mark.parametrize(
    ("units", "code"), [("21", "XB208"), ("4", "XB208"), ("all", "XB208"), ("[12, 3]", "XB203"), ("1.2", "XB208")]
)
def test_units_that_are_no_combination(tmp_path: Path, units: str, code: str) -> None:
    screening = f"screening: {{one: {{chu: {units}}}}}\n"
    text = RAW_NUSTAR + RAW + screening + "spectra: {a: {region: src, screening: one}}\n"
    assert codes(tmp_path, text) == [code]


def test_units_are_of_one_mission_and_level(tmp_path: Path) -> None:
    use = 'screening: {one: {chu: "12"}}\nspectra: {a: {region: src, where: {instrument: ONE}, screening: one}}\n'
    (problem,) = problems(tmp_path, RAW_XMM + RAW + use.replace("ONE", "EPN"))
    assert problem.code == "XB222"
    (problem,) = problems(
        tmp_path, RAW_NUSTAR + RAW.replace("level: raw", "level: events") + use.replace("ONE", "FPMA")
    )
    assert problem.code == "XB221"
    assert problem.hint.startswith("name the list of the combination in 'events'")


def test_lists_of_all_instruments_are_made_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    (one,) = raw(tmp_path, RAW_XMM + RAW).observations
    assert one.instruments == ("EPN", "EMOS1", "RGS1", "RGS2")
    assert [(seen.instrument, list(seen.screenings)) for seen in work(tmp_path, RAW_XMM + RAW).observed] == [
        ("EPN", ["default"]),
        ("EMOS1", ["default"]),
    ]
    asked = RAW_XMM + RAW + "spectra: {src: {region: src, where: {instrument: EPN}}}\n"
    assert [seen.instrument for seen in work(tmp_path, asked).observed] == ["EPN"]


def test_no_response_means_that_tools_make_it(tmp_path: Path) -> None:
    text = RAW_NUSTAR + RAW + "spectra: {a: {region: src}, b: {region: src, arf: none, response: a.rmf}}\n"
    a, _, b, _ = work(tmp_path, text).spectra
    assert (a.response, a.arf) == (None, None)
    assert (b.response, b.arf) == (tmp_path / "a.rmf", "none")


def test_an_exposure_map_may_be_made(tmp_path: Path) -> None:
    text = RAW_NUSTAR + RAW + "images: {sky: {bands: [3-10 keV], exposure_map: pipeline}}\n"
    assert [(one.map_made, one.exposure_map) for one in work(tmp_path, text).images] == [(True, None)] * 2


def test_other_levels_have_no_raw_observations(tmp_path: Path) -> None:
    text = RAW_NUSTAR + "data: {level: events}\n"
    assert read(tmp_path, text).members[0].spec.raw is None


def test_a_sweep_may_change_the_reduction(tmp_path: Path) -> None:
    text = RAW_NUSTAR + RAW + "screening: {default: {saamode: none}}\nspectra: {src: {region: src}}\n"
    sweep = "sweep: {grid: {screening.default.saamode: [none, strict], data.fetch: [never]}}\n"
    specs = [member.spec for member in read(tmp_path, text + sweep).members]
    found = [one.raw.observations[0].screenings["default"]["saamode"] for one in specs if one.raw is not None]
    assert found == ["NONE", "STRICT"]


def test_wrong_keys_of_data_are_located(tmp_path: Path) -> None:
    assert codes(tmp_path, RAW_XMM + "data: {level: raw, fetch: maybe}\n") == ["XB204"]
    assert codes(tmp_path, RAW_XMM + "data: {level: raw, exposures: {default: first}}\n") == ["XB204"]
    assert codes(tmp_path, RAW_XMM + "data: {level: raw, pipeline: {analysis_date: now}}\n") == ["XB208"]
    (problem,) = problems(tmp_path, RAW_XMM + "data: {level: raw, pipeline: {analysis_date: yesterday}}\n")
    assert problem.hint.startswith("XMM-Newton: calibration files")


def test_joint_study_loads_whole(joint: Spec) -> None:
    assert joint.raw is not None and joint.work is not None
    assert [one.obsid for one in joint.raw.observations][-2:] == ["0761220101", "60061323002"]
    assert [one.instrument_params["EPN"]["exposures"] for one in joint.raw.observations[:-1]] == ["merge"] * 8 + [[2]]
    assert joint.raw.observation("60061323002").screenings == {"spectral": {"saamode": "NONE", "tentacle": False}}
    assert len(joint.work.spectra) == 9 + 2 + 18
    assert len(joint.raw.rgs) == 18 and len(joint.raw.rgs_sums) == 9
    assert [len(one.members) for one in joint.combinations] == [7]
    bands = sum(len(band_set.names) > 0 for one in joint.work.lightcurves for band_set in one.bands)
    assert bands == 9 * (11 + 15)
    assert [len(job.datasets) for job in joint.fits] == [11]
    with pytest.raises(KeyError):
        joint.raw.observation("0000000000")


def test_joint_study_enlarges_the_region_of_spectra_and_not_that_of_light_curves(joint: Spec) -> None:
    assert joint.raw is not None and joint.work is not None
    assert [one.observed for one in joint.raw.pileups] == [f"{one.obsid}/EPN" for one in joint.raw.observations[:-1]]
    assert {one.region for one in joint.work.spectra if one.subject.instrument == "EPN"} == {"src"}
    assert {one.region for one in joint.work.lightcurves} == {"src.energy", "src.channels"}
    first = joint.work.observed[0]
    assert first.regions["src"].params == first.regions["src.energy"].params
    assert first.regions["bkg"].file is not None and first.regions["bkg"].file.name == "0013140101_bgd.reg"
    assert {tuple(one.params["corrections"]) for one in joint.work.lightcurves} == {
        ("area", "gti", "livetime"),
        ("gti", "livetime"),
    }


def test_specs_of_the_page_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(xbatch: 1\n.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert raw(tmp_path, block).observations

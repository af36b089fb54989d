"""From raw data of NuSTAR to fits, by a fake HEASoft: a tutorial's observation, and regions summed by year."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.world import Desk
from tests.fakes.core import calls, set_faults
from tests.fakes.headas.raw import NORM, make_nustar_raw
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

CONFIGS = Path(__file__).parents[2] / "examples" / "configs"
OBSID = "60001110002"
OTHERS = ("30001002001", "30001002003", "30302006006")
#: The small field of the simulation holds no annulus of 180 to 300 arcsec, and its source is absorbed.
SMALLER = (
    "--set", "regions.src.radius=100 arcsec",
    "--set", "regions.bgd.inner=240 arcsec",
    "--set", "regions.bgd.outer=320 arcsec",
    "--set", "fit.pl.model=constant.cal * tbabs.gal * powerlaw.pl",
    "--set", "fit.pl.parameters.gal.nH={value: 1, frozen: true}",
)  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Raw observations as the archive has them, and the truth of their source."""
    folder = tmp_path_factory.mktemp("archive")
    truth = make_nustar_raw(folder, OBSID)
    for number, obsid in enumerate(OTHERS):
        make_nustar_raw(folder, obsid, modules="AB" if number == 1 else "A")
    return folder, truth


def root(desk: Desk) -> Path:
    return next((desk.folder / "tools").glob("heasoft-*/*"))


def product(desk: Desk, name: str) -> Path:
    return desk.run_dir / "products" / name


def values(desk: Desk, fit: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in desk.fit(fit)["parameters"]}


def test_the_tutorial_runs_from_raw_data_to_a_fit(heasoft: Desk, archive: tuple[Path, dict[str, Any]]) -> None:
    truth = archive[1]
    where = ("--set", f"data.root={heasoft.data}", "--set", f"target.position=[{truth['ra']}, {truth['dec']}]")
    spec = CONFIGS / "nustar-raw.yaml"
    arguments = (*where, *SMALLER, "--set", "engine={binning: heasoft}", "--jobs", 2)
    said = heasoft.xbatch("run", spec, "--out", heasoft.run_dir, "--store", heasoft.folder / "store", *arguments)
    assert said.status == 0, said.all
    assert set(heasoft.outcomes().values()) == {"done"}
    found = values(heasoft, f"pl/{OBSID}")
    assert heasoft.fit(f"pl/{OBSID}")["good_fit"]
    for name, true in (
        ("pl.PhoIndex", truth["parameters"]["PhoIndex"]),
        ("pl.norm", NORM),
        ("cal.factor[FPMB]", truth["calibration"]["FPMB"]),
    ):
        assert abs(found[name]["value"] - true) < 2.5 * found[name]["error_plus"], name  # errors are of 90 percent
    counted = Counter(call["tool"] for call in calls(root(heasoft)))
    assert {tool: counted[tool] for tool in ("nupipeline", "nuproducts", "ftgrouppha")} == {
        "nupipeline": 1,
        "nuproducts": 4,
        "ftgrouppha": 2,
    }
    record = next(step for step in heasoft.manifest()["steps"] if step["name"] == f"nupipeline:{OBSID}")
    assert (record["engine"], record["engine_version"]) == ("heasoft", "6.35.1")
    again = heasoft.xbatch("run", spec, "--out", heasoft.run_dir, "--store", heasoft.folder / "store", *arguments)
    assert again.status == 0
    assert Counter(call["tool"] for call in calls(root(heasoft))) == counted


LIGHT = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["60001110002"]
instruments: [FPMA]
target: {name: source, position: [RA, DEC], frame: fk5}
data: {root: data, level: raw, fetch: never, pipeline: {barycentre: BARYCENTRE}}
regions:
  src: {shape: circle, center: target, radius: 100 arcsec}
  bgd: {shape: annulus, center: target, inner: 240 arcsec, outer: 320 arcsec}
spectra:
  src: {region: src, background: bgd, gti: [high]}
bands: {full: 3-79 keV, some: {scheme: equal-counts, range: 4-40 keV, n: 3, of: {spectrum: whole}}}
gtis: {high: {flux: {lightcurve: area, band: full, quantile: 0.5-1}}}
images: {field: {bands: [full], exposure_map: pipeline}}
lightcurves:
  area: {spectrum: whole, bands: [full], dt: 256 s, corrections: [gti, livetime, area]}
  tool: {spectrum: whole, bands: [some, full], dt: 256 s, figure: false}
binning: {min: {type: min, counts: 30, bad: [0-34, 1910-4095]}, none: {type: none}}
engine: {lightcurves: heasoft, binning: heasoft, images: heasoft}
"""


def light(archive: tuple[Path, dict[str, Any]], **changed: str) -> str:
    truth = archive[1]
    text = LIGHT.replace("RA, DEC", f"{truth['ra']}, {truth['dec']}").replace(
        "BARYCENTRE", changed.pop("bary", "false")
    )
    text = text.replace("gti: [high]}\n", "gti: [high]}\n  whole: {region: src, background: bgd}\n")
    for old, new in changed.items():
        text = text.replace(old, new)
    return text


def test_light_curves_and_images_of_the_tools_are_those_of_the_native_tasks(
    heasoft: Desk, archive: tuple[Path, dict[str, Any]]
) -> None:
    heasoft.write(light(archive))
    said = heasoft.run("--jobs", 2)
    assert said.status == 0, said.all
    images = {"tool": read_image(product(heasoft, f"{OBSID}/FPMA/images/field/full.img"))}
    before = len(calls(root(heasoft)))
    assert Counter(call["tool"] for call in calls(root(heasoft)))["lcmath"] == 5  # one for each band
    native_ones = {"lightcurves: heasoft": "lightcurves: auto", "images: heasoft": "images: native"}
    heasoft.write(light(archive, **native_ones))
    said = heasoft.run("--only", "lightcurve:*", "--only", "image:*", "--jobs", 2)
    assert said.status == 0, said.all
    steps = {step["name"]: step for step in heasoft.manifest()["steps"]}
    assert steps[f"lightcurve:{OBSID}/FPMA/tool"]["engine"] == "native"
    assert steps[f"image:{OBSID}/FPMA/field"]["engine"] == "native"
    images["native"] = read_image(product(heasoft, f"{OBSID}/FPMA/images/field/full.img"))
    assert images["tool"].data.sum() > 1000
    assert np.array_equal(images["tool"].data, images["native"].data)
    here = read_curve(product(heasoft, f"{OBSID}/FPMA/lightcurves/area/full.lc"))
    assert not [call for call in calls(root(heasoft))[before:] if call["tool"] == "lcmath"]
    native = product(heasoft, f"{OBSID}/FPMA/lightcurves/tool")
    facts = json.loads((native / "lightcurves.json").read_text())
    heasoft.write(light(archive))
    assert heasoft.run("--only", "lightcurve:*").status == 0
    tool = product(heasoft, f"{OBSID}/FPMA/lightcurves/tool")
    other = json.loads((tool / "lightcurves.json").read_text())
    assert [band["band"] for band in other["bands"]] == [band["band"] for band in facts["bands"]]
    assert len(facts["bands"]) == 4
    for one, two in zip(facts["bands"], other["bands"], strict=True):
        for key in ("pi", "counts", "background_counts", "bins", "file"):
            assert one[key] == two[key], key
        assert one["rate"] == pytest.approx(two["rate"], rel=1e-3)
    assert {key: facts[key] for key in ("start", "bins_in_all", "dt")} == {
        key: other[key] for key in ("start", "bins_in_all", "dt")
    }
    # the light that the region leaves out is put back
    area = read_curve(product(heasoft, f"{OBSID}/FPMA/lightcurves/area/full.lc"))
    plain = read_curve(tool / "full.lc")
    assert np.array_equal(area.time, plain.time)
    # lcmath subtracts as xbatch does, in single precision
    assert np.array_equal(area.time, here.time)
    assert np.allclose(area.rate, here.rate, rtol=0, atol=1e-6 * float(np.abs(here.rate).max()))
    assert np.allclose(area.error, here.error, rtol=1e-6)
    notes = json.loads((tool / "lightcurves.json").read_text())["notes"]
    assert "rates are net of nuproducts' curve of the background, scaled by BACKSCAL, by lcmath" in notes
    assert 1.1 < float(np.median(area.rate / plain.rate)) < 1.7
    # a spectrum of the brighter half: the tool was given the times
    half, whole = (read_pha(product(heasoft, f"{OBSID}/FPMA/{name}/spectrum.pha")) for name in ("src@high", "whole"))
    assert half.exposure == pytest.approx(0.5 * whole.exposure, rel=0.1)
    assert half.counts.sum() / half.exposure > whole.counts.sum() / whole.exposure


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "fails", "message": "no"}, "lcmath failed with exit status"),
        ({"kind": "no-product"}, "has not made 60001110002_p/lc/nu60001110002A01_net.lc"),
    ],
)
def test_lcmath_that_fails_is_told(
    heasoft: Desk, archive: tuple[Path, dict[str, Any]], fault: dict[str, Any], words: str
) -> None:
    heasoft.write(light(archive))
    set_faults(root(heasoft), {"lcmath": {**fault, "times": 9}})
    said = heasoft.run("--only", "lightcurve:*/area", "--jobs", 1)
    assert said.status != 0
    assert words in " ".join(said.all.split())
    assert heasoft.outcomes()[f"lightcurve:{OBSID}/FPMA/area"] == "failed"


def test_barycentred_times(heasoft: Desk, archive: tuple[Path, dict[str, Any]]) -> None:
    heasoft.write(light(archive, bary="true"))
    said = heasoft.run("--only", "spectrum:*", "--only", "lightcurve:*", "--only", "image:*", "--jobs", 2)
    assert said.status == 0, said.all
    counted = Counter(call["tool"] for call in calls(root(heasoft)))
    assert counted["barycorr"] == 2  # the list and its live time; nuproducts corrects its own
    curve = read_curve(product(heasoft, f"{OBSID}/FPMA/lightcurves/area/full.lc"))
    assert curve.clock is not None
    assert curve.clock.scale == "tdb"
    half, whole = (read_pha(product(heasoft, f"{OBSID}/FPMA/{name}/spectrum.pha")) for name in ("src@high", "whole"))
    assert half.exposure == pytest.approx(0.5 * whole.exposure, rel=0.1)


WEIGHED = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["60001110002"]
instruments: [FPMA]
target: {name: source, position: [RA, DEC], frame: fk5}
data: {root: data, level: raw, fetch: never}
regions:
  src: {shape: circle, center: target, radius: 100 arcsec}
  edge: {shape: circle, center: target, radius: 450 arcsec}
spectra:
  plain: {region: src, background: edge}
  map: {region: src, background: edge, exposure_map: MAP}
engine: {spectra: native}
binning: {min: {type: min, counts: 30}}
"""


def test_nubackscale_weighs_spectra_as_a_map_of_the_users_does(
    heasoft: Desk, archive: tuple[Path, dict[str, Any]]
) -> None:
    text = WEIGHED.replace("RA, DEC", f"{archive[1]['ra']}, {archive[1]['dec']}")
    heasoft.write(text.replace("MAP", "pipeline"))
    said = heasoft.run("--jobs", 2)
    assert said.status == 0, said.all
    counted = Counter(call["tool"] for call in calls(root(heasoft)))
    assert counted == {"nupipeline": 1, "nuexpomap": 1, "nubackscale": 1}
    names = [(name, file) for name in ("plain", "map") for file in ("spectrum.pha", "background.pha")]
    found = {name: read_pha(product(heasoft, f"{OBSID}/FPMA/{name[0]}/{name[1]}")) for name in names}
    assert found["map", "spectrum.pha"].header["NUBACKSC"] is True
    assert np.array_equal(found["map", "spectrum.pha"].counts, found["plain", "spectrum.pha"].counts)
    record = next(step for step in heasoft.manifest()["steps"] if step["name"] == f"nubackscale:{OBSID}/FPMA/map")
    assert record["facts"]["backscal"] == found["map", "spectrum.pha"].backscal[0]
    # the same map as a file of the user's: xbatch weighs by it, and finds the same
    made = product(heasoft, f"{OBSID}/FPMA/nuexpomap/exposure.img")
    (heasoft.data.resolve().parent / "exposure.img").write_bytes(made.read_bytes())
    heasoft.write(text.replace("MAP", '"../exposure.img"'))
    said = heasoft.run("--only", "spectrum:*", "--jobs", 2)
    assert said.status == 0, said.all
    for file in ("spectrum.pha", "background.pha"):
        ours = read_pha(product(heasoft, f"{OBSID}/FPMA/map/{file}"))
        assert "NUBACKSC" not in ours.header
        assert found["map", file].backscal[0] == pytest.approx(ours.backscal[0], rel=1e-6)
    # a part of the background lies beside the detectors
    ratios = [found["map", file].backscal[0] / found["plain", file].backscal[0] for _, file in names[:2]]
    assert ratios[0] == pytest.approx(1.0, rel=1e-4)
    assert ratios[1] < 0.99


def test_a_map_that_is_corrected_for_vignetting_is_told(heasoft: Desk, archive: tuple[Path, dict[str, Any]]) -> None:
    text = WEIGHED.replace("RA, DEC", f"{archive[1]['ra']}, {archive[1]['dec']}").replace("MAP", "pipeline")
    heasoft.write(text)
    fault = {"kind": "fails", "message": "Input Exposure Map is corrected for vignetting.", "times": 9}
    set_faults(root(heasoft), {"nubackscale": fault})
    said = heasoft.run("--jobs", 2)
    assert said.status != 0
    assert "nubackscale failed with exit status 1" in " ".join(said.all.split())
    outcomes = heasoft.outcomes()
    assert outcomes[f"nubackscale:{OBSID}/FPMA/map"] == "failed"
    assert outcomes[f"spectrum:{OBSID}/FPMA/plain"] == "done"


REGIONS = """\
xbatch: 1
name: desk
mission: nustar
observations:
  - {obsids: ["30001002001"], instruments: [FPMA], tags: [early]}
  - {obsids: ["30001002003"], instruments: [FPMA, FPMB], tags: [early]}
  - {obsids: ["30302006006"], instruments: [FPMA], tags: [late]}
data: {root: data, level: raw, fetch: never}
regions:
  NE: {file: "../NE.reg"}
  bkg: {file: "../bkg{module}.reg"}
spectra: {NE: {region: NE, background: bkg, source_type: extended}}
combine:
  years: {of: NE, over: obsid, groups: {early: {tag: early}, late: {tag: late}}, background: keep, on_missing: skip}
binning: {net20: {type: nutools, net_counts: 20, form: mended}, min30: {type: min, counts: 30}}
engine: {combine: heasoft, binning: heasoft}
fit:
  summed: &pl
    data: [{spectra: years, binning: net20, band: 4-30 keV}]
    group_by: [epoch]
    background: {mode: subtract}
    statistic: chi2
    variance: data
    abundances: wilm
    cross_sections: vern
    model: constant.cal * tbabs.gal * powerlaw.pl
    parameters:
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false}]}
      gal.nH: {value: 1, frozen: true}
    errors: {parameters: free, method: covariance}
"""


@pytest.fixture
def regions(heasoft: Desk, archive: tuple[Path, dict[str, Any]], tmp_path: Path) -> Desk:
    ra, dec = archive[1]["ra"], archive[1]["dec"]
    width = 0.025 / np.cos(np.radians(dec))
    corners = [
        (ra - width, dec - 0.025),
        (ra + width, dec - 0.025),
        (ra + width, dec + 0.025),
        (ra - width, dec + 0.025),
    ]
    polygon = ",".join(f"{value:.6f}" for corner in corners for value in corner)
    (heasoft.data.resolve().parent / "NE.reg").write_text(f"fk5\npolygon({polygon})\n")
    for module in "AB":
        (heasoft.data.resolve().parent / f"bkg{module}.reg").write_text(f'fk5\nannulus({ra},{dec},240",320")\n')
    heasoft.write(REGIONS)
    return heasoft


def test_regions_are_summed_by_year(regions: Desk, archive: tuple[Path, dict[str, Any]]) -> None:
    said = regions.run("--jobs", 2)
    assert said.status == 0, said.all
    counted = Counter(call["tool"] for call in calls(root(regions)))
    assert counted == {"nupipeline": 3, "nuproducts": 4, "addspec": 1, "grppha": 5}  # two for names, three for groups
    for epoch in ("early", "late"):
        found = values(regions, f"summed/{epoch}")["pl.PhoIndex"]
        assert abs(found["value"] - archive[1]["parameters"]["PhoIndex"]) < 4 * found["error_plus"]
    by_hand(regions)
    parts = [read_pha(product(regions, f"{obsid}/FPMA/NE/spectrum.pha")) for obsid in OTHERS[:2]]
    total = read_pha(product(regions, "early/FPMA/NE/spectrum.pha"))
    assert np.array_equal(total.counts, parts[0].counts + parts[1].counts)
    assert total.exposure == pytest.approx(sum(part.exposure for part in parts))


def by_hand(desk: Desk) -> None:
    """Run the commands of the plan by bash: the last of them make what the run has made."""
    done = desk.by_hand(desk.folder / "work")
    assert done.returncode == 0, done.stdout + done.stderr
    made = sorted((desk.folder / "work").rglob("sum.pha"))
    assert made
    assert any(
        np.array_equal(read_pha(path).counts, read_pha(product(desk, "early/FPMA/NE/spectrum.pha")).counts)
        for path in made
    )


def test_an_observation_that_fails_leaves_the_others_alone(regions: Desk) -> None:
    fault = {"kind": "error-line", "match": "30001002001", "times": 9, "message": "unable to open the CALDB index"}
    set_faults(root(regions), {"nupipeline": fault})
    said = regions.run("--jobs", 2)
    assert said.status != 0
    assert "nupipeline:30001002001" in said.all
    outcomes = regions.outcomes()
    assert outcomes["nupipeline:30001002001"] == "failed"
    assert outcomes["fit:summed/early"] == outcomes["fit:summed/late"] == "done"
    set_faults(root(regions), {})
    before = Counter(call["tool"] for call in calls(root(regions)))
    said = regions.run("--jobs", 2)
    assert said.status == 0, said.all
    after = Counter(call["tool"] for call in calls(root(regions)))
    assert {tool: after[tool] - before[tool] for tool in ("nupipeline", "nuproducts", "addspec")} == {
        "nupipeline": 1,
        "nuproducts": 1,
        "addspec": 1,
    }

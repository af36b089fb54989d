"""Mode 06 of NuSTAR from raw data, by a fake HEASoft: each combination of camera head units is a list of its own."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.world import Desk
from tests.fakes.core import calls
from tests.fakes.headas.raw import NORM, make_nustar_raw
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

PAGE = Path(__file__).parents[2] / "docs" / "raw.md"
OBSID = "60001110002"
SPEC = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["60001110002"]
instruments: [FPMA]
target: {name: source, position: [RA, DEC], frame: fk5}
data: {root: data, level: raw, fetch: never}
screening: {sc12: {chu: 12}, sc3: {chu: "3"}, sc13: {chu: "13"}}
regions:
  src: {shape: circle, center: target, radius: 100 arcsec}
  bgd: {shape: annulus, center: target, inner: 240 arcsec, outer: 320 arcsec}
spectra:
  all: {region: src, background: bgd}
  one: {region: src, background: bgd, screening: sc12}
  two: {region: src, background: bgd, screening: sc3}
  bare: {region: src, screening: sc12, response: none}
  none: {region: src, background: bgd, screening: sc13}
bands: {full: 3-79 keV}
images:
  one: {bands: [full], screening: sc12, exposure_map: pipeline}
  two: {bands: [full], screening: sc3}
lightcurves:
  area: {spectrum: one, bands: [full], dt: 64 s, corrections: [gti, livetime, area]}
  plain: {spectrum: one, bands: [full], dt: 64 s}
binning: {min: {type: min, counts: 25, bad: [0-34, 1910-4095]}}
fit:
  pl:
    data: [{spectra: [all, one, two], binning: min, band: 3-79 keV}]
    background: {mode: subtract}
    statistic: chi2
    model: tbabs.gal * powerlaw.pl
    parameters: {gal.nH: {value: 1, frozen: true}}
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("archive")
    return folder, make_nustar_raw(folder, OBSID, modules="A")


def _told(desk: Desk) -> Counter[str]:
    root = next((desk.folder / "tools").glob("heasoft-*/*"))
    return Counter(call["tool"] for call in calls(root))


def test_products_are_made_of_each_part(heasoft: Desk, archive: tuple[Path, dict[str, Any]]) -> None:
    truth = archive[1]
    text = SPEC.replace("RA, DEC", f"{truth['ra']}, {truth['dec']}")
    heasoft.write(text)
    said = heasoft.run("--jobs", 2)
    # the combination that was not in use fails by itself, once, and nothing but what is made of it
    assert said.status == 1, said.all
    outcomes = heasoft.outcomes()
    assert [name for name, outcome in outcomes.items() if outcome == "failed"] == [f"chu:{OBSID}/FPMA/06/chu13"]
    assert {name.partition(":")[0] for name, outcome in outcomes.items() if outcome == "skipped"} == {
        "events",
        "preview",
        "nuproducts",
        "spectrum",
        "response",
    }
    told = said.all.replace("\n", " ")
    assert f"mode 06 of {OBSID} FPMA has no list of the camera head units 13: it has lists of 3, 12" in told
    products = heasoft.run_dir / "products" / OBSID / "FPMA"
    spectra = {name: read_pha(products / name / "spectrum.pha") for name in ("all", "one", "two", "bare")}
    # mode 06 has 15 percent of the time of mode 01, and the fake has both combinations share it
    rates = {name: one.counts.sum() / one.exposure for name, one in spectra.items()}
    assert spectra["one"].exposure + spectra["two"].exposure == pytest.approx(0.15 * spectra["all"].exposure, rel=0.02)
    assert all(rate == pytest.approx(rates["all"], rel=0.1) for rate in rates.values())
    assert spectra["bare"].counts.sum() == spectra["one"].counts.sum()  # counted by xbatch, and by the tool
    assert heasoft.fit("pl")["good_fit"]
    norm = next(one for one in heasoft.fit("pl")["parameters"] if one["name"] == "pl.norm")
    assert abs(norm["value"] - NORM) < 2.5 * norm["error_plus"]
    for name in ("one", "two"):
        assert read_image(products / "images" / name / "full.img").data.sum() > 300
    for part in ("06/chu12", "06/chu3"):
        assert (products / part / "preview" / "regions.png").is_file()
    counted = _told(heasoft)
    assert (counted["nupipeline"], counted["nusplitsc"]) == (1, 1)
    _repeat_by_hand(heasoft)
    counted = _told(heasoft)

    # where nupipeline has split the list, it is not split again, and all that follows is there already
    heasoft.write(text.replace("fetch: never", "fetch: never, pipeline: {split: true}"))
    assert heasoft.run("--jobs", 2).status == 1
    again = _told(heasoft)
    assert (again["nupipeline"], again["nusplitsc"]) == (counted["nupipeline"] + 1, counted["nusplitsc"])
    assert again["nuproducts"] == counted["nuproducts"]


def _repeat_by_hand(desk: Desk) -> None:
    """Run the plan's script by bash: it goes on as the run does where a combination was not in use."""
    work = desk.folder / "by-hand"
    done = desk.by_hand(work)
    assert done.returncode == 1
    listed = desk.run_dir / "products" / OBSID / "FPMA" / "06" / "chu13" / "list" / "events.fits"
    absent = f"nuproducts_{OBSID}_FPMA_none"
    assert f"{absent} is left out: {listed} is not there" in done.stderr.splitlines()
    assert done.stderr.splitlines()[-1].endswith(f"steps have no products: {absent}")
    for name in ("all", "one", "two"):
        made = read_pha(work / "products" / f"nuproducts_{OBSID}_FPMA_{name}" / "source.pha")
        ours = read_pha(desk.run_dir / "products" / OBSID / "FPMA" / name / "spectrum.pha")
        assert (made.counts == ours.counts).all() and made.exposure == ours.exposure


def test_a_reduction_stays_when_a_spec_comes_to_ask_for_a_part(
    heasoft: Desk, archive: tuple[Path, dict[str, Any]]
) -> None:
    truth = archive[1]
    text = SPEC.replace("RA, DEC", f"{truth['ra']}, {truth['dec']}")
    before = text[: text.index("screening:")] + text[text.index("regions:") : text.index("  one: {region")]
    heasoft.write(before)
    assert heasoft.run("--jobs", 2).status == 0
    after = (
        before.replace("regions:", 'screening: {sc3: {chu: "3"}}\nregions:') + "  two: {region: src, screening: sc3}\n"
    )
    heasoft.write(after)
    said = heasoft.run("--jobs", 2)
    assert said.status == 0, said.all
    counted = _told(heasoft)
    assert (counted["nupipeline"], counted["nusplitsc"], counted["nuproducts"]) == (1, 1, 2)


def test_the_images_of_the_page_are_made_and_its_regions_drawn_on_them(
    heasoft: Desk, archive: tuple[Path, dict[str, Any]]
) -> None:
    images, products = re.findall(
        r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8").partition("## Mode 06 of NuSTAR")[2], re.DOTALL
    )[:2]
    heasoft.write(images)
    said = heasoft.run("--jobs", 2, "--set", "instruments=[FPMA]")
    assert said.status == 0, said.all
    made = heasoft.run_dir / "products" / OBSID / "FPMA"
    for part in ("chu12", "chu3"):
        assert read_image(made / "images" / part / "3-10_keV.img").data.sum() > 200
        assert (made / "06" / part / "preview" / "regions.png").is_file()
    # the place in each image, as its reader would write it
    truth = archive[1]
    source = f"target: {{name: source, position: [{truth['ra']}, {truth['dec']}], frame: fk5}}\n"
    seen = f"[{truth['ra'] + 0.002}, {truth['dec']}]"
    regions = products.replace('["14:13:17.2", "-03:12:01"]', seen).partition("fit:")[0]
    heasoft.write(images + source + regions)
    said = heasoft.run("--jobs", 2, "--set", "instruments=[FPMA]")
    assert said.status == 0, said.all
    steps = {step["name"]: step for step in heasoft.manifest()["steps"]}
    assert list(steps[f"preview:{OBSID}/FPMA/06/chu12"]["params"]["regions"]) == ["src12", "bkg12"]
    assert list(steps[f"preview:{OBSID}/FPMA"]["params"]["regions"]) == ["src", "bkg"]
    assert read_pha(made / "agn12" / "spectrum.pha").counts.sum() > 300
    assert _told(heasoft)["nupipeline"] == 1

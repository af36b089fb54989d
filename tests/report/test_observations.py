"""Observations on the page of a run: lists, regions, pictures, sums."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.provenance.runs import PNG, Fit, make_run
from tests.report.test_page import Page
from xbatch.report import write_page
from xbatch.report.observations import band_views, mosaic_views, observation_views, region_rows, sum_views
from xbatch.report.source import RunSource

WHO = {"obsid": "90402339002", "instrument": "FPMA", "mission": "nustar"}
HERE = "90402339002/FPMA"
EVENTS = {
    "events": 1000,
    "kept": 900,
    "dropped": {"outside the GTIs": 60, "GRADE not in 0 to 26": 40, "PI undefined": 0},
    "ontime": 1234.5,
    "exposure": 1111.0,
    "gtis": 7,
    "date_obs": "2019-01-10T04:20:09",
    "object": "Vela X-1",
}
REGIONS = {
    "band": "3-79 keV",
    "image_counts": 850,
    "regions": {
        "src": {
            "role": "source of agn",
            "shapes": ["circle 500, 500, 60"],
            "pixels": 11289,
            "area_arcmin2": 18.9,
            "fraction_in_field": 0.5,
            "counts": 321,
        }
    },
}


def step(task: str, subject: str = HERE, **more: Any) -> dict[str, Any]:
    """One step of a manifest, as far as pages look at it."""
    known = {
        "name": f"{task}:{subject}",
        "task": task,
        "subject": subject,
        "params": WHO,
        "outcome": "done",
        "message": "",
        "notes": [],
        "facts": {},
        "outputs": {},
        "reasons": [],
        "log": None,
        "key": None,
        "wall_s": 1.0,
        "seconds": 1.0,
        "inputs": {},
    }
    return {**known, **more}


def output(folder: Path, name: str, data: bytes = PNG) -> dict[str, Any]:
    path = folder / "products" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {name.rpartition("/")[2]: {"path": f"products/{name}"}}


def all_steps(folder: Path) -> list[dict[str, Any]]:
    curve = {**WHO, "name": "lc"}
    return [
        step("events", facts=EVENTS, notes=["60 of 1000 events dropped: outside the GTIs", "sorted"]),
        step("events", f"{HERE}/timing", facts={**EVENTS, "kept": 950}),
        step("preview", facts=REGIONS, outputs=output(folder, "preview/regions.png")),
        step(
            "image",
            f"{HERE}/sky",
            params={**WHO, "name": "sky"},
            facts={"bands": [{"name": "full"}], "exposure": 1111.0, "bin": 1},
            outputs=output(folder, "image/images.png"),
        ),
        step(
            "lightcurve",
            f"{HERE}/lc",
            params=curve,
            facts={"dt": 256.0},
            outputs=output(folder, "lc/lightcurves.png"),
        ),
        step(
            "flare",
            facts={"limit": 0.4, "seconds": 1000.0},
            outputs=output(folder, "flare/flare.png"),
        ),
        step("gti", f"{HERE}/low", params={**WHO, "name": "low"}, facts={"intervals": 3, "seconds": 400.0}),
        step("gti", f"{HERE}/low/timing", params={**WHO, "name": "low"}, facts={"intervals": 2, "seconds": 390.0}),
        step(
            "mosaic",
            "sky",
            params={"name": "sky", "group": ""},
            facts={"members": [{"member": HERE}], "bands": [{"name": "full"}], "exposure": 1111.0},
            outputs=output(folder, "mosaic/mosaic.png"),
        ),
        step(
            "combine",
            "mean/FPMA/agn",
            params={},
            facts={"members": [HERE, "2/FPMA"], "counts": 500.0, "exposure": 2222.0, "rate": 0.2},
        ),
        step(
            "bands",
            "eq",
            params={},
            outputs=output(
                folder,
                "bands/bands.json",
                json.dumps({"bands": [{"name": "eq.1", "lo": 3.0, "hi": 5.04, "channels": [35, 85]}]}).encode(),
            ),
        ),
    ]


def page_with(folder: Path, steps: list[dict[str, Any]]) -> Page:
    run = make_run(folder, [Fit()]).write()
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["steps"] = [*steps, *manifest["steps"]]
    (run / "manifest.json").write_text(json.dumps(manifest))
    return Page(write_page(run).read_text(encoding="utf-8"))


def test_an_observation_is_shown_with_all_that_was_made_of_it(tmp_path: Path) -> None:
    page = page_with(tmp_path, all_steps(tmp_path / "out" / "vela-x1"))
    for words in (
        "90402339002 FPMA · Vela X-1",
        "900 of 1,000 events kept",
        "1,111.0 s live of 1,234.5 s in 7 good time intervals",
        "Dropped: 60 outside the GTIs, 40 GRADE not in 0 to 26.",
        "screening timing",
        "source of agn",
        "50 % in the field",
        "11,289",
        "Images: sky",
        "bins of 256 s",
        "limit 0.4 ct/s, 1000 s kept",
        "low 3 400.0",
        "low (timing) 2 390.0",
        "Sum of 90402339002/FPMA; 1111 s live in all",
        "mean FPMA agn 90402339002/FPMA, 2/FPMA 500",
        "Bands of eq: 1",
        "eq.1 3 5.04 35-85",
    ):
        assert words in page.text, words
    alts = [image["alt"] for image in page.all("img")]
    assert "Image of 90402339002 FPMA with the outline of every region: src" in alts and len(alts) == 6
    # what stands in the list's own line is no warning
    assert page.text.count("events dropped:") == 1
    anchors = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    links = {(a["href"] or "")[1:] for a in page.all("a") if (a["href"] or "").startswith("#")}
    assert {"observations", "mosaics", "sums"} <= links <= set(anchors)


def test_the_sections_stand_before_the_fits(tmp_path: Path) -> None:
    page = page_with(tmp_path, all_steps(tmp_path / "out" / "vela-x1"))
    order = [a["id"] for tag, a in page.tags if tag == "section" and a.get("id")]
    assert order[:5] == ["known", "observations", "mosaics", "sums", "fits"]


@pytest.mark.parametrize("outcome", ["failed", "skipped", "done", "up to date"])
def test_a_picture_that_is_not_there_leaves_a_gap(tmp_path: Path, outcome: str) -> None:
    message = "the region 'src' selects no pixel" if outcome == "failed" else ""
    page = page_with(tmp_path, [step("preview", outcome=outcome, message=message), step("mosaic", "sky", params={})])
    assert page.text.count("There is no such picture.") == 2
    if outcome == "failed":
        assert "There is no such picture. the region 'src' selects no pixel" in page.text


def test_steps_without_facts_do_no_harm(tmp_path: Path) -> None:
    bare: list[Mapping[str, Any]] = [{**each, "facts": {}, "outputs": {}} for each in all_steps(tmp_path)]
    source = RunSource(tmp_path, {"steps": bare})
    (view,) = observation_views(source)
    assert view.screened == () and view.gtis == () and view.previews[0].regions == ()
    assert [picture.uri for picture in (*view.pictures, *mosaic_views(source))] == [None] * 4
    assert band_views(source) == [] and len(sum_views(source)) == 1


def test_what_was_not_selected_is_left_out(tmp_path: Path) -> None:
    steps = [{**each, "outcome": "not selected"} for each in all_steps(tmp_path)]
    source = RunSource(tmp_path, {"steps": [each for each in steps if each["task"] != "bands"]})
    assert observation_views(source) == [] and mosaic_views(source) == [] and sum_views(source) == []


def test_many_observations_begin_with_a_table(tmp_path: Path) -> None:
    steps = [step("events", f"{n}/FPMA", params={**WHO, "obsid": str(n)}, facts=EVENTS) for n in range(5)]
    page = page_with(tmp_path, steps)
    links = [a["href"] for a in page.all("a")]
    assert all(f"#obs-{n}-FPMA" in links for n in range(5))


def test_hostile_names_stay_words(tmp_path: Path) -> None:
    hostile = "\"><img src=x onerror='a'><script>"
    regions = {**REGIONS, "regions": {hostile: {**REGIONS["regions"]["src"], "role": hostile}}}  # type: ignore[index]
    page = page_with(tmp_path, [step("events", facts={**EVENTS, "object": hostile}), step("preview", facts=regions)])
    assert page.all("script") == [] and not any("onerror" in attributes for _, attributes in page.tags)


def test_uses_of_a_region_are_joined() -> None:
    role = "source of agn; source of high; background of x; background of light curve lc; light curve lc; any"
    regions = {"regions": {"src": {**REGIONS["regions"]["src"], "role": role}}}  # type: ignore[index]
    (row,) = region_rows(step("preview", facts=regions))
    assert row.role == "source of agn, high; background of x; background of light curve lc; light curve lc; any"


def test_regions_of_a_step() -> None:
    (row,) = region_rows(step("preview", facts=REGIONS))
    assert (row.name, row.pixels, row.area, row.fraction, row.counts) == ("src", 11289, 18.9, 0.5, 321)


@pytest.mark.parametrize(
    ("outcome", "drawn", "shown"), [("done", True, True), ("done", False, False), ("failed", False, True)]
)
def test_sources_are_shown_where_they_were_drawn(tmp_path: Path, outcome: str, drawn: bool, shown: bool) -> None:
    outputs = output(tmp_path / "out" / "vela-x1", "d/sources.png") if drawn else {}
    facts = {"sources": 3} if outcome == "done" else {}
    params = {**WHO, "name": "field"}
    made = step("detect", f"{HERE}/field", params=params, facts=facts, outputs=outputs, outcome=outcome, message="why")
    page = page_with(tmp_path, [made])
    assert ("Sources: field" in page.text) is shown
    assert ("3 sources, by their numbers in the list of SAS" in page.text) is drawn
    assert ("There is no such picture. why" in page.text) is (outcome == "failed")

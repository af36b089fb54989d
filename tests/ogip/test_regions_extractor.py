"""Every region that `extractor` was given selects the same events and the same pixels here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.regions import Regions, choose_rule, read_regions
from xbatch.ogip.skyplane import event_plane
from xbatch.xray.region_labels import region_labels
from xbatch.xray.region_masks import Field, Rule, draw, pixels_inside, selected

pytestmark = pytest.mark.real_data

REGIONS = [
    "circle-edge-image",
    "circle-frac",
    "circle-edge-r40-y",
    "ellipse-axis",
    "box-rot",
    "box-axis-int",
    "box-rot-90",
    "annulus",
    "annulus-edge",
    "polygon",
    "circle-minus-circle",
    "exclude-first",
    "two-includes",
    "two-includes-overlap",
    "include-exclude-include",
    "fk5-sexagesimal",
    "fk5-degrees",
    "fk5-ellipse",
    "fk5-box",
    "fk5-polygon",
    "fk5-circle-minus",
    "region-partly-off",
    "region-off-field",
    "pi-35-1909",
    "pi-single",
    "specbin-4",
    "img-region-bin4",
    "wmap-binh8",
    "user-gti-1",
    "user-gti-2",
    "nu-circle",
    "nu-fk5",
    "nu-pi",
    "nu-grade0",
    "mos1-specbin15",
    "mos2-specbin15",
    "mos2-circle",
    "mos2-fk5",
]
NO_PIXELS = {"region-off-field"}


@dataclass(frozen=True)
class Events:
    """An event list as far as regions need it."""

    x: NDArray[Any]
    y: NDArray[Any]
    pi: NDArray[Any]
    grade: NDArray[Any] | None
    good: NDArray[np.bool_]
    time: NDArray[np.float64]
    wcs: SkyWcs
    field: Field


@cache
def _events(path: Path) -> Events:
    with fits.open(path) as hdus:
        table = hdus["EVENTS"]
        head = table.header
        columns = [table.columns.names.index(name) + 1 for name in ("X", "Y")]

        def pair(card: str) -> tuple[Any, Any]:
            return head[f"{card}{columns[0]}"], head[f"{card}{columns[1]}"]

        (x_first, y_first), (x_last, y_last) = pair("TLMIN"), pair("TLMAX")
        time = np.asarray(table.data["TIME"], dtype=np.float64)
        return Events(
            np.asarray(table.data["X"]).astype(np.int32),
            np.asarray(table.data["Y"]).astype(np.int32),
            np.asarray(table.data["PI"]).astype(np.int32),
            np.asarray(table.data["GRADE"]).astype(np.int32) if "GRADE" in table.columns.names else None,
            _within(time, hdus["GTI"].data) if "GTI" in hdus else np.ones(time.size, dtype=np.bool_),
            time,
            SkyWcs(pair("TCRPX"), pair("TCRVL"), pair("TCDLT"), pair("TCTYP"), 0.0, "FK5", 2000.0),
            Field(int(x_first), int(x_last), int(y_first), int(y_last)),
        )


def _within(time: NDArray[np.float64], gti: Any) -> NDArray[np.bool_]:
    starts, stops = (np.asarray(gti.field(number), dtype=np.float64)[:, np.newaxis] for number in (0, 1))
    return np.asarray(((time >= starts) & (time < stops)).any(axis=0))


def _case(reference: Path, name: str) -> tuple[dict[str, Any], dict[str, Any], Events, Regions]:
    folder = reference / "extractor" / "cases" / name
    given = json.loads((folder / "params.json").read_text())
    listed = Path(given["event_list"])
    beside = reference / "extractor" / f"{listed.name.removesuffix('.gz')}.gz"
    events = _events(beside if beside.exists() else reference.parent.parent / listed)
    regions = read_regions(folder / "region.reg", event_plane(events.wcs, listed.name))
    return json.loads((folder / "summary.json").read_text()), given["parameters"], events, regions


def _rule(name: str) -> Rule:
    return "extractor" if name == "exclude-first" else "file-order"


def _other_filters(given: dict[str, Any], events: Events, folder: Path) -> NDArray[np.bool_]:
    """What a case asks for beyond its region."""
    chosen = events.good
    cut = re.search(r"\[PI=(\d+):(\d+)\]", given["filename"])
    if cut:
        chosen = chosen & (events.pi >= int(cut[1])) & (events.pi <= int(cut[2]))
    if given["gstring"] != "NONE":
        assert events.grade is not None and given["gstring"] == "0"
        chosen = chosen & (events.grade == 0)
    if given["timefile"] != "NONE":
        chosen = chosen & _within(events.time, fits.getdata(folder / given["timefile"], 1))
    return chosen


@pytest.mark.parametrize("name", REGIONS)
def test_events_are_those_of_extractor(reference: Path, name: str) -> None:
    summary, given, events, regions = _case(reference, name)
    rule = _rule(name)
    inside = selected(regions.shapes, events.x, events.y, rule)
    np.testing.assert_array_equal(draw(regions.shapes, rule, events.field).at(events.x, events.y), inside)
    labels, members = region_labels([(regions.shapes, rule)], events.x, events.y, events.field)
    np.testing.assert_array_equal(members[labels, 0], inside)
    counted = np.count_nonzero(inside & _other_filters(given, events, reference / "extractor"))
    assert counted == summary["TOTCTS"]


@pytest.mark.parametrize("name", [name for name in REGIONS if name not in NO_PIXELS])
def test_pixels_are_those_of_extractor(reference: Path, name: str) -> None:
    summary, _, events, regions = _case(reference, name)
    pixels = pixels_inside(regions.shapes, events.field, _rule(name))
    if events.field.pixels == 1_000_000:
        assert round(summary["BACKSCAL"] * 1e6) == pixels
    assert summary["BACKSCAL"] == float(f"{pixels / events.field.pixels:.6e}")  # it is written with seven digits


def test_all_regions_of_one_list_at_once(reference: Path) -> None:
    chosen = [name for name in REGIONS if _case(reference, name)[2].wcs.crval == (321.938, 56.944)]
    cases = [_case(reference, name) for name in chosen]
    events = cases[0][2]
    labels, members = region_labels(
        [(case[3].shapes, _rule(name)) for name, case in zip(chosen, cases, strict=True)],
        events.x,
        events.y,
        events.field,
    )
    counts = np.bincount(labels[events.good], minlength=len(members)) @ members
    assert dict(zip(chosen, counts.tolist(), strict=True)) == {
        name: np.count_nonzero(events.good & selected(case[3].shapes, events.x, events.y, _rule(name)))
        for name, case in zip(chosen, cases, strict=True)
    }


def test_size_without_a_unit_is_degrees_and_not_pixels(reference: Path) -> None:
    summary, _, events, regions = _case(reference, "fk5-degrees-radius-deg")
    assert summary["counts"] == 0
    assert "taken as degrees" in regions.notes[0]
    assert np.count_nonzero(selected(regions.shapes, events.x, events.y)) > 20000


def test_rule_must_be_chosen_for_a_region_that_begins_with_an_exclude(reference: Path) -> None:
    _, _, events, regions = _case(reference, "exclude-first")
    with pytest.raises(Exception, match="begins with an exclude and also includes"):
        choose_rule(regions.shapes, None, events.field, "region.reg")


def test_later_include_that_brings_pixels_back_is_told(reference: Path) -> None:
    _, _, events, regions = _case(reference, "include-exclude-include")
    rule, notes = choose_rule(regions.shapes, None, events.field, "region.reg")
    assert rule == "file-order"
    assert "brings back 317 pixels" in notes[0]

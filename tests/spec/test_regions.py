"""The regions of a spec: shapes as numbers, centers by name, exceptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spec.specs import EVENTS, TWO_MISSIONS, codes, problems, read, work
from xbatch.spec.eventmodel import Region

TARGET = 'target: {position: ["14:13:14.9", "-03:12:27.3"]}\n'
PLACE = "center: [10, 20]"


def regions(folder: Path, entries: str, more: str = "", head: str = EVENTS) -> dict[str, Region]:
    """Give the regions of the first observation, each used by a spectrum of its own name."""
    names = [line.split(":")[0].strip() for line in entries.splitlines() if not line.startswith("  ")]
    blocks = "regions:\n" + "".join(f"  {line}\n" for line in entries.splitlines())
    blocks += "spectra:\n" + "".join(f"  {name}: {{region: {name}}}\n" for name in names)
    return dict(work(folder, head + more + blocks).observed[0].regions)


def shape(folder: Path, text: str, more: str = "") -> dict[str, Any]:
    (one,) = regions(folder, f"a: {{{text}}}", more)["a"].params["shapes"]
    return dict(one)


@pytest.mark.parametrize(
    ("text", "sizes", "angle"),
    [
        (f"shape: circle, {PLACE}, radius: 50 arcsec", [50.0], 0.0),
        (f"shape: ellipse, {PLACE}, radii: [1 arcmin, 30 arcsec], angle: 30", [60.0, 30.0], 30.0),
        (f"shape: ellipse, {PLACE}, radii: [60 arcsec, 30 arcsec], inner_radii: [30 arcsec, 0.25 arcmin]",
         [30.0, 15.0, 60.0, 30.0], 0.0),
        (f"shape: box, {PLACE}, size: [2 arcmin, 1 arcmin], angle: 90 deg", [120.0, 60.0], 90.0),
        (f"shape: box, {PLACE}, size: [2 arcmin, 1 arcmin], inner_size: [1 arcmin, 6 arcsec]",
         [60.0, 6.0, 120.0, 60.0], 0.0),
        (f"shape: annulus, {PLACE}, inner: 0 arcsec, outer: 0.5 arcmin", [0.0, 30.0], 0.0),
        (f"shape: panda, {PLACE}, inner: 1 arcmin, outer: 2 arcmin, from: 0, to: 90", [60.0, 120.0], 0.0),
        (f"shape: point, {PLACE}", [], 0.0),
    ],
)  # fmt: skip
def test_sizes_are_arcsec(tmp_path: Path, text: str, sizes: list[float], angle: float) -> None:
    found = shape(tmp_path, text)
    assert found["sizes"] == pytest.approx(sizes)
    assert (found["angle"], found["center"], found["frame"], found["include"]) == (angle, [10.0, 20.0], "icrs", True)
    assert found["sweep"] == ([0.0, 90.0] if found["shape"] == "panda" else None)


def test_a_polygon_and_pixels(tmp_path: Path) -> None:
    found = shape(tmp_path, 'shape: polygon, vertices: [[10, 20], [10.1, 20], ["00:40:00", "+20:06:00"]], frame: fk5')
    assert found["vertices"] == [[10.0, 20.0], [10.1, 20.0], pytest.approx([10.0, 20.1])]
    assert found["center"] is None
    found = shape(tmp_path, "shape: circle, center: [500.5, 498], frame: physical, radius: 20")
    assert (found["center"], found["sizes"], found["frame"]) == ([500.5, 498.0], [20.0], "physical")


def test_centers_by_name(tmp_path: Path) -> None:
    found = regions(
        tmp_path,
        "a: {shape: circle, center: target, radius: 5 arcsec}\n"
        "b: {shape: annulus, center: a, inner: 6 arcsec, outer: 9 arcsec}\n"
        "c: {shape: circle, center: d, radius: 3 arcsec}\n"
        "d: {shape: circle, center: [266, -29], frame: galactic, radius: 3 arcsec}",
        TARGET,
    )
    places = {
        name: (one.params["shapes"][0]["center"], one.params["shapes"][0]["frame"]) for name, one in found.items()
    }
    assert places["a"] == places["b"] == (pytest.approx([213.312083, -3.207583]), "icrs")
    assert places["c"] == places["d"] == ([266.0, -29.0], "galactic")


def test_several_shapes_and_a_file(tmp_path: Path) -> None:
    found = regions(
        tmp_path,
        f"a: {{combine: exclude-last, shapes: [{{shape: circle, {PLACE}, radius: 3 arcsec, exclude: true}}, "
        f"{{shape: circle, {PLACE}, radius: 9 arcsec}}]}}\n"
        'b: {file: "regions/{obsid}{module}.reg", combine: extractor}\n'
        f"c: {{shape: circle, {PLACE}, radius: 3 arcsec, exclude: true}}",
    )
    assert [one["include"] for one in found["a"].params["shapes"]] == [False, True]
    assert found["a"].params["combine"] == "exclude-last"
    assert found["b"].params == {"file": "90402339002A.reg", "combine": "extractor"}
    assert found["b"].file == tmp_path / "regions/90402339002A.reg"
    assert found["c"].params["shapes"][0]["include"] is False


def test_an_exception_with_a_shape_keeps_the_center_and_one_with_a_file_keeps_nothing(tmp_path: Path) -> None:
    text = TWO_MISSIONS + (
        "regions:\n"
        "  a: {shape: annulus, center: [10, 20], frame: fk5, inner: 0 arcsec, outer: 50 arcsec, for: [\n"
        "      {where: {mission: nustar}, shape: circle, radius: 150 arcsec},\n"
        "      {where: {instrument: EMOS1}, outer: 40 arcsec}]}\n"
        "  b: {shape: circle, center: [10, 20], radius: 5 arcsec, for: [{where: {mission: xmm}, file: b.reg}]}\n"
        "spectra: {s: {region: a, background: b}}\n"
    )
    found = {one.instrument: one.regions for one in work(tmp_path, text).observed}
    circle, ring = (found[name]["a"].params["shapes"][0] for name in ("FPMA", "EPN"))
    assert (circle["shape"], circle["center"], circle["sizes"], circle["frame"]) == ("circle", [10, 20], [150.0], "fk5")
    assert (ring["shape"], ring["sizes"]) == ("annulus", [0.0, 50.0])
    assert found["EMOS1"]["a"].params["shapes"][0]["sizes"] == [0.0, 40.0]
    assert found["EPN"]["b"].params == {"file": "b.reg", "combine": None}
    assert found["EPN"]["b"].file == tmp_path / "b.reg"
    assert found["FPMB"]["b"].file is None


def test_a_center_follows_the_exceptions_of_another_region(tmp_path: Path) -> None:
    text = TWO_MISSIONS + (
        "regions:\n"
        "  a: {shape: circle, center: [10, 20], radius: 5 arcsec, for: [{where: {mission: xmm}, center: [10.1, 20]}]}\n"
        "  b: {shape: circle, center: a, radius: 5 arcsec}\n"
        "spectra: {s: {region: b}}\n"
    )
    found = {one.instrument: one.regions["b"].params["shapes"][0]["center"] for one in work(tmp_path, text).observed}
    assert found == {"FPMA": [10.0, 20.0], "FPMB": [10.0, 20.0], "EPN": [10.1, 20.0], "EMOS1": [10.1, 20.0]}


def test_a_bare_size_is_degrees_with_a_note(tmp_path: Path) -> None:
    text = EVENTS + "regions: {a: {shape: circle, center: [10, 20], radius: 0.01}}\nspectra: {s: {region: a}}\n"
    analysis = read(tmp_path, text)
    (note,) = analysis.notes
    assert (note.code, note.hint, note.path) == ("XB229", "write 0.01 deg", "regions.a.radius")
    assert shape(tmp_path, "shape: circle, center: [10, 20], radius: 0.01")["sizes"] == pytest.approx([36.0])


def test_a_bare_size_of_many_degrees_is_noted_as_larger_than_a_field(tmp_path: Path) -> None:
    text = EVENTS + "regions: {a: {shape: circle, center: [10, 20], radius: 60}}\nspectra: {s: {region: a}}\n"
    (note,) = read(tmp_path, text).notes
    assert note.code == "XB229" and "larger than any field" in note.message
    assert note.hint == "write 60 deg, or 60 arcsec if that is meant"
    assert shape(tmp_path, "shape: circle, center: [10, 20], radius: 60")["sizes"] == pytest.approx([216000.0])


def test_pixels_serve_one_observation_or_one_each(tmp_path: Path) -> None:
    head = EVENTS.replace("[90402339002]", "[90402339002, 90402339004]")
    base = "shape: circle, center: [500, 500], frame: physical, radius: 20"
    other = "for: [{where: {obsid: 90402339004}, center: [510, 500]}]"
    spectra = "spectra: {s: {region: a}}\n"
    assert codes(tmp_path, f"{head}regions: {{a: {{{base}}}}}\n{spectra}") == ["XB225"]
    assert not codes(tmp_path, f"{head}regions: {{a: {{{base}, {other}}}}}\n{spectra}")
    one = spectra.replace("a}", "a, where: {obsid: 90402339002}}")
    assert not codes(tmp_path, f"{head}regions: {{a: {{{base}}}}}\n{one}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shapes: [{shape: circle, center: [1, 2], radius: 3 deg, combine: extractor}]", "without 'combine'"),
        ("shapes: [{file: a.reg}]", "without 'file'"),
        ("shapes: [{center: [1, 2], radius: 3 deg}]", "one shape"),
        ("file: none", "needs a file"),
        ('shape: circle, center: "21:27:44.9 +56:56:40", radius: 3 deg', "neither a position nor a region's name"),
        ("shape: circle, center: 321.9, radius: 3 deg", "must be text or a list"),
        ("shape: ellipse, center: [1, 2], radii: 3 deg", "must be a list"),
        ("shape: annulus, center: [1, 2], inner: 3 deg, outer: 3 deg", "not below the outer"),
        ("shape: box, center: [1, 2], size: [3 deg, 2 deg], inner_size: [2 deg, 2 deg]", "not inside"),
    ],
)
def test_what_is_no_region(tmp_path: Path, text: str, message: str) -> None:
    (problem,) = problems(tmp_path, f"{EVENTS}regions: {{a: {{{text}}}}}\nspectra: {{s: {{region: a}}}}\n")
    assert message in problem.message


def test_a_region_can_be_set_and_swept(tmp_path: Path) -> None:
    text = EVENTS + (
        "regions: {a: {shape: circle, center: [10, 20], radius: 5 arcsec}}\nspectra: {s: {region: a}}\n"
        "sweep: {grid: {regions.a.radius: [10 arcsec, 20 arcsec]}}\n"
    )
    analysis = read(tmp_path, text, ["regions.a.center=[11, 20]"])
    works = [member.spec.work for member in analysis.members if member.spec.work]
    found = [one.observed[0].regions["a"].params["shapes"][0] for one in works]
    assert [(one["center"], one["sizes"]) for one in found] == [([11.0, 20.0], [10.0]), ([11.0, 20.0], [20.0])]
    assert analysis.members[0].name.startswith("radius=10arcsec")

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from xbatch.report.compare.svg import COLOURS, Plot, Point, Series, svg

NS = "{http://www.w3.org/2000/svg}"


def drawn(plot: Plot) -> ET.Element:
    return ET.fromstring(svg(plot, "title <&>"))


def points(*values: float, error: float | None = 0.1) -> tuple[Point, ...]:
    return tuple(Point(float(n), value, error, error, f"point <{n}>") for n, value in enumerate(values))


def markers(root: ET.Element) -> list[ET.Element]:
    return [path for group in root.iter(f"{NS}g") for path in group.iter(f"{NS}path")]


def words(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{NS}text")]


def test_a_plot_is_well_formed_and_named() -> None:
    root = drawn(Plot("counts <x>", "", "a&b", "keV", (Series("", points(1, 2, 3)),)))
    assert root.findtext(f"{NS}title") == "title <&>"
    assert {"counts <x>", "a&b (keV)"} <= set(words(root))
    assert [marker.findtext(f"{NS}title") for marker in markers(root)] == ["point <0>", "point <1>", "point <2>"]
    assert "open: no error" not in words(root)


def test_points_without_an_error_are_open() -> None:
    root = drawn(Plot("x", "", "y", "", (Series("", (*points(1, 2), Point(3, 2, None, None, "open"))),)))
    assert [marker.get("fill") for marker in markers(root)] == [None, None, "#fff"]
    assert "open: no error" in words(root)


def test_a_one_sided_error_reaches_to_its_side_alone() -> None:
    root = drawn(Plot("x", "", "y", "", (Series("", (Point(0, 1, None, 0.5, ""), Point(1, 2, 0.5, 0.5, ""))),)))
    bars = next(path.get("d", "") for path in root.iter(f"{NS}path") if path.get("stroke-width") == "1.1")
    assert len(re.findall("V", bars)) == 2
    assert len(re.findall("h5", bars)) == 3  # caps


def test_series_have_colours_markers_and_a_legend_of_their_own() -> None:
    root = drawn(Plot("x", "", "y", "", tuple(Series(f"s{n}", points(n, n + 1)) for n in range(7))))
    assert [group.get("stroke") for group in root.iter(f"{NS}g")] == list(COLOURS)
    assert {f"s{n}" for n in range(7)} <= set(words(root))
    outlines = {re.sub(r"M[-\d.]+ [-\d.]+", "", marker.get("d", "")) for marker in markers(root)}
    assert len(outlines) == 7


def test_what_has_no_result_is_a_cross_that_is_explained() -> None:
    root = drawn(Plot("x", "", "y", "", (Series("", points(1, 2)),), ((5.0, "failed: why"),)))
    assert "no result" in words(root)
    assert "failed: why" in [path.findtext(f"{NS}title") for path in root.iter(f"{NS}path")]


def test_all_is_inside_the_frame_and_the_canvas() -> None:
    for categories in ((), ("one", "a category with a rather long name", "three")):
        root = drawn(
            Plot("x", "keV", "y", "", (Series("", points(1e-12, 3e-12, 2e-12, error=1e-12)[:3]),), (), categories)
        )
        _, _, width, height = map(float, root.get("viewBox", "").split())
        frame = root.findall(f"{NS}rect")[1]
        left, top = float(frame.get("x", "")), float(frame.get("y", ""))
        right, bottom = left + float(frame.get("width", "")), top + float(frame.get("height", ""))
        assert 0 < left < right < width and 0 < top < bottom < height
        for marker in markers(root):
            x, y = map(float, re.match(r"M([-\d.]+) ([-\d.]+)", marker.get("d", "")).groups())  # type: ignore[union-attr]
            assert left <= x <= right and top <= y <= bottom
    assert any("rotate(-34)" in (text.get("transform") or "") for text in root.iter(f"{NS}text"))


def test_the_level_of_the_reference_is_a_dashed_line() -> None:
    assert "stroke-dasharray" not in svg(Plot("x", "", "y", "", (Series("", points(1, 2)),)), "t")
    assert "stroke-dasharray" in svg(Plot("x", "", "y", "", (Series("", points(1, 2)),), level=5.0), "t")


def test_numbers_of_an_extreme_size_have_their_power_in_the_label() -> None:
    root = drawn(Plot("x", "", "flux", "erg s⁻¹", (Series("", points(1.1e-11, 1.3e-11, error=1e-12)),)))
    assert "flux (10⁻¹¹ erg s⁻¹)" in words(root)

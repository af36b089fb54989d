"""Tests of regions as FITS tables: what the convention makes of a table is what the region selects."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.fitswriter import write_fits
from xbatch.ogip.regions import choose_rule, read_regions
from xbatch.ogip.regiontable import components, region_table
from xbatch.ogip.skyplane import PixelPlane
from xbatch.xray.region_masks import Field, Rule, mask
from xbatch.xray.regions import (
    Annulus,
    Box,
    BoxAnnulus,
    Circle,
    Ellipse,
    EllipseAnnulus,
    Panda,
    Point,
    Polygon,
    Shape,
    inside,
)

FIELD = Field(1, 60, 1, 50)
RING = EllipseAnnulus(30, 25, (5, 3), (12, 9), 20)


def shape_of(row: dict[str, Any]) -> Shape:
    """Read a row by the words of the convention."""
    kind, include = row["SHAPE"].lstrip("!"), not row["SHAPE"].startswith("!")
    x, y, size, angle = (np.atleast_1d(row[name]).tolist() for name in ("X", "Y", "R", "ROTANG"))
    at = (x[0], y[0])
    makers = {
        "CIRCLE": lambda: Circle(*at, size[0], include),
        "ELLIPSE": lambda: Ellipse(*at, size[0], size[1], angle[0], include),
        "BOX": lambda: Box(*at, size[0], size[1], 0.0, include),
        "ROTBOX": lambda: Box(*at, size[0], size[1], angle[0], include),
        "ANNULUS": lambda: Annulus(*at, size[0], size[1], include),
        "ELLIPTANNULUS": lambda: EllipseAnnulus(*at, (size[0], size[1]), (size[2], size[3]), angle[0], include),
        "BOXANNULUS": lambda: BoxAnnulus(*at, (size[0], size[1]), (size[2], size[3]), angle[0], include),
        "PIE": lambda: Panda(Annulus(*at, size[0], size[1]), angle[0], angle[1], include),
        "SECTOR": lambda: Panda(Annulus(*at, 0.0, math.inf), angle[0], angle[1], include),
        "POLYGON": lambda: Polygon(tuple(zip(x, y, strict=True)), include),
        "POINT": lambda: Point(*at, include),
    }
    return makers[kind]()


def selected_by(path: Path) -> NDArray[np.bool_]:
    """What a table selects: any component of which all shapes hold."""
    x = np.arange(FIELD.x_first, FIELD.x_last + 1.0)
    y = np.arange(FIELD.y_first, FIELD.y_last + 1.0)[:, np.newaxis]
    parts: dict[int, NDArray[np.bool_]] = {}
    with fits.open(path) as file:
        file.verify("exception")
        table = file["REG00101"].data
        for number in range(len(table)):
            row = {name: table[name][number] for name in table.columns.names}
            shape = shape_of(row)
            holds = inside(shape, x, y) == shape.include
            component = int(row["COMPONENT"])
            parts[component] = parts.get(component, np.ones_like(holds)) & holds
    return np.any(list(parts.values()), axis=0)


def written(shapes: list[Shape], rule: Rule, folder: Path) -> Path:
    table = region_table("REG00101", shapes, rule)
    assert table is not None
    write_fits(folder / "r.fits", [], [table])
    return folder / "r.fits"


@pytest.mark.parametrize(
    "shape",
    [
        Circle(30, 25, 10.5),
        Ellipse(30, 25, 12, 6, 30),
        Box(30, 25, 12, 6),
        Box(30, 25, 12, 6, 30),
        Annulus(30, 25, 4, 11),
        RING,
        BoxAnnulus(30, 25, (5, 4), (20, 12), 10),
        Polygon(((10, 10), (40, 12), (33, 40), (15, 30))),
        Point(20, 21),
        Panda(Annulus(30, 25, 4, 15), 20, 130),
        Panda(Annulus(30, 25, 4, 15), 0, 360),
        Panda(Annulus(30, 25, 0, math.inf), 200, 300),
        Panda(RING, 20, 130),
        Panda(BoxAnnulus(30, 25, (5, 4), (20, 12), 10), 20, 130),
    ],
)
def test_each_shape_is_written_as_it_selects(shape: Shape, tmp_path: Path) -> None:
    assert np.array_equal(selected_by(written([shape], "file-order", tmp_path)), mask([shape], FIELD))


SHAPES = st.builds(Circle, st.integers(10, 50), st.integers(10, 40), st.integers(3, 20), st.booleans()) | st.builds(
    Box, st.integers(10, 50), st.integers(10, 40), st.just(21), st.just(9), st.just(0.0), st.booleans()
)


@settings(deadline=None)
@given(st.lists(SHAPES, min_size=1, max_size=6), st.sampled_from(["file-order", "exclude-last", "extractor"]))
def test_components_select_what_the_rule_does(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[Shape], rule: Rule
) -> None:
    folder = tmp_path_factory.mktemp("reg")
    assert np.array_equal(selected_by(written(shapes, rule, folder)), mask(shapes, FIELD, rule))


def test_shapes_of_several_lengths_share_a_table(tmp_path: Path) -> None:
    shapes = [Circle(30, 25, 10), Polygon(((10, 10), (40, 12), (33, 40))), Annulus(20, 20, 3, 9, include=False)]
    assert np.array_equal(selected_by(written(shapes, "file-order", tmp_path)), mask(shapes, FIELD))


def test_what_has_no_words_is_left_out() -> None:
    assert region_table("REG00101", [Circle(30, 25, 10), Panda(RING, 20, 130, include=False)], "file-order") is None
    assert region_table("REG00101", [Circle(30, 25, 10), Panda(Annulus(1, 1, 2, 3), 0, 9, False)], "file-order")


def test_coordinates_on_the_sky_stand_beside(tmp_path: Path) -> None:
    wcs = SkyWcs((500.5, 501.5), (10.0, 20.0), (-1e-3, 1e-3))
    table = region_table("REG00101", [Circle(3, 4, 5)], "file-order", wcs)
    assert table is not None
    write_fits(tmp_path / "r.fits", [], [table])
    header = fits.getheader(tmp_path / "r.fits", 1)
    assert (header["TCRPX2"], header["TCRVL1"], header["TCDLT1"], header["TCTYP2"]) == (501.5, 10, -1e-3, "DEC--TAN")
    assert (header["HDUCLASS"], header["HDUCLAS1"], header["MFORM1"]) == ("ASC", "REGION", "X,Y")


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    ["annulus", "polygon", "box-rot", "circle-minus-circle", "ellipse-axis", "include-exclude-include", "two-includes"],
)
def test_tables_of_the_extractor_hold_the_same_rows(name: str, reference: Path, tmp_path: Path) -> None:
    case = reference / "extractor" / "cases" / name
    found = read_regions(case / "region.reg", PixelPlane("list"))
    rule, _ = choose_rule(found.shapes, None, Field(1, 1000, 1, 1000), "region")
    with fits.open(case / "out.pha.gz") as theirs, fits.open(written(list(found.shapes), rule, tmp_path)) as ours:
        one, other = theirs["REG00101"].data, ours["REG00101"].data
        assert len(one) == len(other)
        for column in ("X", "Y", "R", "ROTANG", "COMPONENT"):
            assert np.array_equal(one[column], other[column])
        assert [kind.replace("ROTBOX", "BOX") for kind in other["SHAPE"]] == list(one["SHAPE"])


def test_excludes_go_with_every_include_before_them() -> None:
    a, b, c = Circle(1, 1, 1), Circle(2, 2, 2), Circle(3, 3, 3)
    less = Circle(4, 4, 4, include=False)
    assert components([a, b, less, c], "file-order") == [[a, less], [b, less], [c]]
    assert components([a, b, less, c], "exclude-last") == [[a, less], [b, less], [c, less]]
    assert components([less, a], "file-order") == [[a]]
    assert components([less, a], "extractor") == [[less], [a]]
    assert components([less], "file-order") == [[less]]

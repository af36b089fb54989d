"""Region text: what it selects, what is assumed and said, and what is refused with a cure."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ogip.regionchecks import numbers
from xbatch.base.errors import FileError
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.regions import Regions, check_area, choose_rule, inline_shape, parse_regions, read_regions
from xbatch.ogip.skyplane import PixelPlane, event_plane, image_plane
from xbatch.xray.region_masks import Field
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
)

FIELD = Field(1, 1000, 1, 1000)
STEP = 0.0006828
WCS = SkyWcs((500.5, 500.5), (321.938, 56.944), (-STEP, STEP))
PLANE = event_plane(WCS, "events.evt")
TURNED = event_plane(SkyWcs((500.5, 500.5), (321.938, 56.944), (-STEP, STEP), crota=30.0), "turned.evt")
MIRRORED = event_plane(SkyWcs((500.5, 500.5), (321.938, 56.944), (STEP, STEP)), "mirrored.evt")
NO_SKY = event_plane(None, "det.evt")


def _read(text: str, plane: PixelPlane = PLANE, **options: Any) -> Regions:
    return parse_regions(text, plane, "r.reg", **options)


def _one(text: str, plane: PixelPlane = PLANE, **options: Any) -> Shape:
    (shape,) = _read(text, plane, **options).shapes
    return shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("circle(500.5,400,20)", Circle(500.5, 400, 20)),
        ("circle 500.5 400 20", Circle(500.5, 400, 20)),
        ("CIRCLE( 500.5 400 20 ) # color=red", Circle(500.5, 400, 20)),
        ("+circle(500.5,4e2,20)", Circle(500.5, 400, 20)),
        ("-circle(500.5,400,20)", Circle(500.5, 400, 20, include=False)),
        ("!circle(500.5,400,20)", Circle(500.5, 400, 20, include=False)),
        ("circle(500.5,400,20) # include=0", Circle(500.5, 400, 20, include=False)),
        ("circle(500.5,400,20) # text={a # include=0; circle(1,2,3)}", Circle(500.5, 400, 20)),
        ("ellipse(5,6,30,20,45)", Ellipse(5, 6, 30, 20, 45)),
        ("ellipse(5,6,30,20)", Ellipse(5, 6, 30, 20, 0)),
        ("ellipse(5,6,3,2,6,4,9,6,45)", EllipseAnnulus(5, 6, (3, 2), (9, 6), 45)),
        ("ellipse(5,6,3,2,9,6,n=4,45)", EllipseAnnulus(5, 6, (3, 2), (9, 6), 45)),
        ("box(5,6,30,20,45)", Box(5, 6, 30, 20, 45)),
        ("rotbox(5,6,30,20,45)", Box(5, 6, 30, 20, 45)),
        ("box(5,6,3,2,6,4,45)", BoxAnnulus(5, 6, (3, 2), (6, 4), 45)),
        ("annulus(5,6,3,9)", Annulus(5, 6, 3, 9)),
        ("annulus(5,6,3,5,7,9)", Annulus(5, 6, 3, 9)),
        ("annulus(5,6,3,9,n=3)", Annulus(5, 6, 3, 9)),
        ("panda(5,6,30,120,4,3,9,2)", Panda(Annulus(5, 6, 3, 9), 30, 120)),
        ("epanda(5,6,30,120,1,3,2,9,6,1,45)", Panda(EllipseAnnulus(5, 6, (3, 2), (9, 6), 45), 30, 120)),
        ("bpanda(5,6,30,120,1,3,2,9,6,1)", Panda(BoxAnnulus(5, 6, (3, 2), (9, 6), 0), 30, 120)),
        ("pie(5,6,3,9,30,120)", Panda(Annulus(5, 6, 3, 9), 30, 120)),
        ("sector(5,6,30,120)", Panda(Annulus(5, 6, 0, math.inf), 30, 120)),
        ("polygon(1,2,3,4,5,0)", Polygon(((1, 2), (3, 4), (5, 0)))),
    ],
)
def test_shapes_in_pixels(text: str, shape: Shape) -> None:
    assert _read(f"physical\n{text}\n") == Regions((shape,), ())


def test_statements_share_lines() -> None:
    text = (
        "\ufeff# Region file\r\nglobal color=red; physical; circle(1,2,3); -box(4,5,6,7,0) # color=red ; circle(7,8,9)"
    )
    assert _read(text).shapes == (Circle(1, 2, 3), Box(4, 5, 6, 7, 0, include=False), Circle(7, 8, 9))
    assert _read("physical circle(1,2,3)").shapes == (Circle(1, 2, 3),)


def test_global_line_may_exclude() -> None:
    text = "global include=0\nphysical\ncircle(1,2,3)\ncircle(4,5,6) # include=1"
    assert [shape.include for shape in _read(text).shapes] == [False, True]


def test_members_of_a_composite_are_read_one_by_one() -> None:
    members = "point(8,8) ||\nbox(6,9,3,2,22.8) ||\nbox(6,8,3,2,22.8) || circle(1,1,1)\n"
    regions = _read(f"image\n# composite(8,8,22.8) || composite=1\n{members}")
    assert [type(shape) for shape in regions.shapes] == [Box, Box, Circle]
    assert "1 composite, 1 point" in regions.notes[-1]


def test_decorations_and_shapes_of_no_size_are_left_out_and_told() -> None:
    text = (
        'fk5\nline(21:27:45,+56:56:38,21:27:46,+56:56:39)\n# vector(321.9,56.9,20",178)\n# text(321.9,56.9) text={N}\n'
        'point(321.9,56.9)\ncircle(321.9,56.9,0")\nannulus(321.9,56.9,5",5")\nbox(321.9,56.9,5",0",0)\n'
        'circle(321.938,56.944,90")\n'
    )
    regions = _read(text)
    assert len(regions.shapes) == 1
    assert regions.notes == (
        "line 6: circle of size 0 is left out",
        "line 7: annulus of size 0 is left out",
        "line 8: box of size 0 is left out",
        "left out because they mark and do not select: 1 line, 1 point, 1 text, 1 vector",
    )


def test_point_selects_its_pixel_if_asked() -> None:
    assert _one("physical; point(3,4)", points=True) == Point(3, 4)


def test_reference_point_is_the_reference_pixel() -> None:
    circle = _one('fk5\ncircle(321.938,56.944,90")')
    assert numbers(circle) == pytest.approx([500.5, 500.5, 90 / 3600 / STEP], rel=1e-6)


CIRCLE = numbers(_one("fk5\ncircle(321.95,56.93,1.5')"))


@pytest.mark.parametrize(
    "text",
    [
        'j2000; circle(321.95d,56.93d,90")',
        'fk5; circle(21:27:48.0,+56:55:48,90.0")',
        'fk5; circle(21h27m48.0s,+56d55m48s,90.0")',
        "fk5; circle(321.95,56.93,0.025)",
        "fk5; circle(321.95,56.93,0.025d)",
        f"fk5; circle({math.radians(321.95)!r}r,{math.radians(56.93)!r}r,{math.radians(0.025)!r}r)",
        'circle(21:27:48.0,+56:55:48,90")',
        f'physical; circle({CIRCLE[0]!r},{CIRCLE[1]!r},90")',
        f"fk5; circle({CIRCLE[0]!r}p,{CIRCLE[1]!r}p,{CIRCLE[2]!r}i)",
        f"image; circle({CIRCLE[0]!r},{CIRCLE[1]!r},{CIRCLE[2]!r})",
    ],
)
def test_one_circle_written_in_many_ways(text: str) -> None:
    assert numbers(_one(text)) == pytest.approx(CIRCLE, abs=1e-8)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('circle(21:27:48.0,+56:55:48,90")', "sexagesimal coordinates are taken as fk5"),
        ("circle(500,500,90)", "coordinates are taken as physical"),
        ("fk5; circle(321.95,56.93,0.025)", "taken as degrees"),
        ("image; circle(5,5,3)", "image coordinates are taken as pixels of X and Y"),
        ('fk5; circle(321.95,56.93,3") # background', "marked as background in DS9, but read like the others: line 1"),
    ],
)
def test_what_is_assumed_is_told(text: str, note: str) -> None:
    (said,) = _read(text).notes
    assert note in said


def test_system_of_a_file_that_names_none_may_be_given() -> None:
    regions = _read('circle(321.95,56.93,90")', system="FK5")
    assert regions.notes == ()
    assert numbers(regions.shapes[0]) == pytest.approx(CIRCLE)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("physical\ncircel(1,2,3)", 2, "'circel' is not a shape.*There are .*circle"),
        ("physical\ncircle(1,2,3", 2, "brackets.*do not pair"),
        ("physical\ncircle 1,2,3)", 2, "brackets.*do not pair"),
        ("physical\ncircle((1,2,3))", 2, "brackets.*do not pair"),
        ("physical\n((X,Y) IN circle(1,2,3))", 2, "is not a shape.*written as"),
        ("physical\n\ncircle(1,2)", 3, "circle is given 2 numbers.*x, y, radius"),
        ("physical\npolygon(1,2,3,4,5)", 2, "polygon is given 5 numbers"),
        ("physical\nellipse(1,2,3,4,5,6,7,8)", 2, "ellipse is given 8 numbers"),
        ("physical\ncircle(1,2,x)", 2, "x is not a number"),
        ("physical\ncircle(1,2,-3)", 2, "size -3 is negative"),
        ("physical\nannulus(1,2,9,3)", 2, "inner size 9 is larger"),
        ("physical\ncircle(21:27:48.0,+56:55:48,3)", 2, "lies on the sky, but the coordinates are physical.*fk5"),
        ("fk5\ncircle(321.9,500p,3)", 2, "two kinds"),
        ("fk5\ncircle(321.9',56',3)", 2, "is not a coordinate"),
        ('fk5\nbox(321.9,56.9,3",3",4")', 2, "is not an angle"),
        ('circle(321.95,56.93,90")', 1, "no coordinate system is named.*Put fk5"),
        ('ecliptic\ncircle(1,2,3")', 1, "'ecliptic' cannot be placed.*fk5"),
        ('wcs0; circle(1,2,3")', 1, "'wcs0' cannot be placed"),
        ('fk5\ncircle(141.9,-56.9,3")', 2, "other side of the sky"),
    ],
)
def test_what_is_refused_names_line_and_cure(text: str, line: int, said: str) -> None:
    with pytest.raises(FileError, match=f"^r.reg: line {line}: .*{said}") as caught:
        _read(text)
    assert caught.value.cure


def test_sky_region_without_sky_coordinates() -> None:
    with pytest.raises(FileError, match=r"r.reg: line 2: .*TCRPX.*det.evt.*physical"):
        _read('fk5\ncircle(321.9,56.9,3")', NO_SKY)
    with pytest.raises(FileError, match=r"r.reg: line 2: .*TCRPX"):
        _read('physical\ncircle(321,56,3")', NO_SKY)
    assert _one("physical\ncircle(321,56,3)", NO_SKY) == Circle(321, 56, 3)


def test_plane_of_the_sun_has_no_right_ascension() -> None:
    sun = event_plane(SkyWcs((500.5, 500.5), (0.0, 0.0), (-STEP, STEP), ("HPLN-TAN", "HPLT-TAN")), "sun.evt")
    with pytest.raises(FileError, match=r"HPLN-TAN and HPLT-TAN, not right ascension.*physical"):
        _read('fk5\ncircle(321.9,56.9,3")', sun)


def test_sky_coordinates_that_make_no_sense() -> None:
    flat = event_plane(SkyWcs((500.5, 500.5), (10.0, 20.0), (0.0, STEP)), "flat.evt")
    with pytest.raises(FileError, match=r"contradict themselves.*flat.evt.*physical"):
        _read('fk5\ncircle(10,20,3")', flat)
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 0.0, "CDELT2": 0.001}
    with pytest.raises(FileError, match="contradict themselves"):
        _read('fk5\ncircle(10,20,3")', image_plane(_header(**cards), "flat.fits"))


def test_empty_files_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no shape in it has an area"):
        _read("# Region file format: DS9\nglobal color=green\nfk5\n# text(1,2) text={a}\n")
    with pytest.raises(FileError, match=r"none.reg: cannot be read \(No such file"):
        read_regions(tmp_path / "none.reg", PLANE)
    with pytest.raises(FileError, match="'moon' cannot be placed"):
        _read("circle(1,2,3)", system="moon")
    (tmp_path / "a.reg").write_bytes(b"# caf\xe9\nphysical\ncircle(1,2,3)\n")
    assert read_regions(tmp_path / "a.reg", PLANE).shapes == (Circle(1, 2, 3),)


def test_angles_turn_with_the_plane() -> None:
    text = 'fk5\nbox(321.938,56.944,200",90",20)\npanda(321.938,56.944,10,50,1,20",50",1)'
    straight, turned, mirrored = (_read(text, plane).shapes for plane in (PLANE, TURNED, MIRRORED))
    boxes = [shapes[0] for shapes in (straight, turned, mirrored)]
    assert [box.angle for box in boxes if isinstance(box, Box)] == pytest.approx([20.0, -10.0 + 60.0, 160.0])
    pandas = [shapes[1] for shapes in (straight, turned, mirrored)]
    wanted = [(10.0, 50.0), (40.0, 80.0), (130.0, 170.0)]
    for panda, pair in zip(pandas, wanted, strict=True):
        assert isinstance(panda, Panda)
        assert (panda.start, panda.stop) == pytest.approx(pair)


@given(angle=st.floats(0.0, 179.0), lon=st.floats(321.85, 322.0), lat=st.floats(56.9, 57.0))
def test_a_turned_plane_selects_the_same_sky(angle: float, lon: float, lat: float) -> None:
    """The far end of an ellipse lies at the same place, whatever the plane."""
    places = []
    for plane in (PLANE, TURNED, MIRRORED):
        ellipse = _one(f'fk5\nellipse({lon!r},{lat!r},60",20",{angle!r})', plane)
        assert isinstance(ellipse, Ellipse)
        turn = math.radians(ellipse.angle)
        places.append(plane.to_sky(ellipse.x + ellipse.a * math.cos(turn), ellipse.y + ellipse.a * math.sin(turn)))
    for place in places[1:]:
        assert place == pytest.approx(places[0], abs=1e-6)


@given(lon=st.floats(321.8, 322.1), lat=st.floats(56.85, 57.05))
@settings(max_examples=20)
def test_frames_agree_on_a_place(lon: float, lat: float) -> None:
    from astropy.coordinates import SkyCoord

    place = SkyCoord(lon, lat, unit="deg", frame="fk5")
    wanted = PLANE.from_sky(lon, lat, "fk5")
    for frame, first, second in (("icrs", "ra", "dec"), ("galactic", "l", "b"), ("fk4", "ra", "dec")):
        there = place.transform_to(frame)
        found = PLANE.from_sky(getattr(there, first).deg, getattr(there, second).deg, frame)
        assert found == pytest.approx(wanted, abs=1e-4 if frame == "fk4" else 1e-6)


def _header(**cards: Any) -> fits.Header:
    header = fits.Header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, 100, 100
    for name, value in cards.items():
        header[name] = value
    return header


def test_physical_coordinates_of_a_binned_image() -> None:
    header = _header(LTM1_1=0.25, LTM2_2=0.25, LTV1=-100.375, LTV2=-50.375)
    plane = image_plane(header, "image.fits")
    assert _one("physical; circle(500.5,400.5,20)", plane) == Circle(24.75, 49.75, 5.0)
    assert _one("image; circle(24.75,49.75,5)", plane) == Circle(24.75, 49.75, 5.0)
    assert _one("image; circle(500.5p,400.5p,5)", plane) == Circle(24.75, 49.75, 5.0)
    with pytest.raises(FileError, match="the image has no sky coordinates"):
        _read('fk5; circle(321.9,56.9,5")', plane)
    with pytest.raises(FileError, match="turned against the pixels"):
        image_plane(_header(LTM1_2=0.1), "image.fits")
    with pytest.raises(FileError, match="SOLX and SOLY, not right ascension"):
        _read('fk5; circle(321.9,56.9,5")', image_plane(_header(CTYPE1="SOLX", CTYPE2="SOLY"), "sun.fits"))


def test_systems_of_images() -> None:
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 50.0, "CRPIX2": 50.0, "CRVAL1": 10.0, "CRVAL2": 20.0}
    cards |= {"CDELT1": -0.001, "CDELT2": 0.001}
    assert image_plane(_header(**cards), "a").frame == "icrs"
    assert image_plane(_header(**cards, EQUINOX=2000.0), "a").frame == "fk5"
    assert image_plane(_header(**cards, EQUINOX=1950.0, RADESYS="FK4"), "a").frame == "fk4"
    galactic = image_plane(_header(**{**cards, "CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}), "a")
    assert galactic.frame == "galactic"
    assert numbers(_one('galactic; box(10,20,36",72",30)', galactic)) == pytest.approx([50, 50, 10, 20, 30], abs=1e-5)
    with pytest.raises(FileError, match="system GAPPT"):
        _read('fk5; circle(10,20,5")', image_plane(_header(**cards, RADESYS="GAPPT"), "a"))
    wide = image_plane(_header(**{**cards, "CDELT2": 0.002}), "a")
    assert "not square" in _read('icrs; circle(10,20,5")', wide).notes[0]


def test_large_sizes_need_not_lie_on_the_plane() -> None:
    circle = _one("fk5; circle(321.938,56.944,120d)")
    assert isinstance(circle, Circle)
    assert circle.radius == pytest.approx(120 / STEP, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "shape", "values"),
    [
        ('circle(321.95,56.93,90")', "circle", {"sizes": [90.0]}),
        ('ellipse(321.95,56.93,90",30",40)', "ellipse", {"sizes": [90.0, 30.0], "angle": 40.0}),
        ('box(321.95,56.93,90",30",40)', "box", {"sizes": [90.0, 30.0], "angle": 40.0}),
        ('box(321.95,56.93,9",3",90",30",40)', "box", {"sizes": [9.0, 3.0, 90.0, 30.0], "angle": 40.0}),
        ('annulus(321.95,56.93,90",130")', "annulus", {"sizes": [90.0, 130.0]}),
        ('panda(321.95,56.93,30,70,1,90",130",1)', "panda", {"sizes": [90.0, 130.0], "sweep": (30.0, 70.0)}),
        (
            "polygon(321.9,56.92,321.99,56.925,321.97,56.97)",
            "polygon",
            {"vertices": [(321.9, 56.92), (321.99, 56.925), (321.97, 56.97)]},
        ),
    ],
)
@pytest.mark.parametrize("plane", [PLANE, MIRRORED, TURNED])
def test_inline_shapes_are_those_of_text(text: str, shape: str, values: dict[str, Any], plane: PixelPlane) -> None:
    made = inline_shape(shape, plane, "fk5", center=(321.95, 56.93), **values)
    assert made == _one(f"fk5; {text}", plane)


def test_inline_shapes_in_pixels() -> None:
    assert inline_shape("circle", NO_SKY, "physical", center=(5.0, 6.0), sizes=[3.0], include=False) == Circle(
        5, 6, 3, include=False
    )
    assert inline_shape("point", NO_SKY, "image", center=(5.0, 6.0)) == Point(5, 6)
    with pytest.raises(FileError, match=r"TCRPX"):
        inline_shape("circle", NO_SKY, "fk5", center=(5.0, 6.0), sizes=[3.0])


@pytest.mark.parametrize(
    ("shape", "frame", "values", "said"),
    [
        ("cirle", "fk5", {"sizes": [3.0]}, "circle, ellipse"),
        ("circle", "moon", {"sizes": [3.0]}, "fk5"),
        ("circle", "fk5", {}, "takes 1 sizes, not 0"),
        ("circle", "fk5", {"sizes": [-3.0]}, "negative"),
        ("circle", "fk5", {"sizes": [3.0], "sweep": (1.0, 2.0)}, "panda"),
        ("panda", "fk5", {"sizes": [3.0, 4.0]}, "first and a last angle"),
        ("polygon", "fk5", {"vertices": [(1.0, 2.0)]}, "at least 3"),
        ("annulus", "physical", {"sizes": [4.0, 3.0]}, "larger"),
    ],
)
def test_inline_shapes_that_make_no_sense(shape: str, frame: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        inline_shape(shape, PLANE, frame, **values)


def test_rule_is_settled() -> None:
    exclude, include = Circle(10, 10, 5, include=False), Circle(14, 10, 5)
    with pytest.raises(FileError, match=r"r.reg: begins with an exclude.*combine: exclude-last"):
        choose_rule((exclude, include), None, FIELD, "r.reg")
    assert choose_rule((exclude, include), "exclude-last", FIELD, "r.reg") == ("exclude-last", ())
    rule, notes = choose_rule((exclude, include), "extractor", FIELD, "r.reg")
    assert rule == "extractor"
    assert "brings back" in notes[0]
    assert choose_rule((include, exclude), None, FIELD, "r.reg") == ("file-order", ())
    assert choose_rule((exclude,), None, FIELD, "r.reg") == ("file-order", ())
    assert "brings back" in choose_rule((include, exclude, include), None, FIELD, "r.reg")[1][0]


def test_area_outside_the_field_is_an_error_and_beyond_it_a_note() -> None:
    with pytest.raises(FileError, match=r"r.reg: the region 'src' selects no pixel of the field \(X 1 to 1000"):
        check_area((Circle(2000, 2000, 20),), "file-order", FIELD, "src", "r.reg")
    number, notes = check_area((Circle(990, 990, 40),), "file-order", FIELD, "src", "r.reg")
    assert number == 2193
    assert notes == ("the region 'src' reaches beyond the field: 2193 of its 5025 pixels lie in it",)
    assert check_area((Circle(500, 500, 40),), "file-order", FIELD, "src", "r.reg") == (5025, ())
    assert check_area((Circle(40.5, 40.5, 39.5),), "file-order", FIELD, "src", "r.reg")[1] == ()
    assert check_area((Circle(500, 500, 40, include=False),), "file-order", FIELD, "all", "r.reg") == (994975, ())
    sector = Panda(Annulus(500.5, 500.5, 0, math.inf), 0, 90)
    assert check_area((sector,), "file-order", FIELD, "src", "r.reg") == (250000, ())

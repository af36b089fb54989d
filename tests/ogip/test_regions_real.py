"""Region files as programs have written them, on real images and event lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.regionchecks import difference, numbers
from xbatch.base.errors import FileError
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.regions import Regions, read_regions
from xbatch.ogip.skyplane import event_plane, image_plane
from xbatch.xray.region_masks import Field, mask, pixels_inside
from xbatch.xray.regions import Circle

FIELD = Field(1, 1000, 1, 1000)
STEP = 0.0006828


def _many_systems(real_data: Path, name: str, header: str) -> Regions:
    folder = real_data / "regions" / "same-region-many-systems"
    return read_regions(folder / name, image_plane(fits.Header.fromtextfile(str(folder / header)), header))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("test01_ciao.reg", 0.03),
        ("test01_ciao_physical.reg", 0.02),
        ("test01_ds9_physical.reg", 0.02),
        ("test01_fk4.reg", 0.5),  # epochs: DS9 and astropy differ by 0.2 arcsec on where B1950 lies
        ("test01_fk5.reg", 0.02),
        ("test01_fk5_degree.reg", 0.02),
        ("test01_fk5_sexagecimal.reg", 0.02),
        ("test01_gal.reg", 0.01),
        ("test01_icrs.reg", 0.02),
        ("test01_mixed.reg", 0.02),
    ],
)
def test_same_region_in_many_systems(real_data: Path, name: str, pixels: float) -> None:
    image = _many_systems(real_data, "test01_img.reg", "sample_fits01.header").shapes
    found = _many_systems(real_data, name, "sample_fits01.header").shapes
    for shape, wanted in zip(found, image, strict=True):
        assert difference(shape, wanted) < pixels


@pytest.mark.real_data
def test_shapes_of_a_wide_image_lie_where_ds9_puts_them(real_data: Path) -> None:
    image = _many_systems(real_data, "test02_1_img.reg", "sample_fits02.header")
    sky = _many_systems(real_data, "test02_1_fk5.reg", "sample_fits02.header")
    assert image.notes == sky.notes
    for shape, wanted in zip(sky.shapes, image.shapes, strict=True):
        # DS9 measures sizes with CDELT, which 1 degree off the centre is 1.5e-4 away from the local scale.
        assert difference(shape, wanted) < 0.02


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["test03_fk5.reg", "test03_icrs.reg", "test03_gal.reg", "test03_ciao_physical.reg"])
def test_places_far_from_the_centre(real_data: Path, name: str) -> None:
    image = _many_systems(real_data, "test03_img.reg", "sample_fits03.header").shapes
    found = _many_systems(real_data, name, "sample_fits03.header").shapes
    assert numbers(found[2]) == pytest.approx(numbers(image[2]), abs=0.003)
    for shape, wanted in zip(found, image, strict=True):
        assert numbers(shape)[:2] == pytest.approx(numbers(wanted)[:2], abs=0.003)


@pytest.mark.real_data
def test_rings_and_wedges_in_three_notations(real_data: Path) -> None:
    image = _many_systems(real_data, "test_annuli.reg", "sample_fits01.header").shapes
    sky = _many_systems(real_data, "test_annuli_wcs.reg", "sample_fits01.header").shapes
    for shape, wanted in zip(sky, image, strict=True):
        assert difference(shape, wanted) < 0.02
    ciao = _many_systems(real_data, "test_annuli_ciao.reg", "sample_fits01.header").shapes
    field = Field(1, 1629, 1, 1653)
    drawn, pies = mask(image[1:3], field), mask(ciao, field)
    assert np.count_nonzero(drawn != pies) < 60  # of 42000: only on the edges, which lie 0.01 pixel apart


@pytest.mark.real_data
def test_every_region_file_is_read(real_data: Path) -> None:
    centre = event_plane(SkyWcs((500.5, 500.5), (266.41, -29.0), (-STEP, STEP)), "events.evt")
    read = {
        path.name: read_regions(path, centre)
        for folder in ("galactic-centre", "xmm-sources")
        for path in sorted((real_data / "regions" / folder).glob("*.reg"))
    }
    numbers = {name.removesuffix(".reg"): len(regions.shapes) for name, regions in read.items()}
    assert len(numbers) == 17
    wanted = {"KP15_all": 8, "Source_NE": 1, "Source_SW": 1, "spatialref": 4, "bg_30001002001A": 2}
    wanted |= {"0105261001": 25, "0204310101": 59, "0502671101": 11, "0761910201": 70}
    assert {name: numbers[name] for name in wanted} == wanted
    composite = _many_systems(real_data, "test_context.reg", "sample_fits01.header")
    assert len(composite.shapes) == 32
    with pytest.raises(FileError, match="no shape in it has an area"):
        _many_systems(real_data, "test_text.reg", "sample_fits01.header")


@pytest.mark.real_data
@pytest.mark.parametrize(("module", "pixels"), [("a", 4246), ("b", 4237)])
def test_solar_region_is_where_nuproducts_put_it(real_data: Path, module: str, pixels: int) -> None:
    folder = real_data / "nustar" / "80415201001"
    spectrum = folder / "spec" / f"nu80415201001{module.upper()}06_chu2_S_cl_grade0_sr.pha"
    with fits.open(spectrum) as hdus:
        table, image, head = hdus["REG00101"], np.asarray(hdus[0].data), hdus[0].header
        cards = [(table.header[f"{card}1"], table.header[f"{card}2"]) for card in ("TCRPX", "TCRVL", "TCDLT")]
        x, y, radius = (float(np.ravel(table.data.field(name))[0]) for name in ("X", "Y", "R"))
    regions = read_regions(folder / "event_cl" / f"fpm{module}.reg", event_plane(SkyWcs(*cards), "x"))
    (circle,) = regions.shapes
    assert isinstance(circle, Circle)
    assert (circle.x, circle.y) == pytest.approx((x, y), abs=1e-9)
    assert circle.radius == pytest.approx(radius, abs=1e-9)
    assert pixels_inside(regions.shapes, FIELD) == pixels
    drawn = mask(regions.shapes, FIELD)
    left, low = -int(head["LTV1"]), -int(head["LTV2"])
    part = drawn[low : low + image.shape[0], left : left + image.shape[1]]
    np.testing.assert_array_equal(part, image >= 0)


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "pixels"), [("A01_sr", 3464), ("A01_bk", 2029), ("B01_sr", 3469), ("B01_bk", 2029)])
def test_pixels_of_a_bright_source(real_data: Path, name: str, pixels: int) -> None:
    with fits.open(real_data / "nustar" / "90402339002" / f"nu90402339002{name}.pha") as hdus:
        table = hdus["REG00101"].data
        x, y, radius = (float(np.ravel(table.field(column)[0])[0]) for column in ("X", "Y", "R"))
        assert np.count_nonzero(np.asarray(hdus[0].data) >= 0) == pixels
    assert pixels_inside([Circle(x, y, radius)], FIELD) == pixels

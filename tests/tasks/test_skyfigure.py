"""Pictures of the sky, whatever is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.imagefile import ImageGrid, grid_of
from xbatch.tasks.skyfigure import MOST_PANELS, DrawnRegion, draw_images, draw_regions, save_picture, uses_of
from xbatch.xray.histograms import Axis, binned_axis
from xbatch.xray.regions import Annulus, Circle, Panda, Polygon

SKY = SkyWcs((500.5, 500.5), (321.938, 56.944), (-6.828e-4, 6.828e-4), size=((1, 1000), (1, 1000)))
POLE = SkyWcs((500.5, 500.5), (10.0, 89.999), (-6.828e-4, 6.828e-4))


def grid(width: int = 10, sky: SkyWcs | None = SKY) -> ImageGrid:
    return grid_of(sky, binned_axis(1, 1000, width), binned_axis(1, 1000, width))


def texts(figure: object) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 20])
def test_bands_have_panels_up_to_a_number(tmp_path: Path, number: int) -> None:
    images = np.random.default_rng(1).poisson(0.3, (number, 100, 100))
    figure = draw_images(grid(), images, [f"b.{n}" for n in range(number)], "many")
    said = texts(figure)
    assert sum(text.endswith(" counts") for text in said) == min(number, MOST_PANELS)
    assert any("the first 16 of 20 bands" in text for text in said) == (number > MOST_PANELS)
    save_picture(figure, tmp_path / "a.png")
    assert imread(tmp_path / "a.png").ndim == 3


@pytest.mark.parametrize("sky", [SKY, POLE, None])
@pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
def test_images_of_nothing_and_of_anything(tmp_path: Path, value: float, sky: SkyWcs | None) -> None:
    figure = draw_images(grid(sky=sky), np.full((1, 100, 100), value), ["a $ in the name"], "x_$_y")
    save_picture(figure, tmp_path / "a.png")


def test_a_large_image_is_averaged(tmp_path: Path) -> None:
    made = grid_of(SKY, Axis(1.0, 0.0, 1501), Axis(1.0, 0.0, 1301))
    images = np.zeros((1, 1301, 1501), np.int32)
    images[0, 0, 0] = images[0, -1, -1] = 1
    save_picture(draw_images(made, images, ["two"], "corners"), tmp_path / "a.png")


def test_regions_beyond_the_image_and_without_end(tmp_path: Path) -> None:
    regions = [
        DrawnRegion("far", "source", (Circle(3000.0, 500.0, 50.0),)),
        DrawnRegion("sector", "background", (Panda(Annulus(500.0, 500.0, 0.0, np.inf), 10.0, 40.0),)),
        DrawnRegion("hole", "other", (Polygon(((100.0, 100.0), (200.0, 100.0), (150.0, 200.0)), include=False),)),
        *(DrawnRegion(f"same{n}", "light curve", (Circle(500.0, 500.0, 50.0),)) for n in range(8)),
    ]
    figure = draw_regions(grid(), np.ones((100, 100)), regions, "t", "a", 10)
    said = texts(figure)
    assert {"far", "sector", "hole", "same7", "excluded", "N", "E"} <= set(said)
    save_picture(figure, tmp_path / "a.png")
    axes = figure.axes[0]
    assert axes.get_xlim() == (-0.5, 99.5)  # the picture ends with the image


def test_names_do_not_stand_on_one_another() -> None:
    regions = [DrawnRegion(f"region{n}", "source", (Circle(500.0, 500.0, 50.0 + n),)) for n in range(4)]
    figure = draw_regions(grid(), np.ones((100, 100)), regions, "t", "a", 10)
    places = [text.get_position() for text in figure.axes[0].texts if text.get_text().startswith("region")]
    assert len({(round(x, 3), round(y, 3)) for x, y in places}) == 4


def small(name: str, x: float, y: float, use: str, radius: float = 12.0) -> DrawnRegion:
    return DrawnRegion(name, "source", (Circle(x, y, radius),), (use,))


def test_small_regions_are_shown_closer_too(tmp_path: Path) -> None:
    regions = [
        small("src", 300.0, 300.0, "agn"),
        small("bkg", 360.0, 300.0, "agn", 25.0),
        small("jet", 800.0, 700.0, "jet"),
    ]
    figure = draw_regions(grid(2), np.ones((500, 500)), regions, "t", "a", 2)
    save_picture(figure, tmp_path / "a.png")
    whole, agn, jet = figure.axes
    assert [sum(text.get_text() == name for text in axes.texts) for axes in figure.axes for name in ("src", "jet")] == [
        *(1, 1),
        *(1, 0),
        *(0, 1),
    ]
    # pixels of the image are two of X, and are counted from 0
    assert (
        agn.get_xlim()[0] < 143 and agn.get_xlim()[1] > 192 and np.ptp(agn.get_xlim()) < 0.25 * np.ptp(whole.get_xlim())
    )
    assert jet.get_xlim()[0] < 399 < jet.get_xlim()[1]
    # each is marked in the whole by its letter
    marked = [text.get_text() for text in whole.texts if text.get_text() in ("a", "b")]
    assert marked == ["a", "b"] and len(whole.patches) >= 2
    assert "a" in [text.get_text() for text in agn.texts] and "b" in [text.get_text() for text in jet.texts]
    assert imread(tmp_path / "a.png").shape[1] > imread(tmp_path / "a.png").shape[0]


def test_regions_that_are_seen_well_or_used_for_nothing_are_drawn_once() -> None:
    large = [small("src", 500.0, 500.0, "agn", 90.0)]
    idle = [DrawnRegion("1", "source", (Circle(300.0, 300.0, 12.0),))]
    for regions in (large, idle):
        figure = draw_regions(grid(2), np.ones((500, 500)), regions, "t", "a", 2)
        assert len(figure.axes) == 1 and figure.get_size_inches()[0] == pytest.approx(7.4)


def test_many_close_ups_are_not_all_drawn(tmp_path: Path) -> None:
    regions = [small(f"s{n}", 80.0 + 90.0 * (n % 10), 100.0 + 300.0 * (n // 10), f"s{n}") for n in range(20)]
    figure = draw_regions(grid(2), np.ones((500, 500)), regions, "t", "a", 2)
    save_picture(figure, tmp_path / "a.png")
    assert len(figure.axes) == 9 and any("close-ups of the first 8 of 20" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("source of agn; background of jet", ("agn", "jet")),
        ("light curve agn", ("light curve agn",)),
        ("background of light curve agn; background of agn", ("light curve agn", "agn")),
        ("source of agn; background of agn", ("agn",)),
        ("", ()),
    ],
)
def test_what_a_region_is_used_for(text: str, uses: tuple[str, ...]) -> None:
    assert uses_of(text) == uses

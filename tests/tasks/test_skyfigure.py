"""Pictures of the sky, whatever is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.imagefile import ImageGrid, grid_of
from xbatch.tasks.skyfigure import MOST_PANELS, DrawnRegion, draw_images, draw_regions, save_picture
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

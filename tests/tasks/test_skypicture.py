"""What is shown of an image, and the memory that it takes."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.tasks.test_skyfigure import grid
from xbatch.tasks._skypicture import Pixels, norm_of, picture_of, window_of
from xbatch.tasks.skyfigure import DrawnRegion, draw_regions, save_picture
from xbatch.xray.region_masks import Field
from xbatch.xray.regions import Circle


def rendered(
    colours: np.ndarray, extent: tuple[float, float, float, float], size: float | None, dpi: float
) -> np.ndarray:
    figure = Figure(figsize=(3, 3), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.113, 0.137, 0.8, 0.8))
    if size is None:
        axes.imshow(colours, origin="lower", extent=extent, interpolation="nearest")
    else:
        axes.add_artist(Pixels(colours, (extent[0], extent[2]), size))
        axes.set_aspect("equal")
    axes.set_xlim(*extent[:2])
    axes.set_ylim(*extent[2:])
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).astype(int)


@pytest.mark.parametrize(("shape", "dpi"), [((40, 40), 100.0), ((7, 5), 150.0), ((313, 400), 73.0)])
def test_pixels_are_those_of_imshow(shape: tuple[int, int], dpi: float) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (*shape, 4), np.uint8)
    colours[..., 3] = 255
    extent = (2.5, 2.5 + 3 * shape[1], -0.5, -0.5 + 3 * shape[0])
    ours, theirs = rendered(colours, extent, 3.0, dpi), rendered(colours, extent, None, dpi)
    # where the edge of a square falls on the centre of a pixel either square may have it
    assert np.mean(np.any(ours != theirs, axis=2)) < 0.05
    assert np.abs(ours.mean(axis=(0, 1)) - theirs.mean(axis=(0, 1))).max() < 1.0


def test_the_window_has_all_but_a_thousandth_of_the_counts_and_all_lines() -> None:
    image = np.zeros((200, 300), np.int32)
    image[90:110, 140:160] = 100
    image[0, 0] = 1
    window = window_of(image.shape, [image])
    assert window == Field(136, 163, 86, 113)
    line = np.array([[20.0, 100.0], [60.0, 120.0]])
    assert window_of(image.shape, [image, image], [line]).x_first == 9
    assert window_of(image.shape, [np.zeros_like(image)]) == Field(0, 299, 0, 199)


def test_sparse_images_are_smoothed_and_dense_ones_are_not() -> None:
    rng = np.random.default_rng(2)
    whole = Field(0, 99, 0, 99)
    dense = picture_of(rng.poisson(3.0, (100, 100)), whole)
    sparse = picture_of(rng.poisson(0.02, (100, 100)), whole)
    assert (dense.block, dense.sigma) == (1, 0.0) and sparse.sigma == 2.0
    assert norm_of(dense).vmax == dense.values.max() and norm_of(picture_of(np.zeros((100, 100)), whole)).vmax == 1.0
    large = picture_of(rng.poisson(0.5, (1500, 1300)), Field(0, 1299, 0, 1499))
    assert large.values.shape == (500, 434) and large.block == 3


def test_drawing_takes_little_memory(tmp_path: Path) -> None:
    image = np.random.default_rng(3).poisson(1.0, (1000, 1000)).astype(np.int32)
    regions = [DrawnRegion("src", "source", (Circle(500.0, 500.0, 50.0),))]
    save_picture(draw_regions(grid(1), image, regions, "t", "a", 1), tmp_path / "first.png")  # fonts are read
    tracemalloc.start()
    try:
        save_picture(draw_regions(grid(1), image, regions, "t", "a", 1), tmp_path / "second.png")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_drawing_loads_no_more_than_it_needs() -> None:
    code = "import sys; import xbatch.tasks.preview, xbatch.tasks.skyfigure; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "matplotlib.backends.backend_agg" in loaded
    assert not {"scipy", "astropy", "matplotlib.pyplot", "matplotlib.backends.backend_pdf"} & set(loaded)

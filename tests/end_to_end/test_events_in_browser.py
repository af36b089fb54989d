"""The page of a run that starts at event lists, as a browser shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from tests.cli.test_preview import SPEC
from tests.end_to_end.test_page_in_browser import BROWSER, shown
from tests.end_to_end.world import Desk
from tests.ogip.eventfiles import nustar_file

WORK = (
    SPEC
    + """\
bands: {full: 3-79 keV, soft: 3-10 keV}
images: {sky: {bands: [full, soft], mosaic: true}}
lightcurves: {agn: {spectrum: agn, bands: [full], dt: 50 s}}
"""
)


@pytest.fixture
def page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "data").mkdir()
    for number, obsid in enumerate(("99900000001", "99900000002")):
        file = nustar_file(5000)
        file.cards["OBS_ID"] = obsid
        rng = np.random.default_rng(number)
        for axis in "XY":
            file.columns[axis][::2] = rng.normal(500, 15, 2500).round().astype(np.int16)
        file.write(tmp_path / "data" / f"{obsid}.evt")
    desk = Desk(tmp_path, capsys)
    desk.write(WORK)
    said = desk.run()
    assert said.status == 0, said.all
    return desk.run_dir / "report.html"


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
@pytest.mark.parametrize("width", [1200, 420])
def test_regions_and_pictures_are_drawn_without_complaint(page: Path, tmp_path: Path, width: int) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 7  # two observations of three pictures each, and the mosaic
    picture = tmp_path / "page.png"
    done = shown(page, tmp_path / "profile", f"--screenshot={picture}", f"--window-size={width},3600")
    assert "CONSOLE" not in done.stderr, done.stderr
    drawn = (imread(picture)[..., :3] * 255).astype(int)
    assert drawn.shape[:2] == (3600, width)
    # outlines of the source and of the background, and the brightest of the images' colours
    for colour in ((213, 94, 0), (0, 114, 178), (252, 253, 191)):
        assert np.any(np.all(np.abs(drawn - np.array(colour)) < 30, axis=-1)), colour
    # a narrow window scrolls no further to the right than the page is wide: the margin stays empty
    assert np.ptp(drawn[:, -4:].reshape(-1, 3), axis=0).max() < 50

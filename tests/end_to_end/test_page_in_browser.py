"""The page of a run as a browser shows it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from tests.end_to_end.world import Desk

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]


def shown(page: Path, profile: Path, *more: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER is not None
    command = [BROWSER, *OPTIONS, f"--user-data-dir={profile}", *more, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
@pytest.mark.parametrize("width", [1200, 420])
def test_the_page_is_drawn_with_its_plots_and_without_complaint(finished: Desk, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    page = finished.run_dir / "report.html"
    done = shown(page, tmp_path / "profile", f"--screenshot={picture}", f"--window-size={width},2400")
    assert "CONSOLE" not in done.stderr, done.stderr  # nothing refused, nothing missing
    drawn = imread(picture)
    assert drawn.shape[:2] == (2400, width)
    colours = np.unique((drawn[::2, ::2, :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0)
    assert len(colours) > 100
    # The second data set's vermilion of the plots: the pictures themselves are there.
    vermilion = np.array([213, 94, 0])
    assert np.any(np.all(np.abs(colours.astype(int) - vermilion) < 30, axis=1))
    # A narrow window scrolls no further to the right than the page is wide: the margin stays empty.
    assert np.ptp(drawn[:, -4:, :3].reshape(-1, 3), axis=0).max() < 0.2

"""What a call has left: new, whole, and under the names that were asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xbatch.tools.products import fault, look, matching, missing


def test_a_pattern_does_not_reach_over_folders() -> None:
    names = ["a.fits", "sub/a.fits", "sub/deep/a.fits", "A.fits"]
    assert matching(names, "*.fits") == ["A.fits", "a.fits"]
    assert matching(names, "sub/*.fits") == ["sub/a.fits"]
    assert matching(names, "*/*/a.fits") == ["sub/deep/a.fits"]


def test_own_folders_are_hidden_at_the_top_alone(tmp_path: Path) -> None:
    for name in ("tmp/a", "sub/tmp/b", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert sorted(look(tmp_path, ("tmp",))) == ["c", "sub/tmp/b"]


def test_what_was_there_before_must_be_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.lc"
    path.write_text("one")
    before = look(tmp_path)
    assert missing("b.lc", before, before) == "has not made b.lc"
    assert missing("*.lc", before, before).startswith("has left a.lc as it was")
    path.write_text("another")
    assert missing("*.lc", before, look(tmp_path)) == ""


@pytest.mark.parametrize("cut", [0, 100, 2880, 5000])
def test_a_file_that_ends_too_early_is_at_fault(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.ones((50, 50))).writeto(path)
    assert fault(path) == ""
    path.write_bytes(path.read_bytes()[:cut])
    assert fault(path)


def test_text_must_hold_something_and_fits_must_be_fits(tmp_path: Path) -> None:
    text = tmp_path / "a.reg"
    text.write_text("circle")
    assert fault(text) == ""
    text.write_text("")
    assert fault(text) == "is empty"
    (tmp_path / "a.pha").write_text("no FITS")
    assert fault(tmp_path / "a.pha")
    assert "cannot be read" in fault(tmp_path / "gone")

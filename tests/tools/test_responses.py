"""Responses as the files that tools read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.tasks.test_group import response, spectrum
from xbatch.ogip.pha import write_pha
from xbatch.ogip.response import read_response, save_response
from xbatch.tools.responses import write_response


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_response(tmp_path / "response.npz", response())
    write_pha(tmp_path / "spectrum.pha", spectrum(header={"TELESCOP": "NuSTAR", "INSTRUME": "FPMA", "OBJECT": "x"}))
    return tmp_path


def test_what_is_written_is_read_again(folder: Path) -> None:
    for kind in ("rmf", "arf"):
        write_response(kind, folder / "response.npz", folder / "spectrum.pha", folder / f"r.{kind}")
    whole, known = read_response(folder / "r.rmf", folder / "r.arf"), response()
    assert np.array_equal(whole.matrix, known.matrix) and np.array_equal(whole.specresp, known.specresp)
    assert np.array_equal(whole.e_min, known.e_min) and whole.has_arf


@pytest.mark.parametrize("kind", ["rmf", "arf"])
def test_the_instrument_is_that_of_the_spectrum(folder: Path, kind: str) -> None:
    extension = {"rmf": "MATRIX", "arf": "SPECRESP"}[kind]
    write_response(kind, folder / "response.npz", folder / "spectrum.pha", folder / "with")
    head = fits.getheader(folder / "with", extension)
    assert (head["TELESCOP"], head["INSTRUME"]) == ("NuSTAR", "FPMA") and "OBJECT" not in head
    write_response(kind, folder / "response.npz", None, folder / "without")
    assert fits.getheader(folder / "without", extension).get("INSTRUME", "") != "FPMA"

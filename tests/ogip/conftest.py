"""A small simulated observation, and ways to spoil its files."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from xbatch.simulator import simulate_config
from xbatch.simulator.small import small_config


@dataclass(frozen=True)
class Observed:
    """The files of one module."""

    pha: Path
    background: Path
    arf: Path
    rmf: Path


@pytest.fixture(scope="session")
def _simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate_config(small_config(), folder)
    return folder


@pytest.fixture
def observed(_simulated: Path, tmp_path: Path) -> Observed:
    """A copy of FPMA's files, free to be spoilt."""
    shutil.copytree(_simulated / "99900000001", tmp_path / "data")
    stem = tmp_path / "data" / "nu99900000001A01_"
    return Observed(*(stem.with_name(stem.name + end) for end in ("sr.pha", "bk.pha", "sr.arf", "sr.rmf")))


def edit(path: Path, change: Callable[[fits.HDUList], Any]) -> None:
    """Change a FITS file in place."""
    with fits.open(io.BytesIO(path.read_bytes())) as hdus:
        change(hdus)
        hdus.writeto(path, overwrite=True)


def set_cards(path: Path, number: int = 1, **cards: Any) -> None:
    """Set cards of an extension; None removes one."""

    def change(hdus: fits.HDUList) -> None:
        for name, value in cards.items():
            if value is None:
                del hdus[number].header[name]
            else:
                hdus[number].header[name] = value

    edit(path, change)


def set_columns(path: Path, number: int = 1, **columns: Any) -> None:
    """Replace columns of a table, add new ones; None removes one. (rows of other lengths replace the whole table)."""

    def change(hdus: fits.HDUList) -> None:
        old = hdus[number]
        arrays = {name: np.array(old.data[name]) for name in old.columns.names}
        arrays |= columns
        codes = {"i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
        new = []
        for name, values in arrays.items():
            if values is None:
                continue
            native = values.astype(values.dtype.newbyteorder("="))
            repeat = native.shape[1] if native.ndim == 2 else ""
            code = codes[f"{native.dtype.kind}{native.dtype.itemsize}"]
            new.append(fits.Column(name, f"{repeat}{code}", array=native))
        header = old.header.copy(strip=True)
        hdus[number] = fits.BinTableHDU.from_columns(new, header=header)

    edit(path, change)

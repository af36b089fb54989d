"""What the fake calibration knows, computed when an installation is made so that its tasks need not.

In ``$SAS_DIR/lib``: the simulator's cameras, their matrices and areas, and those of the RGS's orders.
"""

from __future__ import annotations

import functools
import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xbatch.ogip.response import Response
from xbatch.ogip.responsewriter import write_rmf

__all__ = ["RGS_CHANNELS", "RGS_ENERGIES", "write_stock"]

RGS_CHANNELS, RGS_ENERGIES = 3600, 4000
_KEV_ANGSTROM = 12.398419843
_LOW, _HIGH = 4.0, 40.0
_STEP = 0.03


def write_stock(folder: Path) -> None:
    """Write the files of an installation."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in _stock().items():
        (folder / name).write_bytes(data)


@functools.cache
def _stock() -> Mapping[str, bytes]:
    made: dict[str, bytes] = {"cameras.json": json.dumps(_cameras()).encode()}
    with tempfile.TemporaryDirectory() as scratch:
        for instrument in ("EPN", "EMOS1", "EMOS2"):
            response = _epic(instrument)
            made[f"{instrument}.rmf"] = _rmf(Path(scratch), response, instrument)
            made[f"{instrument}.npz"] = _arrays(low=response.energ_lo, high=response.energ_hi, area=response.specresp)
        for order in (1, 2, 3):
            response = _grating(order)
            row = np.repeat(np.arange(response.specresp.size), np.diff(response.indptr))
            full = (response.matrix * response.specresp[row]).astype(np.float32)
            with_area = replace(response, matrix=full, specresp=np.ones(response.specresp.size))
            made[f"rgs{order}.rsp"] = _rmf(Path(scratch), with_area, "RGS1")
            # photons/cm2/s/keV of 1 / E^1.8
            edges = np.append(response.energ_lo, response.energ_hi[-1])
            photons = np.diff(edges**-0.8) / -0.8
            made[f"rgs{order}.npz"] = _arrays(rate=np.bincount(response.indices, full * photons[row], RGS_CHANNELS))
    return made


def _rmf(scratch: Path, response: Response, instrument: str) -> bytes:
    path = scratch / "one.rmf"
    write_rmf(path, response, {"TELESCOP": "XMM", "INSTRUME": instrument, "FILTER": "UNKNOWN", "CHANTYPE": "PI"})
    return path.read_bytes()


def _arrays(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _cameras() -> dict[str, Any]:
    """Say where the CCDs lie in DETX and DETY, and how the sky is turned there."""
    from xbatch.simulator.camera import CAMERAS
    from xbatch.simulator.psf import EPIC

    found: dict[str, Any] = {"psf": [EPIC.core, EPIC.slope]}
    for name, camera in CAMERAS.items():
        boxes = []
        for ccd in camera.ccds:
            wide, high = (0.5 * size * camera.pitch for size in camera.size)
            half = (wide, high) if ccd.across[0] else (high, wide)
            boxes.append([ccd.x - half[0], ccd.x + half[0], ccd.y - half[1], ccd.y + half[1]])
        found[name] = {"ccds": boxes, "aim": camera.aim, "pitch": camera.pitch, "rows": camera.size[1]}
    return found


def _epic(instrument: str) -> Response:
    """Make a camera's response: the simulator's, on a coarser grid of energies."""
    from xbatch.simulator.camera import CAMERAS, make_epic_response
    from xbatch.simulator.instrument import gaussian_response

    camera = CAMERAS[instrument]
    fine = make_epic_response(camera)
    low, high = camera.energies
    energies = np.linspace(low, high, round((high - low) / _STEP) + 1)
    middle = 0.5 * (energies[1:] + energies[:-1])
    area = np.interp(middle, 0.5 * (fine.energ_lo + fine.energ_hi), fine.specresp)
    edges = 0.005 * np.arange(camera.channels + 1, dtype=np.float64)
    return gaussian_response(energies, edges, np.sqrt(0.00215 + 0.00291 * middle), area)


def _grating(order: int) -> Response:
    """Make the response of an order: channels of equal wavelength, counted upwards in energy."""
    from xbatch.simulator.instrument import gaussian_response

    edges = np.sort(_KEV_ANGSTROM / np.linspace(_LOW, _HIGH, RGS_CHANNELS + 1))
    energies = np.geomspace(edges[0], edges[-1], RGS_ENERGIES + 1)
    middle = np.sqrt(energies[1:] * energies[:-1])
    width = 0.06 / order * middle**2 / _KEV_ANGSTROM
    area = 60.0 / order**2 * np.exp(-0.5 * ((_KEV_ANGSTROM / middle - 14.0) / 8.0) ** 2) + 2.0
    return gaussian_response(energies, edges, width, area)

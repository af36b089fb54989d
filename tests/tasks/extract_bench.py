"""Extracting spectra of small lists made up for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ogip.eventfiles import EventFile, xmm_file
from xbatch.ogip.eventtable import EventTable
from xbatch.registry import Job, Outcome
from xbatch.tasks import events
from xbatch.tasks.extract import run

FPMA = {"mission": "nustar", "instrument": "FPMA", "obsid": "99900000001"}
MOS = {"mission": "xmm", "instrument": "EMOS1", "obsid": "0999000001"}


def circle(x: float, y: float, radius: float, **more: Any) -> dict[str, Any]:
    return {"shapes": [{"shape": "circle", "frame": "physical", "center": [x, y], "sizes": [radius], **more}]}


NUSTAR_REGIONS = {"src": circle(450, 520, 300), "bkg": circle(700, 600, 250), "small": circle(500, 500, 200.5)}
MOS_REGIONS = {"src": circle(20000, 20000, 4000), "bkg": circle(30000, 30000, 5000.5)}
SPECTRA = [{"name": "agn", "region": "src", "background": "bkg", "source_type": "point"}]


def mos_file(count: int) -> EventFile:
    file = xmm_file(count)
    file.pixel = 0.05 / 3600
    return file


class Bench:
    """A list that is screened once and extracted from as often as wanted."""

    def __init__(self, folder: Path, file: EventFile, params: Mapping[str, Any] = FPMA, **inputs: Path) -> None:
        self.folder, self.params, self.number = folder, params, 0
        out = folder / "events"
        out.mkdir()
        given = {"events": file.write(folder / "list.evt"), **inputs}
        self.screened = events.run(Job("events:x", {**params, "screening": {}}, given, out))
        self.inputs = {"events": out / "events.bin"}
        if inputs:
            self.inputs["livetime"] = out / "livetime.npz"
        self.table = EventTable.open(out / "events.bin")

    def extract(
        self, regions: Mapping[str, Any], spectra: list[dict[str, Any]] | None = None, **inputs: Path
    ) -> tuple[Outcome, Path]:
        self.number += 1
        out = self.folder / f"out{self.number}"
        out.mkdir()
        params = {**self.params, "regions": regions, "spectra": spectra or SPECTRA}
        given = {**self.inputs, **{role.replace("__", "/"): path for role, path in inputs.items()}}
        return run(Job("extract:x", params, given, out)), out

    def held(self, x: float, y: float, radius: float) -> NDArray[np.bool_]:
        columns = self.table.columns
        dx, dy = columns["x"].astype(float) - x, columns["y"].astype(float) - y
        held: NDArray[np.bool_] = dx * dx + dy * dy <= radius * radius
        return held


def entry_of(out: Path, role: str = "source", number: int = 0) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((out / "extract.json").read_text())["spectra"][number][role]
    return entry


def disc(radius: float) -> int:
    """Count the pixels of a circle."""
    x = np.arange(1, 1001) - 500.0
    return int(np.count_nonzero(x**2 + x[:, np.newaxis] ** 2 <= radius * radius))


def mos_bench(folder: Path) -> Bench:
    """Screen a list of two CCDs, one with less time than the other."""
    return Bench(folder, mos_file(20_000), MOS)

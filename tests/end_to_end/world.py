"""A user's desk: simulated spectra in a folder, specs beside them, and the command as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from xbatch.cli.main import main
from xbatch.simulator import simulate_config
from xbatch.simulator.config import Observation
from xbatch.simulator.small import small_config

OBSIDS = ("99900000001", "99900000002")

SPEC = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["99900000001", "99900000002"]
instruments: [FPMA, FPMB]
data: {root: data, level: spectra}
spectra:
  src: {file: "{obsid}/nu{obsid}{module}01_sr.pha"}
binning:
  min30: {type: min, counts: 30}
fit:
  pl:
    data: [{spectra: src, binning: min30, band: 4-40 keV}]
    group_by: [obsid]
    background: {mode: subtract}
    statistic: chi2
    variance: data
    abundances: wilm
    cross_sections: vern
    model: constant.cal * tbabs.gal * powerlaw.pl
    parameters:
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false}]}
      gal.nH: {value: 1, frozen: true}
      pl.PhoIndex: {value: 1.7, min: 0, max: 4}
    errors: {parameters: free, method: covariance}
    flux: [{bands: [4-10 keV], absorbed: true}]
"""


def make_data(folder: Path) -> None:
    """Simulate two observations, both modules, small."""
    start, exposure = "2019-01-10T04:20:09", {"FPMA": 20_000.0, "FPMB": 19_500.0}
    observations = tuple(Observation(obsid, start, exposure) for obsid in OBSIDS)
    simulate_config(replace(small_config(), observations=observations), folder)


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Desk:
    """A folder with a spec and its data, and the command at work in it."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def run_dir(self) -> Path:
        return self.folder / "out" / "desk"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def pha(self, obsid: str = OBSIDS[0], module: str = "A", kind: str = "sr.pha") -> Path:
        return self.data / obsid / f"nu{obsid}{module}01_{kind}"

    def write(self, text: str = SPEC, name: str = "desk.yaml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def xbatch(self, *arguments: object) -> Said:
        """Give a command; it ends with an exit status."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = self.capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    def run(self, *more: object, spec: str = "desk.yaml") -> Said:
        return self.xbatch(
            "run", self.folder / spec, "--out", self.run_dir, "--store", self.folder / "out" / ".store", *more
        )

    def by_hand(self, work: Path) -> subprocess.CompletedProcess[str]:
        """Run the plan's script by bash, in the place of a run."""
        said = self.xbatch("plan", self.folder / "desk.yaml", "--out", self.run_dir, "--script")
        assert said.status == 0, said.all
        script = self.folder / "by-hand.sh"
        script.write_text(said.out)
        given = {**os.environ, "WORK": str(work)}
        return subprocess.run(["bash", script], cwd=self.folder, env=given, capture_output=True, text=True, check=False)

    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.run_dir / "manifest.json").read_text())
        return document

    def outcomes(self) -> dict[str, str]:
        return {step["name"]: step["outcome"] for step in self.manifest()["steps"]}

    def fit(self, subject: str) -> Mapping[str, Any]:
        document: dict[str, Any] = json.loads((self.run_dir / "products" / "fits" / subject / "fit.json").read_text())
        return document

    def leftovers(self) -> list[Path]:
        """List what no run may leave behind: scratch folders, half-written files."""
        store = self.folder / "out" / ".store"
        scratch = [path for path in (store / "tmp").rglob("*") if path.is_file()] if (store / "tmp").is_dir() else []
        return [*scratch, *self.folder.rglob("*.part")]

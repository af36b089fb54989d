"""A study of two missions where only one of their toolsets is set up, in folders whose names tools do not bear."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.fakes import make_headas
from tests.fakes.headas.raw import make_nustar_raw
from tests.fakes.sas.raw import make_xmm_raw
from xbatch.cli.main import cli

NU, XMM = "60001110002", "0761220101"
SPEC = f"""\
xbatch: 1
name: mix
target: {{name: Sim, position: [150.01668, 2.1875], frame: fk5}}
observations:
  - {{mission: nustar, obsids: ["{NU}"], instruments: [FPMA]}}
  - {{mission: xmm, obsids: ["{XMM}"], instruments: [EPN]}}
data: {{root: "dätä of mine", level: raw, fetch: never}}
regions:
  src: {{shape: circle, center: target, radius: 60 arcsec}}
  bkg: {{shape: annulus, center: target, inner: 100 arcsec, outer: 200 arcsec}}
spectra: {{agn: {{region: src, background: bkg}}}}
"""


def test_the_other_missions_steps_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in make_headas(tmp_path / "tools").items():
        monkeypatch.setenv(name, value)
    for name in ("SAS_DIR", "SAS_PATH", "SAS_CCFPATH", "XBATCH_SCRATCH"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # where nothing can be written
    folder = tmp_path / "my prøject"
    data = folder / "dätä of mine"
    data.mkdir(parents=True)
    make_nustar_raw(data, NU, seed=1)
    make_xmm_raw(data, XMM, 1, ("EPN",), seconds=500.0, events=500)
    (folder / "mix.yaml").write_text(SPEC)
    where = [str(folder / "mix.yaml"), "--out", str(folder / "out")]
    plan = CliRunner().invoke(cli, ["plan", *where])
    assert plan.exit_code == 0
    assert "XB411 needs SAS, which is not installed here: SAS_DIR is not set; install SAS" in plan.output
    assert "of them cannot be done here" in plan.output
    done = CliRunner().invoke(cli, ["run", *where])
    assert done.exit_code == 1
    steps = {one["name"]: one for one in json.loads((folder / "out" / "manifest.json").read_text())["steps"]}
    for name in (f"nupipeline:{NU}", f"nuproducts:{NU}/FPMA/agn", f"spectrum:{NU}/FPMA/agn"):
        assert steps[name]["outputs"]
    status = CliRunner().invoke(cli, ["status", str(folder / "out")])
    assert f"cifbuild:{XMM} failed" in status.output
    assert "SAS_DIR is not set" in " ".join(status.output.split())  # in the middle of it a line may end
    assert "SAS_DIR is not set" in (folder / "out" / "report.html").read_text()
    shutil.rmtree(folder)

"""NuSTAR from raw data by releases of HEASoft: what an effective area hangs on gets to it, or its lack is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.world import Desk
from tests.fakes import make_headas
from tests.fakes.core import calls
from tests.fakes.headas.fitsbytes import part_named, read_parts
from tests.fakes.headas.products import COLD
from tests.fakes.headas.raw import make_nustar_raw

OBSID = "60001110002"
BENCH = f"nu{OBSID}_obeb.hk"
SPEC = """\
xbatch: 1
name: releases
mission: nustar
obsids: ["60001110002"]
target: {name: source, position: [RA, DEC], frame: fk5}
data: {root: data, level: raw, fetch: never}
regions:
  src: {shape: circle, center: target, radius: 100 arcsec}
  bgd: {shape: annulus, center: target, inner: 240 arcsec, outer: 320 arcsec}
spectra: {src: {region: src, background: bgd}}
"""


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    found = Desk(tmp_path, capsys)
    truth: dict[str, Any] = make_nustar_raw(tmp_path / "data", OBSID)
    found.write(SPEC.replace("RA, DEC", f"{truth['ra']}, {truth['dec']}"))
    return found


def install(desk: Desk, monkeypatch: pytest.MonkeyPatch, version: str) -> Path:
    for name, value in make_headas(desk.folder / version, version).items():
        monkeypatch.setenv(name, value)
    return next((desk.folder / version).glob("heasoft-*/*"))


def area(desk: Desk, instrument: str = "FPMA") -> Any:
    path = desk.run_dir / "products" / OBSID / instrument / "src" / "nuproducts" / "response.arf"
    return part_named(read_parts(path), "SPECRESP").column("SPECRESP")


def test_the_correction_for_temperature_is_made_by_the_release_that_makes_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = {}
    for version in ("6.20", "6.28", "6.35.1"):
        root = install(desk, monkeypatch, version)
        said = desk.run("--jobs", 2)
        assert said.status == 0, said.all
        areas[version] = area(desk), area(desk, "FPMB")
        assert len(calls(root, "nuproducts")) == 2
        kept = desk.run_dir / "products" / OBSID / "nupipeline" / BENCH
        assert kept.exists() is (version != "6.20")
    for module in (0, 1):
        assert np.array_equal(areas["6.20"][module], areas["6.35.1"][module])
    ratio = areas["6.28"][0] / areas["6.20"][0]
    assert ratio.max() == pytest.approx(1.0 + COLD, rel=1e-5)
    assert ratio.min() == pytest.approx(1.0, rel=1e-5)
    assert np.array_equal(areas["6.28"][1], areas["6.20"][1])


def test_a_pipeline_that_loses_what_the_correction_hangs_on_is_seen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = install(desk, monkeypatch, "6.28")
    parameters = root / "syspfiles" / "nupipeline.par"
    kept = [line for line in parameters.read_text().splitlines() if "obebhkfile" not in line]
    parameters.write_text("\n".join(kept) + "\n")
    said = desk.run()
    assert said.status == 1
    assert BENCH in said.all
    assert not calls(root, "nuproducts")


def test_an_observation_without_it_is_reduced_and_remarked_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "data" / OBSID / "hk" / f"{BENCH}.gz").unlink()
    install(desk, monkeypatch, "6.28")
    planned = desk.xbatch("plan", desk.folder / "desk.yaml")
    assert f"has no hk/{BENCH}: the ARF of FPMA cannot be corrected" in " ".join(planned.all.split())
    said = desk.run()
    assert said.status == 0, said.all
    assert np.isfinite(area(desk)).all()

"""Fixtures of the fakes' tests: an observation that the fake nupipeline has been through, and its spectra."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import make_headas
from tests.fakes.headas.inside import Tools
from tests.fakes.headas.raw import make_nustar_raw
from tests.fakes.sas.desk import Desk, Installed, initialise, install

OBSID = "60001110002"
STEM = f"nu{OBSID}"
PIPELINE = ("nupipeline", f"indir={OBSID}", "outdir=clean", f"steminputs={STEM}")
PRODUCTS = ("nuproducts", "indir=clean", f"steminputs={STEM}", "srcregionfile=src.reg", "bkgregionfile=bkg.reg")
SPECTRA = (*PRODUCTS, "lcfile=NONE", "bkglcfile=NONE", "imagefile=NONE")
#: What later tasks look for in the folder of the clean lists.
CLEAN = {f"{STEM}_{name}.fits" for name in ("mast", "att", "psd", "psdcorr")} | {f"{STEM}_obeb.hk.gz"} | {
    f"{STEM}{module}{suffix}"
    for module in "AB"
    for suffix in (
        "01_cl.evt", "01_gti.fits", "06_cl.evt", "06_gti.fits", "_det1.fits", "_oa.fits", "_bp.fits", "_hp.fits",
        "_fpm.hk", "_uf.evt", ".attorb", ".mkf",
    )
}  # fmt: skip


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tools, dict[str, Any]]:
    """A fake HEASoft beside a raw observation that nupipeline has been through, and the truth."""
    folder = tmp_path_factory.mktemp("nu")
    truth = make_nustar_raw(folder)
    tools = Tools(make_headas(folder / "tools"), folder)
    made = tools(*PIPELINE).made
    assert {path.name for path in made} == CLEAN
    (folder / "src.reg").write_text(f'fk5\ncircle({truth["ra"]},{truth["dec"]},100")\n')
    (folder / "bkg.reg").write_text(f'fk5\nannulus({truth["ra"]},{truth["dec"]},240",320")\n')
    return tools, truth


@pytest.fixture
def tools(bench: tuple[Tools, dict[str, Any]], tmp_path: Path) -> Tools:
    """The same in a folder of its own, with links to what is only read."""
    shared = bench[0]
    for name in (OBSID, "clean"):
        shutil.copytree(shared.folder / name, tmp_path / name, copy_function=_link)
    for name in ("src.reg", "bkg.reg"):
        shutil.copy(shared.folder / name, tmp_path / name)
    return Tools(shared.environment, tmp_path)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


@pytest.fixture(scope="session")
def spectra(bench: tuple[Tools, dict[str, Any]]) -> Path:
    """The products of both modules of one source."""
    for module in "ab":
        bench[0](*SPECTRA, f"instrument=FPM{module.upper()}", "outdir=spectra", f"stemout={module}")
    return bench[0].folder / "spectra"


@pytest.fixture(scope="session")
def sas_installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A fake SAS, and an observation that its epproc has been through."""
    return install(tmp_path_factory.mktemp("sas"))


@pytest.fixture
def desk(
    sas_installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    """A folder with the calibration, the summary, the attitude and the lists; the longer one of pn is ``pn.ds``."""
    for path in sas_installed.made.iterdir():
        name = "pn.ds" if path.name.endswith("EPN_U014_ImagingEvts.ds") else path.name
        (tmp_path / name).write_bytes(path.read_bytes())
    initialise(monkeypatch, sas_installed, tmp_path)
    return Desk(sas_installed, tmp_path, capsys)

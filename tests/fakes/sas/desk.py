"""A folder to call the tasks of the fake SAS in, in this process: quicker than their executables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.core import Run, ToolError
from tests.fakes.sas import error_line, make_sas, run
from tests.fakes.sas.raw import RawExposure, make_xmm_raw

__all__ = ["BAND", "OBSID", "STEM", "Desk", "Installed", "initialise", "install"]

OBSID = "0999000101"
STEM = f"2345_{OBSID}"
#: What a spectrum of pn has as channels.
BAND = ("withspecranges=yes", "specchannelmin=0", "specchannelmax=20479")
_EXPOSURES = {"EPN": (RawExposure("S003", 0.3), RawExposure("U014"), RawExposure("U015", 0.2, "TIMING"))}


@dataclass
class Installed:
    """A fake SAS, an observation, and its lists and calibration, made once."""

    environment: dict[str, str]
    root: Path
    observation: Path
    made: Path

    @property
    def odf(self) -> Path:
        return self.observation / "ODF"


@dataclass
class Desk:
    """A working folder in which tasks run, in this process."""

    installed: Installed
    folder: Path
    capture: pytest.CaptureFixture[str]

    def call(self, tool: str, *args: str) -> str:
        """Run a task, and give all it printed."""
        run(Run(tool, args, self.installed.root))
        return "".join(self.capture.readouterr())

    def refused(self, tool: str, *args: str) -> tuple[str, int]:
        """Run a task that gives up: the line it prints, and its exit status."""
        with pytest.raises(ToolError) as caught:
            run(Run(tool, args, self.installed.root))
        return error_line(tool, caught.value.message), caught.value.status

    def spectrum(self, name: str, expression: str, table: str = "pn.ds") -> Path:
        self.call(
            "evselect", f"table={table}", f"spectrumset={name}", f"expression={expression}", "energycolumn=PI", *BAND
        )
        self.call("backscale", f"spectrumset={name}", f"badpixlocation={table}")
        return Path(name)


def install(folder: Path) -> Installed:
    """Make all that a `Desk` needs."""
    environment = dict(make_sas(folder))
    cameras = ("EPN", "EMOS1", "RGS1", "RGS2")
    observation = make_xmm_raw(folder / "data", OBSID, 3, cameras, exposures=_EXPOSURES, events=3000)
    made = folder / "made"
    made.mkdir()
    one = Installed(environment, Path(environment["SAS_DIR"]), observation, made)
    with pytest.MonkeyPatch.context() as patch:
        initialise(patch, one, made)
        patch.setenv("SAS_ODF", str(one.odf))
        for tool, args in (
            ("cifbuild", ("analysisdate=2024-01-01", "fullpath=yes")),
            ("odfingest", ("outdir=.",)),
        ):
            run(Run(tool, args, one.root))
        patch.setenv("SAS_ODF", f"{STEM}_SCX00000SUM.SAS")
        run(Run("epproc", (), one.root))
    return one


def initialise(patch: pytest.MonkeyPatch, installed: Installed, folder: Path) -> None:
    """Let the variables be those of a user who works in a folder."""
    for name, value in installed.environment.items():
        patch.setenv(name, value)
    patch.setenv("SAS_CCF", "ccf.cif")
    patch.setenv("SAS_ODF", f"{STEM}_SCX00000SUM.SAS")
    patch.chdir(folder)

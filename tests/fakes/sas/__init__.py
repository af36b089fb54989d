"""A fake SAS: its tasks check what they are given as the real ones do, and make small products of the simulator's data.

`make_sas` builds an installation, `tests.fakes.sas.raw.make_xmm_raw` an observation to reduce with it.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fakes.core import Run, install

__all__ = ["RELEASE", "error_line", "make_sas", "run", "set_pileup"]

RELEASE = "xmmsas_20230412_1735-21.0.0"
#: What does the work of each task, as module:function of this package.
_WORK = {
    "arfgen": "spectra:arfgen",
    "atthkgen": "setup:atthkgen",
    "backscale": "spectra:backscale",
    "barycen": "events:barycen",
    "cifbuild": "setup:cifbuild",
    "edetect_chain": "detect:edetect_chain",
    "emchain": "epic:emchain",
    "emosaic": "detect:emosaic",
    "emproc": "epic:emproc",
    "epatplot": "patterns:epatplot",
    "epchain": "epic:epchain",
    "epiclccorr": "curves:epiclccorr",
    "epproc": "epic:epproc",
    "espfilt": "events:espfilt",
    "evselect": "products:evselect",
    "gtibuild": "events:gtibuild",
    "merge": "events:merge",
    "odfingest": "setup:odfingest",
    "rgscombine": "rgs:rgscombine",
    "rgsproc": "rgs:rgsproc",
    "rmfgen": "spectra:rmfgen",
    "sasversion": "setup:sasversion",
    "specgroup": "grouping:specgroup",
    "srcdisplay": "detect:srcdisplay",
    "tabgtigen": "events:tabgtigen",
}
_CCF = (
    "EPN_BADPIX_0128", "EPN_QUANTUMEF_0018", "EMOS1_REDIST_0115", "EMOS2_REDIST_0115", "RGS1_EFFAREACORR_0013",
    "RGS2_EFFAREACORR_0013", "XMM_BORESIGHT_0036", "XMM_MISCDATA_0024", "XRT1_XPSF_0018",
)  # fmt: skip


def make_sas(folder: Path, release: str = RELEASE) -> Mapping[str, str]:
    """Build a fake SAS, and give the variables that its set-up script exports.

    Parameters
    ----------
    folder : Path
        Where it is to be: ``sas`` (SAS_DIR) and ``ccf`` (SAS_CCFPATH) are made in it.
    release : str
        Which it plays: its tasks take the parameters of that one, and name their files as it does.

    Returns
    -------
    environment : Mapping
        SAS_DIR, SAS_PATH, SAS_CCFPATH, SAS_VERBOSITY, SAS_SUPPRESS_WARNING, and PATH with the tasks in front of the
        present one.
    """
    from tests.fakes.sas.parameters import write_parameters
    from tests.fakes.sas.stock import write_stock

    root, ccf = (folder / name for name in ("sas", "ccf"))
    install(root, "tests.fakes.sas", write_parameters(root / "config", release))
    (root / "RELEASE").write_text(f"{release}\n")
    write_stock(root / "lib")
    ccf.mkdir(parents=True, exist_ok=True)
    for name in _CCF:
        (ccf / f"{name}.CCF").write_bytes(f"{name}: no calibration".encode())
    return {
        "SAS_DIR": str(root),
        "SAS_PATH": str(root),
        "SAS_CCFPATH": str(ccf),
        "SAS_VERBOSITY": "4",
        "SAS_SUPPRESS_WARNING": "1",
        "PATH": f"{root / 'bin'}:{os.environ.get('PATH', '')}",
    }


def set_pileup(root: Path, truth: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Say what epatplot finds.

    Parameters
    ----------
    root : Path
        SAS_DIR.
    truth : Mapping
        Obsid (or ``obsid:EPN``) to rows of: inner radius of the region in arcsec, singles, their error, doubles, their
        error. The row of the largest radius that is not above the region's counts.
    """
    (root / "pileup.json").write_text(json.dumps(truth))


def error_line(tool: str, message: str) -> str:
    """Say that something is wrong, as SAS does."""
    return f"** {tool}: error {message if message.startswith('(') else f'(TaskFailed), {message}'}"


def run(run: Run) -> None:
    """Do the work of a task."""
    from tests.fakes.sas.task import Task

    task = Task.started(run)
    if task is None:
        return
    module, _, function = _WORK[run.tool].partition(":")
    getattr(importlib.import_module(f"tests.fakes.sas.{module}"), function)(task)
    task.end()

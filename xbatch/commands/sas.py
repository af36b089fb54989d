"""What all calls of SAS have in common: where they find the observation and its calibration, and how they write lists.

SAS finds the observation and the calibration that belongs to it by two variables. Before ``odfingest`` has made the
summary file, ``SAS_ODF`` is the folder of the observation's files (the ODF); afterwards it is the summary. `epchain`
and `emchain` look for files by name and are given the folder, with the summary in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from xbatch.commands.call import Call, Staged

__all__ = [
    "CHAINS",
    "CIF",
    "ODF",
    "calibrated",
    "calibrated_folder",
    "listed",
    "noting_parts",
    "observed",
    "quoted",
    "staged_calibration",
    "summary_name",
    "uncalibrated",
]

CIF = "ccf.cif"
"""The index of the calibration files, at the top of the working folder."""
ODF = "odf"
"""The folder of the observation's files in the working folder."""
CHAINS = frozenset({"epchain", "emchain", "epproc", "emproc", "rgsproc"})
"""Tasks that call others for one CCD, exposure or instrument after another, and go on where one of these has failed.

The manual of emchain has it that only ``stoponerror=Y`` ends it there; that of epchain tells it by ``constituent``.
"""
_SCRATCH = "{scratch}"


def summary_name(obsid: str) -> str:
    """Name the summary file in the working folder: as SAS does, but for the revolution, which is in the file."""
    return f"{ODF}/0000_{obsid}_SCX00000SUM.SAS"


def observed() -> dict[str, str]:
    """Give the variables of a call that has the observation's files and nothing else (cifbuild)."""
    return {"SAS_ODF": f"{_SCRATCH}/{ODF}"}


def uncalibrated() -> dict[str, str]:
    """Give the variables of a call before there is a summary file (odfingest)."""
    return {"SAS_CCF": f"{_SCRATCH}/{CIF}", **observed()}


def calibrated_folder() -> dict[str, str]:
    """Give the variables of the chains (epchain, emchain): the folder, which has the summary file in it."""
    return uncalibrated()


def calibrated(obsid: str) -> dict[str, str]:
    """Give the variables of all other calls."""
    return {"SAS_CCF": f"{_SCRATCH}/{CIF}", "SAS_ODF": f"{_SCRATCH}/{summary_name(obsid)}"}


def staged_calibration(obsid: str, unpack: bool = False) -> Mapping[str, Staged]:
    """Say how the observation's files, the index and the summary come into the working folder.

    Parameters
    ----------
    obsid : str
    unpack : bool
        Whether packed files of the observation are unpacked: for tasks that read them, not only their list.
    """
    return {
        ODF: Staged(ODF, "tree-unpack" if unpack else "tree"),
        CIF: Staged("cif"),
        summary_name(obsid): Staged("summary", "summary", ODF),
    }


def noting_parts(call: Call) -> Call:
    """Have errors of a chain's parts noted; any other call stays as it is."""
    return replace(call, part_errors=True) if call.tool in CHAINS else call


def listed(values: Iterable[object]) -> str:
    """Write a list of numbers or names without blanks: one after another."""
    return " ".join(str(value) for value in values)


def quoted(values: Iterable[str]) -> str:
    """Write a list of names, each in quotes: ``"a" "b"``."""
    return " ".join(f'"{value}"' for value in values)

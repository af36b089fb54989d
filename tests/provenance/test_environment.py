"""The record of the environment."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from xbatch.provenance.environment import host, python_environment, toolsets


def test_every_installed_distribution_is_named() -> None:
    packages = python_environment()["packages"]
    assert packages["numpy"] == np.__version__
    assert list(packages) == sorted(packages)


def test_what_is_not_set_up_is_none(tmp_path: Path) -> None:
    nothing = {"heasoft": None, "sas": None, "caldb": None, "ccf": None}
    assert toolsets({}) == nothing
    gone = str(tmp_path / "gone")
    assert toolsets({"HEADAS": gone, "SAS_DIR": gone, "CALDB": gone, "SAS_CCF": gone}) == nothing


def test_tools_and_calibration_are_found_by_their_variables(tmp_path: Path) -> None:
    headas = tmp_path / "heasoft-6.34" / "x86_64-linux"
    sas = tmp_path / "xmmsas_22.1.0-a8f2c2afa"
    index = tmp_path / "caldb" / "data" / "nustar" / "fpm" / "caldb.indx"
    for folder in (headas, sas, index.parent):
        folder.mkdir(parents=True)
    index.write_bytes(b"index")
    ccf = tmp_path / "ccf.cif"
    ccf.write_bytes(b"cif")
    environ = {"HEADAS": str(headas), "SAS_DIR": str(sas), "CALDB": str(tmp_path / "caldb"), "SAS_CCF": str(ccf)}
    found = toolsets(environ)
    assert found["heasoft"] == {"path": str(headas), "version": "6.34"}
    assert found["sas"] == {"path": str(sas), "version": "22.1.0"}
    assert found["caldb"] is not None
    assert found["caldb"]["indexes"] == {"data/nustar/fpm/caldb.indx": hashlib.sha256(b"index").hexdigest()}
    assert found["ccf"] == {"path": str(ccf), "sha256": hashlib.sha256(b"cif").hexdigest()}


def test_the_machine_is_described() -> None:
    machine = host()
    assert machine["name"] and machine["memory_mb"] > 0

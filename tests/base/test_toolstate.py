"""What is said of set-ups that are not quite right: each names the variable, its value and the remedy."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from xbatch.base.toolset import find_toolset
from xbatch.base.toolstate import Fault, clock_fault, find_faults, find_remarks, program_fault

PLATFORM = "x86_64-pc-linux-gnu-libc2.35"


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A shell in which everything is set up."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    heasoft, sas, caldb, ccf = tmp_path / "heasoft" / PLATFORM, tmp_path / "sas", tmp_path / "caldb", tmp_path / "ccf"
    fpm, tools = caldb / "data" / "nustar" / "fpm", caldb / "software" / "tools"
    for folder in (heasoft / "syspfiles", sas / "config", fpm / "bcf" / "clock", tools, ccf):
        folder.mkdir(parents=True)
    program(heasoft / "bin" / "nuproducts")
    program(sas / "bin" / "evselect")
    for file in (fpm / "caldb.indx", fpm / "bcf/clock/nuCclock20100101v210.fits", tools / "caldb.config"):
        file.write_text("x")
    (ccf / "EPN_FWC_0001.CCF").touch()
    return {
        "HEADAS": str(heasoft),
        "SAS_DIR": str(sas),
        "CALDB": str(caldb),
        "CALDBCONFIG": str(tools / "caldb.config"),
        "SAS_CCFPATH": str(ccf),
        "PATH": f"{sas}/bin:{heasoft}/bin:/bin",
    }


def fault(name: str, environ: dict[str, str], **changed: str | None) -> Fault:
    given = {key: value for key, value in {**environ, **changed}.items() if value is not None}
    found = find_faults(given)
    assert find_toolset(given).faults == found
    assert list(found) == [name]
    return found[name]


def test_nothing_is_wrong(environ: dict[str, str]) -> None:
    assert find_faults(environ) == {}
    assert find_remarks(environ) == {}
    assert clock_fault(environ) is None


def test_heasoft_that_is_not_set_up(environ: dict[str, str], tmp_path: Path) -> None:
    root = environ["HEADAS"]
    none = fault("heasoft", environ, HEADAS=None, PATH=f"{environ['SAS_DIR']}/bin")
    assert none.what == "HEASoft, which is not installed here: HEADAS is not set"
    unset = fault("heasoft", environ, HEADAS=None)
    assert unset.what == f"HEASoft: HEADAS is not set, though {root}/bin/nuproducts is on PATH"
    assert unset.cure.startswith("export HEADAS and source $HEADAS/headas-init.sh")
    gone = fault("heasoft", environ, HEADAS=f"{root}x")
    assert gone.what == f"HEASoft: HEADAS={root}x does not exist"
    above = fault("heasoft", environ, HEADAS=str(Path(root).parent))
    assert above.what.endswith("has no folder syspfiles")
    assert above.cure.startswith(f"export HEADAS={root}, and source")
    inside = fault("heasoft", environ, HEADAS=f"{root}/bin")
    assert inside.cure.startswith(f"export HEADAS={root}, and")
    silent = fault("heasoft", environ, PATH=f"{environ['SAS_DIR']}/bin")
    assert silent.what.endswith(
        f"HEADAS={root} is there, but its bin is not on PATH: its set-up script was not sourced"
    )
    file = tmp_path / "file"
    file.touch()
    assert "is no folder" in fault("heasoft", environ, HEADAS=str(file)).what


def test_heasoft_of_another_machine(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    found = fault("heasoft", environ)
    assert found.what.endswith("is built for x86_64, and this machine is aarch64")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert find_faults(environ) == {}  # where programs of the other are run too


def test_sas_that_is_not_set_up(environ: dict[str, str], tmp_path: Path) -> None:
    assert fault("sas", environ, SAS_DIR=str(tmp_path)).cure.startswith(f"export SAS_DIR={environ['SAS_DIR']}, and")
    silent = fault("sas", environ, PATH=f"{environ['HEADAS']}/bin")
    assert silent.cure == "source $SAS_DIR/setsas.sh before the run"
    assert "SAS_DIR is not set, though" in fault("sas", environ, SAS_DIR=None).what


def test_a_tool_that_was_not_installed(environ: dict[str, str]) -> None:
    assert program_fault("nuproducts", "heasoft", environ) is None
    found = program_fault("addspec", "heasoft", environ)
    assert found is not None
    assert found.what.startswith(f"addspec, which is neither on PATH nor in {environ['HEADAS']}/bin")


def test_caldb_that_cannot_be_used(environ: dict[str, str], tmp_path: Path) -> None:
    assert fault("caldb", environ, CALDB=None).what == "NuSTAR's files of CALDB: CALDB is not set"
    assert fault("caldb", environ, CALDB="/no/caldb").what.endswith("CALDB=/no/caldb does not exist")
    lacking = tmp_path / "other"
    (lacking / "data" / "swift").mkdir(parents=True)
    found = fault("caldb", environ, CALDB=str(lacking))
    index = f"{lacking}/data/nustar/fpm/caldb.indx"
    assert (
        found.what
        == f"NuSTAR's files of CALDB: CALDB={lacking} has no index of them (looked for {index}) (it has swift)"
    )
    assert found.cure.startswith("install the NuSTAR part of CALDB there")
    below = fault("caldb", environ, CALDB=f"{environ['CALDB']}/data")
    assert below.cure.startswith(f"export CALDB={environ['CALDB']}, and source")
    assert "CALDBCONFIG=/no/config is not there" in fault("caldb", environ, CALDBCONFIG="/no/config").what
    Path(environ["CALDB"], "data/nustar/fpm/caldb.indx").write_text("")
    assert fault("caldb", environ).what.endswith("caldb.indx is empty")


@pytest.mark.parametrize("url", ["https://heasarc.gsfc.nasa.gov/FTP/caldb", "s3://nasa-heasarc/caldb"])
def test_caldb_over_the_network(environ: dict[str, str], url: str) -> None:
    tools = find_toolset({**environ, "CALDB": url})
    assert (tools.caldb, tools.remote, tools.faults) == (None, url, {})
    assert tools.remarks["caldb"][0].startswith(f"CALDB={url} is read over the network: its state cannot be pinned")
    assert clock_fault(tools.environ) is None
    found = fault("caldb", environ, CALDB=url, CALDBCONFIG=None)
    assert f"fetch {url}/software/tools/caldb.config" in found.cure


def test_caldb_without_the_clock(environ: dict[str, str]) -> None:
    Path(environ["CALDB"], "data/nustar/fpm/bcf/clock/nuCclock20100101v210.fits").unlink()
    found = clock_fault(environ)
    assert found is not None
    assert (
        found.what == f"NuSTAR's clock file, and there is no nuCclock* in {environ['CALDB']}/data/nustar/fpm/bcf/clock"
    )


def test_calibration_files_of_xmm(environ: dict[str, str], tmp_path: Path) -> None:
    about = "the calibration files of XMM-Newton"
    assert fault("ccf", environ, SAS_CCFPATH=None).what == f"{about}: SAS_CCFPATH is not set"
    assert fault("ccf", environ, SAS_CCFPATH="").what == f"{about}: SAS_CCFPATH is empty"
    assert fault("ccf", environ, SAS_CCFPATH="/no/ccf").what == f"{about}: SAS_CCFPATH=/no/ccf does not exist"
    above = fault("ccf", environ, SAS_CCFPATH=str(tmp_path))
    assert above == Fault(f"{about}: no *.CCF in SAS_CCFPATH={tmp_path}", f"export SAS_CCFPATH={tmp_path}/ccf")
    (tmp_path / "none").mkdir()
    assert "mirror them" in fault("ccf", environ, SAS_CCFPATH=str(tmp_path / "none")).cure


def test_what_is_odd(environ: dict[str, str], tmp_path: Path) -> None:
    other = program(tmp_path / "other" / "nuproducts")
    remarks = find_remarks({**environ, "PATH": f"{other.parent}:{environ['PATH']}"})
    assert remarks["heasoft"][0].startswith(f"nuproducts on PATH is {other}, and HEADAS is {environ['HEADAS']}")
    blank = tmp_path / "my tools" / PLATFORM
    (blank / "syspfiles").mkdir(parents=True)
    program(blank / "bin" / "nuproducts")
    remarks = find_remarks({**environ, "HEADAS": str(blank), "PATH": f"{blank}/bin:{environ['SAS_DIR']}/bin"})
    assert remarks == {"heasoft": (f"HEADAS={blank} has a blank in its name, which many tools do not bear",)}
    alone = {name: value for name, value in environ.items() if name != "HEADAS"}
    assert "whose tools some of its tasks call" in find_remarks(alone)["sas"][0]

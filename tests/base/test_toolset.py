from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.toolset import Suite, find_suite, find_toolset


def made(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if text.startswith("#!"):
        path.chmod(0o755)
    return path


def test_nothing_is_installed(tmp_path: Path) -> None:
    found = find_toolset({})
    assert (found.heasoft, found.sas, found.caldb, found.ccf) == (None, None, None, "")
    assert find_suite("heasoft", {"HEADAS": str(tmp_path / "none")}) is None


def version(root: Path, **environ: str) -> str:
    root.mkdir(parents=True, exist_ok=True)
    found = find_suite("heasoft", {"HEADAS": str(root), **environ})
    assert found is not None
    return found.version


def test_the_version_of_heasoft_is_in_the_name_of_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "heasoft-6.35.1" / "x86_64-pc-linux-gnu-libc2.35"
    assert version(root) == "6.35.1"
    link = tmp_path / "heasoft"
    link.symlink_to(root)
    assert version(link) == "6.35.1"
    assert find_suite("heasoft", {"HEADAS": str(root)}) == Suite("heasoft", "6.35.1", root, (root / "syspfiles",))


def test_the_version_of_heasoft_from_conda(tmp_path: Path) -> None:
    made(tmp_path / "env" / "conda-meta" / "heasoft-6.36-h123_0.json")
    assert version(tmp_path / "env" / "heasoft") == "6.36"


def test_the_version_of_heasoft_is_asked_for_where_no_file_tells_it(tmp_path: Path) -> None:
    root = tmp_path / "x86_64"
    assert version(root) == ""
    made(root / "bin" / "fversion", '#!/bin/sh\necho "29Apr2025_V6.34"\n')
    assert version(root, PATH="/bin") == "6.34"
    made(root / "bin" / "ftversion", '#!/bin/sh\ntest "${PFILES#*;}" = "$HEADAS/syspfiles" && echo V6.35.2\n')
    assert version(root, PATH="/bin") == "6.35.2"
    made(root / "bin" / "ftversion", "#!/no/such/shell\n")
    assert version(root, PATH="/bin") == "6.34"


@pytest.mark.parametrize(
    ("name", "release", "printed", "expected"),
    [
        ("xmmsas_20230412_1735-21.0.0", None, None, "21.0.0"),
        ("xmmsas_22.1.0-a8f2c2afa-20250304", None, None, "22.1.0"),
        ("sas", "xmmsas_20211130_0941-20.0.0\n", None, "20.0.0"),
        ("xmmsas_20230412_1735", None, "SAS release: 22.1.0-a8f2c2afa-20250304", "22.1.0"),
        ("sas", None, "sasversion:- sasversion (sasversion-1.3)  [xmmsas_20190531_1155-18.0.0] started", "18.0.0"),
        ("sas", None, None, ""),
    ],
)
def test_the_version_of_sas(tmp_path: Path, name: str, release: str | None, printed: str | None, expected: str) -> None:
    root = tmp_path / name
    root.mkdir()
    if release is not None:
        made(root / "RELEASE", release)
    if printed is not None:
        made(root / "bin" / "sasversion", f"#!/bin/sh\necho '{printed}' >&2\n")
    found = find_suite("sas", {"SAS_DIR": str(root), "SAS_PATH": f"{tmp_path}/own:{root}", "PATH": "/bin"})
    assert found == Suite("sas", expected, root, (tmp_path / "own" / "config", root / "config"))


def test_calibration(tmp_path: Path) -> None:
    index = made(tmp_path / "caldb" / "data" / "nustar" / "fpm" / "caldb.indx", "x")
    assert find_toolset({"CALDB": str(tmp_path / "caldb")}).caldb == index
    assert find_toolset({"CALDB": str(tmp_path)}).caldb is None
    made(tmp_path / "ccf" / "EPN_FWC_0001.CCF")
    made(tmp_path / "ccf" / "notes.txt")
    environ = {"SAS_CCFPATH": f"{tmp_path / 'none'}:{tmp_path / 'ccf'}"}
    before = find_toolset(environ).ccf
    assert before.startswith("ccf1:")
    made(tmp_path / "ccf" / "notes2.txt")
    assert find_toolset(environ).ccf == before
    made(tmp_path / "ccf" / "EPN_FWC_0002.CCF")
    assert find_toolset(environ).ccf not in {before, ""}

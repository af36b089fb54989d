from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.tasks.test_group import response, spectrum
from xbatch.base.errors import StepError
from xbatch.commands.call import Staged
from xbatch.ogip.pha import write_pha
from xbatch.ogip.response import read_response, save_response
from xbatch.registry import Job
from xbatch.tools.staging import LONGEST, Staging, with_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


def staging(folder: Path, inputs: dict[str, Path] | None = None, **places: Path) -> Staging:
    return Staging(Job("a:b", {}, inputs or {}, folder, places), folder)


def short(text: str) -> Path:
    """Write a file with a short path, which the test's own folder has not."""
    path = Path("/tmp") / f"xbt{os.getpid()}.txt"
    path.write_text(text)
    return path


def test_a_link_to_a_short_path(folder: Path) -> None:
    source = short("a")
    try:
        one = staging(folder, {"list": source})
        one.put("sub/in.txt", Staged("list"))
        assert (folder / "sub/in.txt").readlink() == source
        one.check("tool")
        source.write_text("ab")
        with pytest.raises(StepError, match=r"was changed while tool ran, which had it as sub/in\.txt"):
            one.check("tool")
    finally:
        source.unlink()
    with pytest.raises(StepError, match="was changed"):
        one.check("tool")


def test_a_path_with_a_blank_is_copied(folder: Path) -> None:
    source = Path("/tmp") / f"xbt {os.getpid()}.txt"
    source.write_text("a")
    try:
        staging(folder, {"list": source}).put("in.txt", Staged("list"))
        assert not (folder / "in.txt").is_symlink()
        assert (folder / "in.txt").read_text() == "a"
    finally:
        source.unlink()


def test_a_long_path_is_copied(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / (LONGEST * "x") / "in.txt"
    source.parent.mkdir()
    source.write_text("a")
    link = short("")
    link.unlink()
    link.symlink_to(source)  # short itself, but not what tools make of it
    try:
        staging(folder, {"list": link}).put("in.txt", Staged("list"))
    finally:
        link.unlink()
    assert not (folder / "in.txt").is_symlink()
    assert (folder / "in.txt").read_text() == "a"


def test_a_response_is_written_as_files(folder: Path, tmp_path: Path) -> None:
    inputs = {"response/1": tmp_path / "response.npz", "spectrum/1": tmp_path / "spectrum.pha"}
    save_response(inputs["response/1"], response())
    write_pha(inputs["spectrum/1"], spectrum())
    one = staging(folder, inputs)
    one.put("r.rmf", Staged("response/1", "rmf"))
    one.put("r.arf", Staged("response/1", "arf"))
    read = read_response(folder / "r.rmf", folder / "r.arf")
    assert np.array_equal(read.matrix, response().matrix)
    with fits.open(folder / "r.rmf") as file:
        assert file["MATRIX"].header["INSTRUME"] == "FPMA"


def test_a_copy_can_be_written(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("a")
    source.chmod(0o444)
    staging(folder, {"list": source}).put("in.txt", Staged("list", "copy"))
    assert (folder / "in.txt").stat().st_mode & 0o200
    (folder / "in.txt").write_text("b")
    assert source.read_text() == "a"


def test_unpacking(folder: Path, tmp_path: Path) -> None:
    packed, plain = tmp_path / "a.gz", tmp_path / "b"
    packed.write_bytes(gzip.compress(b"text"))
    plain.write_text("plain")
    one = staging(folder, {"packed": packed, "plain": plain})
    one.put("a", Staged("packed", "unpack"))
    one.put("b", Staged("plain", "unpack"))
    assert ((folder / "a").read_text(), (folder / "b").read_text()) == ("text", "plain")
    packed.write_bytes(gzip.compress(b"text" * 1000)[:-9])
    with pytest.raises(StepError, match="is gzipped and damaged"):
        one.put("c", Staged("packed", "unpack"))
    packed.write_bytes(b"\x1f\x9dxyz")
    with pytest.raises(StepError, match="is packed by compress"):
        one.put("d", Staged("packed", "unpack"))


@pytest.mark.parametrize(("how", "names"), [("tree", ["a.evt.gz", "hk/b.hk"]), ("tree-unpack", ["a.evt", "hk/b.hk"])])
def test_a_tree(folder: Path, tmp_path: Path, how: str, names: list[str]) -> None:
    raw = tmp_path / "raw"
    (raw / "hk").mkdir(parents=True)
    (raw / "a.evt.gz").write_bytes(gzip.compress(b"events"))
    (raw / "hk" / "b.hk").write_text("b")
    (raw / "hk" / "again").symlink_to(raw)
    for name in ("ccf.cif", "0001SUM.SAS"):
        (raw / name).write_text("of another analysis")
    staging(folder, None, raw=raw).put("60001/", Staged("raw", how))
    tree = folder / "60001"
    assert sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()) == names
    if how == "tree-unpack":
        assert (tree / "a.evt").read_bytes() == b"events"
    (tree / "new").write_text("x")  # tools write beside what is linked
    assert not (raw / "new").exists()


def test_a_file_that_is_there_packed_and_unpacked_is_the_unpacked_one(folder: Path) -> None:
    raw = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    try:
        (raw / "a.FIT").write_bytes(b"mine")
        (raw / "a.FIT.gz").write_bytes(gzip.compress(b"the archive's"))
        one = staging(folder, None, raw=raw)
        one.put("odf", Staged("raw", "tree-unpack"))
        assert [path.name for path in (folder / "odf").iterdir()] == ["a.FIT"]
        assert (folder / "odf/a.FIT").read_bytes() == b"mine"
        assert (raw / "a.FIT").read_bytes() == b"mine"
        one.check("tool")
    finally:
        shutil.rmtree(raw)


def test_one_file_of_a_tree(folder: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "hk").mkdir(parents=True)
    (raw / "hk" / "a.fits.gz").write_bytes(gzip.compress(b"units"))
    (raw / "hk" / "b.fits").write_bytes(b"plain")
    one = staging(folder, None, raw=raw)
    one.put("a.fits", Staged("raw", "part", "hk/a.fits"))
    one.put("b.fits", Staged("raw", "part", "hk/b.fits"))
    assert ((folder / "a.fits").read_bytes(), (folder / "b.fits").read_bytes()) == (b"units", b"plain")
    with pytest.raises(StepError, match=r"has no file hk/c\.fits, nor hk/c\.fits\.gz"):
        one.put("c.fits", Staged("raw", "part", "hk/c.fits"))


def test_nothing_is_written_through_a_link(folder: Path) -> None:
    raw = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    try:
        (raw / "a.txt").write_text("raw")
        one = staging(folder, {"list": raw / "a.txt"}, raw=raw)
        one.put("odf", Staged("raw", "tree"))
        assert (folder / "odf/a.txt").is_symlink()
        one.put("odf/a.txt", Staged("list", "copy"))
        (folder / "odf/a.txt").write_text("new")
        assert (raw / "a.txt").read_text() == "raw"
    finally:
        shutil.rmtree(raw)


def test_a_tree_that_is_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="is not there, or is no folder"):
        staging(folder, None, raw=tmp_path / "none").put("raw", Staged("raw", "tree"))


def test_inputs_that_did_not_come(folder: Path) -> None:
    one = staging(folder)
    one.put("a", Staged("list", optional=True))
    assert list(folder.iterdir()) == []
    with pytest.raises(StepError, match="has no input 'list', which is to stand as a in the working folder"):
        one.put("a", Staged("list"))


def test_a_summary_is_told_where_the_odf_is(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "1_SUM.SAS"
    source.write_text("// made\nPATH /home/user/odf/\nFILES 3\n// PATH of all\n")
    staging(folder, {"summary": source}).put("1_SUM.SAS", Staged("summary", "summary", "odf"))
    assert (folder / "1_SUM.SAS").read_text() == f"// made\nPATH {folder}/odf/\nFILES 3\n// PATH of all\n"
    with pytest.raises(StepError, match="has no line PATH"):
        with_path("FILES 3\n", ".")


def test_a_way_that_is_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be staged by 'carry'"):
        staging(folder, {"list": tmp_path}).put("a", Staged("list", "carry"))

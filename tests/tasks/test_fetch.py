"""Fetching: from client libraries that the tests put in the place of the archives' own."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from astropy.io import fits

from xbatch.base.errors import StepError
from xbatch.registry import Job, Outcome
from xbatch.tasks._archives import archive_folder
from xbatch.tasks.fetch import run

NUSTAR, XMM = "60001110002", "0761220101"

# Both read what "the archive" holds from a folder; what they are asked for goes to its file "asked". Where there is a
# file "slow" the first gives nothing before another run waits for it too.
_BOTO3 = """
import os, pathlib, shutil, time
ROOT = pathlib.Path(os.environ["XBATCH_TEST_ARCHIVE"])
class _Client:
    def get_paginator(self, what):
        return self
    def paginate(self, Bucket, Prefix):
        until = time.monotonic() + 60
        while (ROOT / "slow").exists() and not (ROOT / "waits").exists() and time.monotonic() < until:
            time.sleep(0.01)
        files = sorted(p for p in (ROOT / "s3" / Prefix).rglob("*") if p.is_file())
        for path in files:  # a page for each: more than one page must be read
            yield {"Contents": [{"Key": path.relative_to(ROOT / "s3").as_posix(), "Size": path.stat().st_size}]}
        if not files:
            yield {}
    def download_file(self, bucket, key, target):
        with (ROOT / "asked").open("a") as stream:
            stream.write(key + "\\n")
        stop = ROOT / "stop"
        if stop.exists() and stop.read_text() == key.rpartition("/")[2]:
            pathlib.Path(target).write_bytes((ROOT / "s3" / key).read_bytes()[:100])
            raise OSError("Connection broken")
        shutil.copy(ROOT / "s3" / key, target)
def client(*args, **kwargs):
    return _Client()
"""
_ESA = """
import os, pathlib, shutil
class XMMNewton:
    @staticmethod
    def download_data(obsid, *, level, filename, cache):
        assert level == "ODF"
        source = pathlib.Path(os.environ["XBATCH_TEST_ARCHIVE"]) / f"{obsid}.tar.gz"
        if not source.exists():
            raise OSError("Name or service not known")
        shutil.copy(source, f"{filename}.gz")
"""


def _module(folder: Path, name: str, text: str) -> None:
    *packages, module = name.split(".")
    for package in packages:
        folder = folder / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    (folder / f"{module}.py").write_text(text)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "archive"
    (folder / "s3").mkdir(parents=True)
    clients = tmp_path / "clients"
    clients.mkdir()
    _module(clients, "boto3.core", "")
    (clients / "boto3" / "__init__.py").write_text(_BOTO3)
    _module(clients, "botocore.config", "class Config:\n    def __init__(self, **kwargs): pass\n")
    (clients / "botocore" / "__init__.py").write_text("UNSIGNED = object()\n")
    _module(clients, "astroquery.esa.xmm_newton", _ESA)
    monkeypatch.setenv("PYTHONPATH", str(clients))
    monkeypatch.syspath_prepend(str(clients))
    monkeypatch.setenv("XBATCH_TEST_ARCHIVE", str(folder))
    return folder


def _image(value: int = 1) -> bytes:
    stream = io.BytesIO()
    fits.PrimaryHDU([[value] * 100] * 100).writeto(stream)
    return stream.getvalue()


def _nustar(archive: Path) -> Path:
    folder = archive / "s3" / archive_folder("nustar", NUSTAR)
    for name in ("auxil/a.fits.gz", "event_uf/b.evt.gz", "hk/c.hk.gz"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(gzip.compress(_image(), mtime=0))
    return folder


def _fetch(tmp_path: Path, mission: str, obsid: str) -> tuple[Outcome, Path]:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    target = tmp_path / "data" / obsid
    params = {"mission": mission, "obsid": obsid}
    return run(Job(f"observation:{obsid}", params, {}, out, {"raw": target})), target


def test_folders_follow_the_archive() -> None:
    assert archive_folder("nustar", "90201039002") == "nustar/data/obs/02/9/90201039002/"
    assert archive_folder("xmm", XMM) == f"xmm/data/rev0/{XMM}/ODF/"


def test_an_observation_comes_whole(tmp_path: Path, archive: Path) -> None:
    _nustar(archive)
    outcome, target = _fetch(tmp_path, "nustar", NUSTAR)
    assert outcome.facts["archive"] == "aws"
    listed = json.loads((tmp_path / "out" / "observation.json").read_text())["files"]
    assert [one["path"] for one in listed] == ["auxil/a.fits.gz", "event_uf/b.evt.gz", "hk/c.hk.gz"]
    assert sorted(path.name for path in target.parent.iterdir()) == [NUSTAR]


def test_a_download_that_broke_off_goes_on(tmp_path: Path, archive: Path) -> None:
    folder = _nustar(archive)
    (archive / "stop").write_text("b.evt.gz")
    with pytest.raises(StepError, match="Connection broken") as caught:
        _fetch(tmp_path, "nustar", NUSTAR)
    assert "goes on from there" in caught.value.cure
    assert not (tmp_path / "data" / NUSTAR).exists()
    (archive / "stop").unlink()
    (archive / "asked").unlink()
    _, target = _fetch(tmp_path, "nustar", NUSTAR)
    asked = (archive / "asked").read_text().splitlines()
    assert [name.rpartition("/")[2] for name in asked] == ["b.evt.gz", "c.hk.gz"]
    assert (target / "event_uf" / "b.evt.gz").read_bytes() == (folder / "event_uf" / "b.evt.gz").read_bytes()


def test_a_broken_file_is_fetched_again(tmp_path: Path, archive: Path) -> None:
    folder = _nustar(archive)
    whole = (folder / "hk" / "c.hk.gz").read_bytes()
    (folder / "hk" / "c.hk.gz").write_bytes(whole[:-30])
    with pytest.raises(StepError, match=r"c\.hk\.gz: came broken"):
        _fetch(tmp_path, "nustar", NUSTAR)
    (folder / "hk" / "c.hk.gz").write_bytes(whole)
    assert (_fetch(tmp_path, "nustar", NUSTAR)[1] / "hk" / "c.hk.gz").read_bytes() == whole


@pytest.mark.parametrize("mission", ["nustar", "xmm"])
def test_a_file_that_is_damaged_inside_is_fetched_again(tmp_path: Path, archive: Path, mission: str) -> None:
    obsid = NUSTAR if mission == "nustar" else XMM
    folder = archive / "s3" / archive_folder(mission, obsid)
    folder.mkdir(parents=True)
    whole = gzip.compress(_image(), mtime=0)
    middle = len(whole) // 2
    (folder / "a.fits.gz").write_bytes(whole[:middle] + bytes(8) + whole[middle + 8 :])
    with pytest.raises(StepError, match=r"a\.fits\.gz: came broken"):
        _fetch(tmp_path, mission, obsid)
    (folder / "a.fits.gz").write_bytes(whole)
    assert any(_fetch(tmp_path, mission, obsid)[1].rglob("a.fits*"))


def test_what_another_run_has_left_unfinished_is_gone_on_with(tmp_path: Path, archive: Path) -> None:
    _nustar(archive)
    target = tmp_path / "data" / NUSTAR
    target.mkdir(parents=True)
    part = target.with_name(f".fetch-{NUSTAR}")
    (part / NUSTAR).mkdir(parents=True)
    lock = part.with_name(f"{part.name}.lock")
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        threading.Timer(0.2, stream.close).start()
        _fetch(tmp_path, "nustar", NUSTAR)
    assert (target / "hk" / "c.hk.gz").is_file()
    assert not part.exists()


def test_what_is_there_and_the_same_stays(tmp_path: Path, archive: Path) -> None:
    _nustar(archive)
    _, target = _fetch(tmp_path, "nustar", NUSTAR)
    before = (target / "hk" / "c.hk.gz").stat().st_ino
    _fetch(tmp_path, "nustar", NUSTAR)
    assert (target / "hk" / "c.hk.gz").stat().st_ino == before


def test_what_is_there_and_differs_is_kept_beside(tmp_path: Path, archive: Path) -> None:
    folder = _nustar(archive)
    _fetch(tmp_path, "nustar", NUSTAR)
    (folder / "hk" / "c.hk.gz").write_bytes(gzip.compress(_image(2), mtime=0))
    outcome, target = _fetch(tmp_path, "nustar", NUSTAR)
    assert "differ" in outcome.notes[0]
    assert sorted(path.name for path in target.parent.iterdir()) == [NUSTAR, f"{NUSTAR}.before-1"]


def test_an_odf_is_unpacked_twice(tmp_path: Path, archive: Path) -> None:
    def packed(mode: str, files: dict[str, bytes]) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as out:  # type: ignore[call-overload]
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
        return stream.getvalue()

    inner = packed("w", {"2880_x_PNS00304IME.FIT": _image()})
    (archive / f"{XMM}.tar.gz").write_bytes(packed("w:gz", {f"2880_{XMM}.TAR": inner, "MANIFEST.1": b"list"}))
    outcome, target = _fetch(tmp_path, "xmm", XMM)
    assert outcome.facts["archive"] == "esa"
    assert sorted(path.name for path in (target / "ODF").iterdir()) == ["2880_x_PNS00304IME.FIT", "MANIFEST.1"]


def test_without_one_archive_the_next_is_asked(tmp_path: Path, archive: Path) -> None:
    folder = archive / "s3" / archive_folder("xmm", XMM)
    folder.mkdir(parents=True)
    (folder / "a.FIT.gz").write_bytes(gzip.compress(_image(), mtime=0))
    outcome, target = _fetch(tmp_path, "xmm", XMM)
    assert outcome.facts["archive"] == "aws"
    assert [path.name for path in (target / "ODF").iterdir()] == ["a.FIT"]


@pytest.mark.usefixtures("archive")
def test_when_nothing_has_it_each_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"esa: .*not known; aws: no files below xmm/data") as caught:
        _fetch(tmp_path, "xmm", XMM)
    assert "xbatch[fetch]" in caught.value.cure


def test_two_that_fetch_at_once_do_it_once(tmp_path: Path, archive: Path) -> None:
    _nustar(archive)
    (archive / "slow").touch()
    program = (
        "import fcntl, sys, pathlib; from xbatch.registry import Job; from xbatch.tasks.fetch import run\n"
        "root, obsid = pathlib.Path(sys.argv[1]), sys.argv[3]; out = root / sys.argv[2]; out.mkdir()\n"
        "real = fcntl.flock\n"
        "def flock(handle, how):\n"
        "    if how == fcntl.LOCK_EX: (root / 'archive' / 'waits').touch()\n"
        "    real(handle, how)\n"
        "fcntl.flock = flock\n"
        "run(Job('s', {'mission': 'nustar', 'obsid': obsid}, {}, out, {'raw': root / 'data' / obsid}))"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    both = [subprocess.Popen([*words, name, NUSTAR]) for name in ("one", "two")]
    assert [one.wait(120) for one in both] == [0, 0]
    lists = {(tmp_path / name / "observation.json").read_bytes() for name in ("one", "two")}
    assert len(lists) == 1
    assert len((archive / "asked").read_text().splitlines()) == 3
    assert [path.name for path in (tmp_path / "data").iterdir()] == [NUSTAR]

"""The list of an observation's files: whole ones are listed with digests, broken ones are told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from astropy.io import fits

from xbatch.base.errors import FileError
from xbatch.registry import Job, Outcome
from xbatch.tasks.observation import run


def _job(folder: Path, **files: Path) -> Job:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    inputs = {f"file/hk/{name}": path for name, path in files.items()}
    return Job("observation:1", {"mission": "nustar", "obsid": "1"}, inputs, out)


def _work(job: Job) -> tuple[Outcome, list[dict[str, object]]]:
    outcome = run(job)
    listed = json.loads((job.out / "observation.json").read_text())
    assert (listed["mission"], listed["obsid"]) == ("nustar", "1")
    files: list[dict[str, object]] = listed["files"]
    return outcome, files


def _fits(path: Path) -> Path:
    fits.PrimaryHDU([[1, 2], [3, 4]]).writeto(path)
    return path


def test_files_are_listed_with_size_and_digest(tmp_path: Path) -> None:
    plain, note = _fits(tmp_path / "b.fits"), tmp_path / "note.txt"
    note.write_text("as observed")
    outcome, files = _work(_job(tmp_path, **{"b.fits": plain, "a.txt": note}))
    assert [one["path"] for one in files] == ["hk/a.txt", "hk/b.fits"]
    assert [one["size"] for one in files] == [11, plain.stat().st_size]
    assert outcome.facts == {"files": 2, "bytes": 11 + plain.stat().st_size}


def test_a_packed_file_has_the_digest_of_the_plain_one(tmp_path: Path) -> None:
    plain = _fits(tmp_path / "b.fits")
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    digests = {one["digest"] for one in _work(_job(tmp_path, **{"a.fits": plain, "b.fits.gz": packed}))[1]}
    assert len(digests) == 1


@pytest.mark.parametrize("spoil", ["cut", "empty", "cut packed"])
def test_a_broken_file_is_told_by_its_name(tmp_path: Path, spoil: str) -> None:
    path = _fits(tmp_path / "hk.fits")
    whole = path.read_bytes()
    if spoil == "cut packed":
        path = tmp_path / "hk.fits.gz"
        whole = gzip.compress(whole)
    path.write_bytes(whole[: 0 if spoil == "empty" else len(whole) // 2])
    with pytest.raises(FileError, match=str(path)):
        run(_job(tmp_path, **{path.name: path}))


def test_nothing_is_no_observation(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no files"):
        run(_job(tmp_path))


def test_the_start_of_an_xmm_observation_is_in_the_list(tmp_path: Path) -> None:
    summary = tmp_path / "2880_0761220101_SCX00000SUM.ASC"
    summary.write_text(
        "OBSERVATION\n/\n0761220101 / Observation ID\n2015-07-08T01:00:00 / Scheduled Start Time\n"
        "2015-07-09T13:00:00 / Scheduled End Time\n"
    )
    job = _job(tmp_path, **{"0_SCX00000SUM.ASC": summary})
    run(Job(job.step, {"mission": "xmm", "obsid": "0761220101"}, job.inputs, job.out))
    assert json.loads((job.out / "observation.json").read_text())["date"] == "2015-07-08T01:00:00"


def test_without_a_summary_it_is_the_first_date_of_its_files(tmp_path: Path) -> None:
    for number, date in enumerate(["2015-07-08T02:00:00", "2015-07-08T01:30:00"]):
        image = fits.PrimaryHDU([[1]])
        image.header["DATE-OBS"] = date
        image.writeto(tmp_path / f"{number}.FIT")
    job = _job(tmp_path, **{f"{n}.FIT": tmp_path / f"{n}.FIT" for n in range(2)})
    run(Job(job.step, {"mission": "xmm", "obsid": "0761220101"}, job.inputs, job.out))
    assert json.loads((job.out / "observation.json").read_text())["date"] == "2015-07-08T01:30:00"

"""The task ``fetch``: an observation's raw data from an archive to the folder where the spec looks for it.

The download goes to a hidden folder beside the final one, which is kept when it is broken off, so that the next try
goes on from there. What is complete, unpacked and read through gets its final name in one rename.
"""

from __future__ import annotations

import fcntl
import gzip
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xbatch.base.errors import FileError, StepError
from xbatch.registry import Job, Outcome
from xbatch.tasks._archives import ARCHIVES
from xbatch.tasks.observation import LISTED, list_files

__all__ = ["run"]

_PACKAGES = {"aws": "boto3", "heasarc": "astroquery", "esa": "astroquery"}
_PACKED = (".tar", ".tar.gz", ".tgz")


def run(job: Job) -> Outcome:
    """Fetch an observation, unless another run has done so meanwhile, and list its files.

    Raises
    ------
    StepError
        No archive gives it; the packages to ask them with are not installed; the disk is full.
    """
    target = job.places["raw"]
    part = target.with_name(f".fetch-{target.name}")
    part.parent.mkdir(parents=True, exist_ok=True)
    with _alone(part) as waited:
        if waited and target.is_dir() and not any(part.iterdir()):
            part.rmdir()  # what another run was at is done, and left nothing here
            return _listed(job, target, part)
        source = _download(job, part)
        found = _unpacked(part, target.name, job.params["mission"])
        outcome = _listed(job, found, part)
        kept = _publish(job, found, target)
        shutil.rmtree(part)
    return Outcome({**outcome.facts, "archive": source}, outcome.notes + kept)


@contextmanager
def _alone(part: Path) -> Iterator[bool]:
    """Let one process at a time fetch an observation; say whether another was at it before."""
    path = part.with_name(f"{part.name}.lock")
    waited = False
    while True:
        with path.open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = True
                fcntl.flock(stream, fcntl.LOCK_EX)
            try:
                gone = not os.path.samestat(os.fstat(stream.fileno()), path.stat())
            except FileNotFoundError:
                gone = True
            if gone:
                waited = True
                continue  # who had it has taken the file away with it
            try:
                part.mkdir(exist_ok=True)
                yield waited
            finally:
                path.unlink()
            return


def _download(job: Job, part: Path) -> str:
    """Ask one archive after another; what went wrong with each is told only if none gives the observation."""
    mission, obsid = job.params["mission"], job.params["obsid"]
    wrong = []
    for archive in ARCHIVES.get(mission, ()):
        package = _PACKAGES[archive]
        if importlib.util.find_spec(package) is None:
            wrong.append(f"{archive}: needs the Python package {package}")
            continue
        words = [sys.executable, "-m", "xbatch.tasks._archives", archive, mission, obsid]
        done = subprocess.run(
            words, cwd=part, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False
        )
        sys.stderr.write(done.stderr)
        if done.returncode == 0:
            return archive
        last = done.stderr.strip().splitlines()[-1:] or [f"ended with status {done.returncode}"]
        wrong.append(f"{archive}: {last[0]}")
        if "No space left on device" in done.stderr:
            break
    raise StepError(
        f"could not fetch observation {obsid} ({'; '.join(wrong) or f'no archive of {mission} is known here'})",
        cure=f"What has come is kept in {part}, and the next run goes on from there. Install the clients with "
        f"pip install 'xbatch[fetch]', or put the observation into {job.places['raw']} yourself",
    )


def _unpacked(part: Path, obsid: str, mission: str) -> Path:
    """Unpack what came packed, until nothing is; give the observation's folder."""
    root = part / obsid
    while packed := [path for path in part.rglob("*") if path.is_file() and path.name.lower().endswith(_PACKED)]:
        for path in packed:
            _extract(path, root / "ODF" if mission == "xmm" else part)
    if mission == "xmm":
        for path in sorted(root.rglob("*.gz")):
            _gunzip(path)
    if not root.is_dir():
        raise StepError(f"what the archive gave holds no folder {obsid}", str(part), "Delete it, and run again")
    return root


def _extract(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, zlib.error) as error:
        path.unlink()
        raise StepError(f"came broken: {error}", path.name, "It is deleted; run again to fetch it anew") from error
    path.unlink()


def _gunzip(path: Path) -> None:
    plain = path.with_suffix("")
    part = path.with_name(f".{plain.name}.part")
    try:
        with gzip.open(path) as packed, part.open("wb") as stream:
            shutil.copyfileobj(packed, stream, 1 << 20)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        path.unlink()
        part.unlink(missing_ok=True)
        raise StepError(f"came broken: {error}", path.name, "It is deleted; run again to fetch it anew") from error
    part.replace(plain)
    path.unlink()


def _listed(job: Job, found: Path, part: Path) -> Outcome:
    """List the files that came; one that is broken is deleted, so that the next try fetches it again."""
    files = {path.relative_to(found).as_posix(): path for path in found.rglob("*") if path.is_file()}
    try:
        return list_files(job, files)
    except FileError as error:
        broken = Path(error.file)
        if broken.is_relative_to(part):
            broken.unlink(missing_ok=True)
        raise StepError(f"came broken: {error.what}", broken.name, "It is deleted; run again to fetch it") from error


def _publish(job: Job, found: Path, target: Path) -> tuple[str, ...]:
    """Give an observation its final name; one that is there already stays beside it, unless it is the same."""
    if not target.exists():
        found.replace(target)
        return ()
    files = {path.relative_to(target).as_posix(): path for path in sorted(target.rglob("*")) if path.is_file()}
    new = (job.out / LISTED).read_bytes()
    note: tuple[str, ...] = ()
    if files:
        list_files(job, files)
        if (job.out / LISTED).read_bytes() == new:
            return ()
        (job.out / LISTED).write_bytes(new)
        old = _free_name(target)
        target.replace(old)
        note = (f"the archive's files differ from those in {target.name}, which are now in {old.name}",)
    else:
        shutil.rmtree(target)
    found.replace(target)
    return note


def _free_name(target: Path) -> Path:
    number = 1
    while (name := target.with_name(f"{target.name}.before-{number}")).exists():
        number += 1
    return name

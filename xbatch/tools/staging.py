"""How inputs come into the working folder, and whether tools have left alone what they may only read."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import StepError
from xbatch.base.scratchplace import is_plain
from xbatch.commands.call import Staged
from xbatch.registry import Job

__all__ = ["LONGEST", "Staging", "with_path"]

#: Some tools look a link up and go on with the name of the file itself; one with a longer name than this is copied.
LONGEST = 80
_GZIP = b"\x1f\x8b"
_COMPRESS = b"\x1f\x9d"
# what an earlier analysis by hand has left beside an ODF, and SAS would take for its own
_INDEX, _SUMMARY = "ccf.cif", "SUM.SAS"
_PATH = re.compile(r"^PATH[ \t].*$", re.MULTILINE)


@dataclass(frozen=True)
class _Mark:
    size: int
    mtime_ns: int


class Staging:
    """Puts inputs into a working folder.

    Parameters
    ----------
    job : Job
    folder : Path
        The working folder.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self._job = job
        self._folder = folder
        self._marks: dict[Path, tuple[_Mark, str]] = {}
        #: Where each name in the working folder comes from, for who does it by hand: how, and the path.
        self.sources: dict[str, tuple[str, Path]] = {}

    def put(self, name: str, staged: Staged) -> None:
        """Put one input where it belongs.

        Raises
        ------
        StepError
            It is not there, or cannot be unpacked.
        """
        given = self._job.places if staged.of_place else self._job.inputs
        if staged.role not in given:
            if staged.optional:
                return
            raise StepError(f"has no input {staged.role!r}, which is to stand as {name} in the working folder")
        source, target = given[staged.role], self._folder / name
        self.sources[name] = (f"{staged.how} {staged.path}".strip(), source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()  # of a tree that was staged before; nothing is written through a link
        match staged.how:
            case "link":
                if not self._link(source, target, name):
                    self.sources[name] = ("copy", source)
            case "copy":
                _copy(source, target)
            case "unpack":
                _unpack(source, target)
            case "part":
                _unpack(_part(source, staged.path), target)
            case "tree" | "tree-unpack":
                self._tree(source, target, name, unpack=staged.how == "tree-unpack")
            case "rmf" | "arf":
                from xbatch.tools.responses import write_response  # loaded for steps that have one

                spectrum = self._job.inputs.get(staged.role.replace("response", "spectrum"))
                write_response(staged.how, source, spectrum, target)
            case "summary":
                text = source.read_text(encoding="latin-1")
                target.write_text(with_path(text, f"{self._folder / staged.path}/"), encoding="latin-1")
            case _:
                raise ValueError(f"an input cannot be staged by {staged.how!r}")

    def _link(self, source: Path, target: Path, name: str) -> bool:
        """Link a file, or copy it where its path is long or not plain; tell whether it is a link."""
        real = source.resolve()
        if len(str(real)) > LONGEST or not is_plain(real):
            _copy(real, target)
            return False
        self._marks[real] = (_mark(real, name), name)
        target.symlink_to(real)
        return True

    def _tree(self, source: Path, target: Path, name: str, unpack: bool) -> None:
        if not source.is_dir():
            raise StepError("is not there, or is no folder", str(source), "Fetch the observation again")
        target.mkdir(parents=True, exist_ok=True)
        for path in _files(source):
            if path.name == _INDEX or path.name.endswith(_SUMMARY):
                continue
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            if unpack and path.suffix == ".gz":
                # where the file is there unpacked too, it stands there as a link, which must not be written through
                if not path.with_suffix("").exists():
                    _unpack(path, place.with_suffix(""))
            else:
                self._link(path, place, f"{name}/{path.relative_to(source)}")

    def check(self, tool: str) -> None:
        """Make sure that no tool has written to what is only linked.

        Raises
        ------
        StepError
            One has.
        """
        for path, (mark, name) in self._marks.items():
            try:
                same = _mark(path, name) == mark
            except StepError:
                same = False
            if not same:
                raise StepError(
                    f"was changed while {tool} ran, which had it as {name} and may only read it",
                    str(path),
                    "If nothing else has written to it, this is a defect of xbatch: the tool needs a copy. "
                    "Make the file again, or let xbatch do so (xbatch verify --help), before the next run",
                )


def with_path(text: str, folder: str) -> str:
    """Set the line ``PATH`` of a SAS summary file, which names the folder of the ODF.

    Raises
    ------
    StepError
        There is no such line.
    """
    if not _PATH.search(text):
        raise StepError("the SAS summary file has no line PATH", cure="Run odfingest again")
    return _PATH.sub(lambda _: f"PATH {folder}", text, count=1)


def _files(folder: Path) -> Iterator[Path]:
    """Give all files below a folder, in a fixed order; links to folders are followed, once."""
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def _mark(path: Path, name: str) -> _Mark:
    try:
        status = path.stat()
    except OSError as error:
        raise StepError(f"cannot be read as {name}: {error.strerror or error}", str(path)) from error
    return _Mark(status.st_size, status.st_mtime_ns)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(target.stat().st_mode | stat.S_IWUSR)


def _part(folder: Path, name: str) -> Path:
    """Find a file of a folder, packed or not.

    Raises
    ------
    StepError
        It is not there.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise StepError(f"has no file {name}, nor {name}.gz", str(folder), "Fetch the observation again")


def _unpack(source: Path, target: Path) -> None:
    with source.open("rb") as stream:
        magic = stream.read(2)
    if magic == _COMPRESS:
        raise StepError("is packed by compress", str(source), "Unpack it with gunzip, or fetch the observation again")
    if magic != _GZIP:
        _copy(source, target)
        return
    try:
        with gzip.open(source, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StepError(f"is gzipped and damaged: {error}", str(source), "Fetch it again") from error

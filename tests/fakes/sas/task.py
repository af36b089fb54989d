"""A call of a task of SAS: its options and parameters, what it prints, and what it needs of its environment."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.core import Run
from tests.fakes.sas.parameters import SasError, Values, read_arguments, read_parameters, tasks
from xbatch.base.sasrelease import release_of

__all__ = ["Odf", "Task"]

#: Options and whether a word follows.
_OPTIONS = {"-V": True, "-c": False, "-a": True, "-i": True, "-o": True, "-w": True, "-t": False, "-f": True}
_VARIABLES = {"-a": "SAS_CCFPATH", "-i": "SAS_CCF", "-o": "SAS_ODF"}
_LONG = {
    "--verbosity": "-V", "--noclobber": "-c", "--ccfpath": "-a", "--ccf": "-i", "--odf": "-o", "--warning": "-w",
    "--trace": "-t", "--ccffiles": "-f",
}  # fmt: skip


@dataclass(frozen=True)
class Odf:
    """An observation's raw data: their folder, and how their files' names begin."""

    folder: Path
    revolution: str
    obsid: str

    @property
    def stem(self) -> str:
        return f"{self.revolution}_{self.obsid}"

    def files(self, pattern: str) -> list[Path]:
        """Give the files whose names go on like a pattern, in order."""
        return sorted(self.folder.glob(f"{self.stem}_{pattern}"))


class Task:
    """A call that has begun."""

    def __init__(self, run: Run, values: Values, version: str) -> None:
        self.run = run
        self.name = run.tool
        self.values = values
        self.release = _release(run)
        self.creator = f"{run.tool} ({run.tool}-{version}) [{self.release}]"

    @classmethod
    def started(cls, run: Run) -> Task | None:
        """Read the options and parameters of a call; None where there is nothing to do but what was printed."""
        version = tasks(_release(run))[run.tool][0]
        words = _options(run.args)
        if words is None:
            run.say(f"{run.tool} ({run.tool}-{version}) [{_release(run)}]")
            return None
        if not os.environ.get("SAS_DIR"):
            raise SasError("SasDirNotSet", "SAS_DIR is undefined. SAS not initialised?")
        folders = [Path(place) for place in os.environ.get("SAS_PATH", "").split(":") if place]
        if not folders:
            raise SasError("SasPathNotSet", "SAS_PATH is undefined. SAS not initialised?")
        parameters = read_parameters(folders, run.tool)
        values = read_arguments(parameters, words)
        task = cls(run, values, version)
        shown = " ".join(f"{name}={_quoted(text)}" for name, text in values.texts.items())
        task.say(f"Executing (routine): {run.tool} {shown}")
        task.say(f"{task.creator} started:  {_now()}")
        return task

    def since(self, *release: int) -> bool:
        """Say whether the installation is of a release, or of a later one."""
        return release_of(self.release) >= release

    def end(self) -> None:
        self.say(f"{self.creator} ended:    {_now()}")

    def say(self, text: str) -> None:
        self.run.say(f"{self.name}:- {text}")

    def warn(self, code: str, text: str) -> None:
        sys.stderr.write(f"** {self.name}: warning ({code}), {text}\n")

    def complain(self, code: str, text: str, part: str = "") -> None:
        """Print an error and go on, as chains do."""
        sys.stderr.write(f"** {self.name}{'::' if part else ''}{part}: error ({code}), {text}\n")

    def keep(self, path: str | Path) -> Path:
        """Note a product; where SAS may not overwrite, one that is there is an error."""
        path = Path(path)
        if path.exists() and os.environ.get("SAS_CLOBBER") == "0":
            raise SasError("FileExists", f"file `{path}' exists and SAS_CLOBBER is 0")
        if not path.parent.is_dir():
            raise SasError("CannotCreate", f"could not create `{path}': no such folder")
        return self.run.keep(path)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold a file of a fixed name in the working folder: two such calls in one folder disturb each other."""
        path = Path(name)
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            text = (
                f"intermediate file `{name}' is there already: another {self.name} works in this folder, or died in it"
            )
            raise SasError("IntermediateFileExists", text) from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def calibration(self) -> Path:
        """Give the calibration index file that SAS_CCF names."""
        named = os.environ.get("SAS_CCF", "")
        if not named:
            raise SasError("noCcf", "SAS_CCF is not set: no calibration index file")
        path = Path(named)
        if not path.is_file():
            raise SasError("CifNotFound", f"calibration index file `{named}' (SAS_CCF) does not exist")
        if b"CALINDEX" not in path.read_bytes()[:20000]:
            raise SasError("CifInvalid", f"`{named}' (SAS_CCF) is not a calibration index file")
        if not os.environ.get("SAS_CCFPATH"):
            raise SasError("noCcfPath", "SAS_CCFPATH is not set")
        return path

    def odf(self, ingested: bool = True) -> Odf:
        """Find the observation that SAS_ODF names: a summary file of odfingest, or the folder of its files."""
        named = os.environ.get("SAS_ODF", "")
        if not named:
            raise SasError("noOdf", "SAS_ODF is not set: no observation data file")
        place = Path(named)
        if not place.exists():
            raise SasError("OdfNotFound", f"`{named}' (SAS_ODF) does not exist")
        if place.is_dir():
            summaries = sorted(place.glob("*SUM.SAS"))
            if summaries:
                return odf_of(_path_of(summaries[0]))
            if ingested:
                raise SasError("noSummaryFile", f"no summary file (*SUM.SAS) in `{named}': run odfingest first")
            return odf_of(place)
        return odf_of(_path_of(place))

    def same_observation(self, obsid: object) -> Odf:
        """Give the observation of SAS_ODF, which must be that of a file."""
        odf = self.odf()
        if str(obsid).strip() != odf.obsid:
            raise SasError("OdfMismatch", f"the file is of observation {obsid}, SAS_ODF of {odf.obsid}")
        return odf


def odf_of(folder: Path) -> Odf:
    """Look at a folder of raw data."""
    if not folder.is_dir():
        raise SasError("OdfNotFound", f"the folder of the ODF `{folder}' does not exist")
    found = sorted(folder.glob("????_??????????_SCX00000SUM.ASC"))
    if not found:
        packed = any(folder.glob("*.gz"))
        more = ": its files are compressed, decompress them first" if packed else ""
        raise SasError("noOdfSummary", f"no observation summary file (*SUM.ASC) in `{folder}'{more}")
    if len(found) > 1:
        raise SasError("ManyOdfs", f"more than one observation in `{folder}'")
    revolution, obsid, _ = found[0].name.split("_")
    return Odf(folder, revolution, obsid)


def _path_of(summary: Path) -> Path:
    """Read the line PATH of a summary file."""
    try:
        lines = summary.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SasError("InvalidSummaryFile", f"`{summary}' cannot be read: {error}") from None
    for line in lines:
        if line.startswith("PATH"):
            return Path(line[4:].strip().lstrip("=").strip())
    raise SasError("InvalidSummaryFile", f"the file `{summary}' does not appear to be a valid summary file: no PATH")


def _release(run: Run) -> str:
    """Give the release that an installation plays."""
    return (run.root / "RELEASE").read_text().strip()


def _options(args: Sequence[str]) -> list[str] | None:
    """Take the options out of the arguments; None for the version."""
    words: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word in ("-v", "--version"):
            return None
        option = _LONG.get(word, word[:2])
        if word[:1] != "-" or "=" in word:
            words.append(word)
        elif option not in _OPTIONS:
            raise SasError("UnknownOption", f"option `{word}' is not known")
        elif _OPTIONS[option]:
            attached = word[2:] if word not in _LONG else ""
            value = attached or (rest.pop(0) if rest else "")
            if option == "-V" and not value.isdigit():
                raise SasError("BadOption", f"option -V needs a number, not `{value}'")
            if option in _VARIABLES:
                os.environ[_VARIABLES[option]] = value
        elif option == "-c":
            os.environ["SAS_CLOBBER"] = "0"
    return words


def _quoted(text: str) -> str:
    return text if text and " " not in text and "&" not in text else f"'{text}'"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000")

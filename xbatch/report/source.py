"""What the report reads: a run's manifest and the products it names, nothing else."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from xbatch.base.errors import FileError, UsageError

__all__ = ["RunSource", "Table", "open_run"]

_LOG_BYTES = 20_000
#: Bytes of pictures that a page carries; a page with more is slow to open, and hardly to be sent.
_CARRIED = 20_000_000
_PNG = ".png"
Step = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A product table as text: headings, their units, and rows of cells."""

    columns: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class RunSource:
    """A run's folder and its manifest. A product that is missing or damaged is None, never an error.

    Attributes
    ----------
    folder : Path
    manifest : Mapping
    linked : bool
        Whether pictures are too large to be carried in a page, which then shows their files.
    """

    folder: Path
    manifest: Mapping[str, Any]
    linked: bool = False

    def steps(self, task: str) -> Iterator[Step]:
        """Give the steps of one task, in the plan's order."""
        return (step for step in self.manifest["steps"] if step["task"] == task)

    def bytes_of(self, step: Step, output: str) -> bytes | None:
        """Read one output of a step."""
        facts = step["outputs"].get(output)
        if facts is None:
            return None
        try:
            return (self.folder / str(facts["path"])).read_bytes()
        except OSError:
            return None

    def json_of(self, step: Step, output: str) -> Mapping[str, Any] | None:
        """Read one output of a step as JSON."""
        raw = self.bytes_of(step, output)
        try:
            value = json.loads(raw) if raw is not None else None
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def data_uri(self, step: Step, output: str, media_type: str) -> str | None:
        """Give one output of a step as a data URI."""
        raw = self.bytes_of(step, output)
        return None if raw is None else f"data:{media_type};base64,{base64.b64encode(raw).decode('ascii')}"

    def picture_uri(self, step: Step, output: str) -> str | None:
        """Give a PNG of a step as a data URI, or where pictures are linked as its address below the run's folder."""
        if not self.linked:
            return self.data_uri(step, output, "image/png")
        facts = step["outputs"].get(output)
        return quote(str(facts["path"])) if facts is not None and (self.folder / str(facts["path"])).is_file() else None

    def table_of(self, step: Step, stem: str) -> Table | None:
        """Read a table: the rounded cells of its CSV form, the units from the header of its ECSV form."""
        raw = self.bytes_of(step, f"{stem}.csv")
        if raw is None:
            return None
        rows = [tuple(row) for row in csv.reader(io.StringIO(raw.decode("utf-8", "replace")))]
        if not rows:
            return None
        units = _units(self.bytes_of(step, f"{stem}.ecsv") or b"")
        return Table(rows[0], tuple(units.get(name, "") for name in rows[0]), tuple(rows[1:]))

    def files_of(self, step: Step) -> list[tuple[str, str]]:
        """Name the script that repeats a tool's step by hand, and its log: what, and address; none without a script."""
        if not step["log"]:
            return []
        log = PurePosixPath(str(step["log"]))
        script = log.with_suffix(".sh")
        if not (self.folder / script).is_file():
            return []
        return [("log", quote(str(log))), ("script to repeat it by hand", quote(str(script)))]

    def log_of(self, step: Step) -> str:
        """Read the end of a step's log; empty where there is none."""
        if not step["log"]:
            return ""
        try:
            raw = (self.folder / step["log"]).read_bytes()
        except OSError:
            return ""
        text = raw[-_LOG_BYTES:].decode("utf-8", "replace").strip("\n")
        left = len(raw) - _LOG_BYTES
        return f"[{left} bytes before this are left out; the whole log is {step['log']}]\n{text}" if left > 0 else text


def open_run(folder: Path) -> RunSource:
    """Open a run's folder by its manifest.

    Raises
    ------
    UsageError
        The folder holds no manifest.
    FileError
        The manifest cannot be read.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise UsageError(f"{folder} holds no manifest.json: it is not the folder of a finished run. Run the spec first")
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise FileError(str(path), f"is not JSON: {error}", "Run the spec again to write it anew") from error
    if not isinstance(manifest, dict) or manifest.get("manifest") != 1:
        raise FileError(str(path), "is not a manifest of version 1", "Use the xbatch that wrote it")
    outputs = (item for step in manifest["steps"] for item in step["outputs"].items())
    size = sum(int(facts.get("size") or 0) for name, facts in outputs if name.endswith(_PNG))
    return RunSource(folder, manifest, linked=size > _CARRIED)


def _units(ecsv: bytes) -> dict[str, str]:
    """Take the units from the header of an ECSV file, whose columns stand in it as one JSON object a line."""
    units = {}
    for line in ecsv.decode("utf-8", "replace").splitlines():
        if not line.startswith("#"):
            break
        if line.startswith("# - {"):
            try:
                column = json.loads(line[4:])
            except ValueError:
                continue
            units[str(column.get("name", ""))] = str(column.get("unit", ""))
    return units

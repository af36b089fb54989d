"""The fake extractor and xselect, for lists of NuSTAR."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import existing, read_parts, write_parts
from tests.fakes.headas.lists import EventFile
from tests.fakes.headas.parameters import Parameters
from tests.fakes.headas.pipeline import longest_path

__all__ = ["TOOLS"]

_ALL = (0, 4095)
_FIELD = "physical\nbox(500.5,500.5,1000,1000)\n"


def _none(value: str) -> bool:
    return value.strip().upper() in ("", "NONE", "-")


def _extractor(run: Run, parameters: Parameters) -> None:
    parameters.needed("filename")
    name, _, condition = parameters["filename"].partition("[")
    band = _channels(condition.removesuffix("]"))
    events = existing(Path(name))
    longest_path(events)
    region = None if _none(parameters["regionfile"]) else existing(Path(parameters["regionfile"]))
    gti = None if _none(parameters["timefile"]) else existing(Path(parameters["timefile"]))
    wanted = {name: parameters[name] for name in ("eventsout", "imgfile", "phafile", "fitsbinlc")}
    for name in wanted.values():
        if not _none(name) and Path(name).exists() and not parameters.yes("clobber"):
            raise ToolError(f"extractor: file {name} already exists")
    with TemporaryDirectory() as scratch:
        source = EventFile(events, Path(scratch))
        if region is None:
            region = Path(scratch) / "field.reg"
            region.write_text(_FIELD)
        if not _none(wanted["phafile"]):
            source.spectrum(region, run.keep(wanted["phafile"]), gti)
            _cut(Path(wanted["phafile"]), band)
        if not _none(wanted["imgfile"]):
            frame = "det" if parameters["xcolf"].upper().startswith("DET") else "sky"
            source.image(run.keep(wanted["imgfile"]), band, int(parameters["binf"]), gti, frame)
        if not _none(wanted["fitsbinlc"]):
            source.curve(region, run.keep(wanted["fitsbinlc"]), float(parameters["binlc"]), band, False, gti)
        if not _none(wanted["eventsout"]):
            shutil.copy(events, run.keep(wanted["eventsout"]))
    run.say("extractor v6.23")


def _channels(condition: str) -> tuple[int, int]:
    """Give the PI that a condition on rows selects: ``PI=35:1909``."""
    if not condition:
        return _ALL
    found = re.fullmatch(r"(?i)\s*PI\s*=\s*(\d+)\s*:\s*(\d+)\s*", condition)
    if not found:
        raise ToolError(f"FITSIO status = 426: cannot understand the row filter [{condition}]", 426)
    return int(found.group(1)), int(found.group(2))


def _cut(path: Path, band: tuple[int, int]) -> None:
    """Take the counts of other channels out of a spectrum."""
    parts = read_parts(path)
    channel, counts = parts[1].column("CHANNEL"), parts[1].column("COUNTS")
    counts[(channel < band[0]) | (channel > band[1])] = 0
    parts[1].fill("COUNTS", counts)
    write_parts(path, parts)


class _Session:
    """What an xselect session has been told."""

    def __init__(self, run: Run, lines: Sequence[str], scratch: Path) -> None:
        self.run, self.scratch = run, scratch
        self._lines = list(lines)
        self._events: Path | None = None
        self._band, self._binning, self._binsize = _ALL, 8, 16.0
        self._region: Path | None = None
        self._made: dict[str, Path] = {}

    def ask(self, words: list[str]) -> str:
        """Give the next word of a command, or else the next line."""
        if words:
            return words.pop(0)
        if not self._lines:
            raise ToolError("xselect: end of input where an answer was wanted")
        return self._lines.pop(0).strip()

    def _may_ask(self) -> None:
        """Take an answer of yes or no where there is one."""
        if self._lines and self._lines[0].strip().lower() in ("yes", "y", "no", "n"):
            self._lines.pop(0)

    def go(self) -> None:
        """Do all commands."""
        session = self.ask([])
        Path(f"{session}_xsel.run").write_text("")
        Path("xselect.log").write_text("")
        while self._lines:
            words = self._lines.pop(0).split()
            if not words:
                continue
            name = words.pop(0).lower()
            if name in ("exit", "quit", "bye"):
                return
            done = {
                "read": self._read,
                "filter": self._filter,
                "set": self._set,
                "extract": self._extract,
                "save": self._save,
                "clear": self._clear,
            }
            full = [each for each in done if each.startswith(name)]
            if len(full) != 1:
                raise ToolError(f"xselect: Command not found; type ? for a command listing: {name}")
            done[full[0]](words)
        raise ToolError("xselect: end of input without exit")

    def _read(self, words: list[str]) -> None:
        if not "events".startswith(self.ask(words).lower()):
            raise ToolError("xselect: only events can be read")
        named = words.pop(0) if words else ""
        folder = self.ask([])
        self._events = existing(Path(folder) / (named or self.ask([])))
        longest_path(self._events)
        self._may_ask()

    def _filter(self, words: list[str]) -> None:
        what = self.ask(words).lower()
        if what == "pha_cutoff":
            self._band = int(self.ask(words)), int(self.ask(words))
        elif what == "region":
            self._region = existing(Path(self.ask(words)))
        else:
            raise ToolError(f"xselect: cannot filter {what}")

    def _set(self, words: list[str]) -> None:
        what = self.ask(words).lower()
        value = self.ask(words)
        if what == "xybinsize":
            self._binning = int(value)
        elif what == "binsize":
            self._binsize = float(value)
        else:
            raise ToolError(f"xselect: cannot set {what}")

    def _clear(self, words: list[str]) -> None:
        what = self.ask(words).lower()
        self._band = _ALL if what in ("pha_cutoff", "all") else self._band
        self._region = None if what in ("region", "all") else self._region

    def _extract(self, words: list[str]) -> None:
        if self._events is None:
            raise ToolError("xselect: no data have been read")
        region = self._region or self.scratch / "field.reg"
        if self._region is None:
            region.write_text(_FIELD)
        source = EventFile(self._events, self.scratch)
        for what in [self.ask(words), *words]:
            path = self.scratch / f"made.{what.lower()}"
            if "image".startswith(what.lower()):
                source.image(path, self._band, self._binning)
                self._made["image"] = path
            elif "spectrum".startswith(what.lower()):
                source.spectrum(region, path)
                self._made["spectrum"] = path
            elif "curve".startswith(what.lower()):
                source.curve(region, path, self._binsize, self._band, False, None)
                self._made["curve"] = path
            else:
                raise ToolError(f"xselect: cannot extract {what}")

    def _save(self, words: list[str]) -> None:
        what = self.ask(words).lower()
        kind = next((each for each in ("image", "spectrum", "curve") if each.startswith(what)), what)
        if kind not in self._made:
            raise ToolError(f"xselect: there is no {kind} to be saved")
        target = Path(self.ask(words))
        if target.exists():
            self._may_ask()
        shutil.copy(self._made[kind], self.run.keep(target))
        read_parts(target)
        self._may_ask()


def _xselect(run: Run, parameters: Parameters) -> None:
    del parameters
    scripts = [argument[1:] for argument in run.args if argument.startswith("@")]
    text = existing(Path(scripts[0])).read_text() if scripts else sys.stdin.read()
    with TemporaryDirectory() as scratch:
        _Session(run, text.splitlines(), Path(scratch)).go()


TOOLS = {"extractor": _extractor, "xselect": _xselect}

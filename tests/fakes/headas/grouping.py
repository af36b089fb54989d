"""The fake grppha and ftgrouppha: flags by the native rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.parameters import Parameters

if TYPE_CHECKING:
    from xbatch.ogip.pha import Spectrum

__all__ = ["TOOLS", "write_grouped"]

#: A path longer than this is cut by grppha; so are lines of commands and values of cards.
_LONGEST = {"path": 100, "value": 120, "lines": 100, "command": 172, "comm": 516}
#: More commands at once write beyond the array that they are kept in.
_MOST_COMMANDS = 20


def write_grouped(source: Path, target: Path, bad: Sequence[tuple[int, int]], minimum: float) -> None:
    """Write a spectrum with bad channels and groups of a minimum of counts."""
    from xbatch.ogip.pha import read_pha
    from xbatch.xray.grouping import flag_bad, group_min

    spectrum = read_pha(source)
    quality = flag_bad(spectrum.quality, spectrum.channel, bad)
    flags, quality = group_min(spectrum.counts, quality, minimum)
    _write(source, target, replace(spectrum, grouping=flags, quality=quality), {})


def _write(source: Path, target: Path, spectrum: Spectrum, cards: Mapping[str, Any]) -> None:
    """Write a spectrum with the other extensions of the file it came from."""
    from tests.fakes.headas.fitsbytes import read_parts, write_parts
    from xbatch.ogip.pha import write_pha

    write_pha(target, spectrum, {**spectrum.header, **cards})
    parts = [*read_parts(target), *(part for part in read_parts(source)[1:] if part.name != "SPECTRUM")]
    write_parts(target, parts)


def _grppha(run: Run, parameters: Parameters) -> None:
    parameters.needed("infile", "outfile")
    name, out = parameters["infile"], parameters["outfile"]
    for path in (name, out):
        if len(path) > _LONGEST["path"]:
            raise ToolError(f"grppha: filename too long: {path[: _LONGEST['path']]}")
    source, target = Path(name), Path(out.removeprefix("!"))
    if not source.is_file():
        raise ToolError(f"grppha: could not open {source}")
    if target.exists() and not (out.startswith("!") or parameters.yes("clobber")):
        raise ToolError(f"grppha: file {target} already exists, use clobber=yes or !{target}")
    state = _State(source)
    given, then = ([each.strip() for each in _cut(parameters[name])] for name in ("comm", "tempc"))
    if len(given) > _MOST_COMMANDS:
        raise ToolError("Segmentation fault", 139)
    for command in filter(None, (*given, *then)):
        word = command.split()[0].lower()
        if word in ("exit", "write"):
            _write(source, run.keep(target), state.spectrum, state.cards)
            if word == "exit":
                run.leave(f" ** grppha 3.1.0 completed successfully, written {target}")
                return
        elif word == "quit":
            return
        else:
            state.obey(command)
    raise ToolError("grppha: end of commands without exit: nothing more to read from the terminal")


def _cut(text: str) -> list[str]:
    """Part commands, as far as there is room for them."""
    return [each[: _LONGEST["command"]] for each in text[: _LONGEST["comm"]].split("&")]


class _State:
    """The spectrum that commands are done to."""

    def __init__(self, source: Path) -> None:
        from xbatch.ogip.pha import read_pha

        self.spectrum = read_pha(source)
        self.cards: dict[str, Any] = {}

    def obey(self, command: str) -> None:
        """Do a command: group, bad, good, reset, chkey, systematics, show."""
        word, *rest = command.split()
        word = word.lower()
        done: dict[str, Callable[[Sequence[str]], None]] = {
            "group": self._group,
            "bad": lambda words: self._quality(words, 5),
            "good": lambda words: self._quality(words, 0),
            "systematics": self._systematics,
            "reset": self._reset,
            "chkey": self._chkey,
            "show": lambda words: None,
        }
        full = [name for name in done if name.startswith(word)]
        if len(full) != 1 or not (rest or full[0] == "reset"):
            raise ToolError(f"grppha: unknown command {command!r}")
        try:
            done[full[0]](rest)
        except ValueError as error:
            raise ToolError(f"grppha: {error}") from error

    def _group(self, words: Sequence[str]) -> None:
        from xbatch.xray.grouping import group_min

        spectrum = self.spectrum
        if words[0].lower() == "min":
            flags, quality = group_min(spectrum.counts, spectrum.quality, float(words[1]))
            self.spectrum = replace(spectrum, grouping=flags, quality=quality)
        else:
            if words[0].lstrip("-").isdigit():
                numbers = [int(each) for word in words for each in word.replace("-", " ").split()]
                lines = [tuple(numbers[k : k + 3]) for k in range(0, len(numbers), 3)]
            else:
                path = Path(words[0])
                if not path.is_file():
                    raise ToolError(f"grppha: could not open {path}")
                lines = [tuple(int(each) for each in line.split()) for line in path.read_text().splitlines() if line]
                if len(lines) > _LONGEST["lines"]:
                    raise ToolError(f"grppha: more than {_LONGEST['lines']} lines in {path}")
            if any(len(line) != 3 for line in lines):
                raise ToolError(f"grppha: a group needs minimum, maximum and width: {' '.join(words)}")
            self._ranges([(first, last, width) for first, last, width in lines])

    def _ranges(self, lines: Sequence[tuple[int, int, int]]) -> None:
        """Make groups of ranges of channels beside those that there are; what would overlap with these is left out."""
        spectrum = self.spectrum
        flags, first_channel = spectrum.grouping.copy(), int(spectrum.channel[0])
        for first, last, width in lines:
            if first > last or width < 1 or first < first_channel or last > int(spectrum.channel[-1]):
                raise ToolError(f"grppha: group {first} {last} {width} is not within the spectrum's channels")
            for start in range(first - first_channel, last - first_channel - width + 2, width):
                after = flags[start + width] if start + width < flags.size else 1
                if (flags[start : start + width] == 1).all() and (after == 1 or width == 1):
                    flags[start + 1 : start + width] = -1
        self.spectrum = replace(spectrum, grouping=flags)

    def _systematics(self, words: Sequence[str]) -> None:
        first, _, last = words[0].partition("-")
        sys_err = self.spectrum.sys_err.copy()
        inside = (self.spectrum.channel >= int(first)) & (self.spectrum.channel <= int(last or first))
        sys_err[inside] = float(words[1])
        self.spectrum = replace(self.spectrum, sys_err=sys_err)

    def _quality(self, words: Sequence[str], value: int) -> None:
        spectrum = self.spectrum
        quality = spectrum.quality.copy()
        for word in words:
            first, _, last = word.partition("-")
            inside = (spectrum.channel >= int(first)) & (spectrum.channel <= int(last or first))
            quality[inside] = value
        self.spectrum = replace(spectrum, quality=quality)

    def _reset(self, words: Sequence[str]) -> None:
        import numpy as np

        what = words[0].lower() if words else "all"
        if what in ("all", "grouping", "group"):
            self.spectrum = replace(self.spectrum, grouping=np.ones_like(self.spectrum.grouping))
        if what in ("all", "quality"):
            self.spectrum = replace(self.spectrum, quality=np.zeros_like(self.spectrum.quality))

    def _chkey(self, words: Sequence[str]) -> None:
        if len(words) < 2:
            raise ToolError(f"grppha: chkey needs a keyword and a value: {' '.join(words)}")
        keyword, value = words[0].upper(), " ".join(words[1:])
        if len(value) > _LONGEST["value"]:
            raise ToolError(f"grppha: value of {keyword} is too long")
        known = {"BACKFILE", "RESPFILE", "ANCRFILE", "CORRFILE", "BACKSCAL", "AREASCAL", "EXPOSURE", "CORRSCAL"}
        if keyword not in known:
            raise ToolError(f"grppha: keyword {keyword} cannot be changed")
        if keyword in ("BACKSCAL", "AREASCAL"):
            import numpy as np

            values = np.full(self.spectrum.channel.size, float(value))
            spectrum = self.spectrum
            self.spectrum = (
                replace(spectrum, backscal=values) if keyword == "BACKSCAL" else replace(spectrum, areascal=values)
            )
        elif keyword == "EXPOSURE":
            self.spectrum = replace(self.spectrum, exposure=float(value))
        else:
            self.cards[keyword] = value


def _ftgrouppha(run: Run, parameters: Parameters) -> None:
    parameters.needed("infile", "outfile", "grouptype")
    from xbatch.ogip.pha import read_pha

    kind = parameters["grouptype"].lower()
    out = parameters["outfile"]
    target = Path(out.removeprefix("!"))
    if target.exists() and not (out.startswith("!") or parameters.yes("clobber")):
        raise ToolError(f"file {target} already exists, use clobber=yes to overwrite it")
    names = {role: parameters[role] for role in ("backfile", "respfile", "templatefile")}
    files = {role: Path(name) for role, name in names.items() if name.upper() not in ("NONE", "")}
    needs = {
        "bmin": "backfile",
        "opt": "respfile",
        "optmin": "respfile",
        "optsnmin": "respfile",
        "file": "templatefile",
    }
    if kind in needs and needs[kind] not in files:
        raise ToolError(f"grouptype={kind} needs {needs[kind]}")
    for path in (Path(parameters["infile"]), *files.values()):
        if not path.is_file():
            raise ToolError(f"could not open the named file: {path}", 104)
    scale = "" if kind in ("opt", "file") else float(parameters["groupscale"])
    try:
        spectrum = read_pha(Path(parameters["infile"]))
        limits = int(parameters["minchannel"]), int(parameters["maxchannel"])
        flags, quality = _flags(kind, scale, spectrum, files, limits)
        _write(Path(parameters["infile"]), run.keep(target), replace(spectrum, grouping=flags, quality=quality), {})
    except ValueError as error:
        raise ToolError(str(error)) from error


def _flags(
    kind: str, scale: float | str, spectrum: Spectrum, files: Mapping[str, Path], limits: tuple[int, int]
) -> tuple[Any, Any]:
    """Group as the native binning of the same name does."""
    from xbatch.ogip.pha import read_pha
    from xbatch.ogip.response import read_response
    from xbatch.tasks._group_types import TYPES
    from xbatch.tasks._group_work import Work, prepared

    keys = {"bmin": "counts", "min": "counts", "optmin": "counts", "snmin": "snr", "optsnmin": "snr"}
    binning: dict[str, Any] = {"type": kind}
    if kind == "constant":
        binning["channels"] = int(scale)
    elif kind in keys:
        binning[keys[kind]] = scale
    if kind in ("snmin", "optsnmin"):
        binning["background"] = "backfile" in files
    background = read_pha(files["backfile"]) if "backfile" in files else None
    template = read_pha(files["templatefile"]) if "templatefile" in files else None
    response = read_response(files["respfile"], None) if "respfile" in files else None
    work = prepared(Work("spectrum", binning, spectrum, background, template, response))
    if max(limits) >= 0 and kind != "opt":
        low, high = limits[0], limits[1] if limits[1] >= 0 else int(spectrum.channel[-1])
        work = replace(work, inside=(spectrum.channel >= low) & (spectrum.channel <= high))
    return TYPES[kind](work)


TOOLS = {"grppha": _grppha, "ftgrouppha": _ftgrouppha}

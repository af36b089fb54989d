"""XSPEC's command files (``.xcm``) as data: what they load, ignore, set, and the models with their parameters.

The lines are those of XSPEC 12's manual as its ``save all`` writes them; nothing is executed. A line that is not
understood is a problem with its place, and so is one that asks for more than is read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xbatch.base.errors import Place, Problem
from xbatch.spec.report import shown

__all__ = ["Setting", "Xcm", "XcmModel", "XcmSpectrum", "read_xcm"]

_ABBREVIATED = 2
_SHOWS = (
    "autosave", "chatter", "cpd", "exit", "hardcopy", "iplot", "log", "plot", "puts", "query", "quit", "save",
    "setplot", "show", "time",
)  # fmt: skip
_WITHOUT_COUNTERPART = (
    "bayes", "cd", "cosmo", "energies", "eqwidth", "error", "fit", "flux", "gain", "goodness", "lmod", "lumin",
    "mdefine", "parallel", "renorm", "script", "set", "steppar", "systematic", "tclout", "writefits", "xset",
)  # fmt: skip
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_VALUES = re.compile(rf"{_NUMBER}(?:[\s,]+{_NUMBER}){{0,5}}")
_PAIR = re.compile(r"(?:(?P<group>[0-9]+):)?(?P<number>[0-9]+)")
_MODEL = re.compile(r"(?:(?P<source>[0-9]+):)?(?P<name>[A-Za-z_]\w*)?(?P<rest>\s+\S.*)?")
_RANGE = re.compile(rf"(?P<lo>\*\*|{_NUMBER})(?:-(?P<hi>\*\*|{_NUMBER}))?")


@dataclass(frozen=True)
class Setting:
    """What one parameter is set to: its numbers (value, step, limits), or the text of a link."""

    place: Place
    numbers: tuple[float, ...] = ()
    link: str = ""


@dataclass
class XcmModel:
    """A model: the source it is for (1 where the file gives none), its name, expression and parameters from 1 on."""

    source: int
    name: str
    expression: str
    place: Place
    settings: list[Setting] = field(default_factory=list)


@dataclass
class XcmSpectrum:
    """A spectrum: its files and what is ignored of it.

    Attributes
    ----------
    group : int
        Its data group.
    responses, arfs : dict
        Source to file.
    background : str
        Empty where the file says nothing; ``none``.
    ignored : list of (str, str)
        Ranges as written, ``**`` for an open end. With a decimal point they are energies, else numbers of groups.
    """

    number: int
    group: int
    file: str
    place: Place
    responses: dict[int, str] = field(default_factory=dict)
    arfs: dict[int, str] = field(default_factory=dict)
    background: str = ""
    ignored: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Xcm:
    """A command file, read.

    Attributes
    ----------
    spectra : dict
        By number.
    models : list of XcmModel
    settings : dict
        ``statistic``, ``weight``, ``abund``, ``xsect``, ``method``: their words.
    ignore_bad : bool
    frozen : dict
        (model's name, parameter's number) to whether ``freeze`` or ``thaw`` was last said of it.
    unused : list of (Place, str)
        Lines that nothing here has a counterpart for.
    problems : list of Problem
    """

    spectra: dict[int, XcmSpectrum] = field(default_factory=dict)
    models: list[XcmModel] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    ignore_bad: bool = False
    frozen: dict[tuple[str, int], bool] = field(default_factory=dict)
    unused: list[tuple[Place, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def groups(self) -> int:
        """The number of data groups; one where there is no spectrum."""
        return max((one.group for one in self.spectra.values()), default=1)

    def spectra_of(self, model: XcmModel) -> list[int]:
        """Number the spectra that have a model: those with a response for its source. The first source is for all."""
        return [n for n, one in sorted(self.spectra.items()) if model.source == 1 or model.source in one.responses]

    def groups_of(self, model: XcmModel) -> list[int]:
        """Number the data groups that have a model, all where there is no spectrum."""
        if not self.spectra:
            return [1]
        having = {self.spectra[number].group for number in self.spectra_of(model)}
        return [group for group in range(1, self.groups + 1) if group in having or model.source == 1]


def read_xcm(text: str, file: str) -> Xcm:
    """Read a command file.

    Parameters
    ----------
    text : str
    file : str
        Its name, for places.

    Returns
    -------
    Xcm
        With `problems` for what is not understood.
    """
    reader = _Reader(file)
    for number, line in enumerate(text.splitlines(), 1):
        reader.line(number, line)
    return reader.found


class _Reader:
    """The lines one by one; those of parameters belong to the model before."""

    def __init__(self, file: str) -> None:
        self.found = Xcm()
        self._file = file
        self._model: XcmModel | None = None
        self._commands: Mapping[str, Callable[[Place, str], None]] = {
            "abund": self._set("abund"),
            "arf": self._arf,
            "backgrnd": self._background,
            "data": self._data,
            "freeze": lambda place, rest: self._hold(place, rest, True),
            "ignore": self._ignore,
            "method": self._set("method"),
            "model": self._start_model,
            "newpar": self._newpar,
            "response": self._response,
            "statistic": self._statistic,
            "thaw": lambda place, rest: self._hold(place, rest, False),
            "weight": self._set("weight"),
            "xsect": self._set("xsect"),
        }

    def line(self, number: int, line: str) -> None:
        text = line.strip()
        place = Place(self._file, number, len(line) - len(line.lstrip()) + 1)
        if not text or text.startswith("#"):
            return
        if self._model is not None and (text[0] in "=/" or _VALUES.fullmatch(text)):
            self._model.settings.append(self._setting(place, text))
            return
        self._model = None
        word, _, rest = text.partition(" ")
        names = [name for name in self._commands if _stands_for(word, name)]
        if names:
            self._commands[names[0]](place, rest.strip())
        elif any(_stands_for(word, name) for name in _WITHOUT_COUNTERPART) or word.startswith("@"):
            if text.split() != ["systematic", "0"]:
                self.found.unused.append((place, text))
        elif not any(_stands_for(word, name) for name in _SHOWS):
            self._refuse(place, f"{shown(word)} is no command of XSPEC that is known here", "remove the line")

    def _refuse(self, place: Place, message: str, hint: str) -> None:
        self.found.problems.append(Problem(place, "XB501", message, hint))

    def _set(self, key: str) -> Callable[[Place, str], None]:
        def note(_place: Place, rest: str) -> None:
            self.found.settings[key] = rest.split(maxsplit=1)[0].lower() if rest else ""

        return note

    def _statistic(self, place: Place, rest: str) -> None:
        words = rest.lower().split()
        if words[:1] == ["test"]:
            self.found.unused.append((place, f"statistic {rest}"))
            return
        self.found.settings["statistic"] = words[1] if words[:1] == ["fit"] and len(words) > 1 else "".join(words[:1])

    def _pairs(self, place: Place, rest: str, what: str) -> list[tuple[int, int, str]]:
        """Read ``[first:]number file`` again and again; numbers go on from 1 where there are none."""
        found: list[tuple[int, int, str]] = []
        first, number = 1, 0
        for word in rest.replace(",", " ").split():
            pair = _PAIR.fullmatch(word)
            if pair:
                number = int(pair["number"]) - 1
                first = int(pair["group"] or 1)
            elif "{" in word:
                self._refuse(place, f"{shown(word)} names rows of a type II file", "write the row to a file of its own")
            else:
                number += 1
                found.append((first, number, word))
        if not found and not rest:
            self._refuse(place, f"{what} names no file", "remove the line")
        return found

    def _data(self, place: Place, rest: str) -> None:
        for group, number, file in self._pairs(place, rest, "data"):
            self.found.spectra[number] = XcmSpectrum(number, group, file, place)

    def _spectrum(self, place: Place, number: int) -> XcmSpectrum | None:
        spectrum = self.found.spectra.get(number)
        if spectrum is None:
            self._refuse(place, f"there is no spectrum {number}", "load it before, with 'data'")
        return spectrum

    def _response(self, place: Place, rest: str) -> None:
        for source, number, file in self._pairs(place, rest, "response"):
            spectrum = self._spectrum(place, number)
            if spectrum is not None:
                spectrum.responses[source] = file

    def _arf(self, place: Place, rest: str) -> None:
        for source, number, file in self._pairs(place, rest, "arf"):
            spectrum = self._spectrum(place, number)
            if spectrum is not None:
                spectrum.arfs[source] = file

    def _background(self, place: Place, rest: str) -> None:
        for _, number, file in self._pairs(place, rest, "backgrnd"):
            spectrum = self._spectrum(place, number)
            if spectrum is not None:
                spectrum.background = file

    def _ignore(self, place: Place, rest: str) -> None:
        numbers = list(self.found.spectra)
        for word in rest.replace(",", " ").split():
            if word.lower() == "bad":
                self.found.ignore_bad = True
                continue
            spectra, colon, ranges = word.rpartition(":")
            if colon:
                numbers = self._numbers(place, spectra)
            written = _RANGE.fullmatch(ranges)
            if not written:
                self._refuse(place, f"{shown(word)} is no range", "as in 1:1-35 or **-3.0")
                continue
            for number in numbers:
                spectrum = self._spectrum(place, number)
                if spectrum is not None:
                    spectrum.ignored.append((written["lo"], written["hi"] or written["lo"]))

    def _numbers(self, place: Place, text: str) -> list[int]:
        first, _, last = text.partition("-")
        if text == "**":
            return list(self.found.spectra)
        if not first.isdecimal() or (last and not last.isdecimal()):
            self._refuse(place, f"{shown(text)} names no spectra", "as in 1-3:1-35")
            return []
        return list(range(int(first), int(last or first) + 1))

    def _start_model(self, place: Place, rest: str) -> None:
        source, name, expression = 1, "", rest
        first, _, after = rest.partition(" ")
        if ":" in first:
            head = _MODEL.fullmatch(first)
            if not head or not after.strip():
                self._refuse(place, f"{shown(rest)} is no model", "as in model 2:bkg powerlaw")
                return
            source, name, expression = int(head["source"] or 1), head["name"] or "", after.strip()
        if expression in {"none", "clear", ""}:
            self.found.unused.append((place, f"model {rest}"))
            return
        self._model = XcmModel(source, name, expression, place)
        self.found.models.append(self._model)

    def _setting(self, place: Place, text: str) -> Setting:
        if text.startswith("="):
            return Setting(place, link=text[1:].strip())
        if text.startswith("/"):
            return Setting(place)
        return Setting(place, tuple(float(word) for word in re.split(r"[\s,]+", text)))

    def _newpar(self, place: Place, rest: str) -> None:
        head = re.match(r"(?:(?P<name>[A-Za-z_]\w*):)?(?P<number>[0-9]+)\s*(?P<rest>.*)", rest)
        model = self._named(head["name"] or "") if head else None
        if not head or model is None or not 1 <= int(head["number"]) <= len(model.settings):
            self._refuse(place, f"{shown(rest)} names no parameter that has been set", "as in newpar 3 1.7")
            return
        if not (head["rest"].startswith("=") or _VALUES.fullmatch(head["rest"])):
            self._refuse(place, f"{shown(head['rest'])} is no value", "numbers, or = and a link")
            return
        number = int(head["number"]) - 1
        new, old = self._setting(place, head["rest"]), model.settings[number]
        if new.numbers:  # what is not given stays
            new = Setting(place, new.numbers + old.numbers[len(new.numbers) :])
        model.settings[number] = new

    def _named(self, name: str) -> XcmModel | None:
        return next((one for one in self.found.models if one.name == name), None)

    def _hold(self, place: Place, rest: str, frozen: bool) -> None:
        for word in rest.replace(",", " ").split():
            head = re.fullmatch(r"(?:(?P<name>[A-Za-z_]\w*):)?(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?", word)
            if not head:
                self._refuse(place, f"{shown(word)} names no parameters", "as in freeze 1 3-4")
                continue
            for number in range(int(head["first"]), int(head["last"] or head["first"]) + 1):
                self.found.frozen[head["name"] or "", number] = frozen


def _stands_for(word: str, name: str) -> bool:
    """XSPEC takes any beginning of a command; a single letter is too easily something else."""
    return word.lower() == name or (len(word) >= _ABBREVIATED and name.startswith(word.lower()))

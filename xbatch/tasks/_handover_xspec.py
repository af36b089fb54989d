"""A fit in XSPEC's words: a file of commands, and a script of PyXspec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xbatch.tasks._handover_fit import Data, HandedFit, Value, expression

__all__ = ["pyxspec_script", "xcm_text"]

_STATISTIC = {"chi2": "chi", "cstat": "cstat", "cash": "cstat", "wstat": "cstat", "pgstat": "pgstat"}
# STAT_ERR of the file counts wherever POISSERR is F: "standard" takes it.
_WEIGHT = {
    "data": "standard",
    "file": "standard",
    "xspec": "standard",
    "gehrels": "gehrels",
    "model": "model",
    "primini": "model",
}

_NO_WEIGHT = "# XSPEC has no weight that is the same for all groups: its statistic is another one here"


@dataclass(frozen=True)
class _Line:
    """What one parameter of XSPEC is set to: numbers, or a link; `later` where that names a parameter further on."""

    number: int
    group: int
    local: int
    title: str
    settings: str
    link: str = ""
    later: bool = False


def xcm_text(fit: HandedFit) -> str:
    """Write a fit as XSPEC's commands, to be run in the folder of the file: ``xspec - fit.xcm``."""
    lines = [f"# {text}" for text in _head(fit, "xspec - fit.xcm")]
    lines += [f"statistic {_STATISTIC[fit.statistic]}", f"abund {fit.abundances}", f"xsect {fit.cross_sections}"]
    lines += _weight(fit, "weight {}")
    for number, data in enumerate(fit.data, 1):
        lines += [
            f"# {data.title}",
            f"data {number}:{number} {data.file}",
            f"response 1:{number} {data.rmf}",
            f"arf 1:{number} {data.arf}",
        ]
        lines += [f"backgrnd {number} {data.background}"] if data.background else []
    lines += [f"ignore {number}:{_ranges(data)}" for number, data in enumerate(fit.data, 1) if data.ignored]
    lines += ["method leven 1000 1e-6", "systematic 0"]
    lines.append(f"# {', '.join(f'{kind} is {name}' for name, kind in fit.components.items())}")
    lines.append(f"model {expression(fit.tree, fit.xspec_names)}")
    table = _table(fit)
    lines += [f"= {one.link}" if one.link and not one.later else one.settings for one in table]
    lines += [f"newpar {one.number} = {one.link}" for one in table if one.later]
    return "\n".join([*lines, "show fit", ""])


def _weight(fit: HandedFit, form: str) -> list[str]:
    if fit.statistic != "chi2":
        return []
    return [form.format(_WEIGHT[fit.variance])] if fit.variance in _WEIGHT else [_NO_WEIGHT]


def pyxspec_script(fit: HandedFit) -> str:
    """Write a fit as a script for PyXspec, to be run from anywhere: it goes to its own folder."""
    lines = ['"""', *_head(fit, "python fit_pyxspec.py"), '"""', ""]
    lines += ["import os", "", "from xspec import AllData, AllModels, Fit, Model, Xset", ""]
    lines += ["os.chdir(os.path.dirname(os.path.abspath(__file__)))"]
    lines += ["AllData.clear()", "AllModels.clear()"]
    lines += [f'Xset.abund = "{fit.abundances}"', f'Xset.xsect = "{fit.cross_sections}"']
    lines += [f'Fit.statMethod = "{_STATISTIC[fit.statistic]}"']
    lines += _weight(fit, 'Fit.weight = "{}"')
    files = " ".join(f"{number}:{number} {data.file}" for number, data in enumerate(fit.data, 1))
    lines += ["", f'AllData("{files}")']
    for number, data in enumerate(fit.data, 1):
        lines += [
            "",
            f"data = AllData({number})  # {data.title}",
            f'data.response = "{data.rmf}"',
            f'data.response.arf = "{data.arf}"',
        ]
        lines += [f'data.background = "{data.background}"'] if data.background else []
        lines += [f'data.ignore("{_ranges(data)}")'] if data.ignored else []
    lines += ["", f'Model("{expression(fit.tree, fit.xspec_names)}")']
    table = _table(fit)
    for one in table:
        lines.append(f'AllModels({one.group})({one.local}).values = "{one.settings}"  # {one.title}')
    lines += [f'AllModels({one.group})({one.local}).link = "{one.link}"  # {one.title}' for one in table if one.link]
    lines += ['Fit.query = "no"', "Fit.show()", f'print(Fit.statistic, "here,", {fit.stat_value!r}, "in fit.json")']
    return "\n".join([*lines, ""])


def _head(fit: HandedFit, command: str) -> list[str]:
    lines = [
        f"{fit.title}: {fit.statistic} {fit.stat_value!r} for {fit.dof} degrees of freedom, by xbatch {fit.version}.",
        f"It is rebuilt with: {command}",
    ]
    if fit.statistic == "cash":
        lines.append("XSPEC's cstat is cash and a number that no parameter changes: its value is another.")
    return lines


def _ranges(data: Data) -> str:
    return ",".join(f"{first}-{last}" for first, last in data.ignored)


def _table(fit: HandedFit) -> list[_Line]:
    slots = fit.slots
    first: dict[str, int] = {}
    for group in range(len(fit.data)):
        for local, (component, parameter) in enumerate(slots):
            first.setdefault(fit.value_of(group, component, parameter).name, group * len(slots) + local + 1)
    lines = []
    for group in range(len(fit.data)):
        for local, (component, parameter) in enumerate(slots):
            number = group * len(slots) + local + 1
            value = fit.value_of(group, component, parameter)
            link, later = _link(fit, value, first, number)
            title = f"{component}.{parameter}"
            lines.append(_Line(number, group + 1, local + 1, title, _settings(value), link, later))
    return lines


def _link(fit: HandedFit, value: Value, first: Mapping[str, int], number: int) -> tuple[str, bool]:
    """Give the link of XSPEC's parameter `number`, and whether it names one further on; empty where it has none."""
    if first[value.name] != number:
        return f"p{first[value.name]}", False
    if not value.link:
        return "", False
    known = fit.by_name()
    # A value that no spectrum of the fit has cannot be named: its number stands for it.
    words = {name: f"p{first[name]}" if name in first else repr(one.value) for name, one in known.items()}
    return fit.link_text(value, words), any(first.get(name, 0) > number for name in fit.linked_to(value))


def _settings(value: Value) -> str:
    """Write value, step and limits; a negative step freezes."""
    step = -0.01 if value.frozen else abs(value.value) * 0.01 or 0.01
    limits = (value.low, value.low, value.high, value.high)
    return ",".join(f"{number!r}" for number in (value.value, step, *limits))

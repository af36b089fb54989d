"""A fit in XSPEC's words: a file of commands, and a script of PyXspec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xbatch.tasks._handover_fit import Data, HandedFit, HandedModel, Value, expression

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


#: The place of a model among all, and the number of a parameter in it.
_Place = tuple[int, int]


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
        for model in fit.models:
            if model.name in data.further and number - 1 in model.datasets:
                rmf, arf = data.further[model.name]
                lines += [f"response {model.source}:{number} {rmf}", f"arf {model.source}:{number} {arf}"]
        lines += [f"backgrnd {number} {data.background}"] if data.background else []
    lines += [f"ignore {number}:{_ranges(data)}" for number, data in enumerate(fit.data, 1) if data.ignored]
    lines += ["method leven 1000 1e-6", "systematic 0"]
    lines.append(f"# {', '.join(f'{kind} is {name}' for name, kind in fit.components.items())}")
    table = _table(fit)
    for model, rows in table:
        which = f"{model.source}:{model.name} " if model.name else ""
        lines.append(f"model {which}{expression(model.tree, fit.xspec_names)}")
        lines += [f"= {one.link}" if one.link and not one.later else one.settings for one in rows]
    lines += [f"newpar {model.prefix}{one.number} = {one.link}" for model, rows in table for one in rows if one.later]
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
        for model in fit.models:
            if model.name in data.further and number - 1 in model.datasets:
                rmf, arf = data.further[model.name]
                place = f"data.multiresponse[{model.source - 1}]"
                lines += [f'{place} = "{rmf}"', f'{place}.arf = "{arf}"']
        lines += [f'data.background = "{data.background}"'] if data.background else []
        lines += [f'data.ignore("{_ranges(data)}")'] if data.ignored else []
    table = _table(fit)
    lines.append("")
    for model, _ in table:
        which = f', "{model.name}", {model.source}' if model.name else ""
        lines.append(f'Model("{expression(model.tree, fit.xspec_names)}"{which})')
    named = [(f', "{model.name}"' if model.name else "", one) for model, rows in table for one in rows]
    for model_name, one in named:
        lines.append(f'AllModels({one.group}{model_name})({one.local}).values = "{one.settings}"  # {one.title}')
    lines += [
        f'AllModels({one.group}{model_name})({one.local}).link = "{one.link}"  # {one.title}'
        for model_name, one in named
        if one.link
    ]
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


def _table(fit: HandedFit) -> list[tuple[HandedModel, list[_Line]]]:
    """Give the parameters of each model in the order of XSPEC's numbers."""
    models = fit.models
    first: dict[str, _Place] = {}
    for rank, model in enumerate(models):
        for group in model.datasets:
            for slot, (component, parameter) in enumerate(model.slots):
                name = fit.value_of(group, component, parameter).name
                first.setdefault(name, (rank, model.number(group, slot)))
    words = {name: f"{models[rank].prefix}p{number}" for name, (rank, number) in first.items()}
    return [
        (
            model,
            [
                _line(fit, (rank, model.number(group, slot)), group, slot, first, words)
                for group in model.datasets
                for slot in range(len(model.slots))
            ],
        )
        for rank, model in enumerate(models)
    ]


def _line(
    fit: HandedFit, place: _Place, group: int, slot: int, first: Mapping[str, _Place], words: Mapping[str, str]
) -> _Line:
    component, parameter = fit.models[place[0]].slots[slot]
    value = fit.value_of(group, component, parameter)
    link, later = "", False
    if first[value.name] != place:
        link = words[value.name]
    elif value.link:
        # A value that no spectrum of the fit has cannot be named: its number stands for it.
        known = {name: words.get(name, repr(one.value)) for name, one in fit.by_name().items()}
        link = fit.link_text(value, known)
        later = any(first.get(name, place) > place for name in fit.linked_to(value))
    return _Line(place[1], group + 1, slot + 1, f"{component}.{parameter}", _settings(value), link, later)


def _settings(value: Value) -> str:
    """Write value, step and limits; a negative step freezes."""
    step = -0.01 if value.frozen else abs(value.value) * 0.01 or 0.01
    limits = (value.low, value.low, value.high, value.high)
    return ",".join(f"{number!r}" for number in (value.value, step, *limits))

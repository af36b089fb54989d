"""A fit as a script for Sherpa."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping

from xbatch.tasks._handover_fit import HandedFit, Value, expression
from xbatch.xray.fit.xspec import XSPEC_PREFIX

__all__ = ["NATIVE", "sherpa_script"]

_STATISTIC = {
    ("chi2", "data"): "chi2datavar",
    ("chi2", "file"): "chi2datavar",
    ("chi2", "xspec"): "chi2xspecvar",
    ("chi2", "gehrels"): "chi2gehrels",
    ("chi2", "constant"): "chi2constvar",
    ("chi2", "model"): "chi2modvar",
    ("chi2", "primini"): "chi2modvar",
    ("cstat", ""): "cstat",
    ("cash", ""): "cash",
    ("wstat", ""): "wstat",
}
#: Models of Sherpa that are XSPEC's by another name: they need no XSPEC. Type, and its parameters in XSPEC's order.
NATIVE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "powerlaw": ("powlaw1d", ("gamma", "ampl")),
    "constant": ("scale1d", ("c0",)),
}

# What folds one of several models of a dataset: Sherpa's own expressions fold all through one response.
_FOLDED = """

def folded(number, response, model):
    data = ui.get_data(number)
    return RSPModelPHA(ui.get_arf(number, response), ui.get_rmf(number, response), data, data.exposure * model)
""".splitlines()


def sherpa_script(fit: HandedFit) -> str:
    """Write a fit as a script for Sherpa, to be run from anywhere.

    Components that Sherpa has itself need no XSPEC; all others are XSPEC's models (``xstbabs``), which a Sherpa
    built with XSPEC has.
    """
    name = _STATISTIC.get((fit.statistic, fit.variance if fit.statistic == "chi2" else ""))
    lines = [
        '"""',
        f"{fit.title}: {fit.statistic} {fit.stat_value!r} for {fit.dof} degrees of freedom, by xbatch {fit.version}.",
        "It is rebuilt with: python fit_sherpa.py",
        '"""',
        "",
        "from pathlib import Path",
        "",
        "from sherpa.astro import ui",
        *(["from sherpa.astro.instrument import RSPModelPHA"] if fit.further else []),
        "",
        "HERE = Path(__file__).resolve().parent",
        "",
        "ui.clean()",
        *(_FOLDED if fit.further else []),
        *_data(fit),
        "",
        *_models(fit),
        "",
    ]
    ids = ", ".join(str(number) for number in range(1, len(fit.data) + 1))
    if name is None:
        lines.append(
            f'print("Sherpa has no statistic {fit.statistic}: the data and the model are set, no fit is made")'
        )
    else:
        lines += [
            f'ui.set_stat("{name}")',
            f'print(repr(float(ui.calc_stat({ids}))), "here,", {fit.stat_value!r}, "in fit.json")',
        ]
    return "\n".join([*lines, ""])


def _data(fit: HandedFit) -> list[str]:
    of_file = fit.statistic == "chi2" and fit.variance == "file"
    errors = ", use_errors=True" if of_file else ""
    lines = []
    for number, data in enumerate(fit.data, 1):
        lines += [
            "",
            f"# {data.title}",
            f'ui.load_pha({number}, str(HERE / "{data.file}"){errors})',
            f'ui.load_rmf({number}, str(HERE / "{data.rmf}"))',
            f'ui.load_arf({number}, str(HERE / "{data.arf}"))',
        ]
        for model in fit.models:
            if model.name in data.further and number - 1 in model.datasets:
                rmf, arf = data.further[model.name]
                lines += [
                    f'ui.load_rmf({number}, str(HERE / "{rmf}"), resp_id={model.source})  # {model.name}',
                    f'ui.load_arf({number}, str(HERE / "{arf}"), resp_id={model.source})',
                ]
        if data.background:
            lines.append(f'ui.load_bkg({number}, str(HERE / "{data.background}"){errors})')
        if data.systematic and fit.statistic == "chi2":
            file = f'str(HERE / "{data.file}")'
            lines += [
                f"data = ui.get_data({number})",
                "# SYS_ERR is a fraction of the counts; Sherpa wants counts.",
                f"data.syserror = ui.unpack_pha({file}, use_errors=True).syserror * data.counts",
            ]
        lines.append(f'ui.set_analysis({number}, "channel")')
        # Where no channels are grouped, ignore_bad would leave a choice to which notice only adds.
        lines += [f"ui.ignore_bad({number})"] if data.bad and data.grouped else []
        lines += [f"ui.notice_id({number}, {first}, {last})" for first, last in data.noticed]
        if fit.background == "subtract" and fit.statistic == "chi2":
            lines.append(f"ui.subtract({number})")
        lines.append(f'ui.set_analysis({number}, "energy")')
    return lines


def _models(fit: HandedFit) -> list[str]:
    lines: list[str] = []
    foreign = sorted(
        {kind if name in fit.tables else _of_xspec(kind) for name, kind in fit.components.items() if kind not in NATIVE}
    )
    if foreign:
        lines += [
            'if not hasattr(ui, "set_xsabund"):',
            f'    raise SystemExit("{", ".join(foreign)}: these need a Sherpa that was built with XSPEC")',
            f'ui.set_xsabund("{fit.abundances}")',
            f'ui.set_xsxsect("{fit.cross_sections}")',
            "",
        ]
    made: dict[tuple[str, tuple[str, ...]], str] = {}
    owner: dict[str, str] = {}
    links: list[str] = []
    sources = []
    for dataset in range(len(fit.data)):
        names = {}
        there = {component for model in fit.models if dataset in model.datasets for component, _ in model.slots}
        for component in (name for name in fit.components if name in there):
            values = [fit.value_of(dataset, component, parameter) for parameter in fit.parameters_of(component)]
            key = (component, tuple(value.name for value in values))
            if key not in made:
                made[key] = _identifier(component, set(made.values()))
                created, parameters = _created(fit, component, made[key])
                lines += created
                for parameter, value in zip(parameters, values, strict=True):
                    place = f"{made[key]}.{parameter}"
                    lines.append(_settings(place, value))
                    if value.name in owner:
                        links.append(f"ui.link({place}, {owner[value.name]})")
                    else:
                        owner[value.name] = place
                        links += [f"ui.link({place}, {{{value.name}}})"] if value.link else []
            names[component] = made[key]
        sources.append(_source(fit, dataset, names))
    known = fit.by_name()
    words = {name: owner.get(name, repr(known[name].value)) for name in known}
    for number, link in enumerate(links):
        wanted = link.partition("{")[2].rpartition("}")[0]
        if wanted:
            text = fit.link_text(known[wanted], words)
            links[number] = link.replace(f"{{{wanted}}}", text)
    return [*lines, *links, "", *sources]


def _source(fit: HandedFit, dataset: int, names: Mapping[str, str]) -> str:
    """Write the model of a dataset; where there are several, the sum of them all, folded."""
    models = [(model, expression(model.tree, names)) for model in fit.models if dataset in model.datasets]
    if not fit.further:
        return f"ui.set_source({dataset + 1}, {models[0][1]})"
    terms = [f"folded({dataset + 1}, {model.source}, {text})" for model, text in models]
    return f"ui.set_full_model({dataset + 1}, {' + '.join(terms)})"


def _created(fit: HandedFit, component: str, name: str) -> tuple[list[str], list[str]]:
    """Write what makes a component, and name its parameters."""
    kind, parameters = fit.components[component], fit.parameters_of(component)
    if component in fit.tables:
        exponential = ", etable=True" if kind == "etable" else ""
        made = f'ui.load_xstable_model("{name}", {fit.tables[component]!r}{exponential})'
        return [made, f'{name} = ui.get_model_component("{name}")'], [f"pars[{n}]" for n in range(len(parameters))]
    model, own = NATIVE.get(kind, (_of_xspec(kind), parameters))
    return [f'{name} = ui.create_model_component("{model}", "{name}")'], list(own)


def _of_xspec(kind: str) -> str:
    """Name a model of XSPEC as Sherpa does."""
    return "xs" + kind.removeprefix(XSPEC_PREFIX)


def _settings(place: str, value: Value) -> str:
    frozen = ", frozen=True" if value.frozen else ", frozen=False"
    return f"ui.set_par({place}, {value.value!r}, {value.low!r}, {value.high!r}{frozen})"


def _identifier(name: str, taken: set[str]) -> str:
    """Make a Python name of a component's name, unlike all others and unlike what the script uses itself."""
    word = re.sub(r"\W", "_", name)
    if keyword.iskeyword(word) or word in {"ui", "Path", "HERE", "print", "repr", "float", "str"}:
        word += "_"
    number, unique = 2, word
    while unique in taken:
        unique, number = f"{word}_{number}", number + 1
    return unique

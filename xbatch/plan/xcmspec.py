"""A spec from an XSPEC command file: what has a counterpart becomes keys, what has none becomes comments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import Place, Problem, SpecError
from xbatch.plan.xcmparameters import parameter_lines
from xbatch.spec.xcm import Xcm, XcmModel, XcmSpectrum
from xbatch.spec.xcmmodel import Translated, translate

__all__ = ["Look", "Seen", "spec_of_xcm"]

_STATISTICS = {"chi": "chi2", "cstat": "cstat", "pgstat": "pgstat"}
_WEIGHTS = {"standard": "data", "gehrels": "gehrels", "model": "model"}
_NOT_THERE = "numbers of ignored groups are taken for channels, since the spectra are not there to be looked into"


@dataclass(frozen=True)
class Seen:
    """What a spectrum's file says.

    Whether it names a background, first and last channel of each of its groups, and POISSERR: without it the errors
    are those of the file.
    """

    background: bool
    bins: tuple[tuple[int, int], ...]
    poisson: bool = True


Look = Callable[[Path], Seen | None]


@dataclass(frozen=True)
class _Data:
    """One spectrum as the spec will have it."""

    name: str
    bad: tuple[str, ...]
    band: str


def spec_of_xcm(found: Xcm, folder: Path, name: str, look: Look) -> str:
    """Write the spec.

    Parameters
    ----------
    found : Xcm
    folder : Path
        Where its file lies: names of files in it are relative to that.
    name : str
        The analysis' name.
    look : callable
        Says of a spectrum's file what is in it; None where it is not there.

    Raises
    ------
    SpecError
        Lines that are not understood; parameters that do not belong to the model.
    """
    problems = list(found.problems)
    notes = [_noted(place, text) for place, text in found.unused]
    seen = {number: look(folder / one.file) for number, one in found.spectra.items()}
    data = [_data(one, seen[number], notes) for number, one in sorted(found.spectra.items())]
    fit = _fit(found, folder, data, seen, notes, problems)
    if not found.spectra and not problems:
        problems.append(Problem(Place(name), "XB501", "the file loads no spectrum", "save it in XSPEC with: save all"))
    if problems:
        raise SpecError(problems)
    binnings = {one.bad: f"b{number}" for number, one in enumerate({one.bad: one for one in data}.values(), 1)}
    obsid = re.sub(r"[^A-Za-z0-9._+-]+", "-", name)
    lines = [
        "# Made from an XSPEC command file. What it says and nothing here has is in the comments at the end.",
        "xbatch: 1",
        f"name: {name}",
        "mission: other",
        f"obsids: [{json.dumps(obsid)}]      # one for all spectra, as the file does not say",
        "instruments: [any]",
        f"data: {{root: {json.dumps(str(folder))}, level: spectra}}",
        "",
        "spectra:",
        *(line for number, one in sorted(found.spectra.items()) for line in _spectrum(one, f"s{number}", found)),
        "",
        "binning:",
        *(f"  {label}: {{type: file{_bad(bad)}}}" for bad, label in binnings.items()),
    ]
    if fit:
        lines += ["", "fit:", "  xspec:", "    data:"]
        places: dict[tuple[str, str], list[str]] = {}
        for one in data:
            places.setdefault((binnings[one.bad], one.band), []).append(one.name)
        lines += [
            f"      - {{spectra: [{', '.join(names)}], binning: {binning}, band: {band}}}"
            for (binning, band), names in places.items()
        ]
        lines += fit
    if notes:
        lines += ["", "# No counterpart:", *(f"#   {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _noted(place: Place, text: str) -> str:
    return f"line {place.line}: {text}"


def _bad(bad: Sequence[str]) -> str:
    return f", bad: [{', '.join(map(json.dumps, bad))}]" if bad else ""


def _spectrum(one: XcmSpectrum, name: str, found: Xcm) -> list[str]:
    parts = [f"file: {json.dumps(one.file)}"]
    response, arf = one.responses.get(1), one.arfs.get(1)
    further = {source: file for source, file in sorted(one.responses.items()) if source != 1}
    if further and not response and all(model.source != 1 for model in found.models):
        # No model goes through the first response: it says which energies the channels have.
        response, arf = next(iter(further.values())), "none"
    if response:
        parts.append(f"response: {json.dumps(response)}")
    if arf:
        parts.append(f"arf: {json.dumps(arf)}")
    if one.background:
        parts.append(f"background: {json.dumps(one.background)}")
    if not further:
        return [f"  {name}: {{{', '.join(parts)}}}"]
    lines = [f"  {name}:", *(f"    {part}" for part in parts), "    responses:"]
    for source, file in further.items():
        area = f", arf: {json.dumps(one.arfs[source])}" if source in one.arfs else ""
        lines.append(f"      {_source_name(found, source)}: {{response: {json.dumps(file)}{area}}}")
    return lines


def _source_name(found: Xcm, source: int) -> str:
    """Name a source: as its model is called, if it has a name."""
    return next((model.name for model in found.models if model.source == source and model.name), f"source{source}")


def _data(one: XcmSpectrum, seen: Seen | None, notes: list[str]) -> _Data:
    """Turn what is ignored into a band (energies) and bad channels (numbers of groups)."""
    low, high = "0", "100000"
    bad = []
    for first, last in one.ignored:
        ends = [end for end in (first, last) if end != "**"]
        if all(end.isdecimal() for end in ends):
            bad.append(_channels(one, first, last, seen, notes))
        elif first == "**":
            low = max(low, last, key=float)
        elif last == "**":
            high = min(high, first, key=float)
        else:
            notes.append(
                f"spectrum {one.number}: ignored {first}-{last} keV inside the band; give channels under 'bad'"
            )
    return _Data(f"s{one.number}", tuple(text for text in bad if text), f"{float(low):g}-{float(high):g} keV")


def _channels(one: XcmSpectrum, first: str, last: str, seen: Seen | None, notes: list[str]) -> str:
    """Turn numbers of groups, from 1, into channels."""
    if seen is None:
        if _NOT_THERE not in notes:
            notes.append(_NOT_THERE)
        return f"{first if first != '**' else 0}-{last if last != '**' else 1000000}"
    low = 1 if first == "**" else max(int(first), 1)
    high = len(seen.bins) if last == "**" else min(int(last), len(seen.bins))
    return f"{seen.bins[low - 1][0]}-{seen.bins[high - 1][1]}" if low <= high else ""


def _fit(
    found: Xcm,
    folder: Path,
    data: Sequence[_Data],
    seen: Mapping[int, Seen | None],
    notes: list[str],
    problems: list[Problem],
) -> list[str]:
    """Write the fit; nothing, with notes, where the models have no counterpart."""
    if not found.models or not found.spectra:
        return []
    translated: list[tuple[XcmModel, Translated]] = []
    names: set[str] = set()
    for model in found.models:
        try:
            made = translate(model.expression, names, _source_name(found, model.source), folder)
        except ValueError as error:
            notes.append(f"{_model_line(model)}: {error}")
            continue
        if not found.spectra_of(model):
            notes.append(f"{_model_line(model)}: no spectrum has a response for it")
            continue
        translated.append((model, made))
        names |= set(made.components)
    having = {number for model, _ in translated for number in found.spectra_of(model)}
    if having != set(found.spectra):
        if translated:
            notes.append("no fit is written: some spectra have no model that has a counterpart")
        return []
    lines = parameter_lines(found, translated, problems, notes)
    background = {number: _has_background(one, seen[number]) for number, one in found.spectra.items()}
    first = [made.text for model, made in translated if model.source == 1]
    return [
        *_statistic(found, list(background.values()), [one is None or one.poisson for one in seen.values()], notes),
        f"    abundances: {found.settings.get('abund', 'angr')}",
        f"    cross_sections: {found.settings.get('xsect', 'vern')}",
        *(
            ["    # The file has more models than these: see the comments at the end."]
            if len(translated) < len(found.models)
            else []
        ),
        *(f"    model: {json.dumps(text)}" for text in first[:1]),
        *_further(found, translated),
        "    parameters:",
        *lines,
    ]


def _further(found: Xcm, translated: Sequence[tuple[XcmModel, Translated]]) -> list[str]:
    """Write the models of other sources than the first."""
    lines = []
    for model, made in translated:
        if model.source == 1:
            continue
        name, spectra = _source_name(found, model.source), found.spectra_of(model)
        where = (
            f", where: {{spectrum: [{', '.join(f's{n}' for n in spectra)}]}}"
            if len(spectra) < len(found.spectra)
            else ""
        )
        lines.append(f"      {name}: {{response: {name}, model: {json.dumps(made.text)}{where}}}")
    return ["    models:", *lines] if lines else []


def _model_line(model: XcmModel) -> str:
    name = f"{model.source}:{model.name} " if model.name else ""
    return f"line {model.place.line}: model {name}{model.expression}"


def _has_background(one: XcmSpectrum, seen: Seen | None) -> bool:
    if one.background:
        return one.background.lower() != "none"
    return seen is not None and seen.background


def _statistic(found: Xcm, background: Sequence[bool], poisson: Sequence[bool], notes: list[str]) -> list[str]:
    """Say statistic and background: XSPEC's cstat is another one for spectra that have a background.

    Where POISSERR = F, XSPEC's chi-squared has the errors of the file whatever its weights are.
    """
    said = found.settings.get("statistic", "chi")
    statistic = next((ours for theirs, ours in _STATISTICS.items() if said and theirs.startswith(said)), "")
    weight = found.settings.get("weight", "standard")
    variance = _WEIGHTS.get(weight)
    if not statistic:
        notes.append(f"statistic {said}: chi2 taken")
        statistic = "chi2"
    if variance is None:
        notes.append(f"weight {weight}: variance data taken")
        variance = "data"
    if not all(poisson):
        variance = "file"
        if any(poisson):
            notes.append(
                "some spectra have POISSERR = F and some T: variance file taken for all, as all are treated alike"
            )
    if not any(background):
        if statistic == "pgstat":
            notes.append("pgstat without a background: cstat taken")
            statistic = "cstat"
        mode = "none"
    elif all(background):
        mode = {"chi2": "subtract", "cstat": "profiled", "pgstat": "subtract"}[statistic]
        statistic = "wstat" if statistic == "cstat" else statistic
    else:
        notes.append(
            "some spectra have a background and some have none: all are ignored, as a fit here treats all alike"
        )
        mode, statistic = "ignore", "chi2" if statistic == "chi2" else "cstat"
    lines = [f"    background: {{mode: {mode}}}", f"    statistic: {statistic}"]
    return [*lines, f"    variance: {variance}"] if statistic == "chi2" else lines

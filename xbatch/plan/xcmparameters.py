"""The parameters of an XSPEC model, data group by data group, as the ``parameters`` of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xbatch.base.errors import Problem
from xbatch.spec.components import COMPONENTS, ParameterDef
from xbatch.spec.xcm import Setting, Xcm, XcmModel
from xbatch.spec.xcmmodel import Piece, Translated, link_pieces, written

__all__ = ["parameter_lines"]


@dataclass(frozen=True)
class _Table:
    """All settings of a model: parameters as (name, rule), settings as [group][parameter], spectra of each group."""

    slots: list[tuple[str, ParameterDef]]
    settings: list[list[Setting]]
    spectra: list[list[str]]
    frozen: Mapping[int, bool]
    name: str

    def place_of(self, number: int) -> tuple[int, int]:
        """Find group and parameter of a number of XSPEC's, both from 0."""
        return divmod(number - 1, len(self.slots))

    def holds(self, piece: Piece) -> bool:
        """Say whether a link names a parameter of this model."""
        return piece.model in ("", self.name) and 1 <= piece.number <= len(self.slots) * len(self.settings)

    def uniform(self, slot: int) -> bool:
        """Say whether one value, or one link, holds for all spectra."""
        return all(self._as_first(group, slot) for group in range(len(self.settings)))

    def _as_first(self, group: int, slot: int) -> bool:
        """Follow links that only say "as there", and say whether they lead to the first group."""
        for _ in self.settings:
            if group == 0:
                return True
            link = self.settings[group][slot].link
            pieces = link_pieces(link) if link else []
            if len(pieces) != 1 or not pieces[0].number or not self.holds(pieces[0]):
                return False
            group, there = self.place_of(pieces[0].number)
            if there != slot:
                return False
        return False


def parameter_lines(found: Xcm, model: XcmModel, translated: Translated, problems: list[Problem]) -> list[str]:
    """Write an entry for each parameter.

    Parameters
    ----------
    found : Xcm
    model : XcmModel
    translated : Translated
        The model in the spec's words.
    problems : list of Problem
        Takes links that are not understood, and numbers of parameters that are not the model's.
    """
    slots = [
        (f"{name}.{rule.name}", rule)
        for name, kind in translated.components.items()
        for rule in COMPONENTS[kind].parameters
    ]
    groups = found.groups
    if len(model.settings) != len(slots) * groups:
        message = f"{len(slots)} parameters in each of {groups} data groups belong to the model, and "
        message += f"{len(model.settings)} are given"
        problems.append(Problem(model.place, "XB502", message, "save the file in XSPEC with: save all"))
        return []
    table = _Table(
        slots,
        [model.settings[group * len(slots) : (group + 1) * len(slots)] for group in range(groups)],
        [[f"s{n}" for n, one in sorted(found.spectra.items()) if one.group == group + 1] for group in range(groups)],
        {number: frozen for (name, number), frozen in found.frozen.items() if name == model.name},
        model.name,
    )
    if not _sound(table, problems):
        return []
    return [f"      {name}: {_entry(table, slot)}" for slot, (name, _) in enumerate(slots)]


def _sound(table: _Table, problems: list[Problem]) -> bool:
    before = len(problems)
    for setting in (one for group in table.settings for one in group if one.link):
        try:
            pieces = link_pieces(setting.link)
        except ValueError as error:
            problems.append(Problem(setting.place, "XB503", str(error), "numbers, p3, + - * / and parentheses"))
            continue
        for piece in pieces:
            if piece.number and not table.holds(piece):
                named = f"{piece.model}:{piece.number}" if piece.model else f"p{piece.number}"
                message = f"the link names {named}, which is no parameter of this model"
                problems.append(
                    Problem(setting.place, "XB503", message, "give it a value, or link it inside the model")
                )
    return len(problems) == before


def _entry(table: _Table, slot: int) -> str:
    base = _said(table, 0, slot)
    if table.uniform(slot):
        return f"{{{', '.join(base)}}}"
    name = table.slots[slot][0]
    exceptions: dict[str, list[str]] = {}
    for group, spectra in enumerate(table.spectra):
        for number, spectrum in enumerate(spectra):
            if number > 0:
                text = f'link: "{name}[spectrum={spectra[0]}]"'
            elif group > 0:
                text = ", ".join(_said(table, group, slot))
            else:
                continue
            exceptions.setdefault(text, []).append(spectrum)
    others = [f"{{where: {{spectrum: [{', '.join(spectra)}]}}, {text}}}" for text, spectra in exceptions.items()]
    return f"{{{', '.join([*base, 'vary: [spectrum]', 'for: [' + ', '.join(others) + ']'])}}}"


def _said(table: _Table, group: int, slot: int) -> list[str]:
    """Write what a parameter is set to: value, limits and whether it is frozen, or its link."""
    setting, rule = table.settings[group][slot], table.slots[slot][1]
    if setting.link:
        text = written(link_pieces(setting.link), lambda piece: _name(table, piece))
        return [f'link: "{text}"']
    numbers = setting.numbers
    value = numbers[0] if numbers else rule.value
    frozen = numbers[1] <= 0 if len(numbers) > 1 else rule.frozen
    frozen = table.frozen.get(group * len(table.slots) + slot + 1, frozen)
    said = [f"value: {_number(value)}"]
    if len(numbers) == 6:
        # Of XSPEC's limits the hard ones; a file may have moved them beyond those of the component.
        low, high = max(numbers[2], rule.min), min(numbers[5], rule.max)
        said += [f"min: {_number(low)}", f"max: {_number(high)}"] if low < high else []
    return [*said, f"frozen: {'true' if frozen else 'false'}"]


def _name(table: _Table, piece: Piece) -> str:
    group, slot = table.place_of(piece.number)
    name = table.slots[slot][0]
    spectra = table.spectra[group]
    return name if table.uniform(slot) or not spectra else f"{name}[spectrum={spectra[0]}]"


def _number(value: float) -> str:
    """Write a number so that YAML takes it for one: an exponent needs a point before it."""
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{exponent}" if e else mantissa

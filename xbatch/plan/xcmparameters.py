"""The parameters of XSPEC's models, data group by data group, as the ``parameters`` of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xbatch.base.errors import Problem
from xbatch.spec.components import ParameterDef
from xbatch.spec.tablemodels import definition
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


@dataclass(frozen=True)
class _Tables:
    """The tables of all models that have a counterpart, by XSPEC's names."""

    by_name: Mapping[str, _Table]

    def of(self, table: _Table, piece: Piece) -> _Table | None:
        """Find the model that a link of another, or of itself, names a parameter of."""
        named = self.by_name.get(piece.model) if piece.model or "" in self.by_name else table
        return named if named is not None and named.holds(piece) else None


def parameter_lines(
    found: Xcm, models: Sequence[tuple[XcmModel, Translated]], problems: list[Problem], notes: list[str]
) -> list[str]:
    """Write an entry for each parameter.

    Parameters
    ----------
    found : Xcm
    models : sequence of (XcmModel, Translated)
        Those that have a counterpart, with that in the spec's words.
    problems : list of Problem
        Takes links that are not understood, and numbers of parameters that are not the models'.
    notes : list of str
        Takes links to models that have no counterpart: the parameter keeps its own default, frozen.
    """
    before = len(problems)
    tables = [table for model, translated in models if (table := _table(found, model, translated, problems))]
    together = _Tables({table.name: table for table in tables})
    gone = {model.name for model in found.models} - set(together.by_name)
    for table in tables:
        _check(table, together, gone, problems, notes)
    if len(problems) > before:
        return []
    return [
        f"      {name}: {_entry(table, together, slot)}"
        for table in tables
        for slot, (name, _) in enumerate(table.slots)
    ]


def _table(found: Xcm, model: XcmModel, translated: Translated, problems: list[Problem]) -> _Table | None:
    slots = [
        (f"{name}.{rule.name}", rule)
        for name, kind in translated.components.items()
        for rule in definition(kind).parameters
    ]
    groups = found.groups_of(model)
    if len(model.settings) != len(slots) * len(groups):
        message = f"{len(slots)} parameters in each of {len(groups)} data groups belong to the model, and "
        message += f"{len(model.settings)} are given"
        problems.append(Problem(model.place, "XB502", message, "save the file in XSPEC with: save all"))
        return None
    return _Table(
        slots,
        [model.settings[n * len(slots) : (n + 1) * len(slots)] for n in range(len(groups))],
        [[f"s{n}" for n, one in sorted(found.spectra.items()) if one.group == group] for group in groups],
        {number: frozen for (name, number), frozen in found.frozen.items() if name == model.name},
        model.name,
    )


def _check(table: _Table, tables: _Tables, gone: set[str], problems: list[Problem], notes: list[str]) -> None:
    for number, group in enumerate(table.settings):
        for slot, setting in enumerate(group):
            if not setting.link:
                continue
            try:
                pieces = link_pieces(setting.link)
            except ValueError as error:
                problems.append(Problem(setting.place, "XB503", str(error), "numbers, p3, + - * / and parentheses"))
                continue
            for piece in pieces:
                if not piece.number or tables.of(table, piece) is not None:
                    continue
                named = f"{piece.model}:{piece.number}" if piece.model else f"p{piece.number}"
                if piece.model in gone:
                    told = f"line {setting.place.line}: {table.slots[slot][0]} is linked to {named}: give it a value"
                    notes.append(told)
                    table.settings[number][slot] = Setting(setting.place)
                    break
                message = f"the link names {named}, which is no parameter of the models"
                problems.append(Problem(setting.place, "XB503", message, "give it a value, or link it to one"))


def _entry(table: _Table, tables: _Tables, slot: int) -> str:
    base = _said(table, tables, 0, slot)
    if table.uniform(slot):
        return f"{{{', '.join(base)}}}"
    name = table.slots[slot][0]
    exceptions: dict[str, list[str]] = {}
    for group, spectra in enumerate(table.spectra):
        for number, spectrum in enumerate(spectra):
            if number > 0:
                text = f'link: "{name}[spectrum={spectra[0]}]"'
            elif group > 0:
                text = ", ".join(_said(table, tables, group, slot))
            else:
                continue
            exceptions.setdefault(text, []).append(spectrum)
    others = [f"{{where: {{spectrum: [{', '.join(spectra)}]}}, {text}}}" for text, spectra in exceptions.items()]
    return f"{{{', '.join([*base, 'vary: [spectrum]', 'for: [' + ', '.join(others) + ']'])}}}"


def _said(table: _Table, tables: _Tables, group: int, slot: int) -> list[str]:
    """Write what a parameter is set to: value, limits and whether it is frozen, or its link."""
    setting, rule = table.settings[group][slot], table.slots[slot][1]
    if setting.link:
        text = written(link_pieces(setting.link), lambda piece: _name(table, tables, piece))
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


def _name(table: _Table, tables: _Tables, piece: Piece) -> str:
    there = tables.of(table, piece) or table
    group, slot = there.place_of(piece.number)
    name = there.slots[slot][0]
    spectra = there.spectra[group]
    return name if there.uniform(slot) or not spectra else f"{name}[spectrum={spectra[0]}]"


def _number(value: float) -> str:
    """Write a number so that YAML takes it for one: an exponent needs a point before it."""
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{exponent}" if e else mantissa

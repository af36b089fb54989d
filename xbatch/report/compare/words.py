"""What tables, plots and pages of a comparison say alike: labels of rows, columns of numbers, what differs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from xbatch.base.numbers import Rounded, plain_number, rounded, unit_parts
from xbatch.report.compare.data import NO_RESULT, Comparison, Difference, Number, Row

__all__ = [
    "Change", "NumberColumn", "axis_words", "by_power", "changes_of", "common_power", "difference_cells",
    "difference_of", "difference_text", "intro", "notes_of", "number_column", "number_of", "power_text", "row_labels",
    "unit_text", "value_text",
]  # fmt: skip

_SUPER = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
_DIGEST = re.compile(r"([a-z0-9]+):([0-9a-f]{8})[0-9a-f]{24,}")
_PLACE = re.compile(r"\[\d+\]")
_TROUBLE = ("poor", "not converged", "left out")


def value_text(value: Any) -> str:
    """Write a value of a spec or a parameter in its shortest form.

    Examples
    --------
    >>> value_text(20.0), value_text("80 arcsec"), value_text([3, 79]), value_text(None)
    ('20', '80 arcsec', '[3, 79]', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str):
        return value or "''"
    return json.dumps(value, ensure_ascii=False)


def axis_words(axes: Sequence[str]) -> dict[str, str]:
    """Give each swept path its last word, or as much of its end as tells it from the others.

    Examples
    --------
    >>> axis_words(["binning.a.counts", "binning.b.counts", "bands.full"])
    {'binning.a.counts': 'a.counts', 'binning.b.counts': 'b.counts', 'bands.full': 'full'}
    """
    found = {}
    for axis in axes:
        parts = axis.split(".")
        others = [other.split(".") for other in axes if other != axis]
        length = next((n for n in range(1, len(parts)) if all(o[-n:] != parts[-n:] for o in others)), len(parts))
        found[axis] = ".".join(parts[-length:])
    return found


def row_labels(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """Name rows within the fit they belong to: ``cut, 99900000001, counts 20``."""
    words = axis_words(comparison.axes)
    return [_label(comparison, row, words) for row in rows]


def _label(comparison: Comparison, row: Row, words: Mapping[str, str]) -> str:
    parts = [comparison.runs[row.run].label] if len(comparison.runs) > 1 else []
    parts += [row.group] if row.group else []
    parts += [f"{words[axis]} {value_text(value)}" for axis, value in row.values.items()]
    return ", ".join(parts) or row.fit


def unit_text(unit: str) -> str:
    """Write a unit with raised powers: ``photons keV⁻¹ cm⁻² s⁻¹ at 1 keV``."""
    return " ".join(word + power.translate(_SUPER) for word, power in unit_parts(unit))


def power_text(power: int) -> str:
    """Write a power of ten: ``10⁻³``; empty for 0."""
    return f"10{str(power).translate(_SUPER)}" if power else ""


def common_power(values: Sequence[float]) -> int:
    """Give the power of ten that brings the values of one column into a range that reads well; 0 where they do."""
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    if not sizes or 0.01 <= max(sizes) < 1e5:
        return 0
    return math.floor(math.log10(max(sizes)))


def by_power(number: Number, power: int) -> Rounded:
    """Round a number by its errors, divided by a power of ten; a fixed one stays as it was given."""
    scale = 10.0**power
    if number.state == "frozen":
        return Rounded(plain_number(number.value / scale))
    minus, plus = (None if error is None else error / scale for error in (number.minus, number.plus))
    return rounded(number.value / scale, minus, plus)


@dataclass(frozen=True)
class NumberColumn:
    """One parameter or flux over the rows of a fit: name, unit, power of ten taken out, a number or None a row."""

    name: str
    unit: str
    power: int
    numbers: tuple[Rounded | None, ...]
    states: tuple[str, ...]

    @property
    def heading(self) -> str:
        """The unit as a heading shows it, with the power: ``10⁻³ keV``."""
        return " ".join(part for part in (power_text(self.power), unit_text(self.unit)) if part)


def number_column(rows: Sequence[Row], name: str) -> NumberColumn:
    """Take a parameter or flux out of rows, all of it in one power of ten if that reads well.

    Rows without it have no number.
    """
    found = [number_of(row, name) for row in rows]
    there = [number for number in found if number is not None]
    units = list(dict.fromkeys(number.unit for number in there))
    power = common_power([number.value for number in there])
    numbers = [None if number is None else by_power(number, power) for number in found]
    if any(number is not None and number.exponent for number in numbers):
        power, numbers = 0, [None if number is None else by_power(number, 0) for number in found]
    states = tuple("" if number is None else number.state for number in found)
    return NumberColumn(name, units[0] if len(units) == 1 else "", power, tuple(numbers), states)


def number_of(row: Row, name: str) -> Number | None:
    """Give a parameter or flux of a row by its name."""
    return row.parameters.get(name) or row.fluxes.get(name)


def difference_of(row: Row, other: Row | None, name: str) -> float | None:
    """Give a parameter or flux less that of another row; None where one of them has none."""
    mine, theirs = number_of(row, name), None if other is None else number_of(other, name)
    return None if mine is None or theirs is None or mine.unit != theirs.unit else mine.value - theirs.value


def difference_cells(rows: Sequence[Row], others: Sequence[Row | None], column: NumberColumn) -> list[str]:
    """Write the differences of a column from other rows, to the place to which the column's own numbers are given."""
    cells = []
    for row, other, number in zip(rows, others, column.numbers, strict=True):
        less = difference_of(row, other, column.name)
        if less is None or number is None:
            cells.append("")
            continue
        places = len(number.value.partition(".")[2])
        power = column.power + number.exponent
        text = f"{less / 10.0**power:+z.{places}f}"
        cells.append(f"{text} × {power_text(number.exponent)}" if number.exponent else text)
    return cells


@dataclass(frozen=True)
class Change:
    """One ingredient that differs, gathered over rows: the task, where, what, there, here, and the fits it changes.

    `moves` is pairs of the value there and all the values here; `rows` counts the rows that differ by it.
    """

    task: str
    subjects: tuple[str, ...]
    what: str
    moves: tuple[tuple[str, tuple[str, ...]], ...]
    fits: tuple[str, ...]
    rows: int

    @property
    def where(self) -> str:
        """The steps: ``group 99900000001/FPMA/src/min30 and 3 more``."""
        more = f" and {len(self.subjects) - 1} more" if len(self.subjects) > 1 else ""
        return f"{self.task} {self.subjects[0]}{more}"


def changes_of(comparison: Comparison) -> list[Change]:
    """Gather what differs, over rows, steps of one task and places of a list, in the order in which it is met."""
    named = len(comparison.runs) > 2
    found: dict[tuple[str, str], list[tuple[Row, Difference]]] = {}
    for row in comparison.rows:
        for difference in row.differs:
            key = (difference.task, f"{difference.reason.kind} {_PLACE.sub('[*]', difference.reason.what)}")
            found.setdefault(key, []).append((row, difference))
    changes = []
    for (task, _), pairs in found.items():
        moves: dict[str, dict[str, None]] = {}
        for row, difference in pairs:
            old, new = _sides(difference)
            new = f"{new} in {comparison.runs[row.run].label}" if named else new
            moves.setdefault(old, {})[new] = None
        changes.append(
            Change(
                task,
                tuple(dict.fromkeys(difference.subject for _, difference in pairs)),
                _what([difference for _, difference in pairs]),
                tuple((old, tuple(news)) for old, news in moves.items()),
                tuple(dict.fromkeys(row.fit for row, _ in pairs)),
                len({id(row) for row, _ in pairs}),
            )
        )
    return changes


def _what(differences: Sequence[Difference]) -> str:
    """Say which ingredient it is; where only places of a list differ, they are left open."""
    reasons = [difference.reason for difference in differences]
    paths = {reason.what for reason in reasons}
    what = paths.pop() if len(paths) == 1 else _PLACE.sub("[*]", reasons[0].what)
    words = {
        "input": f"input {what}",
        "task version": "version of the task",
        "engine": "engine",
        "recipe": "recipe of keys",
    }
    return words.get(reasons[0].kind, what)


def _sides(difference: Difference) -> tuple[str, str]:
    """Write an ingredient there and here, in short."""
    reason = difference.reason
    sides = [_short(value) for value in (reason.old, reason.new)]
    if difference.files:
        names = [PurePath(path).name for path in difference.files]
        sides = [f"{name} ({digest})" for name, digest in zip(names, sides, strict=True)]
    if isinstance(reason.old, Mapping) or isinstance(reason.new, Mapping):
        sides = ["not there" if value is None else "there" for value in (reason.old, reason.new)]
    return sides[0], sides[1]


def _short(value: Any) -> str:
    text = value_text(value)
    digest = _DIGEST.fullmatch(text)
    return f"{digest[2]}…" if digest else text


def difference_text(difference: Difference) -> str:
    """Write one difference: ``group 99900000001/FPMA/src/min30: binning.counts 20 -> 30``."""
    old, new = _sides(difference)
    return f"{difference.task} {difference.subject}: {_what([difference])} {old} -> {new}"


def intro(comparison: Comparison) -> str:
    """Say in one line what is compared."""
    runs = comparison.runs
    if len(runs) > 1:
        return f"{len(runs)} runs: {', '.join(run.label for run in runs)}"
    (run,) = runs
    if not run.members:
        return f"{run.label}: no sweep"
    return f"{run.label}: {len(run.members)} members, {' x '.join(run.axes)}"


def notes_of(comparison: Comparison, rows: Sequence[Row], names: Sequence[str]) -> list[tuple[str, list[str], bool]]:
    """Collect what must be known of some rows: text, the rows it holds for, whether a result is missing or worthless.

    Parameters
    ----------
    comparison : Comparison
    rows : sequence of Row
        Those of one fit.
    names : sequence of str
        The parameters and fluxes that are shown; notes of others are left out.
    """
    found: dict[tuple[str, bool], list[str]] = {}
    for row, label in zip(rows, row_labels(comparison, rows), strict=True):
        if row.result in NO_RESULT:
            reason = f": {row.message}" if row.message else ""
            found.setdefault((f"{row.result}{reason}", True), []).append(label)
        elif row.result in _TROUBLE:
            words = {
                "poor": "poor fit: the model does not describe the data, so errors are not given",
                "not converged": "not converged: the values are where the search stopped, not a best fit",
            }
            found.setdefault((words.get(row.result, f"left out: {row.message}"), True), []).append(label)
        for note in row.notes if row.result not in {*NO_RESULT, "left out"} else ():
            found.setdefault((note, False), []).append(label)
        for name in names:
            number = number_of(row, name)
            said = any(note.startswith(f"{name} ") for note in row.notes)
            if number is not None and number.note and not said and row.result == "good":
                found.setdefault((f"{name}: {number.note}", False), []).append(label)
    return [(text, labels, severe) for (text, severe), labels in sorted(found.items(), key=lambda one: not one[0][1])]

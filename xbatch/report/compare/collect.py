"""The comparison of runs, from their manifests and the records of their fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, UsageError
from xbatch.base.files import canonical_json
from xbatch.report.compare.data import Comparison, Row, Run
from xbatch.report.compare.differing import Origins
from xbatch.report.compare.rows import fit_row
from xbatch.report.source import RunSource, Step, open_run
from xbatch.run.journal import last_run
from xbatch.run.lock import held_by

__all__ = ["collect"]

_NEEDED = (
    "name", "task", "task_version", "subject", "engine", "engine_version", "members", "outcome", "message", "key",
    "params", "ingredients", "inputs", "outputs", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class _Opened:
    """A run, its manifest, its fits by their steps, the swept values of its members."""

    run: Run
    source: RunSource
    fits: Mapping[str, Step]
    values: Mapping[str, Mapping[str, Any]]


def collect(
    folders: Sequence[Path],
    fits: Sequence[str] = (),
    parameters: Sequence[str] = (),
    against: str | None = None,
) -> Comparison:
    """Put the fits of runs side by side.

    Parameters
    ----------
    folders : sequence of Path
        The folders of one run or of several.
    fits : sequence of str
        Names or patterns of fits; all without.
    parameters : sequence of str
        Names or patterns of parameters and fluxes; ``pl.norm`` stands for each ``pl.norm[..]`` too.
    against : str, optional
        The member or the run that the others are compared with; by default the first of all.

    Raises
    ------
    UsageError
        A folder is not that of a run, runs have no fit in common, or a name is not there.
    FileError
        A run is going on or was cut off, or its manifest cannot be read.
    """
    opened = _open_all(folders)
    found, alone = _chosen(opened, fits)
    rows = [
        fit_row(number, one.source, step, _values(one, step))
        for name in found
        for number, one in enumerate(opened)
        for step in one.fits.values()
        if step["params"]["name"] == name
    ]
    shown = _named(rows, parameters)
    reference = _reference([one.run for one in opened], against)
    compared = _against(rows, opened, reference)
    axes = dict.fromkeys(axis for row in rows for axis in row.values)
    return Comparison(
        tuple(one.run for one in opened),
        tuple(compared),
        tuple(axes),
        _reference_words([one.run for one in opened], reference, rows),
        against is not None,
        shown,
        alone,
    )


def _open_all(folders: Sequence[Path]) -> list[_Opened]:
    seen: dict[Path, Path] = {}
    for folder in folders:
        if folder.resolve() in seen:
            raise UsageError(f"{folder} is named twice; name runs that differ")
        seen[folder.resolve()] = folder
    names = [folder.resolve().name for folder in folders]
    unique = len(set(names)) == len(names)
    return [_open(folder, name if unique else str(folder)) for folder, name in zip(folders, names, strict=True)]


def _open(folder: Path, label: str) -> _Opened:
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name the folder of a run, as in out/NAME")
    owner = held_by(folder)
    if owner:
        raise FileError(
            str(folder), f"is being run now ({owner})", "Wait for its end: xbatch status shows how far it is"
        )
    journal = folder / "journal.jsonl"
    if not (folder / "manifest.json").is_file():
        if journal.is_file():
            raise FileError(str(folder), "has no manifest.json: its run was cut off", "Run its spec again; it goes on")
        raise UsageError(f"{folder} is not the folder of a run (it has no manifest.json); runs lie below out/")
    source = open_run(folder)
    try:
        if journal.is_file() and not last_run(folder).ended:
            raise FileError(str(folder), "its last run was cut off before its end", "Run its spec again; it goes on")
        spec = source.manifest["spec"]
        members = tuple(member["name"] for member in spec["members"] if member["name"])
        axes = tuple(dict.fromkeys(axis for member in spec["members"] for axis in member["values"]))
        run = Run(label, str(folder), source.manifest["run"]["outcome"], axes, members)
        fits = _fits(source)
    except (KeyError, TypeError, AttributeError) as error:
        what = f"is damaged: it lacks {error.args[0]}" if isinstance(error, KeyError) else f"is damaged ({error})"
        raise FileError(str(folder / "manifest.json"), what, "Run the spec again to write it anew") from error
    if not fits:
        raise UsageError(f"{folder} holds no fits to compare; its spec has no 'fit'")
    return _Opened(run, source, fits, {member["name"]: member["values"] for member in spec["members"]})


def _fits(source: RunSource) -> dict[str, Step]:
    """Give the fits by the names of their steps, once every step is what a comparison needs.

    Raises
    ------
    KeyError
        A step lacks a property.
    """
    for step in source.manifest["steps"]:
        for name in _NEEDED:
            if name not in step:
                raise KeyError(f"{name!r} of the step {step.get('name', '?')}")
    fits = {step["name"]: step for step in source.steps("fit")}
    for step in fits.values():
        for name in ("name", "group"):
            if name not in step["params"]:
                raise KeyError(f"{name!r} of the parameters of {step['name']}")
    return fits


def _fit_names(one: _Opened) -> list[str]:
    return list(dict.fromkeys(str(step["params"]["name"]) for step in one.fits.values()))


def _chosen(opened: Sequence[_Opened], patterns: Sequence[str]) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """Name the fits to compare, and those that one of several runs has alone."""
    names = {one.run.label: _fit_names(one) for one in opened}
    every = list(dict.fromkeys(name for found in names.values() for name in found))
    wanted = _matching(every, patterns, "fit", "the runs have" if len(opened) > 1 else f"{opened[0].run.label} has")
    if len(opened) == 1:
        return wanted, ()
    holders = {name: [label for label, found in names.items() if name in found] for name in wanted}
    shared = [name for name in wanted if len(holders[name]) > 1]
    for label, found in names.items():
        if not any(name in shared for name in found):
            those = "; ".join(f"{other} has {_listed(theirs)}" for other, theirs in names.items())
            raise UsageError(f"{label} has no fit in common with the others, by the names in the specs: {those}")
    return shared, tuple((name, held[0]) for name, held in holders.items() if len(held) == 1)


def _matching(names: Sequence[str], patterns: Sequence[str], what: str, has: str, base: bool = False) -> list[str]:
    """Give the names that match some pattern, all without one; an unknown one is an error."""
    if not patterns:
        return list(names)
    found: dict[str, None] = {}
    for pattern in patterns:
        hits = [
            name
            for name in names
            if name == pattern or fnmatchcase(name, pattern) or (base and name.partition("[")[0] == pattern)
        ]
        if not hits:
            import difflib

            near = difflib.get_close_matches(pattern, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; {has} {_listed(names)}" if names else ""
            raise UsageError(f"no {what} {pattern!r}{hint}")
        found.update(dict.fromkeys(hits))
    return [name for name in names if name in found]


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _values(one: _Opened, step: Step) -> dict[str, Any]:
    """Give the swept values on which a fit depends: those that all its members share."""
    own = [one.values[name] for name in step["members"] if name in one.values]
    first: Mapping[str, Any] = own[0] if own else {}
    return {
        axis: value
        for axis, value in first.items()
        if all(canonical_json(other.get(axis)) == canonical_json(value) for other in own[1:])
    }


def _named(rows: Sequence[Row], patterns: Sequence[str]) -> tuple[str, ...]:
    if not patterns:
        return ()
    names = dict.fromkeys(name for row in rows for name in (*row.parameters, *row.fluxes))
    return tuple(_matching(list(names), patterns, "parameter", "the fits have", base=True))


@dataclass(frozen=True)
class _Reference:
    """With what rows are compared: a run, and a member of it (empty for the member of the same name)."""

    run: int
    member: str


def _reference(runs: Sequence[Run], against: str | None) -> _Reference:
    first = runs[0].members[0] if len(runs) == 1 and runs[0].members else ""
    if against is None:
        return _Reference(0, first)
    for number, run in enumerate(runs):
        if len(runs) > 1 and against.rstrip("/") in {run.label, run.folder.rstrip("/")}:
            return _Reference(number, "")
    for number, run in enumerate(runs):
        if against in run.members:
            return _Reference(number, against)
    names = [*(run.label for run in runs if len(runs) > 1), *dict.fromkeys(m for run in runs for m in run.members)]
    if not names:
        raise UsageError(f"{runs[0].label} has no members to compare against: its spec has no sweep")
    import difflib

    near = difflib.get_close_matches(against, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {_listed(names)}"
    raise UsageError(f"no member or run {against!r} to compare against; {hint}")


def _reference_words(runs: Sequence[Run], reference: _Reference, rows: Sequence[Row]) -> str:
    if len(rows) < 2:
        return ""
    label = runs[reference.run].label
    if len(runs) == 1:
        return reference.member
    return f"{label}, {reference.member}" if reference.member else label


def _against(rows: Sequence[Row], opened: Sequence[_Opened], reference: _Reference) -> Iterable[Row]:
    """Give each row the index of the row that it is compared with, and what differs from it."""
    there: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        if row.run == reference.run:
            there.setdefault((row.fit, row.group), []).append(number)
    steps = [{step["name"]: step for step in one.source.manifest["steps"]} for one in opened]
    origins = [Origins(steps[reference.run], mine) for mine in steps]
    for number, row in enumerate(rows):
        same = _counterpart(row, [(n, rows[n]) for n in there.get((row.fit, row.group), ())], reference)
        if same is None or same == number:
            yield row
            continue
        differs, through = origins[row.run].of(rows[same].step, row.step)
        yield replace(row, reference=same, differs=differs, through=through)


def _counterpart(row: Row, candidates: Sequence[tuple[int, Row]], reference: _Reference) -> int | None:
    """Find the row of the reference: of the member asked for, else of one with the same members, else the first."""
    if reference.member:
        return next((number for number, other in candidates if reference.member in other.members), None)
    if row.run == reference.run:
        return None
    mine = set(row.members)
    alike = (number for number, other in candidates if mine & set(other.members))
    return next(alike, candidates[0][0] if candidates else None)

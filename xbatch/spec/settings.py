"""The ``parameters`` of a fit: which entry speaks of which parameter, and what it says for each spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, Table, data_of, join
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.selectors import exceptions
from xbatch.spec.tablemodels import definition

__all__ = ["is_glob", "name_fault", "parameter_names", "settle"]

Settled = Mapping[str, Mapping[Subject, Table]]


def parameter_names(components: Mapping[str, str]) -> list[str]:
    """List the parameters of a model as ``pl.PhoIndex``, in order."""
    return [f"{name}.{one.name}" for name, kind in components.items() for one in definition(kind).parameters]


def is_glob(name: str) -> bool:
    """Say whether a name stands for several."""
    return any(sign in name for sign in "*?[")


def name_fault(name: str, components: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Give the code, message and hint where a name or glob stands for no parameter of a model."""
    known = parameter_names(components)
    if is_glob(name):
        if any(fnmatchcase(one, name) for one in known):
            return None
        return "XB308", f"{shown(name)} matches no parameter of the model", did_you_mean("", known)
    if name in known:
        return None
    component, _, parameter = name.partition(".")
    if component not in components:
        return "XB306", f"no component {shown(component)} in the model", did_you_mean(component, components)
    kind = definition(components[component])
    names = [one.name for one in kind.parameters]
    message = f"{kind.name}.{component} has no parameter {shown(parameter)}"
    return "XB307", message, did_you_mean(parameter, names)


def settle(
    entries: Node | None, components: Mapping[str, str], subjects: Sequence[Subject], whole: bool, report: Report
) -> Settled:
    """Decide what a fit's ``parameters`` say of each parameter for each spectrum.

    Parameters
    ----------
    entries : Node or None
        The checked map of the fit.
    components : Mapping
        Of the model.
    subjects : sequence of Subject
        All the fit's, of all groups.
    whole : bool
        Whether `subjects` is all of them; if not, selectors that match nothing are not reported.
    report : Report

    Returns
    -------
    Mapping of str to Mapping of Subject to Table
        Only what the spec says; ``pl.norm`` to ``{value: ..}`` for each subject.
    """
    found: dict[str, dict[Subject, Table]] = {name: {} for name in parameter_names(components)}
    if not isinstance(entries, Table):
        return found
    by_glob: dict[tuple[str, Subject, str], Node] = {}
    for name in sorted(entries.entries, key=lambda name: not is_glob(name)):
        entry = entries.entries[name]
        fault = name_fault(name, components)
        if fault is not None:
            report.add(entries.key_place(name), *fault, join(entries.path, name))
        if not isinstance(entry, Table) or fault is not None:
            continue
        _check_link_alone(entry, report)
        settled = exceptions(entry, subjects, report if whole else Report(), laid_over_setting)
        for full in (one for one in found if one == name or (is_glob(name) and fnmatchcase(one, name))):
            for subject, table in settled.items():
                if is_glob(name):
                    _check_globs(full, subject, table, by_glob, report)
                found[full][subject] = laid_over_setting(found[full].get(subject, Table({}, entry.place)), table)
    return found


def laid_over_setting(base: Table, changes: Table) -> Table:
    """Lay settings over others: a value takes the place of a link, a link that of a value."""
    if "link" in changes.entries:
        base = base.without("value", "frozen")
    elif "value" in changes.entries:
        base = base.without("link")
    entries = {**base.entries, **changes.entries}
    keys = {**base.keys, **{key: changes.key_place(key) for key in changes.entries}}
    return Table(entries, changes.place, keys, path=changes.path or base.path)


def _check_link_alone(entry: Table, report: Report) -> None:
    listed = entry.entries.get("for")
    for table in (entry, *(listed.items if isinstance(listed, Items) else ())):
        if not isinstance(table, Table) or not _given(table.entries.get("link")):
            continue
        for key in ("value", "frozen"):
            if _given(table.entries.get(key)):
                message = f"'link' gives the value, and '{key}' is given too"
                report.add(table.key_place(key), "XB313", message, f"remove '{key}' or 'link'", join(table.path, key))


def _given(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.value is not None


def _check_globs(
    name: str, subject: Subject, table: Table, seen: dict[tuple[str, Subject, str], Node], report: Report
) -> None:
    for key, node in table.entries.items():
        first = seen.setdefault((name, subject, key), node)
        if data_of(first) != data_of(node):
            message = f"two globs give {name} different values of {key}: {data_of(first)} and {data_of(node)}"
            report.add(node, "XB319", message, f"write an entry for '{name}' itself")

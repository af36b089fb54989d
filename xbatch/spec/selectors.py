"""``where``: which subjects are meant; and ``for``: other values for some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, Table, data_of, is_sound, items_of, text_of
from xbatch.spec.report import Report, did_you_mean, shown

__all__ = ["AXES", "axis_values", "exceptions", "matches", "selected"]

T = TypeVar("T")
AXES: Mapping[str, Callable[[Subject], tuple[str, ...]]] = {
    "obsid": lambda subject: (subject.obsid,),
    "mission": lambda subject: (subject.mission,),
    "instrument": lambda subject: (subject.instrument,),
    "module": lambda subject: (subject.module,),
    "spectrum": lambda subject: (subject.spectrum,) if subject.spectrum else (),
    "gti": lambda subject: (subject.gti,) if subject.gti else (),
    "epoch": lambda subject: (subject.epoch,) if subject.epoch else (),
    "tag": lambda subject: subject.tags,
}


def axis_values(subjects: Iterable[Subject], axis: str) -> list[str]:
    """List the values of an axis among subjects, in order of appearance."""
    return list(dict.fromkeys(value for subject in subjects for value in AXES[axis](subject)))


def matches(where: Table, subject: Subject) -> bool:
    """Say whether a subject fulfils all conditions of a selector."""
    return all(
        any(text_of(value) in AXES[axis](subject) for value in items_of(condition))
        for axis, condition in where.entries.items()
        if axis in AXES
    )


def selected(where: Node | None, subjects: Sequence[Subject], report: Report) -> list[Subject]:
    """Give the subjects that a selector selects.

    Parameters
    ----------
    where : Node or None
        All are selected where there is none; none where it is broken.
    subjects : sequence of Subject
        Those it may select from; with none, nothing is said.
    report : Report
        Takes values that no subject has, and selectors that match nothing.
    """
    if where is None:
        return list(subjects)
    if not isinstance(where, Table) or not is_sound(where):
        return []
    found = [subject for subject in subjects if matches(where, subject)]
    if not found and subjects:
        _report_nothing(where, subjects, report)
    elif subjects:
        _report_unknown(where, subjects, report)
    return found


def _report_unknown(where: Table, subjects: Sequence[Subject], report: Report) -> bool:
    any_unknown = False
    for axis, condition in where.entries.items():
        known = axis_values(subjects, axis)
        for value in items_of(condition):
            text = text_of(value) or ""
            if text not in known:
                any_unknown = True
                if axis == "epoch" and not known:
                    report.add(
                        value, "XB114", f"no epoch {shown(text)}: epochs belong to a fit", "add 'epochs:' to the fit"
                    )
                else:
                    report.add(value, "XB105", f"no {axis} {shown(text)} here", did_you_mean(text, known))
    return any_unknown


def _report_nothing(where: Table, subjects: Sequence[Subject], report: Report) -> None:
    if not _report_unknown(where, subjects, report):
        conditions = ", ".join(f"{axis} {data_of(node)}" for axis, node in where.entries.items())
        report.add(where, "XB106", f"nothing is selected: no spectrum has {conditions} together", "drop a condition")


def exceptions(
    base: Table, subjects: Sequence[Subject], report: Report, own: Callable[[Table, Table], Table] | None = None
) -> dict[Subject, Table]:
    """Decide the ``for`` exceptions of a map for each subject.

    Parameters
    ----------
    base : Table
        The map, with its ``for``.
    subjects : sequence of Subject
    report : Report
        Takes selectors that match nothing, and exceptions that contradict each other.
    own : callable or None
        How an exception is laid over the base; by default key by key.

    Returns
    -------
    dict of Subject to Table
        The map without ``for`` and ``where`` as it holds for each subject.
    """
    settled = dict.fromkeys(subjects, base.without("for", "where"))
    given: dict[tuple[Subject, str], Node] = {}
    listed = base.entries.get("for")
    for exception in listed.items if isinstance(listed, Items) else ():
        if not isinstance(exception, Table):
            continue
        changes = exception.without("where")
        for subject in selected(exception.entries.get("where"), subjects, report):
            for key, node in _leaves(changes):
                first = given.setdefault((subject, key), node)
                if data_of(first) != data_of(node):
                    _contradiction(key, first, node, subject, report)
            settled[subject] = own(settled[subject], changes) if own else _by_key(settled[subject], changes)
    return settled


def _leaves(changes: Table) -> Iterator[tuple[str, Node]]:
    """List what an exception says; of further responses, which are changed one by one, each key by itself."""
    for key, node in changes.entries.items():
        if key == "responses" and isinstance(node, Table):
            yield from ((f"{key}.{name}", leaf) for name, leaf in _every(node))
        else:
            yield key, node


def _every(table: Table) -> Iterator[tuple[str, Node]]:
    for key, node in table.entries.items():
        if isinstance(node, Table):
            yield from ((f"{key}.{name}", leaf) for name, leaf in _every(node))
        else:
            yield key, node


def _by_key(base: Table, changes: Table) -> Table:
    for key, node in changes.entries.items():
        base = base.with_entry(key, node, changes.key_place(key))
    return base


def _contradiction(key: str, first: Node, second: Node, subject: Subject, report: Report) -> None:
    values = [str(node.text if isinstance(node, Scalar) else data_of(node)) for node in (first, second)]
    both = f"{values[0]} (line {first.place.line}) and {values[1]}"
    message = f"two exceptions give {subject.path.rstrip('/')} different values of {key}: {both}"
    report.add(second, "XB107", message, "make their selectors exclude each other")

"""The observations of a spec of level ``events`` as subjects without a spectrum, and the files of their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, Table, text_of
from xbatch.spec.observations import Pointing
from xbatch.spec.report import Report
from xbatch.spec.selectors import exceptions
from xbatch.spec.templates import check_template, template_path

__all__ = ["OBSERVED_FIELDS", "Sky", "event_files", "observed_file", "observed_subjects", "sound_template"]

OBSERVED_FIELDS = ("obsid", "instrument", "module", "mission")


@dataclass(frozen=True)
class Sky:
    """What checks of the blocks of level ``events`` share.

    Attributes
    ----------
    subjects : tuple of Subject
        One for each observation and instrument, without a spectrum's name.
    pointings : tuple of Pointing
    base : Path
        ``data.root``.
    whole : bool
        False where the observations could not be read: selectors that match nothing are not reported then.
    raw : bool
        Whether the lists are made by the missions' tools, which then make more than what is made of lists here.
    """

    subjects: tuple[Subject, ...]
    pointings: tuple[Pointing, ...]
    base: Path
    whole: bool = True
    raw: bool = False


def observed_subjects(pointings: Sequence[Pointing]) -> tuple[Subject, ...]:
    """Give a subject without a spectrum for each observation and instrument."""
    return tuple(Subject(one.mission, one.obsid, one.instrument, "", one.tags) for one in pointings)


def observed_file(node: Node | None, subject: Subject, base: Path) -> Path | None:
    """Give the file that a template names, or None where there is none."""
    text = text_of(node)
    return None if text is None or text == "none" else template_path(text, subject, base)


def sound_template(node: Node | None, sky: Sky, report: Report) -> bool:
    """Check a template of files of an observation; what is not there is sound."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return True
    return check_template(node, sky.pointings, report, OBSERVED_FIELDS)


def event_files(root: Table, key: str, sky: Sky, report: Report) -> Mapping[Subject, Path | None]:
    """Name the files of ``data.events`` or ``data.livetime``; None where they are to be looked for."""
    data = root.entries.get("data")
    node = data.entries.get(key) if isinstance(data, Table) else None
    if isinstance(node, Table):
        listed = node.entries.get("for")
        tables = [node, *(listed.items if isinstance(listed, Items) else ())]
        sound = [sound_template(one.entries.get("file"), sky, report) for one in tables if isinstance(one, Table)]
        if not all(sound):
            return {}
        settled = exceptions(node, sky.subjects, report)
        files = {one: observed_file(settled[one].entries.get("file"), one, sky.base) for one in sky.subjects}
    else:
        if not sound_template(node, sky, report):
            return {}
        files = {one: observed_file(node, one, sky.base) for one in sky.subjects}
    if key == "events" and node is not None:
        _check_shared(node, files, report)
    return files


def _check_shared(node: Node, files: Mapping[Subject, Path | None], report: Report) -> None:
    """Refuse one list for several observations or instruments."""
    seen: dict[Path, Subject] = {}
    for subject, file in files.items():
        first = seen.setdefault(file, subject) if file is not None else subject
        if first is not subject and file is not None:
            missing = "obsid" if first.obsid != subject.obsid else "instrument"
            mine, other = (f"{one.obsid}/{one.instrument}" for one in (first, subject))
            message = f"one file, {file.name}, serves both {mine} and {other}"
            report.add(node, "XB119", message, f"put {{{missing}}} into it, or use 'for'")
            return

"""The ``spectra`` block: which subjects there are, and which files each has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xbatch.spec.model import SpectrumFiles, Subject
from xbatch.spec.nodes import Broken, Scalar, Table, join, text_of
from xbatch.spec.observations import Pointing, placeholder_used
from xbatch.spec.paths import joined
from xbatch.spec.report import Report, shown
from xbatch.spec.responses import check_responses, further_responses, laid_over_files
from xbatch.spec.selectors import exceptions, selected
from xbatch.spec.templates import check_template, template_path

__all__ = ["SpectraFound", "find_spectra"]


@dataclass(frozen=True)
class SpectraFound:
    """The subjects of a spec.

    Attributes
    ----------
    files : tuple of SpectrumFiles
    subjects : Mapping of str to list of Subject
        By the spectrum's name; every name is there, with none where its definition is at fault.
    whole : bool
        False where some could not be told, so that an empty selection says nothing.
    without_background : frozenset of str
        Paths of the subjects whose background the spec says there is none of.
    with_background : frozenset of str
        Paths of those for which it names one.
    subtracted : frozenset of str
        Paths of sums from which the background has been subtracted.
    members : Mapping of str to tuple of str
        Paths of what each sum, by its path, is made of.
    responses : Mapping of str to frozenset of str
        Names of the further responses that a subject, by its path, has.
    kept : Mapping of str to (int, int)
        First and last PI of those, by path, whose screening keeps a range of them.
    """

    files: tuple[SpectrumFiles, ...] = ()
    subjects: Mapping[str, list[Subject]] = field(default_factory=dict)
    whole: bool = True
    without_background: frozenset[str] = frozenset()
    with_background: frozenset[str] = frozenset()
    subtracted: frozenset[str] = frozenset()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    responses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kept: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def find_spectra(root: Table, pointings: list[Pointing] | None, folder: Path, report: Report) -> SpectraFound:
    """Make the subjects of a checked document and name their files.

    Parameters
    ----------
    root : Table
    pointings : list of Pointing or None
        None where they could not be read: then files are checked no further than their templates.
    folder : Path
        The spec file's folder, which a relative ``data.root`` starts from.
    report : Report
    """
    table = root.entries.get("spectra")
    if not isinstance(table, Table):
        return SpectraFound(whole=False)
    data = root.entries.get("data")
    root_text = text_of(data.entries.get("root")) if isinstance(data, Table) else None
    base = joined(folder, root_text or ".")
    files: list[SpectrumFiles] = []
    subjects: dict[str, list[Subject]] = {}
    whole = pointings is not None
    for name, node in table.entries.items():
        subjects[name] = []
        if not isinstance(node, Table):
            whole = False
            continue
        before = len(report.problems)
        _check_templates(node, name, pointings or [], report)
        sound = len(report.problems) == before
        whole = whole and sound
        known = [Subject(one.mission, one.obsid, one.instrument, name, one.tags) for one in pointings or []]
        chosen = selected(node.entries.get("where"), known, report)
        subjects[name] = chosen
        settled = exceptions(node, chosen, report, laid_over_files)
        mine = [_files(subject, settled[subject], base, node.path) for subject in chosen]
        if sound:
            _check_shared(node, mine, report)
        files += mine
    _check_placeholders(table, subjects, pointings or [], report)
    return SpectraFound(
        tuple(files),
        subjects,
        whole,
        frozenset(one.subject.path for one in files if one.background == "none"),
        frozenset(one.subject.path for one in files if one.background not in {None, "none"}),
        responses={one.subject.path: frozenset(one.responses) for one in files if one.responses},
    )


def _files(subject: Subject, table: Table, base: Path, path: str) -> SpectrumFiles:
    def named(key: str) -> Path | str | None:
        text = text_of(table.entries.get(key))
        if text is None or text == "none":
            return text
        return template_path(text, subject, base)

    file = named("file")
    return SpectrumFiles(
        subject=subject,
        file=file if isinstance(file, Path) else base,
        response=named("response"),
        arf=named("arf"),
        background=named("background"),
        note=text_of(table.entries.get("note")) or "",
        path=path,
        responses=further_responses(table, subject, base),
    )


def _check_templates(node: Table, name: str, pointings: list[Pointing], report: Report) -> None:
    tables = [node]
    listed = node.entries.get("for")
    if listed is not None and not isinstance(listed, Scalar | Table | Broken):
        tables += [one for one in listed.items if isinstance(one, Table)]
    for table in tables:
        for key in ("file", "response", "arf", "background"):
            value = table.entries.get(key)
            if isinstance(value, Scalar) and isinstance(value.value, str):
                check_template(value, pointings, report)
        check_responses(table, pointings, report)
        file = table.entries.get("file")
        if isinstance(file, Scalar) and file.value in {"none", ""}:
            report.add(file, "XB208", f"the spectrum '{name}' needs a file", "name the PHA file")


def _check_shared(node: Table, files: list[SpectrumFiles], report: Report) -> None:
    """Refuse one file that a template gives to several subjects."""
    seen: dict[Path, Subject] = {}
    for one in files:
        first = seen.setdefault(one.file, one.subject)
        if first is not one.subject and isinstance(node.entries.get("file"), Scalar):
            missing = [word for word in ("obsid", "module") if getattr(first, word) != getattr(one.subject, word)]
            hint = f"put {{{missing[0]}}} into it, or select with 'where'"
            message = f"one file, {one.file.name}, serves both {first.path} and {one.subject.path}"
            report.add(node.entries["file"], "XB119", message, hint)
            return


def _check_placeholders(
    table: Table, subjects: Mapping[str, list[Subject]], pointings: list[Pointing], report: Report
) -> None:
    """Insist on instruments' names where an observation has more than one spectrum."""
    unnamed = {one.obsid for one in pointings if placeholder_used(one)}
    seen: dict[str, str] = {}
    for name, chosen in subjects.items():
        for subject in chosen:
            if subject.obsid in unnamed and seen.setdefault(subject.obsid, name) != name:
                both = f"'{seen[subject.obsid]}' and '{name}'"
                message = f"{shown(subject.obsid)} has two spectra, {both}, of instruments without names"
                hint = "add 'instruments: [...]' to the observations, and 'where:' to the spectra"
                report.add(table.key_place(name), "XB111", message, hint, join(table.path, name))
                return

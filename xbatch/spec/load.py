"""The way from a file to a checked analysis, all problems told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbatch.base.errors import Place, Problem, SpecError
from xbatch.spec.bands import find_bands
from xbatch.spec.binning import find_binnings
from xbatch.spec.combine import find_combinations, keep_exposure
from xbatch.spec.defaults import fill_parameters
from xbatch.spec.fits import find_fits
from xbatch.spec.include import apply_overrides, read_with_includes
from xbatch.spec.kinds import refuse_other_kind
from xbatch.spec.levels import level_of, refuse_other_level
from xbatch.spec.model import Analysis, Member, Spec
from xbatch.spec.nodes import Broken, Items, Node, Scalar, Table, data_of, join, text_of
from xbatch.spec.observations import fill_missions, pointings
from xbatch.spec.paths import joined
from xbatch.spec.report import Report
from xbatch.spec.reserved import refuse_reserved
from xbatch.spec.schema import Schema, load_schema
from xbatch.spec.shape import check_shape
from xbatch.spec.spectra import find_spectra
from xbatch.spec.sweep import Axis, expanded, member_label, sweep_axes

if TYPE_CHECKING:
    from xbatch.spec.eventmodel import Fake
    from xbatch.spec.eventwork import EventFindings

__all__ = ["load"]

_READ_PAST = {"XB012", "XB013", "XB019", "XB022", "XB023", "XB024"}
_REFERS = {
    "XB101": "spectra",
    "XB102": "bands",
    "XB103": "regions",
    "XB104": "binning",
    "XB116": "gtis",
    "XB117": "screening",
    "XB121": "lightcurves",
}
_ENOUGH = 200


@dataclass(frozen=True)
class _Context:
    """What every member of a sweep is checked with."""

    path: Path
    schema: Schema


def load(path: Path, overrides: Sequence[str] = ()) -> Analysis:
    """Read and check a spec.

    Parameters
    ----------
    path : Path
        The spec file.
    overrides : sequence of str
        ``path=value`` texts, as given with ``--set``; later ones win.

    Returns
    -------
    Analysis
        With one member for each point of the sweep; one without a name if there is none.

    Raises
    ------
    SpecError
        Everything wrong with it. Whether the files that it names are there is not looked at.
    """
    context = _Context(path, load_schema())
    report, notes = Report(), Report()
    root, sources = read_with_includes(path, report)
    refuse_other_kind(root, "xbatch")
    root = apply_overrides(root, overrides, context.schema, report)
    if any(problem.code not in _READ_PAST for problem in report.problems):
        raise SpecError(report.problems)
    has_sweep = "sweep" in root.entries
    own = Report() if has_sweep else report
    spec, tree = _resolved(root, context, own, notes)
    report.problems += [one for one in own.problems if one.path.split(".")[0] == "sweep"] if has_sweep else []
    axes = sweep_axes(root, context.schema, report)
    if axes:
        members = _members(root, axes, context, report, notes)
    else:
        report.problems += own.problems if has_sweep else []
        members = [Member("", {}, spec)] if spec is not None else []
    if report.problems:
        raise SpecError(report.problems)
    places, origins = _places(tree)
    return Analysis(
        path=path,
        files=sources.files,
        overrides=tuple(overrides),
        name=members[0].spec.name,
        members=tuple(members),
        document=data_of(tree),
        origins=origins,
        places=places,
        notes=tuple(sorted(set(notes.problems))),
    )


def _members(root: Table, axes: Sequence[Axis], context: _Context, report: Report, notes: Report) -> list[Member]:
    members: list[Member] = []
    for tree, values in expanded(root, axes):
        spec, checked = _resolved(tree, context, report, notes)
        if len(set(report.problems)) > _ENOUGH:
            break
        if spec is not None:
            plain = {axis.path: _value_at(checked, axis, values[axis.path]) for axis in axes}
            members.append(Member(member_label(plain), plain, spec))
    return members


def _value_at(tree: Table, axis: Axis, given: Node) -> Any:
    """Give a swept value as the checked document has it: an obsid stays the text it was written as."""
    node: Node | None = tree
    for key in axis.keys:
        if isinstance(node, Table):
            node = node.entries.get(str(key))
        elif isinstance(node, Items) and isinstance(key, int):
            node = node.items[key]
    return data_of(node) if isinstance(node, Scalar | Items) and not isinstance(given, Table) else data_of(given)


def _resolved(root: Table, context: _Context, report: Report, notes: Report) -> tuple[Spec | None, Table]:
    """Check one tree; the spec is None where something is wrong with it."""
    before = len(report.problems)
    tree = refuse_other_level(refuse_reserved(root, report), report)
    tree = check_shape(tree, context.schema, report, str(context.path))
    tree = fill_missions(tree)
    folder = context.path.absolute().parent
    pointed = pointings(tree, report, notes)
    level = level_of(tree)
    events: EventFindings | None = None
    if level == "events":
        # what reads regions, screenings and images is loaded for specs that have them
        from xbatch.spec.eventdefaults import fill_events
        from xbatch.spec.eventwork import assembled, band_users, find_event_spectra

        events = find_event_spectra(tree, pointed, _data_root(tree, folder), context.schema, report, notes)
    found = events.found if events is not None else find_spectra(tree, pointed, folder, report)
    min_exposure = keep_exposure(tree, report)
    found, combinations = find_combinations(tree, found, min_exposure, report)
    fakes: tuple[Fake, ...] = ()
    drawn = tree.entries.get("fake")
    if isinstance(drawn, Table) and drawn.entries:
        # what reads models is loaded for specs that have them
        from xbatch.spec.fakes import find_fakes

        found, fakes = find_fakes(tree, found, folder, report)
    bands = find_bands(tree, report, pointed, found, band_users(tree, events) if events is not None else None)
    work = assembled(tree, events, bands, report) if events is not None else None
    binnings = find_binnings(tree, _data_root(tree, folder), report)
    fits = find_fits(tree, found, binnings, bands, folder, report)
    if len(report.problems) > before:
        report.problems[before:] = [one for one in report.problems[before:] if not _refers_to_broken(one, tree)]
        return None, tree
    if events is not None:
        tree = fill_events(tree, pointed or ())
    tree = fill_parameters(tree, {job.name: job.components for job in fits})
    spec = Spec(
        name=text_of(tree.entries["name"]) or "",
        level=level,
        spectra=found.files,
        binnings={name: binning for name, binning in binnings.items() if binning is not None},
        bands=bands.bands,
        fits=fits,
        document=data_of(tree.without("sweep")),
        combinations=combinations,
        fakes=fakes,
        equal_bands=bands.equal,
        min_exposure=min_exposure,
        work=work,
    )
    return spec, tree


def _refers_to_broken(problem: Problem, tree: Table) -> bool:
    """Tell whether a name is unknown only because the block that should hold it could not be read."""
    return isinstance(tree.entries.get(_REFERS.get(problem.code, "")), Broken)


def _data_text(tree: Table, key: str, default: str) -> str:
    data = tree.entries.get("data")
    return (text_of(data.entries.get(key)) if isinstance(data, Table) else None) or default


def _data_root(tree: Table, folder: Path) -> Path:
    return joined(folder, _data_text(tree, "root", "."))


def _places(tree: Table) -> tuple[Mapping[str, Place], Mapping[str, str]]:
    """Map dotted paths to the places of their keys, and to where their values came from."""
    places: dict[str, Place] = {}
    origins: dict[str, str] = {}

    def visit(node: Node, path: str, key_place: Place) -> None:
        if path:
            if not node.origin:
                places[path] = key_place
            origins[path] = node.origin or ("--set" if node.place.file == "--set" else str(node.place))
        if isinstance(node, Table):
            for key, child in node.entries.items():
                visit(child, join(path, key), node.key_place(key))
        elif isinstance(node, Items):
            for number, child in enumerate(node.items):
                visit(child, join(path, number), child.place)

    visit(tree, "", tree.place)
    return places, origins

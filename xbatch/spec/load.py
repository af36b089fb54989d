"""The way from a file to a checked analysis, all problems told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xbatch.base.errors import Place, SpecError
from xbatch.spec.include import apply_overrides, read_with_includes
from xbatch.spec.kinds import refuse_other_kind
from xbatch.spec.model import Analysis, Member
from xbatch.spec.nodes import Items, Node, Table, data_of, join
from xbatch.spec.report import Report
from xbatch.spec.resolve import Resolver
from xbatch.spec.schema import load_schema

__all__ = ["load"]

_READ_PAST = {"XB012", "XB013", "XB019", "XB022", "XB023", "XB024"}


def load(path: Path, overrides: Sequence[str] = (), most: int | None = None) -> Analysis:
    """Read and check a spec.

    Parameters
    ----------
    path : Path
        The spec file.
    overrides : sequence of str
        ``path=value`` texts, as given with ``--set``; later ones win.
    most : int or None
        How many members its sweep may have; None for the sweep's own limit.

    Returns
    -------
    Analysis
        With one member for each point of the sweep; one without a name if there is none.

    Raises
    ------
    SpecError
        Everything wrong with it (`TooManyMembersError` where that is the size of its sweep, and nothing else). Whether
        the files that it names are there is not looked at.
    """
    schema = load_schema()
    report, notes = Report(), Report()
    root, sources = read_with_includes(path, report)
    refuse_other_kind(root, "xbatch")
    root = apply_overrides(root, overrides, schema, report)
    if any(problem.code not in _READ_PAST for problem in report.problems):
        raise SpecError(report.problems)
    resolver = Resolver(path, schema, "sweep" in root.entries)
    base = Report()
    resolved = resolver.resolve(root, base, notes)
    report.problems += [one for one in base.problems if one.path.split(".")[0] == "sweep"]
    swept = _swept(root, resolver, resolved.tree, most, report, notes) if "sweep" in root.entries else None
    if swept is None:
        report.problems += base.problems
    members = swept or ([Member("", {}, resolved.spec)] if resolved.spec is not None else [])
    if report.problems:
        raise SpecError(report.problems)
    document = resolved.document()
    places, origins = _places(document)
    return Analysis(
        path=path,
        files=sources.files,
        overrides=tuple(overrides),
        name=members[0].spec.name,
        members=tuple(members),
        document=data_of(document),
        origins=origins,
        places=places,
        notes=tuple(sorted(set(notes.problems))),
    )


def _swept(
    root: Table, resolver: Resolver, tree: Table, most: int | None, report: Report, notes: Report
) -> list[Member] | None:
    """Make the members of a sweep; None where there is nothing to sweep, or where the sweep is at fault."""
    # what reads sweeps is loaded for specs that have them
    from xbatch.base.collection import no_collection
    from xbatch.spec.members import members_of
    from xbatch.spec.points import find_points
    from xbatch.spec.sweep import read_sweep

    sweep = read_sweep(root, resolver.schema, report)
    if sweep is None:
        return None
    if report.problems:
        return []
    plain = root.without("sweep")
    points, refused = find_points(sweep, (plain, tree), most, report)
    if refused is not None:
        raise refused
    with no_collection():
        return members_of(plain, points, resolver, report, notes)


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

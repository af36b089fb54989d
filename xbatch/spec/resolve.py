"""One tree to one resolved spec, all that is wrong with it in a report.

The members of a sweep go through here one after the other. What does not change from one to the next is not worked out
again: each stage knows which blocks of the tree it has looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from xbatch.base.errors import Problem
from xbatch.spec.bands import Bands, find_bands
from xbatch.spec.binning import find_binnings
from xbatch.spec.combine import find_combinations, keep_exposure
from xbatch.spec.levels import level_of, makes_spectra, refuse_other_level
from xbatch.spec.memo import Memo, Stage
from xbatch.spec.model import Binning, FitJob, Parameter, Spec
from xbatch.spec.nodes import Broken, Table, text_of
from xbatch.spec.observations import Pointing, fill_missions, pointings
from xbatch.spec.paths import joined
from xbatch.spec.report import Report
from xbatch.spec.reserved import refuse_reserved
from xbatch.spec.schema import Schema
from xbatch.spec.shape import check_shape
from xbatch.spec.spectra import SpectraFound, find_spectra

if TYPE_CHECKING:
    from xbatch.spec.derivedmodel import Combination, Fake
    from xbatch.spec.eventmodel import EventWork
    from xbatch.spec.eventwork import EventFindings
    from xbatch.spec.rawmodel import RawWork, RgsSum

__all__ = ["Resolved", "Resolver"]

T = TypeVar("T")

_REFERS = {
    "XB101": "spectra",
    "XB102": "bands",
    "XB103": "regions",
    "XB104": "binning",
    "XB116": "gtis",
    "XB117": "screening",
    "XB121": "lightcurves",
}
_OBSERVING = ("mission", "instruments", "observations", "obsids")
_NODES_KEPT = 20_000


@dataclass(frozen=True)
class Resolved:
    """A tree as it was checked; `spec` is None where something is wrong with it."""

    spec: Spec | None
    tree: Table
    pointings: Sequence[Pointing] = ()

    def document(self) -> Table:
        """Give the tree with every default in it that missions and components bring."""
        tree = self.tree
        if self.spec is None:
            return tree
        if self.spec.work is not None:
            from xbatch.spec.eventdefaults import fill_events

            tree = fill_events(tree, self.pointings)
        if self.spec.raw is not None:
            from xbatch.spec.rawdefaults import fill_raw

            tree = fill_raw(tree, self.pointings)
        components: dict[str, dict[str, str]] = {}
        for job in self.spec.fits:  # of one entry, groups may have other models
            components.setdefault(job.name, {}).update(job.components)
        if not components:
            return tree
        from xbatch.spec.defaults import fill_parameters

        return fill_parameters(tree, components)


@dataclass(frozen=True)
class _Found:
    """The spectra that there are, however they come to be, the bands, and what else is made of events."""

    pointed: list[Pointing] | None
    spectra: SpectraFound
    bands: Bands
    combinations: tuple[Combination, ...]
    fakes: tuple[Fake, ...]
    work: EventWork | None
    raw: RawWork | None
    min_exposure: float


class Resolver:
    """Resolves trees of one spec file.

    Parameters
    ----------
    path : Path
        The spec file.
    schema : Schema
    several : bool
        Whether there will be several that share nodes: the members of a sweep.
    """

    def __init__(self, path: Path, schema: Schema, several: bool) -> None:
        self.path = path
        self.schema = schema
        self.folder = path.absolute().parent
        self.nodes = Memo(_NODES_KEPT) if several else None
        self.stages: dict[str, Stage[Any]] = {}
        self.parameters: dict[Parameter, Parameter] = {}

    def resolve(self, root: Table, report: Report, notes: Report) -> Resolved:
        """Check one tree."""
        before = len(report.problems)
        tree = self._checked(root, report)
        level = level_of(tree)
        found = self._stage(f"level {level}", tree, self._found, (), report, notes)
        binnings = self._stage("binning", tree, self._binnings, (), report, notes)
        fits = self._fits(tree, found, binnings, report, notes)
        engines = self._engines(tree, found, report, notes)
        if len(report.problems) > before:
            report.problems[before:] = [one for one in report.problems[before:] if not _refers_to_broken(one, tree)]
            return Resolved(None, tree)
        spec = Spec(
            name=text_of(tree.entries["name"]) or "",
            level=level,
            spectra=found.spectra.files,
            binnings={name: binning for name, binning in binnings.items() if binning is not None},
            bands=found.bands.bands,
            fits=fits,
            combinations=found.combinations,
            fakes=found.fakes,
            equal_bands=found.bands.equal,
            min_exposure=found.min_exposure,
            work=found.work,
            raw=found.raw,
            engines=engines,
        )
        return Resolved(spec, tree, found.pointed or ())

    def _stage(
        self,
        name: str,
        tree: Table,
        make: Callable[[Table, Report, Report], T],
        others: Sequence[object],
        report: Report,
        notes: Report,
    ) -> T:
        stage: Stage[T] = self.stages.setdefault(name, Stage())
        return stage(tree, make, others, report, notes)

    def _checked(self, root: Table, report: Report) -> Table:
        """Check the shape of a tree, and fill in what missions bring."""
        tree = refuse_other_level(refuse_reserved(root, report, self.nodes), report)
        tree = check_shape(tree, self.schema, report, str(self.path), self.nodes)
        entries = {key: tree.entries[key] for key in _OBSERVING if key in tree.entries}
        narrow = replace(tree, entries=entries)

        def filled(tree: Table, report: Report, notes: Report) -> Table:
            return fill_missions(replace(tree, entries={key: tree.entries[key] for key in entries}))

        made = self._stage("missions", narrow, filled, (), report, report)
        return replace(tree, entries={**tree.entries, **made.entries}, keys={**tree.keys, **made.keys})

    def _found(self, tree: Table, report: Report, notes: Report) -> _Found:
        """Read the blocks that say what there is; those of level events keep the report, and end with it."""
        pointed = pointings(tree, report, notes)
        events: EventFindings | None = None
        if makes_spectra(tree):
            # what reads regions, screenings and images is loaded for specs that have them
            from xbatch.spec.eventwork import assembled, band_users, find_event_spectra

            events = find_event_spectra(tree, pointed, self._data_root(tree), self.schema, report, notes)
        found = events.found if events is not None else find_spectra(tree, pointed, self.folder, report)
        least = keep_exposure(tree, report)
        sums: tuple[RgsSum, ...] = ()
        if events is not None and events.sky.raw:
            # what belongs to raw observations is loaded for specs that have them
            from xbatch.spec.rgs import check_rgs_screenings, find_rgs_sums

            check_rgs_screenings(tree, report)
            found, sums = find_rgs_sums(tree, events.rgs, found, report)
        found, combinations = find_combinations(tree, found, least, report)
        fakes: tuple[Fake, ...] = ()
        drawn = tree.entries.get("fake")
        if isinstance(drawn, Table) and drawn.entries:
            # what reads models is loaded for specs that have them
            from xbatch.spec.fakes import find_fakes

            found, fakes = find_fakes(tree, found, self.folder, report)
        bands = find_bands(tree, report, pointed, found, band_users(tree, events) if events is not None else None)
        work = assembled(tree, events, bands, report) if events is not None else None
        raw: RawWork | None = None
        if events is not None and work is not None and events.sky.raw:
            from xbatch.spec.rawwork import find_raw

            raw = find_raw(tree, events, work, sums, report)
        return _Found(pointed, found, bands, combinations, fakes, work, raw, least)

    def _engines(self, tree: Table, found: _Found, report: Report, notes: Report) -> Mapping[str, str]:
        if "engine" not in tree.entries:
            return {}
        # what belongs to other engines is loaded for specs that name them
        from xbatch.spec.engines import find_engines

        def engines_of(tree: Table, report: Report, notes: Report) -> Mapping[str, str]:
            return find_engines(tree, found.pointed or (), report)

        return self._stage("engine", tree, engines_of, (found,), report, notes)

    def _binnings(self, tree: Table, report: Report, notes: Report) -> dict[str, Binning | None]:
        return find_binnings(tree, self._data_root(tree), report)

    def _fits(
        self,
        tree: Table,
        found: _Found,
        binnings: dict[str, Binning | None],
        report: Report,
        notes: Report,
    ) -> tuple[FitJob, ...]:
        """Resolve the fits one by one: a sweep changes one of them, or a few."""
        table = tree.entries.get("fit")
        if not isinstance(table, Table):
            return ()
        # what reads models is loaded for specs that have them
        from xbatch.spec.fits import find_fits

        jobs: list[FitJob] = []
        for name, fit in table.entries.items():
            alone = replace(tree, entries={name: fit}, keys={name: table.key_place(name)})

            def jobs_of(tree: Table, report: Report, notes: Report) -> tuple[FitJob, ...]:
                root = Table({"fit": replace(table, entries=dict(tree.entries))}, tree.place)
                jobs = find_fits(root, found.spectra, binnings, found.bands, self.folder, report)
                return tuple([self._with_shared_parameters(job) for job in jobs])

            jobs += self._stage(f"fit {name}", alone, jobs_of, (found, binnings), report, notes)
        return tuple(jobs)

    def _with_shared_parameters(self, job: FitJob) -> FitJob:
        """Let equal parameters be one object: of many, a sweep changes one."""
        known = self.parameters
        return replace(job, parameters=tuple([known.setdefault(one, one) for one in job.parameters]))

    def _data_root(self, tree: Table) -> Path:
        data = tree.entries.get("data")
        text = text_of(data.entries.get("root")) if isinstance(data, Table) else None
        return joined(self.folder, text or ".")


def _refers_to_broken(problem: Problem, tree: Table) -> bool:
    """Tell whether a name is unknown only because the block that should hold it could not be read."""
    return isinstance(tree.entries.get(_REFERS.get(problem.code, "")), Broken)

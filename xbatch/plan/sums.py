"""Sums of spectra, draws from models, and bands whose edges a spectrum decides: what follows at both levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbatch.plan.combine import bands_step, combine_name, combine_step, shared_responses
from xbatch.plan.engines import engine_context, native_because
from xbatch.plan.fakes import fake_source, fake_step
from xbatch.plan.sources import Source
from xbatch.plan.steps import Step
from xbatch.spec.derivedmodel import Combination
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec

__all__ = ["edge_steps", "sum_steps", "with_sums"]


def with_sums(spec: Spec, sources: Mapping[str, Source]) -> dict[str, Source]:
    """Give the spectra of a spec with its sums, and after these what is drawn from models.

    Parameters
    ----------
    spec : Spec
    sources : Mapping
        The spectra by `Subject.path`; a sum with a member that is not among them is left out (why, is said elsewhere).
    """
    known = dict(sources)
    for one in spec.combinations:
        if all(member.path in known for member in one.members):
            known[one.subject.path] = _sum_of(one, [known[member.path] for member in one.members])
    for fake in spec.fakes:
        like = known.get(fake.like.path)
        if like is not None:
            known[fake.subject.path] = fake_source(fake, like)
    return known


def sum_steps(analysis: Analysis, spec: Spec, sources: Mapping[str, Source], shared: Memo) -> list[Step]:
    """Make the steps of the sums of a spec, and of the spectra that are drawn from models.

    Parameters
    ----------
    analysis : Analysis
        For places of problems.
    spec : Spec
    sources : Mapping
        As `with_sums` gives them.
    shared : Memo
        Keeps what is installed here for the other members of a sweep.
    """
    steps: list[Step] = []
    context = engine_context(analysis, spec, "combine", shared)
    for one in spec.combinations:
        if one.subject.path not in sources:
            continue
        members = [sources[member.path] for member in one.members]
        step = replace(combine_step(one, members), because=native_because(spec.engines, "combine"))
        if context is not None:
            from xbatch.plan.toolengines import summed_by_heasoft

            step = summed_by_heasoft(context, step, members)
        steps.append(step)
    for fake in spec.fakes:
        like = sources.get(fake.like.path)
        if like is not None and like.response is not False:
            steps.append(fake_step(fake, like))
    return steps


def _sum_of(one: Combination, members: list[Source]) -> Source:
    responses = [member.response for member in members]
    without = [member for member in members if member.response is False]
    backgrounds = [member.background for member in members]
    return Source(
        subject=one.subject,
        step=combine_name(one.subject),
        background=one.params["background"] == "keep" and (None if None in backgrounds else any(backgrounds)),
        response=False if without else (None if None in responses else True),
        title=one.subject.path,
        path=one.path,
        background_name="the background of the sum",
        no_response=f" (nor has its member {without[0].subject.path})" if without else "",
        lacking=tuple(member.subject.spectrum for member in without),
        response_cure=without[0].response_cure if without else "",
        responses=shared_responses(members),
    )


def edge_steps(spec: Spec, sources: Mapping[str, Source]) -> list[Step]:
    """Make the steps that find the edges of bands in spectra."""
    steps = []
    for one in spec.equal_bands.values():
        to = sources.get(one.to.path) if one.to else None
        if one.of.path in sources and (one.to is None or to is not None):
            steps.append(bands_step(one, sources[one.of.path], to))
    return steps

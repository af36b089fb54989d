"""Steps of NuSTAR's own tools: nupipeline makes event lists, nuproducts what needs calibration.

Each works in a folder of its own, laid out as the tools expect it: the observation under its obsid, the reduced lists
under ``OBSID_p/event_cl``, products under ``OBSID_p/spec`` and ``OBSID_p/lc``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from xbatch.base.errors import Problem
from xbatch.commands.call import HEASOFT, Staged, Work
from xbatch.commands.ftools import barycorr
from xbatch.commands.nustar import MODULES, Module, nupipeline
from xbatch.commands.nustardas import Nustardas, bench_file
from xbatch.plan.eventlists import identity, part_of, screenings_of
from xbatch.plan.nustarbackscale import backscale_steps
from xbatch.plan.nustarimages import image_steps, map_steps
from xbatch.plan.nustarproducts import curve_steps, spectrum_steps
from xbatch.plan.nustarsplit import kept_lists, split_steps
from xbatch.plan.nustarwork import Reduced, impossible, needs_caldb
from xbatch.plan.observation import observation_inputs, observation_places
from xbatch.plan.rawfolder import has_bench
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Step
from xbatch.spec.eventmodel import Observed, Screening
from xbatch.spec.rawmodel import RawObservation

__all__ = ["nustar_steps"]

_MAIN = "default"
_MODES_WITH_01 = {"ALL", "SCIENCE"}
_GRADES, _ALL_GRADES = [0, 26], "GRADE>=0"
"""What nupipeline keeps unless it is told, and what it is told where no grade is cut."""


def nustar_steps(context: RawContext, one: RawObservation) -> RawMade:
    """Make the steps of NuSTAR's tools for one observation.

    Parameters
    ----------
    context : RawContext
    one : RawObservation

    Returns
    -------
    RawMade
        Event lists of all its modules and screenings; spectra and light curves that are not left to the native tasks.
    """
    mine = {each.subject: each for each in context.work.observed if (each.mission, each.obsid) == ("nustar", one.obsid)}
    problems = tuple(_problems(context, one, mine))
    if problems:
        return RawMade(problems=problems)
    made = RawMade()
    reduced: dict[tuple[str, str], Reduced] = {}
    tools = Nustardas.of(context.version(HEASOFT))
    bench = _bench(tools, one)
    for reduction in _reductions(one, mine, tools):
        step = _pipeline_step(context, one, reduction, bench)
        made |= RawMade(steps=(step,))
        for each in mine.values():
            whole = Reduced(
                step.name,
                Module(one.obsid, each.instrument, _folder(one), bool(one.params.get("frozen_seed"))),
                bench=bench,
            )
            screenings = screenings_of(each)
            own = {name: screenings[name].chu for name in reduction.screenings if name in screenings}
            steps, parts = split_steps(context, one, each, whole, reduction.name, list(own.values()))
            made |= RawMade(steps=steps)
            for chu, part in parts.items():
                here = part
                if one.params.get("barycentre"):
                    corrected = _barycentre_step(context, one, each, replace(here, position=one.target), reduction)
                    here = replace(here, position=one.target, barycorr=corrected.name)
                    made |= RawMade(steps=(corrected,))
                names = [name for name, units in own.items() if units == chu]
                reduced |= {(each.subject, name): here for name in names}
                made |= RawMade(lists={(each.subject, name): here.native for name in names})
    for recipe in (spectrum_steps, curve_steps, map_steps, backscale_steps, image_steps):
        made |= recipe(context, mine, reduced)
    return made


def _folder(one: RawObservation) -> str:
    return f"{one.obsid}_p/event_cl"


def _bench(tools: Nustardas, one: RawObservation) -> bool | None:
    """Say whether nupipeline must leave the housekeeping of the optics bench; None where it leaves none.

    Where a correction of FPMA's ARF hangs on it that is made without being asked for, that would be left out without a
    word. Else it is kept where it comes.
    """
    if not tools.copies_bench:
        return None
    return tools.corrects_for_temperature and "FPMA" in one.instruments and has_bench(one)


def _problems(context: RawContext, one: RawObservation, used: Mapping[str, Observed]) -> Iterator[Problem]:
    """Say what makes the reduction impossible before anything of it runs."""
    parts = {name: screening for each in used.values() for name, screening in screenings_of(each).items()}
    split = next((screening for screening in parts.values() if screening.chu), None)
    stages = list(one.params.get("stages") or [1, 2])
    if used and stages != [1, 2]:
        message = f"stages {stages[0]} to {stages[-1]} of nupipeline make no screened list of raw data"
        yield impossible(context, one.obsid, message, "write stages: [1, 2]", "data.pipeline.stages")
    mode = str(one.params.get("obsmode") or "ALL").upper()
    if used and mode not in _MODES_WITH_01:
        message = f"with obsmode {mode.lower()} nupipeline makes no list of mode 01, of which products are made"
        yield impossible(context, one.obsid, message, "write obsmode: all", "data.pipeline.obsmode")
    elif split is not None and mode != "ALL":
        message = f"with obsmode {mode.lower()} nupipeline makes no list of mode 06, which {split.name!r} takes (chu)"
        yield impossible(context, one.obsid, message, "write obsmode: all", "data.pipeline.obsmode")
    elif one.params.get("split") and mode != "ALL":
        message = f"nupipeline does not split mode 06 (split) with obsmode {mode.lower()}"
        yield impossible(context, one.obsid, message, "write obsmode: all, or split: false", "data.pipeline.split")
    if one.params.get("barycentre") and one.target is None:
        message = "barycentred times need the position of the source"
        hint = 'add target: {name: ..., position: ["14:13:14.9", "-03:12:27.3"]}'
        yield impossible(context, one.obsid, message, hint, "data.pipeline.barycentre")


# ---- reduction -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Reduction:
    """One call of nupipeline: the screenings that it does, what it takes for them; a name if it is not the first."""

    screenings: tuple[str, ...]
    params: Mapping[str, Any]
    name: str

    def subject(self, whole: str) -> str:
        """Name what a step of it is about."""
        return f"{whole}/{self.name}" if self.name else whole

    def product(self, folder: str) -> str:
        """Name the folder of a step of it."""
        return f"{folder}-{self.name}" if self.name else folder


def _reductions(one: RawObservation, observed: Mapping[str, Observed], tools: Nustardas) -> list[_Reduction]:
    """Group the screenings that nupipeline does alike."""
    used: dict[str, Screening] = {}
    for each in observed.values():
        used = screenings_of(each) | used
    names = dict.fromkeys([*(name for name in (_MAIN,) if name in used or not used), *used])
    groups: list[tuple[list[str], Mapping[str, Any]]] = []
    for name in names:
        params = _pipeline_params(one.screenings.get(name, {}), used.get(name), tools.saacalc)
        same = next((known for known, other in groups if other == params), None)
        if same is None:
            groups.append(([name], params))
        else:
            same.append(name)
    return [_Reduction(tuple(some), params, some[0] if number else "") for number, (some, params) in enumerate(groups)]


def _pipeline_params(given: Mapping[str, Any], screening: Screening | None, saacalc: int) -> dict[str, Any]:
    """Give what nupipeline takes of a screening.

    Where a treatment of SAA passages is named and not its algorithm, that is `saacalc`. Cuts on GRADE and STATUS are
    told to nupipeline too: what nuproducts makes of its lists must not differ from what is made of them here.
    """
    params = dict(given)
    cuts = screening.params if screening is not None else {"grade": _GRADES}
    grades = cuts.get("grade")
    if grades is None:
        params.setdefault("gradeexpr", _ALL_GRADES)
    elif list(grades) != _GRADES:
        params.setdefault("gradeexpr", f"GRADE>={grades[0]}&&GRADE<={grades[1]}")
    if cuts.get("status") is not None:
        params.setdefault("statusexpr", f"STATUS=={cuts['status']}")
    if str(params.get("saamode", "NONE")).upper() != "NONE":
        params.setdefault("saacalc", saacalc)
    return params


def _pipeline_step(context: RawContext, one: RawObservation, reduction: _Reduction, bench: bool | None) -> Step:
    modules = [instrument for instrument in MODULES if instrument in one.instruments]
    pointing = one.params.get("pointing")
    mode = str(one.params.get("obsmode") or "ALL").upper()
    split = bool(one.params.get("split"))
    call = nupipeline(
        one.obsid,
        _folder(one),
        instrument=modules[0] if len(modules) == 1 else None,
        stages=one.params.get("stages"),
        pointing=pointing if pointing is None or isinstance(pointing, str) else (pointing[0], pointing[1]),
        obsmode=None if mode == "ALL" else mode,
        screening=reduction.params,
        split=True if split else None,
        frozen_seed=bool(one.params.get("frozen_seed")),
        clobber=True,
    )
    kept = _kept(one.obsid, modules, split, bench)
    work = Work(
        calls=(call,),
        staged={one.obsid: Staged("raw", "tree")},
        kept={output.removesuffix("?"): f"{_folder(one)}/{pattern}" for output, pattern in kept.items()},
    )
    subject = reduction.subject(one.obsid)
    step = Step(
        name=f"nupipeline:{subject}",
        task="nupipeline",
        subject=subject,
        params={"mission": one.mission, "obsid": one.obsid, "work": work.params()},
        inputs=observation_inputs(one),
        product=reduction.product(f"{one.obsid}/nupipeline"),
        path=one.path,
        outputs=tuple(kept),
        places=observation_places(one),
        because="NuSTAR's events are calibrated and screened with CALDB, which nupipeline uses",
    )
    return needs_caldb(context, step)


def _kept(obsid: str, modules: list[str], split: bool, bench: bool | None) -> dict[str, str]:
    """Name what nupipeline leaves for later steps, and the files that these are."""
    stem = f"nu{obsid}"
    names = [f"{stem}_mast.fits", f"{stem}_att.fits"]
    patterns: dict[str, str] = {}
    if bench is not None:
        # a copy of what is in hk/, which may be packed
        patterns[bench_file(obsid) if bench else f"{bench_file(obsid)}?"] = f"{bench_file(obsid)}*"
    for instrument in modules:
        own = f"{stem}{MODULES[instrument]}"
        names += [f"{own}01_cl.evt", f"{own}_det1.fits", f"{own}_oa.fits", f"{own}_fpm.hk"]
        names += [f"{own}01_gti.fits?", f"{own}.attorb?", f"{own}.mkf?", f"{own}06_cl.evt?"]
        if split:
            patterns |= kept_lists(own)
    return {name: name.removesuffix("?") for name in names} | patterns


def _barycentre_step(
    context: RawContext, one: RawObservation, observed: Observed, here: Reduced, reduction: _Reduction
) -> Step:
    """Make the step that corrects a list and its live time to the barycentre, as nuproducts does for its products."""
    names = {role: here.roles[role] for role in ("events", "hk", "orbit")}
    position = here.position or (0.0, 0.0)
    made = {"events": "events.fits", "hk": "livetime.hk"}
    work = Work(
        calls=tuple(barycorr(names[role], output, names["orbit"], position) for role, output in made.items()),
        staged={name: Staged(role) for role, name in names.items()},
        kept={output: output for output in made.values()},
    )
    subject = part_of(reduction.subject(observed.subject), here.module.chu)
    step = Step(
        name=f"barycorr:{subject}",
        task="barycorr",
        subject=subject,
        params={**identity(observed), "work": work.params()},
        inputs={role: here.inputs[role] for role in names},
        product=reduction.product(f"{part_of(observed.subject, here.module.chu)}/barycorr"),
        path=one.path,
        outputs=tuple(made.values()),
        because="NuSTAR's clock file is in CALDB, which barycorr uses",
    )
    return needs_caldb(context, step)

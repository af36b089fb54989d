"""Steps of the parts of mode 06: the aspect of each combination of camera head units is a list of its own.

nupipeline splits the list of mode 06 only where the spec has it do so. Where it does not, nusplitsc is a step of its
own: a reduction that is done stays done when a spec comes to ask for these parts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from xbatch.commands.call import Staged, Work
from xbatch.commands.nustar import SPLIT_MODES, SPLIT_NORMAL, nusplitsc
from xbatch.plan.eventlists import identity, part_of
from xbatch.plan.nustarwork import Reduced, needs_caldb
from xbatch.plan.observation import observation_inputs, observation_places
from xbatch.plan.rawmade import RawContext
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.eventmodel import Observed
from xbatch.spec.rawmodel import RawObservation

__all__ = ["kept_lists", "split_steps"]

_CHOSEN = "events.fits"
_MADE = "nusplitsc.json"
_BECAUSE = "which camera head units were in use is said by housekeeping, with ranges of CALDB, which nusplitsc uses"


def kept_lists(own: str) -> dict[str, str]:
    """Name the lists that nupipeline makes of mode 06 of a module, for later steps, and the files that these are."""
    return {f"{own}06_{mode}_cl.evt?": f"{own}06_{mode}_[NS]_cl.evt" for mode in SPLIT_MODES}


def split_steps(
    context: RawContext,
    one: RawObservation,
    observed: Observed,
    whole: Reduced,
    reduction: str,
    wanted: Collection[str],
) -> tuple[tuple[Step, ...], dict[str, Reduced]]:
    """Make the steps that give the lists of mode 06 that screenings ask for.

    Parameters
    ----------
    context : RawContext
    one : RawObservation
    observed : Observed
    whole : Reduced
        The module as nupipeline leaves it.
    reduction : str
        Name of the reduction; empty for the first.
    wanted : collection of str
        Camera head units, ``12``; empty text for mode 01. Nothing where the reduction is for the other module.

    Returns
    -------
    steps : tuple of Step
    parts : dict of str to Reduced
        What each of `wanted` is made of.
    """
    units = [chu for chu in dict.fromkeys(wanted) if chu]
    parts: dict[str, Reduced] = {"": whole} if "" in wanted else {}
    if not units:
        return (), parts
    steps: list[Step] = []
    own = f"{whole.module.stem}{whole.module.letter}"
    if one.params.get("split"):
        maker, names = whole.step, {mode: f"{own}06_{mode}_cl.evt" for mode in SPLIT_MODES}
        made = whole.inputs["hk"]
    else:
        split = _split_step(context, one, observed, whole, reduction)
        steps.append(split)
        maker, names = split.name, {mode: f"{own}06_{mode}_{SPLIT_NORMAL}_cl.evt" for mode in SPLIT_MODES}
        made = StepInput(split.name, _MADE)
    lists: dict[str, Input] = {f"list/{mode}": StepInput(maker, name, optional=True) for mode, name in names.items()}
    for chu in units:
        step = Step(
            name=f"chu:{part_of(_subject(observed, reduction), chu)}",
            task="chu",
            subject=part_of(_subject(observed, reduction), chu),
            params={**identity(observed), "chu": chu},
            inputs={"made": made, **lists},
            product=_product(part_of(observed.subject, chu), "list", reduction),
            path=observed.path,
        )
        steps.append(step)
        module = replace(whole.module, chu=chu)
        parts[chu] = replace(whole, module=module, chosen=StepInput(step.name, _CHOSEN))
    return tuple(steps), parts


def _subject(observed: Observed, reduction: str) -> str:
    return f"{observed.subject}/{reduction}" if reduction else observed.subject


def _product(folder: str, leaf: str, reduction: str) -> str:
    return f"{folder}/{leaf}-{reduction}" if reduction else f"{folder}/{leaf}"


def _split_step(context: RawContext, one: RawObservation, observed: Observed, whole: Reduced, reduction: str) -> Step:
    """Make the step that splits the list of mode 06, as nupipeline would with ``runsplitsc``."""
    own = f"{whole.module.stem}{whole.module.letter}"
    events, units, hk = f"{own}06_cl.evt", f"{whole.module.stem}_chu123.fits", whole.roles["hk"]
    lists = [f"{own}06_{mode}_{SPLIT_NORMAL}_cl.evt" for mode in SPLIT_MODES]
    work = Work(
        calls=(nusplitsc(events, units, hk, "split"),),
        staged={
            events: Staged("events", "copy"),
            hk: Staged("hk"),
            units: Staged("raw", "part", f"hk/{units}"),
        },
        kept={name: f"split/{name}" for name in lists},
    )
    subject = _subject(observed, reduction)
    step = Step(
        name=f"nusplitsc:{subject}",
        task="nusplitsc",
        subject=subject,
        params={**identity(observed), "work": work.params()},
        inputs={
            "events": StepInput(whole.step, events, optional=True),
            "hk": whole.inputs["hk"],
            **observation_inputs(one),
        },
        product=_product(observed.subject, "nusplitsc", reduction),
        path=observed.path,
        outputs=(_MADE, *(f"{name}?" for name in lists)),
        places=observation_places(one),
        because=_BECAUSE,
    )
    return needs_caldb(context, step)

"""Steps of nubackscale: BACKSCAL of natively counted spectra, weighted by an exposure map of nuexpomap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbatch.commands.call import HEASOFT, Staged, Work
from xbatch.commands.nustar import nubackscale
from xbatch.plan.eventlists import identity
from xbatch.plan.eventproducts import EXPOSURE_MAP, exposure_map_name
from xbatch.plan.eventspectra import backscale_name, extracted
from xbatch.plan.nustarproducts import ByList, weighed_spectra
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Step, StepInput
from xbatch.spec.eventmodel import EventSpectrum, Observed

__all__ = ["backscale_steps"]

_FILES = {"pha": "counted.pha", "background": "counted_bkg.pha"}
_MADE = ("source.pha", "background.pha")
#: What nubackscale makes a map of where it is given none; it wants their names in any case.
_ROLES = ("events", "det1", "mast", "att")


def backscale_steps(context: RawContext, observed: Mapping[str, Observed], reduced: ByList) -> RawMade:
    """Make the steps of the spectra whose BACKSCAL nubackscale weighs; parameters as of `spectrum_steps`."""
    steps = []
    for one in weighed_spectra(context, observed):
        where = observed[f"{one.subject.obsid}/{one.subject.instrument}"]
        steps.append(_step(context, where, one, reduced))
    return RawMade(steps=tuple(steps))


def _step(context: RawContext, observed: Observed, one: EventSpectrum, reduced: ByList) -> Step:
    here = replace(reduced[observed.subject, one.screening], position=None)
    staged = {file: Staged(staged.role) for file, staged in here.staged.items() if staged.role in _ROLES}
    call = nubackscale(here.module, _FILES["pha"], _FILES["background"], _MADE[0], _MADE[1], exposure_map=EXPOSURE_MAP)
    work = Work(
        (call,),
        {**staged, EXPOSURE_MAP: Staged("expmap"), **{file: Staged(role) for role, file in _FILES.items()}},
        kept={name: name for name in _MADE},
    )
    return Step(
        name=backscale_name(one),
        task="nubackscale",
        subject=one.subject.path,
        params={**identity(observed), "spectrum": one.subject.label, "work": work.params()},
        inputs={
            **extracted(one),
            **{role: here.inputs[role] for role in _ROLES},
            "expmap": StepInput(exposure_map_name(observed.subject, one.screening), EXPOSURE_MAP),
        },
        product=f"{one.subject.path}/nubackscale",
        path=one.path,
        outputs=_MADE,
        engine=HEASOFT,
        engine_version=context.version(HEASOFT),
        blocked=context.blocked(HEASOFT, one.path),
        because="the spec asks for a BACKSCAL that nubackscale weighs (exposure_map: pipeline)",
    )

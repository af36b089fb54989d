"""Steps that draw spectra from models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from xbatch.plan.sources import Source, response_file
from xbatch.plan.steps import FileInput, Input, Step
from xbatch.registry import TASKS
from xbatch.spec.derivedmodel import Fake
from xbatch.spec.model import FurtherModel

__all__ = ["fake_source", "fake_step", "further_models"]


def fake_step(one: Fake, like: Source) -> Step:
    """Make the step that draws a spectrum.

    Parameters
    ----------
    one : Fake
    like : Source
        The spectrum whose response, exposure and background it has.
    """
    from xbatch.spec.tablemodels import file_of  # loaded for plans that fit

    subject = one.subject
    inputs: dict[str, Input] = {"spectrum": like.spectrum_input(), "response": like.response_input()}
    if like.background and one.background:
        inputs["background"] = like.background_input()
    inputs |= {f"further/{name}": like.further_input(name) for name in like.responses}
    for name, kind in one.components.items():
        table = file_of(kind)
        if table is not None:
            inputs[f"table/{name}"] = FileInput(str(table))
    return Step(
        name=f"fake:{subject.path}",
        task="fake",
        subject=subject.path,
        params={
            "obsid": subject.obsid,
            "instrument": subject.instrument,
            "mission": subject.mission,
            "spectrum": subject.label,
            "note": "",
            "model": None if one.model is None else dict(one.model),
            "components": {name: kind.partition("{")[0] for name, kind in one.components.items()},
            "values": {name: list(values) for name, values in one.values.items()},
            "abundances": one.abundances,
            "cross_sections": one.cross_sections,
            "exposure": one.exposure,
            "seed": one.seed,
            **further_models(one.models),
        },
        inputs=inputs,
        product=subject.path,
        path=one.path,
        outputs=(*TASKS["fake"].outputs, *map(response_file, like.responses)) if like.responses else (),
    )


def further_models(models: Sequence[FurtherModel]) -> dict[str, Any]:
    """Give the parameter that holds further models; nothing where there are none."""
    return {"models": [asdict(one) for one in models]} if models else {}


def fake_source(one: Fake, like: Source) -> Source:
    """Give what groupings and fits start from."""
    return Source(
        subject=one.subject,
        step=f"fake:{one.subject.path}",
        background=like.background and one.background,
        response=like.response,
        title=one.subject.path,
        path=one.path,
        background_name="the drawn background",
        no_response=f" (nor has {like.subject.path}, which it is like)" if like.response is False else "",
        lacking=(like.subject.spectrum,) if like.response is False else (),
        responses=like.responses,
    )

"""What all steps of SAS for one observation have in common: names, calibration, variables; the first two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from xbatch.base.errors import Problem
from xbatch.base.toolstate import Fault
from xbatch.commands import epic, sas
from xbatch.commands.call import SAS, Call, Staged, Work
from xbatch.plan.observation import observation_inputs
from xbatch.plan.rawfolder import files_below, mode_trouble, odf_folder
from xbatch.plan.rawmade import RawContext
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.rawmodel import RawObservation

__all__ = ["SasSteps", "events_name", "filter_name", "selection_name"]

_MAIN = "default"
_SEED, _OWN_SEED = "SAS_RAND_SEED", "1"
"""What SAS begins its random numbers with, and what it is where the shell says nothing."""
_OF_OBSERVATION = "observation"
_NO_CCF = Fault(
    "the calibration files of XMM-Newton", "mirror them, and export SAS_CCFPATH with the name of their folder"
)
_NOTING = {"part_errors": "note"}
_NOTED = "errors of parts of SAS's chains become notes (data.pipeline.part_errors), where there are products"
_CALIBRATED = "the observation is calibrated with the CCF, which SAS alone reads"


def events_name(observed: str) -> str:
    """Name the step that makes the list of a camera."""
    return f"epicevents:{observed}"


def filter_name(observed: str, screening: str) -> str:
    """Name the step that filters the list of a camera."""
    return f"epicfilter:{observed}{'' if screening == _MAIN else f'/{screening}'}"


def selection_name(observed: str, regions: Iterable[str]) -> str:
    """Name the step that writes some regions of a camera as conditions for SAS, their inner radii enlarged.

    Each product has that of its own regions: others may change, and no search that is not of them is waited for.
    """
    return f"selection:{observed}/{'+'.join(dict.fromkeys(filter(None, regions)))}"


class SasSteps:
    """What steps of SAS for one observation have in common."""

    def __init__(self, context: RawContext, one: RawObservation) -> None:
        self.context = context
        self.one = one

    def step(self, task: str, subject: str, path: str, work: Work, inputs: Mapping[str, Input], **more: Any) -> Step:
        """Make a step of SAS; `more` are further fields of the step, and ``params`` beside the work."""
        params = {**more.pop("params", {}), "work": work.params()}
        return Step(
            name=more.pop("name", f"{task}:{subject}"),
            task=task,
            subject=subject,
            engine=SAS,
            params=params,
            inputs={**observation_inputs(self.one), **inputs},
            blocked=self.context.blocked(SAS, path),
            remarks=(*self.context.remarks(SAS, "ccf"), *((_NOTED,) if _NOTING.items() <= params.items() else ())),
            path=path,
            places={sas.ODF: self._odf()},
            because=more.pop("because", _CALIBRATED),
            engine_version=self.context.version(SAS),
            **more,
        )

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The observation's files that are here and are not fetched anew."""
        if self.one.fetch == "always":
            return ()
        try:
            return tuple(files_below(self.one.folder))
        except PermissionError:  # which the step `observation` tells
            return ()

    def other_mode(self, instrument: str, mode: str, path: str) -> Problem | None:
        """Say, for `Step.blocked`, that an instrument has observed in other modes than the one that is asked for."""
        trouble = mode_trouble(self.one, self.files, instrument, mode)
        if trouble is None:
            return None
        message = f"{trouble.what}, and {mode} is asked for"
        return Problem(self.context.analysis.place(path), "XB401", message, trouble.cure, path)

    def staged(self, unpack: bool = False) -> Mapping[str, Staged]:
        """Say how the observation and its calibration come into the working folder."""
        return sas.staged_calibration(self.one.obsid, unpack)

    @property
    def calibration(self) -> dict[str, Input]:
        """The inputs that `staged` is about."""
        obsid = self.one.obsid
        return {
            "cif": StepInput(f"cifbuild:{obsid}", sas.CIF),
            "summary": StepInput(f"odfingest:{obsid}", "summary.SAS"),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables of tasks that have all of the calibration; a seed of the shell's own belongs to keys."""
        seed = self.context.toolset.environ.get(_SEED, "")
        return {**sas.calibrated(self.one.obsid), **({_SEED: seed} if seed not in {"", _OWN_SEED} else {})}

    @property
    def version(self) -> str:
        """Of SAS; empty where it is not installed."""
        return self.context.version(SAS)

    def params_of(self, instrument: str) -> Mapping[str, Any]:
        """Say how the list of an instrument is made."""
        return self.one.instrument_params.get(instrument, self.one.params)

    def parts(self, calls: Iterable[Call], instruments: Iterable[str]) -> tuple[tuple[Call, ...], Mapping[str, Any]]:
        """Have errors of the parts of chains noted where the spec says so for all of some instruments.

        Returns
        -------
        calls : tuple of Call
        params : Mapping
            What the step's parameters hold of it: nothing where such errors are failures.
        """
        if any(self.params_of(one).get("part_errors") != "note" for one in instruments):
            return tuple(calls), {}
        return tuple(sas.noting_parts(call) for call in calls), _NOTING

    def _odf(self) -> str:
        return str(odf_folder(self.one.folder).absolute())

    def cifbuild(self) -> Step:
        """Make the step that indexes the calibration; what files there are to choose from is part of its key."""
        date = str(self.one.params["analysis_date"])
        call = epic.cifbuild("{observation:date}" if date == _OF_OBSERVATION else date)
        odf = {sas.ODF: self.staged(unpack=True)[sas.ODF]}
        made = self.step(
            "cifbuild",
            self.one.obsid,
            self.one.path,
            Work((call,), odf, kept={sas.CIF: sas.CIF}),
            {},
            params={"ccf": self.context.toolset.ccf},
            product=f"{self.one.obsid}/sas/cifbuild",
        )
        if made.blocked is not None or self.context.toolset.ccf:
            return made
        fault = self.context.toolset.faults.get("ccf", _NO_CCF)
        return replace(made, blocked=self.context.lacking(fault, made.path))

    def odfingest(self) -> Step:
        """Make the step that summarises the observation."""
        staged = self.staged(unpack=True)
        return self.step(
            "odfingest",
            self.one.obsid,
            self.one.path,
            Work(
                (epic.odfingest(),),
                {name: staged[name] for name in (sas.ODF, sas.CIF)},
                kept={"summary.SAS": "*SUM.SAS"},
            ),
            {"cif": self.calibration["cif"]},
            product=f"{self.one.obsid}/sas/odfingest",
        )

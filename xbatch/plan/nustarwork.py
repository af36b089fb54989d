"""What steps of NuSTAR's tools have in common: reduced lists, regions and times in their working folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xbatch.base.errors import Problem
from xbatch.base.toolstate import Fault, clock_fault
from xbatch.commands.call import HEASOFT, Call, Staged, Work
from xbatch.commands.ds9 import region_text
from xbatch.commands.nuproducts import Area, Barycentre
from xbatch.commands.nustar import Module
from xbatch.commands.nustardas import Nustardas, bench_file
from xbatch.plan.eventlists import ListInputs, file_input, selected_times
from xbatch.plan.rawmade import RawContext
from xbatch.plan.steps import FileInput, Input, Step, StepInput
from xbatch.spec.eventmodel import Observed

__all__ = ["Located", "Reduced", "Wanted", "impossible", "located", "needs_caldb", "not_heeded"]

_REGION_FILES = ("src.reg", "bgd.reg")
_TIMES = "times.gti"
#: Cuts that nupipeline is told unless the screening has an expression of its own for it.
_OWN = {"grade": "gradeexpr", "status": "statusexpr"}
_NO_CALDB = Fault(
    "NuSTAR's files of CALDB",
    "install the NuSTAR CALDB, and source $CALDB/software/tools/caldbinit.sh before the run",
)
_POINT_LIKE = {"circle", "ellipse", "annulus"}


def impossible(context: RawContext, who: str, message: str, hint: str, path: str) -> Problem:
    """Say that the tools cannot do what is asked of `who`."""
    return Problem(context.analysis.place(path), "XB412", f"{who}: {message}", hint, path)


@dataclass(frozen=True)
class Reduced:
    """One module of an observation, as nupipeline leaves it by one screening.

    Attributes
    ----------
    step : str
        That of nupipeline.
    module : Module
        With the folder that its files are laid in.
    position : tuple of float or None
        Of the source, where times are corrected to the barycentre.
    barycorr : str
        The step that has corrected the list, if any.
    chosen : StepInput or None
        The list, where it is not one of nupipeline's.
    bench : bool or None
        Whether nupipeline is sure to leave the housekeeping of the optics bench; None where its release does not.
    """

    step: str
    module: Module
    position: tuple[float, float] | None = None
    barycorr: str = ""
    chosen: StepInput | None = None
    bench: bool | None = None

    @property
    def roles(self) -> dict[str, str]:
        """The role of each file that nuproducts looks for, the list's first, and its name."""
        module = self.module
        own = f"{module.stem}{module.letter}"
        names = {
            "events": module.events,
            "det1": f"{own}_det1.fits",
            "oa": f"{own}_oa.fits",
            "hk": f"{own}_fpm.hk",
            "mast": f"{module.stem}_mast.fits",
            "att": f"{module.stem}_att.fits",
        }
        return names | ({"orbit": module.orbit} if self.position is not None else {})

    @property
    def staged(self) -> dict[str, Staged]:
        """The files where nuproducts looks for them.

        The list itself is a copy: xselect follows a link to its end, and has no room for a long path.
        """
        return {
            f"{self.module.folder}/{name}": Staged(role, "copy" if role == "events" else "link")
            for role, name in self.roles.items()
        }

    @property
    def inputs(self) -> dict[str, Input]:
        """The files as inputs of a step."""
        inputs: dict[str, Input] = {role: StepInput(self.step, name) for role, name in self.roles.items()}
        return inputs if self.chosen is None else inputs | {"events": self.chosen}

    @property
    def bench_staged(self) -> dict[str, Staged]:
        """The housekeeping of the optics bench where nuproducts looks for it when it makes an ARF, unpacked."""
        if self.bench is None:
            return {}
        return {f"{self.module.folder}/{bench_file(self.module.obsid)}": Staged("bench", "unpack", optional=True)}

    @property
    def bench_inputs(self) -> dict[str, Input]:
        """The same as an input of a step."""
        if self.bench is None:
            return {}
        return {"bench": StepInput(self.step, bench_file(self.module.obsid), optional=not self.bench)}

    @property
    def native(self) -> ListInputs:
        """The list for native tasks, with its live time."""
        if self.barycorr:
            return ListInputs(StepInput(self.barycorr, "events.fits"), StepInput(self.barycorr, "livetime.hk"))
        return ListInputs(self.inputs["events"], self.inputs["hk"])

    @property
    def barycentre(self) -> Barycentre | None:
        """What nuproducts does to times; those that are selected here are corrected already."""
        if self.position is None:
            return None
        return Barycentre(self.position, f"{self.module.folder}/{self.module.orbit}", times=False)


@dataclass(frozen=True)
class Wanted:
    """Which counts are wanted of an observation and module.

    Attributes
    ----------
    observed : Observed
    region, background : str
        Names of regions; the second may be empty.
    screening, gti : str
    point : bool
        Whether the tool corrects for the PSF of a point in the source's region.
    path : str
        Of the spec, for problems.
    """

    observed: Observed
    region: str
    background: str
    screening: str
    gti: str
    point: bool
    path: str


@dataclass(frozen=True)
class Located:
    """Where and when counts come from, as files in the working folder and as inputs of the step.

    `ghost_rays` is whether the ARF of a point can be corrected for them, which numkarf does in circles alone.
    """

    area: Area
    staged: Mapping[str, Staged] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    ghost_rays: bool = True


def not_heeded(context: RawContext, observed: Observed, screening: str, tool: str, path: str) -> Problem | None:
    """Say which cut of a screening a tool would not make: one that nupipeline, which makes the others, is not told.

    It has none on PI, and where the screening has an expression of a column it is told no other cut of it.
    """
    chosen = observed.screenings.get(screening)
    if chosen is None:
        return None
    if chosen.params.get("pi_range") is not None:
        message = f"the screening {screening!r} has a pi_range, which {tool} does not heed"
        hint = "remove it: bands select energies; or have xbatch count the events (engine: native)"
        return impossible(context, observed.subject, message, hint, path)
    told = context.told(observed.obsid, screening)
    for cut, expression in _OWN.items():
        if expression in told and chosen.params.get(cut) is not None:
            message = f"the screening {screening!r} has a {cut} beside {expression}, which alone {tool}'s events are of"
            hint = f"put both into {expression}, and write {cut}: none"
            return impossible(context, observed.subject, message, hint, path)
    return None


def located(context: RawContext, wanted: Wanted) -> Located | Problem:
    """Put the regions of source and background, and the times, where nuproducts can read them."""
    observed = wanted.observed
    refused = not_heeded(context, observed, wanted.screening, "nuproducts", wanted.path)
    if refused is not None:
        return refused
    staged: dict[str, Staged] = {}
    written: dict[str, str] = {}
    inputs: dict[str, Input] = {}
    ghost_rays = True
    for name, file in zip((wanted.region, wanted.background), _REGION_FILES, strict=True):
        if not name:
            continue
        region = observed.regions[name]
        if region.file is not None:
            inputs[f"region/{name}"] = file_input(region.file)
            staged[file] = Staged(f"region/{name}", "copy")
            continue
        shapes = region.params["shapes"]
        if wanted.point and file == _REGION_FILES[0]:
            odd = [one["shape"] for one in shapes if one["include"] and one["shape"] not in _POINT_LIKE]
            if odd or len(shapes) > 1:
                its = f"is a {odd[0]}" if odd else f"has {len(shapes)} shapes"
                message = f"the PSF of a point is known in one circle, ellipse or annulus, and {name!r} {its}"
                hint = "write source_type: extended for the spectrum, or another shape"
                return impossible(context, observed.subject, message, hint, wanted.path)
            ghost_rays = shapes[0]["shape"] == "circle"
        try:
            written[file] = region_text(shapes, region.params.get("combine"))
        except ValueError as error:
            message, hint = f"region {name!r}: {error}", "write it in frame fk5 or icrs"
            return impossible(context, observed.subject, message, hint, wanted.path)
    times = selected_times(observed, wanted.screening, wanted.gti)
    if times is not None:
        inputs["times"] = times
        staged[_TIMES] = Staged("times", "copy")
    area = Area(_REGION_FILES[0], _REGION_FILES[1] if wanted.background else "", _TIMES if times is not None else "")
    return Located(area, staged, written, inputs, ghost_rays)


def needs_caldb(context: RawContext, step: Step) -> Step:
    """Make a step one of HEASoft's that uses NuSTAR's calibration: with its version, and the index as an input.

    A CALDB that is read over the network has no index to look at: its address is a parameter of the step instead.
    """
    toolset = context.toolset
    calls = Work.of(step.params["work"]).calls
    blocked = context.blocked(HEASOFT, step.path)
    if blocked is None:
        fault = _caldb_fault(context, calls)
        blocked = None if fault is None else context.lacking(fault, step.path)
    remote: dict[str, Any] = {}
    if toolset.remote:
        note = f"calibrated with CALDB at {toolset.remote}, as it was that day: its state cannot be pinned"
        remote = {"caldb": toolset.remote, "notes": [*step.params.get("notes", ()), note]}
    local = {} if toolset.caldb is None else {"caldb": FileInput(str(toolset.caldb))}
    return replace(
        step,
        engine=HEASOFT,
        engine_version=context.version(HEASOFT),
        inputs={**step.inputs, **local},
        params={**step.params, **remote},
        blocked=step.blocked or blocked,
        remarks=(*step.remarks, *context.remarks(HEASOFT, "caldb"), *_of_release(context, calls)),
    )


def _corrects_clock(calls: Sequence[Call]) -> bool:
    return any(call.tool == "barycorr" or ("barycorr", "yes") in call.args for call in calls)


def _of_release(context: RawContext, calls: Sequence[Call]) -> Iterator[str]:
    """Say what the release of HEASoft does to the numbers of a step's calls that others do not."""
    version = context.version(HEASOFT)
    tools = Nustardas.of(version)
    if not tools.knows_clock and _corrects_clock(calls):
        text = f"HEASoft {version} is older than the clock files that CALDB has since 29 April 2020"
        yield f"{text}, which need NuSTARDAS 1.9.2: barycentred times may be off; install a newer HEASoft"
    args = [dict(call.args) for call in calls if tools.corrects_for_temperature]
    if any((one.get("instrument"), one.get("runmkarf")) == ("FPMA", "yes") for one in args):
        text = f"HEASoft {version} corrects the ARF of FPMA for the temperature of the optics"
        yield f"{text}, which releases before it cannot and later ones do only where they are told to"


def _caldb_fault(context: RawContext, calls: Sequence[Call]) -> Fault | None:
    """Say why a step's calls cannot have their calibration from CALDB; None if they can."""
    toolset = context.toolset
    fault = toolset.faults.get("caldb")
    if fault is not None:
        return fault
    if toolset.remote and any(one.fetch == "never" for one in context.raw.observations if one.mission == "nustar"):
        what = (
            f"CALDB on this disk: CALDB={toolset.remote} is read over the network, and with 'fetch: never' nothing is"
        )
        return Fault(what, "install the NuSTAR CALDB here and export CALDB with its folder, or write fetch: missing")
    if toolset.caldb is None and not toolset.remote:
        return _NO_CALDB
    return clock_fault(toolset.environ) if _corrects_clock(calls) else None

"""Observations as a report shows them: what was screened and why, and the pictures of regions, sky and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbatch.report.pictures import PICTURES, Picture, is_good, picture_of, rgs_flares
from xbatch.report.source import RunSource, Step
from xbatch.report.toolfinds import Exposures, PileUp, Sources, exposures_of, pileup_of, sources_of

__all__ = [
    "Lists",
    "ObservationView",
    "Preview",
    "RegionRow",
    "Screened",
    "Table",
    "band_views",
    "mosaic_views",
    "observation_views",
    "region_rows",
    "sum_views",
]

_OWN = ("events", "epicevents", "rgsproc", *(task for task in PICTURES if task != "mosaic"))
_SOME = {"gti", "epicfilter"}  # that leave a picture at times only
_RGS, _RGS_BOTH = "RGS", ("RGS1", "RGS2")
_USES = ("source of", "background of light curve", "background of", "light curve")
Table = Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Screened:
    """One event list: how many events stayed, and why the others did not."""

    name: str
    events: int
    kept: int
    dropped: tuple[tuple[str, int], ...]
    ontime: float
    exposure: float
    gtis: int
    date: str
    object: str


@dataclass(frozen=True)
class RegionRow:
    """One region of a preview; `area` in square arcmin, None without sky coordinates."""

    name: str
    role: str
    shapes: tuple[str, ...]
    pixels: int
    area: float | None
    fraction: float
    counts: int


@dataclass(frozen=True)
class Preview:
    """A picture of regions, and what it shows."""

    picture: Picture
    regions: tuple[RegionRow, ...]


@dataclass(frozen=True)
class Lists:
    """Good times that a step selected, without a picture: its name, intervals and seconds."""

    name: str
    intervals: int
    seconds: float


@dataclass(frozen=True)
class ObservationView:
    """One observation with one instrument, or with both RGS."""

    obsid: str
    instrument: str
    screened: tuple[Screened, ...]
    previews: tuple[Preview, ...]
    pictures: tuple[Picture, ...]
    gtis: tuple[Lists, ...]
    exposures: tuple[Exposures, ...] = ()
    pileups: tuple[PileUp, ...] = ()
    sources: tuple[Sources, ...] = ()

    @property
    def anchor(self) -> str:
        """A word for links within a page."""
        return "obs-" + "".join(c if c.isalnum() else "-" for c in f"{self.obsid}-{self.instrument}")


def observation_views(source: RunSource) -> list[ObservationView]:
    """Shape every observation whose events were worked on, in the plan's order; steps not selected are left out."""
    found: dict[tuple[str, str], list[Step]] = {}
    for step in source.manifest["steps"]:
        if step["task"] in _OWN and step["outcome"] != "not selected":
            found.setdefault(_place(step), []).append(step)
    return [_observation(source, *key, steps) for key, steps in found.items()]


def _place(step: Step) -> tuple[str, str]:
    """Give the observation and the instrument of a step; a cut by espfilt has them in its subject alone."""
    params = step["params"]
    if step["task"] == "flare" and "obsid" not in params:
        obsid, _, instrument = str(step["subject"]).partition("~")[0].partition("/")
        return obsid, instrument.partition("/")[0]
    instrument = str(params.get("instrument") or (_RGS if step["task"] == "rgsproc" else ""))
    return str(params.get("obsid", "")), instrument


def _draws(step: Step) -> bool:
    """Say whether a step should have left a picture; espfilt makes none."""
    task = step["task"]
    if PICTURES[task] in step["outputs"]:
        return True
    return task not in _SOME and not (task == "flare" and step.get("engine") == "sas" and is_good(step))


def _observation(source: RunSource, obsid: str, instrument: str, steps: Sequence[Step]) -> ObservationView:
    others = [
        picture_of(source, step)
        for task in ("flare", "epicfilter", "gti", "lightcurve", "image")
        for step in steps
        if step["task"] == task and _draws(step) and step["params"].get("figure", True)
    ]
    others += rgs_flares(source, [step for step in steps if step["task"] == "rgsproc"])
    return ObservationView(
        obsid,
        instrument,
        tuple(_screened(step) for step in steps if step["task"] == "events" and step["facts"]),
        tuple(
            Preview(picture_of(source, step), tuple(region_rows(step))) for step in steps if step["task"] == "preview"
        ),
        tuple(others),
        tuple(_gtis(steps)),
        tuple(dict.fromkeys(found for step in steps if (found := exposures_of(step)) is not None)),
        tuple(pileup_of(source, step) for step in steps if step["task"] == "pileup"),
        tuple(made for one in steps if one["task"] == "detect" and (made := sources_of(source, one)) is not None),
    )


def _screened(step: Step) -> Screened:
    facts: Mapping[str, Any] = step["facts"]
    name = str(step["subject"]).partition("~")[0].split("/")
    return Screened(
        name[2] if len(name) > 2 else "default",
        int(facts["events"]),
        int(facts["kept"]),
        tuple((why, int(count)) for why, count in facts.get("dropped", {}).items() if count),
        float(facts.get("ontime") or 0.0),
        float(facts.get("exposure") or 0.0),
        int(facts.get("gtis") or 0),
        str(facts.get("date_obs") or ""),
        str(facts.get("object") or ""),
    )


def _gtis(steps: Sequence[Step]) -> Iterator[Lists]:
    for step in steps:
        facts = step["facts"]
        if step["task"] == "gti" and facts:
            seconds = facts.get("seconds", facts.get("ontime"))
            if seconds is not None:
                subject, _, swept = str(step["subject"]).partition("~")
                which = ", ".join(filter(None, ("/".join(subject.split("/")[3:]), swept)))  # the screening's name
                name = str(step["params"].get("name", "")) + (f" ({which})" if which else "")
                yield Lists(name, int(facts.get("intervals", 0)), float(seconds))


def region_rows(step: Step) -> list[RegionRow]:
    """Give the regions that a preview has drawn."""
    regions: Mapping[str, Mapping[str, Any]] = step["facts"].get("regions", {})
    return [
        RegionRow(
            name,
            _joined(str(each.get("role", ""))),
            tuple(each.get("shapes", ())),
            int(each["pixels"]),
            each.get("area_arcmin2"),
            float(each.get("fraction_in_field", 1.0)),
            int(each["counts"]),
        )
        for name, each in regions.items()
    ]


def _joined(role: str) -> str:
    """Name each use once: ``source of a; source of b`` is ``source of a, b``."""
    uses: dict[str, list[str]] = {}
    for use in filter(None, role.split("; ")):
        start = next((start for start in _USES if use.startswith(f"{start} ")), "")
        uses.setdefault(start, []).append(use.removeprefix(start).strip())
    return "; ".join(" ".join(filter(None, (start, ", ".join(names)))) for start, names in uses.items())


def mosaic_views(source: RunSource) -> list[Picture]:
    """Shape every mosaic, in the plan's order."""
    return [picture_of(source, step) for step in source.steps("mosaic") if step["outcome"] != "not selected"]


def sum_views(source: RunSource) -> list[Table]:
    """Give the summed spectra as one table: a row of headings, and a row for each; none without sums."""
    rows: list[tuple[str, ...]] = []
    read = {step["inputs"]["pha"].get("step"): step for step in source.steps("spectrum") if "pha" in step["inputs"]}
    for step in (*source.steps("combine"), *source.steps("rgscombine")):
        if step["outcome"] == "not selected":
            continue
        # what rgscombine has left is counted where it is read
        facts = read.get(step["name"], step)["facts"] if step["task"] == "rgscombine" else step["facts"]
        params = step["params"]
        members = facts.get("members") or params.get("members") or _RGS_BOTH * (step["task"] == "rgscombine")
        rows.append(
            (
                str(step["subject"]).replace("/", " "),
                ", ".join(str(member) for member in members),
                _number(facts.get("counts"), "{:.0f}"),
                _number(facts.get("background_counts"), "{:.0f}"),
                _number(facts.get("exposure"), "{:.1f}"),
                _number(facts.get("net_rate", facts.get("rate")), "{:.4g}"),
                "" if is_good(step) else step["outcome"],
            )
        )
    head = ("Sum", "Of", "Counts", "Background counts", "Exposure (s)", "Net rate (ct/s)", "")
    return [[head, *rows]] if rows else []


def band_views(source: RunSource) -> list[tuple[str, Table]]:
    """Give the bands whose edges data have decided: the scheme's name, and its edges as a table."""
    found: list[tuple[str, Table]] = []
    for step in source.steps("bands"):
        document = source.json_of(step, "bands.json")
        if document is None:
            continue
        rows = [("Band", "From (keV)", "To (keV)", "Channels")]
        for band in document.get("bands", ()):
            channels = "-".join(str(number) for number in band.get("channels") or ())
            rows.append((str(band["name"]), f"{band['lo']:.6g}", f"{band['hi']:.6g}", channels))
        found.append((str(step["subject"]), rows))
    return found


def _number(value: Any, form: str) -> str:
    return form.format(value) if isinstance(value, int | float) else ""

"""Observations as a report shows them: what was screened and why, and the pictures of regions, sky and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbatch.report.source import RunSource, Step

__all__ = [
    "Lists",
    "ObservationView",
    "Picture",
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

_PICTURES = {
    "preview": "regions.png",
    "flare": "flare.png",
    "epicfilter": "flare.png",
    "gti": "gti.png",
    "image": "images.png",
    "lightcurve": "lightcurves.png",
    "detect": "sources.png",
    "mosaic": "mosaic.png",
}
_OWN = ("events", *(task for task in _PICTURES if task != "mosaic"))
_SOME = {"gti", "detect", "epicfilter"}  # that leave a picture at times only
_USES = ("source of", "background of light curve", "background of", "light curve")
_GOOD = frozenset({"done", "up to date"})
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
class Picture:
    """A picture with its words; `uri` is None where it is no longer there, `trouble` says why a step left none."""

    title: str
    uri: str | None
    alt: str
    caption: str
    wide: bool = False
    trouble: str = ""


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
    """One observation with one instrument."""

    obsid: str
    instrument: str
    screened: tuple[Screened, ...]
    previews: tuple[Preview, ...]
    pictures: tuple[Picture, ...]
    gtis: tuple[Lists, ...]

    @property
    def anchor(self) -> str:
        """A word for links within a page."""
        return "obs-" + "".join(c if c.isalnum() else "-" for c in f"{self.obsid}-{self.instrument}")


def observation_views(source: RunSource) -> list[ObservationView]:
    """Shape every observation whose events were worked on, in the plan's order; steps not selected are left out."""
    found: dict[tuple[str, str], list[Step]] = {}
    for step in source.manifest["steps"]:
        if step["task"] in _OWN and step["outcome"] != "not selected":
            params = step["params"]
            found.setdefault((str(params.get("obsid", "")), str(params.get("instrument", ""))), []).append(step)
    return [_observation(source, *key, steps) for key, steps in found.items()]


def _observation(source: RunSource, obsid: str, instrument: str, steps: Sequence[Step]) -> ObservationView:
    others = [
        _picture(source, step)
        for task in ("flare", "epicfilter", "gti", "lightcurve", "image", "detect")
        for step in steps
        if step["task"] == task
        and (task not in _SOME or _PICTURES[task] in step["outputs"] or (task == "detect" and not _is_good(step)))
        and step["params"].get("figure", True)
    ]
    return ObservationView(
        obsid,
        instrument,
        tuple(_screened(step) for step in steps if step["task"] == "events" and step["facts"]),
        tuple(Preview(_picture(source, step), tuple(region_rows(step))) for step in steps if step["task"] == "preview"),
        tuple(others),
        tuple(_gtis(steps)),
    )


def _is_good(step: Step) -> bool:
    return step["outcome"] in _GOOD


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
                swept = str(step["subject"]).partition("~")[2]
                name = str(step["params"].get("name", "")) + (f" ({swept})" if swept else "")
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


def _picture(source: RunSource, step: Step) -> Picture:
    """Shape the picture that a step has left, or say why there is none."""
    task = str(step["task"])
    uri = source.picture_uri(step, _PICTURES[task])
    title, alt, caption = _words(step)
    trouble = ""
    if uri is None:
        trouble = (
            str(step["message"] or "") if step["outcome"] not in _GOOD else "It is not among the products any more."
        )
        trouble = trouble or f"Its step was {step['outcome']}."
    many = len(step["facts"].get("bands", ())) if task in {"image", "mosaic"} else 1
    return Picture(title, uri, alt, caption, many > 1, trouble)


def _words(step: Step) -> tuple[str, str, str]:
    """Give title, description and caption of a step's picture."""
    params, facts = step["params"], step["facts"]
    where = f"{params.get('obsid', '')} {params.get('instrument', '')}".strip()
    name = str(params.get("name") or "")
    swept = "".join(f" ({value})" for value in [str(step["subject"]).partition("~")[2]] if value)
    match step["task"]:
        case "preview":
            told = f"{facts['image_counts']} counts in {facts['band']}" if "image_counts" in facts else ""
            return (
                f"Regions{swept}",
                f"Image of {where} with the outline of every region: {', '.join(facts.get('regions', {})) or 'none'}",
                f"Every region on the image of {where}: {told}. Excluded shapes are dashed." if told else "",
            )
        case "image":
            bands = [band["name"] for band in facts.get("bands", ())]
            width = facts.get("bin", 1)
            names = " and ".join(facts.get("columns", ("X", "Y")))
            told = f"{facts['exposure']:.6g} s live; bins of {width:g} in {names}" if "exposure" in facts else ""
            return f"Images: {name}{swept}", f"Images of {where} in {', '.join(bands)}", told
        case "mosaic":
            members = [member["member"] for member in facts.get("members", ())]
            title = " ".join(word for word in (name, str(params.get("group") or "")) if word)
            bands = [band["name"] for band in facts.get("bands", ())]
            return (
                f"{title}{swept}",
                f"Sum of the images of {', '.join(members)} in {', '.join(bands)}",
                f"Sum of {', '.join(members)}; {facts['exposure']:.6g} s live in all" if members else "",
            )
        case "lightcurve":
            told = f"bins of {facts['dt']:g} s" if "dt" in facts else ""
            return f"Light curves: {name}{swept}", f"Light curves {name} of {where}", told
        case "detect":
            number = facts.get("sources")
            told = f"{number} source{'' if number == 1 else 's'}, by their numbers in the list of SAS" if facts else ""
            return f"Sources: {name}{swept}", f"Image of {where} with the sources found", told
        case _:
            return _words_of_times(step, where, name, swept)


def _words_of_times(step: Step, where: str, name: str, swept: str) -> tuple[str, str, str]:
    """Give the words of a cut of flares, or of a time selection."""
    facts = step["facts"]
    if step["task"] not in {"flare", "epicfilter"}:
        return f"Time selection: {name}{swept}", f"Time selection {name} of {where}", ""
    kept = f"{facts['seconds']:.6g} s kept" if "seconds" in facts else ""
    limit = f"limit {facts['limit']:.4g} ct/s" if isinstance(facts.get("limit"), int | float) else ""
    told = ", ".join(word for word in (limit, kept) if word)
    return f"Flares{swept}", f"High-energy light curve of {where} and the times kept", told


def mosaic_views(source: RunSource) -> list[Picture]:
    """Shape every mosaic, in the plan's order."""
    return [_picture(source, step) for step in source.steps("mosaic") if step["outcome"] != "not selected"]


def sum_views(source: RunSource) -> list[Table]:
    """Give the summed spectra as one table: a row of headings, and a row for each; none without sums."""
    rows: list[tuple[str, ...]] = []
    for step in source.steps("combine"):
        facts = step["facts"]
        if step["outcome"] == "not selected":
            continue
        params = step["params"]
        members = facts.get("members") or params.get("members") or ()
        rows.append(
            (
                str(step["subject"]).replace("/", " "),
                ", ".join(str(member) for member in members),
                _number(facts.get("counts"), "{:.0f}"),
                _number(facts.get("background_counts"), "{:.0f}"),
                _number(facts.get("exposure"), "{:.1f}"),
                _number(facts.get("net_rate", facts.get("rate")), "{:.4g}"),
                step["outcome"] if step["outcome"] not in _GOOD else "",
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

"""Pictures as a report shows them: what a step has drawn, with its words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xbatch.report.source import RunSource, Step

__all__ = ["PICTURES", "Picture", "is_good", "picture_of", "rgs_flares"]

#: The picture that each task leaves.
PICTURES: Mapping[str, str] = MappingProxyType(
    {
        "preview": "regions.png",
        "flare": "flare.png",
        "epicfilter": "flare.png",
        "gti": "gti.png",
        "image": "images.png",
        "lightcurve": "lightcurves.png",
        "detect": "sources.png",
        "mosaic": "mosaic.png",
        "pileup": "pileup.png",
    }
)
_GOOD = frozenset({"done", "up to date"})


@dataclass(frozen=True)
class Picture:
    """A picture with its words; `uri` is None where it is no longer there, `trouble` says why a step left none."""

    title: str
    uri: str | None
    alt: str
    caption: str
    wide: bool = False
    trouble: str = ""


def is_good(step: Step) -> bool:
    """Say whether a step has a result."""
    return step["outcome"] in _GOOD


def picture_of(source: RunSource, step: Step) -> Picture:
    """Shape the picture that a step has left, or say why there is none."""
    task = str(step["task"])
    many = len(step["facts"].get("bands", ())) if task in {"image", "mosaic"} else 1
    return _shaped(source, step, PICTURES[task], _words(step), many > 1)


def rgs_flares(source: RunSource, steps: Iterable[Step]) -> Iterator[Picture]:
    """Shape the pictures of the flares that steps of `rgsproc` have cut, one for each light curve.

    Time selections of one screening have the same light curve, and one picture.
    """
    found: dict[tuple[str, str], list[tuple[Step, str]]] = {}
    for step in steps:
        for instrument in step["facts"].get("flares", {}):
            output = step["outputs"].get(f"{instrument}_flare.png", {})
            found.setdefault((instrument, output.get("digest", step["name"])), []).append((step, instrument))
    for (step, instrument), *same in found.values():
        facts = step["facts"]["flares"][instrument]
        subject, _, value = str(step["subject"]).partition("~")
        screening = subject.partition("/")[2].removesuffix(f"@{step['facts'].get('times')}")
        swept = f" ({value})" if value and not same else ""
        title = f"Flares in {instrument}{f': {screening}' if screening else ''}{swept}"
        ccd = step["params"]["flares"][instrument]["ccd"]
        alt = f"Background of {step['params']['obsid']} {instrument} on CCD {ccd} and the times kept"
        told = f"CCD {ccd}, limit {facts['limit']:.4g} ct/s, {facts['seconds']:.6g} s kept"
        yield _shaped(source, step, f"{instrument}_flare.png", (title, alt, told), False)


def _shaped(source: RunSource, step: Step, output: str, words: tuple[str, str, str], wide: bool) -> Picture:
    uri = source.picture_uri(step, output)
    title, alt, caption = words
    trouble = ""
    if uri is None:
        trouble = str(step["message"] or "") if not is_good(step) else "It is not among the products any more."
        trouble = trouble or f"Its step was {step['outcome']}."
    return Picture(title, uri, alt, caption, wide, trouble)


def _words(step: Step) -> tuple[str, str, str]:
    """Give title, description and caption of a step's picture."""
    params, facts = step["params"], step["facts"]
    where = f"{params.get('obsid', '')} {params.get('instrument', '')}".strip()
    name = str(params.get("name") or "")
    swept = "".join(f" ({value})" for value in [str(step["subject"]).partition("~")[2]] if value)
    match step["task"]:
        case "preview":
            return _words_of_regions(step, where, swept)
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
        case "detect" | "pileup":
            return _words_of_searches(step, where, name, swept)
        case _:
            return _words_of_times(step, where, name, swept)


def _words_of_regions(step: Step, where: str, swept: str) -> tuple[str, str, str]:
    """Give the words of the image that regions are drawn on."""
    facts = step["facts"]
    part = f"CHU {chu}" if (chu := step["params"].get("chu")) else ""
    where, swept = f"{where} {part}".strip(), f"{f', {part}' if part else ''}{swept}"
    told = f"{facts['image_counts']} counts in {facts['band']}" if "image_counts" in facts else ""
    if not facts.get("regions") and told:
        return f"Image{swept}", f"Image of {where}, without regions", told
    return (
        f"Regions{swept}",
        f"Image of {where} with the outline of every region: {', '.join(facts.get('regions', {})) or 'none'}",
        f"Every region on the image of {where}: {told}. Excluded shapes are dashed." if told else "",
    )


def _words_of_searches(step: Step, where: str, name: str, swept: str) -> tuple[str, str, str]:
    """Give the words of a search for sources, or for pile-up."""
    facts = step["facts"]
    if step["task"] == "detect":
        number = facts.get("sources")
        told = f"{number} sources, by their numbers in the list of SAS" if facts else ""
        if number == 1:
            told = "1 source, by its number in the list of SAS"
        drawn_on = str(step["inputs"].get("picture", {}).get("step", ""))
        if told and drawn_on.startswith("emosaic:"):
            told += "; on the mosaic of all cameras"
        return f"Sources: {name}{swept}", f"Image of {where} with the sources found", told
    name = str(step["subject"]).partition("~")[0].rpartition("/")[2]
    region = step["params"].get("region", "")
    told = "Shaded: what is accepted at each radius; error bars are 1 sigma" if facts else ""
    alt = f"Singles and doubles of {where} over what is expected, by the inner radius of {region}"
    return f"Pile-up: {name}{swept}", alt, told


def _words_of_times(step: Step, where: str, name: str, swept: str) -> tuple[str, str, str]:
    """Give the words of a cut of flares, or of a time selection."""
    facts = step["facts"]
    if step["task"] not in {"flare", "epicfilter"}:
        return f"Time selection: {name}{swept}", f"Time selection {name} of {where}", ""
    kept = f"{facts['seconds']:.6g} s kept" if "seconds" in facts else ""
    limit = f"limit {facts['limit']:.4g} ct/s" if isinstance(facts.get("limit"), int | float) else ""
    told = ", ".join(word for word in (limit, kept) if word)
    screening = _screening_of(step)
    title = f"Flares: {screening}{swept}" if screening else f"Flares{swept}"
    return title, f"High-energy light curve of {where} and the times kept", told


def _screening_of(step: Step) -> str:
    """Name the screening that a cut of flares belongs to; the default one has no name."""
    parts = str(step["subject"]).partition("~")[0].split("/")
    return parts[2] if len(parts) > 2 else ""

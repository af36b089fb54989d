"""What the missions' tools have found, as a report shows it: exposures, pile-up, sources, and how they were called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xbatch.report.pictures import PICTURES, Picture, is_good, picture_of
from xbatch.report.source import RunSource, Step, Table

__all__ = [
    "Exposure",
    "Exposures",
    "PileUp",
    "PileUpRow",
    "Sources",
    "exposures_of",
    "pileup_of",
    "sources_of",
    "tool_calls",
]

_MOST_SOURCES = 10
#: Columns of a list of sources that are shown, and how they are headed.
_SOURCE_COLUMNS: Mapping[str, str] = {
    "source": "No.",
    "ra": "RA",
    "dec": "Dec",
    "likelihood": "Likelihood",
    "rate": "Rate",
    "flux": "Flux",
}


@dataclass(frozen=True)
class Exposure:
    """One exposure that a pipeline has made a list or spectra of; None where that is not told."""

    name: str
    filter: str
    mode: str
    seconds: float
    events: int | None
    taken: bool


@dataclass(frozen=True)
class Exposures:
    """The exposures of an instrument, and why some of them were taken."""

    rows: tuple[Exposure, ...]
    why: str

    @property
    def told(self) -> bool:
        """Whether filters and events are known."""
        return all(row.events is not None for row in self.rows)


@dataclass(frozen=True)
class PileUpRow:
    """What a search has found at one inner radius (arcsec): singles and doubles over what is expected, 1 sigma."""

    radius: float
    singles: float
    singles_error: float
    doubles: float
    doubles_error: float
    verdict: str


@dataclass(frozen=True)
class PileUp:
    """A search for the inner radius that leaves no pile-up."""

    title: str
    picture: Picture | None
    rows: tuple[PileUpRow, ...]
    caption: str


@dataclass(frozen=True)
class Sources:
    """A search for sources: its picture, and the first rows of its table."""

    title: str
    picture: Picture | None
    columns: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int
    files: str


def exposures_of(step: Step) -> Exposures | None:
    """Shape the exposures that `epicevents` or `rgsproc` has chosen among; None where nothing is known of them."""
    facts: Mapping[str, Any] = step["facts"]
    if step["task"] == "epicevents" and "found" in facts:
        rows = [
            Exposure(
                str(one["exposure"]),
                str(one.get("filter") or ""),
                str(one.get("submode") or ""),
                float(one["seconds"]),
                int(one["events"]),
                one["exposure"] in facts["taken"],
            )
            for one in facts["found"]
        ]
        return Exposures(tuple(rows), str(facts.get("why") or ""))
    if step["task"] == "rgsproc" and "seconds" in facts:
        rows = [
            Exposure(f"{instrument} {name}", "", "", float(seconds), None, facts["taken"].get(instrument) == name)
            for instrument, some in facts["seconds"].items()
            for name, seconds in some.items()
        ]
        many = any(len(some) > 1 for some in facts["seconds"].values())
        times = facts.get("times")
        most = f"of each instrument the one with most time in {times}" if times else "the longest of each instrument"
        return Exposures(tuple(rows), most if many else "the only ones in spectroscopy")
    return None


def _drawn(source: RunSource, step: Step) -> Picture | None:
    """Give the picture of a step, or why it failed; None where a good one has drawn none."""
    if PICTURES[str(step["task"])] in step["outputs"] or not is_good(step):
        return picture_of(source, step)
    return None


def pileup_of(source: RunSource, step: Step) -> PileUp:
    """Shape a search for pile-up; one that has failed has no rows, and its picture says why."""
    rule: Mapping[str, Any] = step["params"]["pileup"]
    low, high = (float(edge) / 1000.0 for edge in rule["band"])
    caption = f"{low:g}-{high:g} keV, {rule['direction']}, {float(rule['n_sigma']):g} sigma"
    rows = tuple(_pileup_rows(step["facts"]))
    return PileUp(picture_of(source, step).title, _drawn(source, step), rows, f"{caption}; errors are 1 sigma.")


def _pileup_rows(facts: Mapping[str, Any]) -> Iterator[PileUpRow]:
    for row in facts.get("table", ()):
        verdict = "piled up" if row["piled_up"] else "accepted"
        if row.get("borderline"):
            verdict += ", on its limit"
        if facts.get("accepted") and row["radius"] == facts["inner"]:
            verdict += "; taken"
        singles, doubles = ((float(row[kind]), float(row[f"{kind}_error"])) for kind in ("singles", "doubles"))
        yield PileUpRow(float(row["radius"]), *singles, *doubles, verdict)


def sources_of(source: RunSource, step: Step) -> Sources | None:
    """Shape a search for sources: the likeliest stand first in its table, of which the first rows are shown.

    None where there is nothing to show.
    """
    table = source.table_of(step, "sources") or Table((), (), ())
    places = [table.columns.index(name) for name in _SOURCE_COLUMNS if name in table.columns]
    facts = step["outputs"].get("sources.ecsv")
    picture = _drawn(source, step)
    if picture is None and not table.rows:
        return None
    return Sources(
        picture_of(source, step).title,
        picture,
        tuple(_SOURCE_COLUMNS[table.columns[place]] for place in places),
        tuple(table.units[place] for place in places),
        tuple(tuple(row[place] for place in places) for row in table.rows[:_MOST_SOURCES]),
        max(len(table.rows) - _MOST_SOURCES, 0),
        str(facts["path"]) if facts else "",
    )


def tool_calls(steps: Sequence[Step]) -> list[tuple[str, int]]:
    """Count the calls of each tool that the results of a run are made by, the most called first."""
    count = Counter(str(words[0]) for step in steps if is_good(step) for words in step.get("commands") or ())
    return sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))

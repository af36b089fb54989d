"""Task `extract`: the spectra of all regions of an event table, and of their backgrounds, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import pretty_json, safe_name, write_atomically
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.fitswriter import BinTable, Card, Cell
from xbatch.ogip.gtifile import gti_extension
from xbatch.ogip.livetime import LiveTime, load_livetime
from xbatch.ogip.pha import Spectrum, write_pha
from xbatch.ogip.regions import check_area
from xbatch.ogip.regiontable import region_table
from xbatch.registry import Job, Outcome
from xbatch.tasks._extract_counts import count_regions
from xbatch.tasks._extract_map import weighted_map
from xbatch.tasks._extract_scale import Area, Exposure, area_of, exposure_of
from xbatch.tasks._regions import Placed, field_of, place_regions, plane_of, region_files
from xbatch.tasks._times import Selection, selected_gti
from xbatch.xray.channels import SpectrumAxis, spectrum_axis

__all__ = ["run"]

_FACTS = "extract.json"
_IDENTITY = """
    TELESCOP INSTRUME FILTER DETNAM DATAMODE OBJECT OBS_ID EXP_ID RA_OBJ DEC_OBJ EQUINOX RADECSYS DATE-OBS DATE-END
    TIMEUNIT TIMEREF
"""
#: What makes DETCHANS of a mission whose channels are not known: more PI than that are no spectrum's channels.
_MOST_CHANNELS = 1 << 20
_SHOWN = 3


#: A region that cannot be used: the spectra that it is of cannot be made, others can.
_Fault: TypeAlias = FileError | StepError


@dataclass(frozen=True)
class _Region:
    """A region, its pixels and what is to be said of them, and what was found in it."""

    name: str
    placed: Placed
    pixels: int
    said: tuple[str, ...]
    counts: NDArray[np.int64]
    beyond: int
    exposure: Exposure


def run(job: Job) -> Outcome:
    """Extract spectra.

    Inputs: ``events`` (a table of the task `events`); where there are such ``livetime`` (of the same step), ``gti`` (a
    time selection), ``region/NAME`` (the files of regions), ``expmap/SPECTRUM`` (exposure maps). Parameters:
    ``mission``, ``instrument``, ``obsid``, ``regions`` (by name, as `xbatch.spec.eventmodel.Region` has them) and
    ``spectra``: ``name``, ``region``, ``background`` (a region's name or empty) of each, and ``wmap`` where a map of
    the events is to stand before the spectra, as nubackscale wants it.

    Outputs: for each spectrum ``NAME.pha`` and, if it has a background, ``NAME.bak.pha``, OGIP PHA files with their
    GTIs and region; ``extract.json``: counts, exposure, area, BACKSCAL, CCDs and notes of each. A spectrum that cannot
    be made, since a region of it cannot be read or placed, has no area in the field or no live time, has none of the
    first two but ``NAME.fault.json``, which says why (see `xbatch.tasks.spectrum`).

    Raises
    ------
    FileError, StepError
        None of the spectra can be made.
    """
    table = EventTable.open(job.inputs["events"])
    spectra: Sequence[Mapping[str, Any]] = job.params["spectra"]
    used = dict.fromkeys(name for each in spectra for name in (each["region"], each.get("background") or "") if name)
    selection = selected_gti(table, job.inputs.get("gti"))
    live = load_livetime(job.inputs["livetime"]) if "livetime" in job.inputs else None
    axis = _axis(job, table)
    found, faults = _found(job, used, table, selection, live, axis)
    writer = _Writer(job, table, selection, axis)
    entries, lost = [], list[_Fault]()
    for each in spectra:
        try:
            entries.append(_extracted(each, found, faults, writer))
        except (FileError, StepError) as fault:
            entries.append(_without(each, fault, job.out))
            lost.append(fault)
    if len(lost) == len(spectra):
        raise _one_of(lost)
    notes = _notes(entries, selection)
    write_atomically(job.out / _FACTS, pretty_json({"spectra": entries, "notes": notes}))
    return Outcome({"spectra": {entry["name"]: _facts(entry) for entry in entries}}, tuple(notes))


def _found(
    job: Job,
    names: Iterable[str],
    table: EventTable,
    selection: Selection,
    live: LiveTime | None,
    axis: SpectrumAxis,
) -> tuple[dict[str, _Region], dict[str, _Fault]]:
    """Place the regions and count what is in them; those that cannot be placed or exposed are told apart."""
    files, placed, inside = region_files(job.inputs), dict[str, Placed](), dict[str, tuple[int, tuple[str, ...]]]()
    found, faults = dict[str, _Region](), dict[str, _Fault]()
    for name in names:
        try:
            region = place_regions(table, {name: job.params["regions"][name]}, files)[name]
            inside[name] = check_area(region.shapes, region.rule, field_of(table), name, region.file)
            placed[name] = region
        except (FileError, StepError) as fault:
            faults[name] = fault
    counted = count_regions(table, list(placed.values()), axis, selection)
    for number, (name, region) in enumerate(placed.items()):
        by_detector, in_table = counted.by_detector[number], counted.in_table[number]
        try:
            exposure = exposure_of(name, region, table, selection, live, by_detector, in_table)
        except (FileError, StepError) as fault:
            faults[name] = fault
        else:
            spectrum, beyond = counted.spectra[number], int(counted.beyond[number])
            found[name] = _Region(name, region, *inside[name], spectrum, beyond, exposure)
    return found, faults


def _extracted(
    spectrum: Mapping[str, Any], found: Mapping[str, _Region], faults: Mapping[str, _Fault], writer: _Writer
) -> dict[str, Any]:
    """Write the files of one spectrum, and give what is told of it."""
    name, background = str(spectrum["name"]), str(spectrum.get("background") or "")
    expmap = writer.job.inputs.get(f"expmap/{name}")
    files = {"source": f"{safe_name(name)}.pha", "background": f"{safe_name(name)}.bak.pha"}
    backfile = files["background"] if background else "none"
    parts = []
    for role, region, cards in (
        ("source", str(spectrum["region"]), {"HDUCLAS2": "TOTAL", "BACKFILE": backfile}),
        ("background", background, {"HDUCLAS2": "BKG", "BACKFILE": "none"}),
    ):
        if region in faults:
            raise faults[region]
        if region:
            one = found[region]
            area = area_of(region, one.placed, one.pixels, writer.table, expmap, one.exposure.exposure)
            parts.append((role, one, area, cards))
    entry: dict[str, Any] = {"name": name, "source_type": spectrum.get("source_type")}
    for role, one, area, cards in parts:
        notes = writer.write(files[role], one, area, cards, bool(spectrum.get("wmap")))
        entry[role] = _entry(one, area, notes)
    return entry


def _without(spectrum: Mapping[str, Any], fault: _Fault, out: Path) -> dict[str, Any]:
    """Leave word of a spectrum that cannot be made, for the step that would read it."""
    error = {"file": fault.file, "what": fault.what, "cure": fault.cure}
    name = str(spectrum["name"])
    write_atomically(out / f"{safe_name(name)}.fault.json", pretty_json(error))
    return {"name": name, "source_type": spectrum.get("source_type"), "error": error}


def _one_of(faults: Sequence[_Fault]) -> _Fault:
    """Make one error of those of all spectra."""
    said = list(dict.fromkeys(str(fault) for fault in faults))
    if len(said) == 1:
        return faults[0]
    more = f"; and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return StepError(f"none of the {len(faults)} spectra can be made: {'; '.join(said[:_SHOWN])}{more}")


def _axis(job: Job, table: EventTable) -> SpectrumAxis:
    """Give the channels: those of the instrument, or all PI that the list says it may have."""
    mission, instrument = (str(job.params.get(key) or "") for key in ("mission", "instrument"))
    try:
        return spectrum_axis(mission, instrument)
    except ValueError as error:
        low, high = table.header.columns.get(table.info.sources.get("pi", "PI"), ("", "", None, None))[2:]
        if low is None or high is None or not 0 <= high - low < _MOST_CHANNELS:
            raise FileError(
                plane_of(table).file, f"{error}, and PI has no TLMIN and TLMAX", "Add these cards to the list"
            ) from error
        return SpectrumAxis(int(low), int(high), 1, int(low), int(high) - int(low) + 1, 0.0, 0.0)


@dataclass(frozen=True)
class _Writer:
    """Writes spectra of one table and one selection of times."""

    job: Job
    table: EventTable
    selection: Selection
    axis: SpectrumAxis

    def write(
        self, file: str, region: _Region, area: Area, cards: Mapping[str, Cell], mapped: bool = False
    ) -> list[str]:
        """Write a PHA file, with a map of its events if need be, and give what should be known of it."""
        size, exposure = self.axis.detchans, region.exposure
        notes = [*region.placed.notes, *exposure.notes, *region.said, *area.notes]
        extensions, subspace, said = self._extensions(region)
        spectrum = Spectrum(
            path=str(self.job.out / file),
            channel=np.arange(size, dtype=np.int64) + self.axis.first_channel,
            counts=region.counts.astype(np.float64),
            stat_err=None,
            sys_err=np.zeros(size),
            quality=np.zeros(size, np.int16),
            grouping=np.ones(size, np.int16),
            backscal=np.full(size, area.backscal),
            areascal=np.ones(size),
            exposure=exposure.exposure,
            poisson=True,
            is_rate=False,
            detchans=size,
            first_channel=self.axis.first_channel,
            header={},
        )
        header = {**self._identity(), **self._times(exposure), **cards, "XB_BSCAL": area.rule, **subspace}
        wmap = None
        if mapped:
            made = weighted_map(region.placed, self.table, self.selection)
            about = [Card(name, value) for name, value in self._identity().items()]
            wmap = made.values, [*about, Card("EXPOSURE", exposure.exposure, "[s] exposure time"), *made.cards()]
        write_pha(self.job.out / file, spectrum, header, extensions, wmap)
        total = int(region.counts.sum())
        if not total:
            notes.append(f"no event lies in the region {region.name!r}: the spectrum is all zeros")
        if region.beyond:
            notes.append(f"{region.beyond} events of the region {region.name!r} have a PI beyond the channels")
        return [*notes, *said]

    def _identity(self) -> dict[str, Cell]:
        cards = {name: value for name in _IDENTITY.split() if (value := self.table.header.cards.get(name)) is not None}
        days, part = self.table.header.mjdref
        centre = self.axis.first + 0.5 * (self.axis.width - 1)
        return {
            **cards,
            "MJDREFI": days,
            "MJDREFF": part,
            "TIMESYS": self.table.header.timesys,
            "SPECDELT": self.axis.width,
            "SPECPIX": 0,
            "SPECVAL": centre,
        }

    def _times(self, exposure: Exposure) -> dict[str, Cell]:
        gti = self.selection.gti
        return {
            "TSTART": float(gti[0, 0]),
            "TSTOP": float(gti[-1, 1]),
            "TELAPSE": float(gti[-1, 1] - gti[0, 0]),
            "ONTIME": exposure.ontime,
            "LIVETIME": exposure.exposure,
            "DEADC": exposure.exposure / exposure.ontime,
        }

    def _extensions(self, region: _Region) -> tuple[list[BinTable], dict[str, Cell], list[str]]:
        """Give the GTIs and the region as tables, and the cards that say which is which."""
        clock = [Card(name, value) for name, value in self._identity().items() if name.startswith(("MJDREF", "TIME"))]
        tables, cards = [], dict[str, Cell]()
        if region.exposure.ccds:
            cards |= {"DSTYP1": "CCDNR", "DSTYP2": "TIME", "DSUNI2": "s"}
            for row, number in enumerate(region.exposure.ccds):
                prefix, name = "" if row == 0 else f"{row + 1}", f"GTI{row:03d}02"
                cards |= {f"{prefix}DSVAL1": str(number), f"{prefix}DSREF2": f":{name}"}
                cards |= {"DSVAL2": "TABLE"} if row == 0 else {}
                tables.append(gti_extension(self.selection.of(number), clock, name))
        else:
            tables.append(gti_extension(self.selection.gti, clock))
        axis = 3 if region.exposure.ccds else 1
        name = f"REG001{axis:02d}"
        shapes = region_table(name, region.placed.shapes, region.placed.rule, self.table.header.wcs)
        if shapes is None:
            return (
                tables,
                cards,
                [f"the region {region.name!r} has no words in a FITS table: it is not in the spectrum"],
            )
        cards |= {f"DSTYP{axis}": "POS(X,Y)", f"DSVAL{axis}": "TABLE", f"DSREF{axis}": f":{name}"}
        return [*tables, shapes], cards, []


def _entry(region: _Region, area: Area, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "region": region.name,
        "counts": int(region.counts.sum()),
        "exposure": region.exposure.exposure,
        "ontime": region.exposure.ontime,
        "pixels": area.pixels,
        "backscal": area.backscal,
        "backscal_rule": area.rule,
        "ccds": {str(number): asdict(ccd) for number, ccd in region.exposure.ccds.items()},
        "notes": list(notes),
    }


def _notes(entries: Sequence[Mapping[str, Any]], selection: Selection) -> list[str]:
    """Gather notes, each once, and with the spectrum's name where it is not of all."""
    said = list(selection.notes)
    for entry in entries:
        for role in ("source", "background"):
            said += entry[role]["notes"] if role in entry else []
    return list(dict.fromkeys(said))


def _facts(entry: Mapping[str, Any]) -> dict[str, Any]:
    if "error" in entry:
        return {"error": entry["error"]["what"]}
    source = entry["source"]
    facts = {key: source[key] for key in ("counts", "exposure", "backscal")}
    if "background" in entry:
        facts |= {f"background_{key}": entry["background"][key] for key in ("counts", "exposure", "backscal")}
    return facts

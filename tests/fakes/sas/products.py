"""evselect: filtered lists, spectra, light curves and images of event lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.fakes.sas.fitsfile import Hdu, events_of, image, primary, read, table, write
from tests.fakes.sas.parameters import SasError, Values
from tests.fakes.sas.select import TIME_CARDS, Selected, select, write_filtered
from tests.fakes.sas.task import Task
from xbatch.ogip.fitswriter import Card

__all__ = ["evselect", "rate_table"]

_NOTHING = "No events have been selected - filtering of the event list resulted in an empty table"
_NO_EXPOSURE = (
    "Cannot calculate exposure when no events are selected. Cannot write EXPOSURE keyword for output products."
)


def _cards(**values: str | float | int | bool) -> list[Card]:
    return [Card(key, value) for key, value in values.items()]


def evselect(task: Task) -> None:
    """Select, and write what is asked for."""
    values = task.values
    if values.text("filtertype") != "expression":
        raise SasError("NotSupported", "only filtertype=expression is known here")
    wanted = [name for name in ("filtered", "spectrum", "rate", "image", "histogram") if values.on(f"with{name}set")]
    if values.on("withspectrumset"):
        place = values.text("table").partition(":")[0]
        events_of(read(Path(place)), place)
    chosen = select(values.text("table"), values.text("expression"))
    _make(task, chosen, wanted)
    if not wanted:
        task.warn("NoOutput", "no output has been asked for")


def _make(task: Task, chosen: Selected, wanted: Sequence[str]) -> None:
    values = task.values
    if not len(chosen.rows):
        task.warn("NoFilteredEvents", _NOTHING)
    if "filtered" in wanted and values.on("keepfilteroutput"):
        if not values.on("destruct"):
            raise SasError("NotSupported", "only destruct=yes is known here")
        steps = [name for name in ("writedss", "updateexposure", "filterexposure") if values.on(name)]
        write_filtered(task, chosen, values.path("filteredset"), steps)
    if "spectrum" in wanted:
        _write_spectrum(task, chosen)
    if "rate" in wanted:
        _write_rate(task, chosen)
    if "image" in wanted:
        _write_image(task, chosen)
    if "histogram" in wanted:
        raise SasError("NotSupported", "histograms are not made here")


def _head(task: Task, chosen: Selected) -> Hdu:
    """Make the primary header of a product."""
    return primary([Card("CREATOR", task.creator), *chosen.whose()])


def _subspace_cards(chosen: Selected, hdu: Hdu, values: Values) -> None:
    hdu.set("SLCTEXPR", chosen.expression, "Filtering expression used")
    if values.on("writedss"):
        chosen.subspace.put(hdu)
    exposure = chosen.exposure()
    if exposure is not None:
        hdu.set("EXPOSURE", exposure, "Weighted live time of CCDs in the extraction region")


def _write_spectrum(task: Task, chosen: Selected) -> None:
    values = task.values
    column = values.text("energycolumn")
    if column not in chosen.rows.dtype.names:
        raise SasError("ColumnNotFound", f"column `{column}' does not exist in the table")
    low, high = 0.0, float(chosen.events.get(_limit(chosen.events, column, "TLMAX"), 4095))
    if values.on("withspecranges"):
        low, high = values.real("specchannelmin"), values.real("specchannelmax")
    step = values.real("spectralbinsize")
    count = int((high - low) // step) + 1
    at = np.floor((chosen.rows[column] - low) / step).astype(np.int64)
    counts = np.bincount(at[(at >= 0) & (at < count)], minlength=count)
    cards = [
        *chosen.whose(),
        *_cards(HDUCLASS="OGIP", HDUCLAS1="SPECTRUM", HDUCLAS2="TOTAL", HDUCLAS3="COUNT", HDUVERS1="1.1.0"),
        *_cards(AREASCAL=1.0, CORRSCAL=1.0, POISSERR=True, SYS_ERR=0, QUALITY=0, GROUPING=0),
        *_cards(CHANTYPE=column, DETCHANS=count, TLMIN1=0, TLMAX1=count - 1),
        *_cards(SPECDELT=int(step), SPECPIX=0, SPECVAL=low + (step - 1) / 2),
    ]
    columns = [("CHANNEL", "", np.arange(count, dtype=np.int16)), ("COUNTS", "count", counts.astype(np.int32))]
    spectrum = table("SPECTRUM", columns, cards)
    _subspace_cards(chosen, spectrum, values)
    if chosen.exposure() is None:
        task.warn("NoExpEmpty", _NO_EXPOSURE)
    write(task.keep(values.path("spectrumset")), [_head(task, chosen), spectrum, *chosen.tables])


def _limit(hdu: Hdu, column: str, keyword: str) -> str:
    """Give the card that holds a limit of a column."""
    number = next(key[5:] for key, value in hdu.header.items() if key.startswith("TTYPE") and value == column)
    return f"{keyword}{number}"


def rate_table(chosen: Selected, width: float, span: tuple[float, float] | None = None) -> Hdu:
    """Count rows in bins of time: RATE and ERROR in counts/s, TIME in the middle of each bin.

    Where no span is said the first bin begins at the first row that was selected, and the last one holds the last: TIME
    has no legal limits (evselect 3.71, *Light Curve Extraction* and *Spectrum Extraction*).
    """
    times = chosen.rows["TIME"].astype(float)
    if span is None and len(times):
        start, stop = float(times.min()), float(times.max())
        count = int(np.floor((stop - start) / width)) + 1
        stop = start + count * width
    else:
        start, stop = span or (float(chosen.events.get("TSTART", 0.0)), float(chosen.events.get("TSTOP", 0.0)))
        count = max(int(np.ceil((stop - start) / width)), 1)
    at = np.floor((chosen.rows["TIME"] - start) / width).astype(np.int64)
    counts = np.bincount(at[(at >= 0) & (at < count)], minlength=count)
    columns = [
        ("RATE", "count/s", counts / width),
        ("ERROR", "count/s", np.sqrt(counts) / width),
        ("TIME", "s", start + (np.arange(count) + 0.5) * width),
    ]
    cards = [
        *chosen.whose(*TIME_CARDS),
        *_cards(HDUCLASS="OGIP", HDUCLAS1="LIGHTCURVE", HDUCLAS2="TOTAL", HDUCLAS3="RATE"),
        *_cards(TIMEDEL=width, TSTART=start, TSTOP=stop, BACKAPP=False, DEADAPP=False, VIGNAPP=False),
    ]
    return table("RATE", columns, cards)


def _write_rate(task: Task, chosen: Selected) -> None:
    values = task.values
    span = (values.real("timemin"), values.real("timemax")) if values.on("withtimeranges") else None
    rate = rate_table(chosen, values.real("timebinsize"), span)
    if not values.on("makeratecolumn"):
        rate = _as_counts(rate, values.real("timebinsize"))
    if not values.on("maketimecolumn"):
        raise SasError("NotSupported", "only maketimecolumn=yes is known here")
    _subspace_cards(chosen, rate, values)
    tables = chosen.tables
    if not any(hdu.name.startswith(("GTI", "STDGTI")) for hdu in tables):
        tables = [*tables, *(hdu for hdu in chosen.hdus if hdu.name.startswith("STDGTI"))]
    write(task.keep(values.path("rateset")), [_head(task, chosen), rate, *tables])


def _as_counts(rate: Hdu, width: float) -> Hdu:
    rows = rate.rows
    counts = np.rint(rows["RATE"] * width).astype(np.int32)
    made = table("RATE", [("COUNTS", "count", counts), ("TIME", "s", rows["TIME"].astype(float))])
    made.add([Card(key, value) for key, value in rate.header.items() if key not in made.header and value is not None])
    made.set("HDUCLAS3", "COUNT")
    return made


def _axis(events: Hdu, values: Values, letter: str) -> tuple[str, float, float, float]:
    """Give column, first value, last value and bin size of an image's axis."""
    column = values.text(f"{letter}column")
    if column not in (events.dtype.names or ()):
        raise SasError("ColumnNotFound", f"column `{column}' does not exist in the table")
    low, high = (float(events.get(_limit(events, column, key), 0)) for key in ("TLMIN", "TLMAX"))
    if values.on(f"with{letter}ranges"):
        low, high = values.real(f"{letter}imagemin"), values.real(f"{letter}imagemax")
    if high <= low:
        raise SasError("NoLimits", f"column `{column}' has no limits")
    if values.text("imagebinning") == "binSize":
        return column, low, high, values.real(f"{letter}imagebinsize")
    return column, low, high, float(np.ceil((high - low + 1) / values.integer(f"{letter}imagesize")))


def _write_image(task: Task, chosen: Selected) -> None:
    values = task.values
    axes = [_axis(chosen.events, values, letter) for letter in "xy"]
    if values.on("squarepixels"):
        step = max(axis[3] for axis in axes)
        axes = [(*axis[:3], step) for axis in axes]
    sizes = [int(np.ceil((high - low + 1) / step)) for _, low, high, step in axes]
    at = [np.floor((chosen.rows[name] - low) / step).astype(np.int64) for name, low, _, step in axes]
    inside = (at[0] >= 0) & (at[0] < sizes[0]) & (at[1] >= 0) & (at[1] < sizes[1])
    counts = np.bincount(at[1][inside] * sizes[0] + at[0][inside], minlength=sizes[0] * sizes[1])
    head = image(counts.reshape(sizes[1], sizes[0]).astype(np.int32))
    head.add([Card("CREATOR", task.creator), *chosen.whose(*TIME_CARDS)])
    head.add(_cards(HDUCLASS="OGIP", HDUCLAS1="IMAGE", HDUCLAS2="TOTAL", CONTENT="EPIC IMAGE"))
    for number, (name, low, _, step) in enumerate(axes, 1):
        head.add(_image_axis(chosen.events, name, number, low, step))
    _subspace_cards(chosen, head, values)
    if chosen.ontimes:
        for ccd, ontime in chosen.ontimes.items():
            head.set(f"ONTIME{ccd:02d}", ontime, "Sum of GTIs for a particular CCD")
        head.set("EXPOSURE", max(chosen.ontimes.values()), "max of ONTIMEnn values")
    write(task.keep(values.path("imageset")), [head, *chosen.tables])


def _image_axis(events: Hdu, name: str, number: int, low: float, step: float) -> Sequence[Card]:
    ltm, ltv = 1.0 / step, 0.5 - (low - 0.5) / step
    cards = []
    letter = name if name in ("X", "Y") else ""
    if letter and events.get(f"REF{letter}CTYP") is not None:
        at, value, delta = (float(events.get(f"REF{letter}{what}")) for what in ("CRPX", "CRVL", "CDLT"))
        cards = [
            Card(f"CTYPE{number}", str(events.get(f"REF{letter}CTYP"))),
            Card(f"CRPIX{number}", at * ltm + ltv),
            Card(f"CRVAL{number}", value),
            Card(f"CUNIT{number}", "deg"),
            Card(f"CDELT{number}", delta * step),
        ]
    return [
        *cards,
        Card(f"CTYPE{number}L", name),
        Card(f"CRPIX{number}L", 1),
        Card(f"CRVAL{number}L", low + (step - 1) / 2),
        Card(f"CDELT{number}L", step),
        Card(f"LTV{number}", ltv),
        Card(f"LTM{number}_{number}", ltm),
    ]

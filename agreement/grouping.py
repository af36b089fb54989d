"""Groupings as grppha and the HEASP library make them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agreement.check import Check, Data, Family, agreeing, run_task
from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import read_response, save_response
from xbatch.xray.grouping import LEFTOVER, flag_bad, group_min
from xbatch.xray.grouping_optimal import group_optimal

__all__ = ["checks", "spectrum_of"]

Shorts = NDArray[np.int16]

GRPPHA = Family(
    "Types `min`, `constant` with `ranges`, `none`; `bad`, `systematic`",
    "grppha 3.0.1, HEASoft 6.20",
    "QUALITY, GROUPING where QUALITY is 0, SYS_ERR",
    "task `group`",
    "exact (SYS_ERR 1e-7)",
)
BMIN = Family(
    "Type `bmin`, on source spectra with these backgrounds",
    "grppha 3.0.1, HEASoft 6.20 (`group min` of the background)",
    "GROUPING and QUALITY",
    "task `group`",
    "exact",
)
HEASP = Family(
    "Types `min` (with `range`), `constant`",
    "class `grouping` of HEASP, HEASoft 6.24",
    "the flag of every channel",
    "task `group`",
    "exact",
)
OPT = Family(
    "Type `opt`, with the widths that the library was given",
    "class `grouping` of HEASP, HEASoft 6.24",
    "the flag of every channel",
    "`xbatch.xray.grouping_optimal`",
    "exact",
)
OPT_OWN = Family(
    "Type `opt`, with widths from the response",
    "class `grouping` of HEASP, HEASoft 6.24",
    "the number of groups",
    "task `group`",
    "2 %",
)
_SOURCES = {"velaAbk": "velaA", "velaBbk": "velaB"}
_LATE = (
    "`group min` before `bad` leaves groups that lie half in the bad range. A binning flags bad channels first; the "
    "order was copied here by two functions, to compare."
)
_NONE = "Where no group reaches the minimum the tool flags all channels 2. The task stops and says so."


def checks(data: Data) -> Iterator[Check]:
    """Compare every case."""
    folder = data.reference / "grouping"
    with (
        np.load(folder / "inputs.npz") as inputs,
        np.load(folder / "grppha.npz") as grppha,
        np.load(folder / "heasp.npz") as heasp,
    ):
        for row in _rows(folder / "grppha.csv"):
            found: list[str] = []
            quirk = ""
            with agreeing(found):
                quirk = _grppha(data, row, inputs, grppha)
            yield Check(GRPPHA, row["case"], "; ".join(found), quirk)
            if row["spectrum"] in _SOURCES and row["command"].startswith("reset grouping & reset quality & group min"):
                found = []
                with agreeing(found):
                    _bmin(data, row, inputs, grppha)
                yield Check(BMIN, row["case"], "; ".join(found))
        for row in _rows(folder / "heasp.csv"):
            found = []
            quirk = ""
            if row["method"] == "opt":
                with agreeing(found):
                    _opt(row, inputs, heasp)
                yield Check(OPT, row["case"], "; ".join(found))
                found = []
                with agreeing(found):
                    _opt_of_response(data, row, inputs, heasp)
                yield Check(OPT_OWN, row["case"], "; ".join(found))
                continue
            with agreeing(found):
                quirk = _heasp(data, row, inputs, heasp)
            yield Check(HEASP, row["case"], "; ".join(found), quirk)


def spectrum_of(counts: NDArray[Any], quality: Shorts, first: int = 0) -> Spectrum:
    """Make a spectrum of the counts and flags of a case."""
    size = counts.size
    return Spectrum(
        path="",
        channel=first + np.arange(size, dtype=np.int64),
        counts=counts.astype(np.float64),
        stat_err=None,
        sys_err=np.zeros(size),
        quality=quality.astype(np.int16),
        grouping=np.ones(size, dtype=np.int16),
        backscal=np.ones(size),
        areascal=np.ones(size),
        exposure=1000.0,
        poisson=True,
        is_rate=False,
        detchans=size,
        first_channel=first,
        header={},
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _grouped(data: Data, spectrum: Spectrum, binning: dict[str, Any], response: Path | None = None) -> Spectrum | None:
    """Group by the task; None where it says that no group reaches the minimum."""
    path = data.folder() / "s.pha"
    write_pha(path, spectrum)
    params = {"binning": binning, "name": "case", "obsid": "", "instrument": "", "spectrum": "s"}
    inputs = {"spectrum": path} | ({"response": response} if response else {})
    try:
        out, _ = run_task(data, "group", params, inputs)
    except StepError as error:
        if "no group reaches" in str(error) or "are bad" in str(error):
            return None
        raise
    return read_pha(out / "grouped.pha")


def _grppha(data: Data, row: dict[str, str], inputs: Any, theirs: Any) -> str:
    """Compare a command line of grppha; say what of it is not copied."""
    name, case = row["spectrum"], row["case"]
    first = int(inputs[f"{name}.channel_first"])
    counts, quality = inputs[f"{name}.counts"], inputs[f"{name}.quality"]
    binning: dict[str, Any] = {"type": "none"}
    bad: list[tuple[int, int]] = []
    late = False
    for part in row["command"].split(" & "):
        verb, *words = part.split()
        if part == "reset quality":
            quality = np.zeros_like(quality)
        elif verb == "bad":
            late = binning["type"] != "none"
            bad += [(int(word.split("-")[0]), int(word.split("-")[-1])) for word in words]
        elif verb == "good":
            bad = _without(bad, *(int(end) for end in words[0].split("-")))
        elif verb == "systematics":
            pairs = zip(words[::2], words[1::2], strict=True)
            binning["systematic"] = [[*(int(end) for end in span.split("-")), float(part)] for span, part in pairs]
        elif verb == "group" and words[0] == "min":
            binning |= {"type": "min", "counts": float(words[1])}
        elif verb == "group":
            numbers = [int(word) for word in words]
            ranges = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
            binning |= {"type": "constant", "ranges": [list(one) for one in ranges]}
    spectrum = spectrum_of(counts, quality, first)
    ours = None if late else _grouped(data, spectrum, {**binning, "bad": bad} if bad else binning)
    quirk = ""
    if ours is not None:
        flags, marks, errors = ours.grouping, ours.quality, ours.sys_err
    else:
        quirk = _LATE if late else _NONE
        marks = quality if late else flag_bad(quality, spectrum.channel, bad)
        flags, marks = group_min(spectrum.counts, marks, binning["counts"])
        marks = flag_bad(marks, spectrum.channel, bad) if late else marks
        errors = np.zeros(counts.size)
    assert np.array_equal(marks, theirs[f"{case}/quality"]), "QUALITY differs"
    if "GROUPING" in row["columns_written"]:
        kept = marks == 0
        assert np.array_equal(flags[kept], theirs[f"{case}/grouping"][kept]), "GROUPING differs"
        assert np.count_nonzero(kept & (flags == 1)) == int(row["n_good_groups"]), "the number of groups differs"
    if f"{case}/sys_err" in theirs.files:
        assert np.allclose(errors, theirs[f"{case}/sys_err"], rtol=1e-7), "SYS_ERR differs"
    return quirk


def _bmin(data: Data, row: dict[str, str], inputs: Any, theirs: Any) -> None:
    """Group a source by its background as grppha groups the background itself."""
    good = np.zeros(inputs[f"{row['spectrum']}.counts"].size, dtype=np.int16)
    folder = data.folder()
    for name, spectrum in (("b", row["spectrum"]), ("s", _SOURCES[row["spectrum"]])):
        write_pha(folder / f"{name}.pha", spectrum_of(inputs[f"{spectrum}.counts"], good))
    binning = {"type": "bmin", "counts": float(row["command"].split()[-1])}
    params = {"binning": binning, "name": "case", "obsid": "", "instrument": "", "spectrum": "s"}
    out, _ = run_task(data, "group", params, {"spectrum": folder / "s.pha", "background": folder / "b.pha"})
    ours = read_pha(out / "grouped.pha")
    kept = theirs[f"{row['case']}/quality"] == 0
    assert np.array_equal(ours.quality, theirs[f"{row['case']}/quality"]), "QUALITY differs"
    assert np.array_equal(ours.grouping[kept], theirs[f"{row['case']}/grouping"][kept]), "GROUPING differs"


def _without(ranges: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Take channels out of ranges."""
    cut = [part for low, high in ranges for part in ((low, min(high, first - 1)), (max(low, last + 1), high))]
    return [(low, high) for low, high in cut if low <= high]


def _heasp(data: Data, row: dict[str, str], inputs: Any, theirs: Any) -> str:
    counts = inputs[f"{row['spectrum']}.counts"]
    value, size = float(row["value"]), counts.size
    binning: dict[str, Any] = {"type": "constant", "channels": int(value)}
    if row["method"].startswith("min"):
        binning = {"type": "min", "counts": value}
    if "channels" in row["method"]:
        binning["range"] = {"unit": "channel", "lo": 35, "hi": min(1909, size - 1)}
    good = np.zeros(size, dtype=np.int16)
    ours = _grouped(data, spectrum_of(counts, good), binning)
    quirk = ""
    if ours is not None:
        flags, marks = ours.grouping, ours.quality
    else:
        quirk = _NONE
        inside = np.ones(size, dtype=bool)
        if "range" in binning:
            inside = (np.arange(size) >= 35) & (np.arange(size) <= binning["range"]["hi"])
        flags, marks = group_min(counts.astype(float), good, value, inside)
    # The library gives no flag to what is left over.
    assert np.array_equal(np.where(marks == LEFTOVER, 0, flags), theirs[f"{row['case']}/flag"]), "flags differ"
    return quirk


def _opt(row: dict[str, str], inputs: Any, theirs: Any) -> None:
    counts = inputs[f"{row['spectrum']}.counts"].astype(np.float64)
    flags, _ = group_optimal(counts, theirs[f"fwhm_{row['fwhm']}"], np.zeros(counts.size, dtype=np.int16))
    assert np.array_equal(flags, theirs[f"{row['case']}/flag"]), "flags differ"


def _opt_of_response(data: Data, row: dict[str, str], inputs: Any, theirs: Any) -> None:
    counts = inputs[f"{row['spectrum']}.counts"]
    name = row["fwhm"]
    if name not in data.made:
        matrix = "nustar/90402339002/nuAdet3_2012.rmf.gz" if name == "nu" else "xmm/0693760101/PN.rmf.gz"
        data.made[name] = data.folder() / "response.npz"
        save_response(data.made[name], read_response(data.real / matrix, None))
    response: Path = data.made[name]
    ours = _grouped(data, spectrum_of(counts, np.zeros(counts.size, dtype=np.int16)), {"type": "opt"}, response)
    wanted = np.count_nonzero(theirs[f"{row['case']}/flag"] == 1)
    assert ours is not None, "no groups"
    found = np.count_nonzero(ours.grouping == 1)
    assert abs(found - wanted) <= 0.02 * wanted, f"{found} groups, the library has {wanted}"

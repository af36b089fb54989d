"""Calls of the SAS tasks that make and filter lists of events of EPIC, and spectra with their responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.base.sasrelease import release_of
from xbatch.commands.call import SAS, Call
from xbatch.commands.sas import CIF, ODF, calibrated_folder, listed, observed, uncalibrated

__all__ = [
    "CAMERAS",
    "EPATPLOT_SCRIPT",
    "EVENT_FLAGS",
    "MOST_CHANNEL",
    "all_of",
    "arfgen",
    "backscale",
    "barycen",
    "cifbuild",
    "emchain",
    "emproc",
    "epatplot",
    "epchain",
    "epproc",
    "evselect_filter",
    "evselect_image",
    "evselect_rate",
    "evselect_spectrum",
    "expression_of",
    "gti_expression",
    "merge",
    "odfingest",
    "rmfgen",
    "tabgtigen",
]

CAMERAS = ("EPN", "EMOS1", "EMOS2")
MOST_CHANNEL: Mapping[str, int] = {"EPN": 20479, "EMOS1": 11999, "EMOS2": 11999}
"""The last channel of PI (eV) that a spectrum of each camera holds, as the response matrices have it."""
EVENT_FLAGS: Mapping[str, str] = {"EPN": "#XMMEA_EP", "EMOS1": "#XMMEA_EM", "EMOS2": "#XMMEA_EM"}
EPATPLOT_SCRIPT = "epatplot_graph"
"""The script that draws the plot of `epatplot`, by which its failure is told."""
_CHANNEL = 5
_SHORT: Mapping[str, str] = {"EMOS1": "M1", "EMOS2": "M2"}
_SUMMARY = "*SUM.SAS"


def _call(tool: str, *args: tuple[str, object], expects: tuple[str, ...] = (), **more: Any) -> Call:
    return Call(SAS, tool, tuple((name, str(value)) for name, value in args), expects, **more)


# ---- calibration and observation ---------------------------------------------------------------------------------


def cifbuild(date: str) -> Call:
    """Index the calibration files that hold for the observation, of those issued up to a date.

    With ``analysisdate=now`` the same work would have other results on another day.

    Parameters
    ----------
    date : str
        ``YYYY-MM-DD``, or with ``Thh:mm:ss``, or a token.
    """
    return _call(
        "cifbuild",
        ("withccfpath", "no"),
        ("analysisdate", date),
        ("category", "XMMCCF"),
        ("fullpath", "yes"),
        expects=(CIF,),
        environment=observed(),
    )


def odfingest() -> Call:
    """Make the summary file of an observation."""
    args = (("odfdir", f"{{scratch}}/{ODF}"), ("outdir", "{scratch}"), ("withodfdir", "yes"))
    return _call("odfingest", *args, expects=(_SUMMARY,), environment=uncalibrated())


# ---- lists of events ---------------------------------------------------------------------------------------------


def epproc(out_of_time: bool = False, folder: str = "") -> Call:
    """Make lists of all exposures of EPN; or of their simulated out-of-time events, which have the same names."""
    args = (("withoutoftime", "yes"),) if out_of_time else ()
    return _call("epproc", *args, expects=_below(folder, "*_EPN_*Evts.ds"), folder=folder)


def emproc(camera: str) -> Call:
    """Make lists of all exposures of a MOS."""
    args = (("selectinstruments", "yes"), *((one.lower(), "yes" if one == camera else "no") for one in _SHORT))
    return _call("emproc", *args, expects=(f"*_{camera}_*Evts.ds",))


def epchain(mode: str, exposure: int | None, out_of_time: str = "", version: str = "") -> Call:
    """Make lists of EPN by `epchain`, which by itself does the first imaging exposure alone.

    Parameters
    ----------
    mode : str
        ``imaging`` or ``timing``.
    exposure : int or None
        Which of that mode, counted from 1; None for all.
    out_of_time : str
        ``make`` for the list of simulated out-of-time events, ``after`` for the list itself once that has been made.
        What both share is done once for one exposure; not for all, since raw events are left under names that tell the
        CCD alone (``rawevents04.dat``), and would be those of the last.
    version : str
        Of SAS: 21.0.0 came without the task radmonfix.
    """
    args: list[tuple[str, object]] = [("datamode", "TIMING")] if mode == "timing" else []
    args.append(("odfaccess", "all") if exposure is None else ("exposure", exposure))
    if out_of_time == "make":
        shared = [] if exposure is None else [("keepintermediate", "raw")]
        args += [("runbackground", "N"), *shared, ("withoutoftime", "Y")]
    elif out_of_time == "after":
        shared = [] if exposure is None else [(f"run{part}", "N") for part in ("epframes", "badpixfind", "badpix")]
        args += [("runatthkgen", "N"), *shared]
    if release_of(version) == (21, 0):
        args.append(("runradmonfix", "N"))
    made = ("*OOEVLI*",) if out_of_time == "make" else (f"*PN*{'TI' if mode == 'timing' else 'PI'}EVLI*",)
    return _call("epchain", *args, expects=made, environment=calibrated_folder())


def emchain(camera: str) -> Call:
    """Make lists of all exposures of a MOS by `emchain`; without its own GTIs of flares, for which it needs HEASoft."""
    args = (("instruments", _SHORT[camera]), ("makeflaregti", "no"))
    return _call("emchain", *args, expects=(f"*{_SHORT[camera]}*EVLI*",), environment=calibrated_folder())


def merge(first: str, second: str, out: str) -> Call:
    """Put two lists together."""
    return _call("merge", ("set1", first), ("set2", second), ("outset", out), expects=(out,))


def barycen(events: str, position: tuple[float, float] | None = None) -> Call:
    """Reduce the times of a list to the barycentre of the Solar System, in place.

    Parameters
    ----------
    events : str
    position : tuple of float or None
        RA and Dec (degrees) of the source; None for that of the header.
    """
    args: list[tuple[str, object]] = [("table", f"{events}:EVENTS")]
    if position is not None:
        args += [("withsrccoordinates", "yes"), ("srcra", f"{position[0]:.8g}"), ("srcdec", f"{position[1]:.8g}")]
    return _call("barycen", *args, expects=(events,))


# ---- selections --------------------------------------------------------------------------------------------------


def all_of(*parts: str) -> str:
    """Join conditions by *and*; each that is not there is left out, each that has *or* in it must have its brackets."""
    return "&&".join(part for part in parts if part)


def gti_expression(file: str) -> str:
    """Give the condition that TIME lies in the GTIs of a file."""
    return f"gti({file},TIME)"


def expression_of(cuts: Mapping[str, Any]) -> str:
    """Write a screening as a condition.

    Parameters
    ----------
    cuts : Mapping
        ``pi_range`` and ``pattern`` (lowest and highest, both kept), ``flag`` (a number, bits as ``b00x1``, or a
        selection of the header such as ``#XMMEA_EP``). None and what is absent selects everything.

    Raises
    ------
    ValueError
        There is something else in it.
    """
    unknown = sorted(set(cuts) - {"pi_range", "pattern", "flag", "keep"})
    if unknown:
        raise ValueError(f"a list of EPIC is not screened by {', '.join(unknown)}")
    return all_of(_range("PI", cuts.get("pi_range")), _range("PATTERN", cuts.get("pattern")), _flag(cuts.get("flag")))


def _range(column: str, ends: Sequence[float] | None) -> str:
    if ends is None:
        return ""
    low, high = (f"{end:.10g}" for end in ends)
    if low == high:
        return f"({column}=={low})"
    if column == "PATTERN" and float(low) <= 0:
        return f"({column}<={high})"
    return f"({column} IN [{low}:{high}])"


def _flag(flag: int | str | None) -> str:
    if flag is None:
        return ""
    text = str(flag).strip()
    if text.startswith("#"):
        return text
    if text[:1] in "bB":
        mask = int("".join("0" if bit in "xX" else "1" for bit in text[1:]), 2)
        wanted = int("".join("1" if bit == "1" else "0" for bit in text[1:]), 2)
        return f"((FLAG & 0x{mask:x})==0x{wanted:x})"
    return f"(FLAG=={int(text)})"


def evselect_rate(events: str, out: str, expression: str, width: float) -> Call:
    """Count events in bins of time, in counts/s."""
    return _call(
        "evselect",
        ("table", f"{events}:EVENTS"),
        ("withrateset", "yes"),
        ("rateset", out),
        ("expression", expression),
        ("makeratecolumn", "yes"),
        ("maketimecolumn", "yes"),
        ("timebinsize", f"{width:.10g}"),
        expects=(out,),
    )


def tabgtigen(rates: str, out: str, test: str, limit: float) -> Call:
    """Make GTIs of the bins whose rate passes: ``RATE<0.4`` and ``RATE<=0.4`` differ, and are kept as they are."""
    if test not in {"<", "<="}:
        raise ValueError(f"a rate is cut by < or <=, not {test!r}")
    args = (("table", rates), ("gtiset", out), ("expression", f"RATE{test}{limit:.10g}"))
    return _call("tabgtigen", *args, expects=(out,))


def evselect_filter(events: str, out: str, expression: str) -> Call:
    """Keep some events of a list, and with them the exposure that belongs to them."""
    return _call(
        "evselect",
        ("table", f"{events}:EVENTS"),
        ("withfilteredset", "yes"),
        ("filteredset", out),
        ("expression", expression),
        ("keepfilteroutput", "yes"),
        ("updateexposure", "yes"),
        ("filterexposure", "yes"),
        expects=(out,),
    )


def evselect_image(
    events: str,
    out: str,
    expression: str,
    pixels: int = 600,
    binsize: int | None = None,
    columns: tuple[str, str] = ("X", "Y"),
) -> Call:
    """Make an image of X and Y, or of other coordinates.

    Parameters
    ----------
    events, out, expression : str
    pixels : int
        Along a side; of all that X and Y may be.
    binsize : int or None
        In units of X and Y (0.05 arcsec) in the place of `pixels`: the two are different ways to bin.
    columns : tuple of str
        Of the coordinates.
    """
    binning: tuple[tuple[str, object], ...] = (
        (("imagebinning", "imageSize"), ("ximagesize", pixels), ("yimagesize", pixels))
        if binsize is None
        else (("imagebinning", "binSize"), ("ximagebinsize", binsize), ("yimagebinsize", binsize))
    )
    return _call(
        "evselect",
        ("table", f"{events}:EVENTS"),
        ("withimageset", "yes"),
        ("imageset", out),
        ("xcolumn", columns[0]),
        ("ycolumn", columns[1]),
        *binning,
        ("expression", expression),
        expects=(out,),
    )


# ---- spectra and responses ---------------------------------------------------------------------------------------


def evselect_spectrum(events: str, out: str, expression: str, camera: str) -> Call:
    """Count events by channels of 5 eV, all that the camera's responses have."""
    return _call(
        "evselect",
        ("table", f"{events}:EVENTS"),
        ("withspectrumset", "yes"),
        ("spectrumset", out),
        ("expression", expression),
        ("energycolumn", "PI"),
        ("spectralbinsize", _CHANNEL),
        ("withspecranges", "yes"),
        ("specchannelmin", 0),
        ("specchannelmax", MOST_CHANNEL[camera]),
        expects=(out,),
    )


def backscale(spectrum: str, events: str) -> Call:
    """Write the area that a spectrum was taken from into it, less gaps and bad pixels."""
    return _call("backscale", ("spectrumset", spectrum), ("badpixlocation", events), expects=(spectrum,))


def rmfgen(spectrum: str, out: str) -> Call:
    """Make the redistribution matrix of a spectrum."""
    return _call("rmfgen", ("spectrumset", spectrum), ("rmfset", out), expects=(out,))


def arfgen(
    spectrum: str,
    out: str,
    rmf: str,
    events: str,
    source_type: str = "point",
    position: Sequence[tuple[str, str]] = (),
) -> Call:
    """Make the effective area of a spectrum.

    Parameters
    ----------
    spectrum, out, rmf, events : str
    source_type : str
        ``point``: what lies outside the region is corrected for by the point spread function. ``extended``: it is not,
        and the area is the mean over the region.
    position : sequence of (str, str)
        Parameters that say where the source is (`xbatch.commands.sourceposition`); none: in the region's middle.
    """
    shape = (
        (("extendedsource", "yes"), ("detmaptype", "flat")) if source_type == "extended" else (("detmaptype", "psf"),)
    )
    return _call(
        "arfgen",
        ("spectrumset", spectrum),
        ("arfset", out),
        ("withrmfset", "yes"),
        ("rmfset", rmf),
        ("badpixlocation", events),
        *shape,
        *position,
        expects=(out,),
    )


def epatplot(events: str, stem: str, band: Sequence[int], version: str = "") -> Call:
    """Compare the patterns of events with those of single photons; writes the ratios into its input.

    The plot is no product that decides: the ratios are, and who asks for them looks for them. SAS 22.1 draws it by a
    script in Python, as PDF whatever the device, and changes the name of a file of another kind; the script may fail
    where the ratios are there.

    Parameters
    ----------
    events : str
    stem : str
        Of the name of the plot: ``.gif`` before SAS 22, ``.pdf`` since.
    band : sequence of int
        Lowest and highest PI, eV.
    version : str
        Of SAS.
    """
    kind = "gif" if release_of(version) < (22, 0) else "pdf"
    return _call(
        "epatplot",
        ("set", events),
        ("plotfile", f"{stem}.{kind}"),
        ("device", {"gif": "/GIF", "pdf": "/pdf"}[kind]),
        ("pileupnumberenergyrange", listed(band)),
    )


def _below(folder: str, pattern: str) -> tuple[str, ...]:
    return (f"{folder}/{pattern}" if folder else pattern,)

"""Calls of HEASoft's common tools: ftgrouppha, grppha, addspec, lcmath, extractor, barycorr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.commands.call import HEASOFT, Call
from xbatch.commands.parameters import Value, arguments, degrees, number

__all__ = [
    "MOST_COMMANDS",
    "MOST_GROUP_LINES",
    "MOST_LETTERS",
    "addspec",
    "barycorr",
    "extractor_image",
    "ftgrouppha",
    "group_lines",
    "grppha",
    "grppha_commands",
    "lcmath",
]

#: grppha takes about so many lines of a file with groups (its manual); more are given in several files.
MOST_GROUP_LINES = 100
#: grppha has room for so many commands at once, and for so many letters of them in all (its source in HEASoft 6.20).
MOST_COMMANDS, MOST_LETTERS = 20, 516

#: A type of binning: its name for ftgrouppha, and the key of its scale.
_TYPES: Mapping[str, tuple[str, str]] = {
    "bmin": ("bmin", "counts"),
    "constant": ("constant", "channels"),
    "min": ("min", "counts"),
    "snmin": ("snmin", "snr"),
    "opt": ("opt", ""),
    "optmin": ("optmin", "counts"),
    "optsnmin": ("optsnmin", "snr"),
    "file": ("file", ""),
}


def ftgrouppha(
    infile: str,
    outfile: str,
    binning: Mapping[str, Any],
    *,
    background: str = "",
    response: str = "",
    template: str = "",
    channels: tuple[int, int] | tuple[str, str] | None = None,
) -> Call:
    """Group the channels of a spectrum.

    Parameters
    ----------
    infile, outfile : str
    binning : Mapping
        ``type`` and what it takes: ``counts``, ``snr`` or ``channels``.
    background : str
        The background's file: for bmin, and for a signal-to-noise ratio that is net of it.
    response, template : str
        For the optimal types, and for ``file``.
    channels : tuple of int or str, optional
        The first and last that are grouped, or tokens for them; the optimal types do not heed them.

    Raises
    ------
    ValueError
        ftgrouppha has no such type.
    """
    if binning["type"] not in _TYPES:
        raise ValueError(f"ftgrouppha does not group by {binning['type']!r}, only by {', '.join(_TYPES)}")
    kind, scale = _TYPES[str(binning["type"])]
    first, last = channels or (None, None)
    args: list[tuple[str, Value]] = [
        ("infile", infile),
        ("backfile", background or None),
        ("outfile", outfile),
        ("grouptype", kind),
        ("groupscale", float(binning[scale]) if scale else None),
        ("minchannel", first),
        ("maxchannel", last),
        ("respfile", response or None),
        ("templatefile", template or None),
        ("clobber", True),
    ]
    return Call(HEASOFT, "ftgrouppha", arguments(args), (outfile,))


def grppha(infile: str, outfile: str, commands: Sequence[str]) -> Call:
    """Do some of grppha's commands to a spectrum and leave.

    Parameters
    ----------
    infile, outfile : str
        An `outfile` that is there is written over.
    commands : sequence of str
        ``group min 20``, ``bad 0-34``.
    """
    words = "&".join((*commands, "exit"))
    # what it would ask for next: nothing may be left to a prompt
    args: list[tuple[str, Value]] = [("infile", infile), ("outfile", f"!{outfile}"), ("comm", words), ("tempc", "exit")]
    return Call(HEASOFT, "grppha", arguments(args), (outfile,))


def grppha_commands(
    *,
    counts: float | None = None,
    files: Sequence[str] = (),
    ranges: Sequence[Sequence[int]] = (),
    bad: Sequence[Sequence[int]] = (),
    systematic: Sequence[Sequence[float]] = (),
    keys: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write grppha's commands: bad channels and systematic errors before the groups, which heed them.

    Parameters
    ----------
    counts : float, optional
        The least number of counts in a group.
    files : sequence of str
        Files with groups, one a line: first channel, last channel, channels to a group.
    ranges : sequence of (int, int, int)
        The same, written out.
    bad : sequence of (int, int)
        First and last bad channel.
    systematic : sequence of (int, int, float)
        First and last channel and their fractional error.
    keys : Mapping, optional
        Cards of the header to their values.
    """
    said = [f"chkey {card} {value}" for card, value in (keys or {}).items()]
    said += [f"bad {first}-{last}" if last != first else f"bad {first}" for first, last in bad]
    said += [f"systematics {int(first)}-{int(last)} {number(part)}" for first, last, part in systematic]
    said += [f"group {name}" for name in files]
    said += [f"group {' '.join(map(str, one))}" for one in ranges]
    said += [f"group min {number(counts)}"] if counts is not None else []
    return tuple(said)


def group_lines(groups: Sequence[tuple[int, int]]) -> list[str]:
    """Write groups as lines of grppha's files: neighbours of one width share a line; single channels need none.

    Parameters
    ----------
    groups : sequence of (int, int)
        First and last channel of each group, in order.

    Returns
    -------
    list of str
        ``first last width``, the channels of the first and last of the groups in the line.
    """
    runs: list[list[int]] = []
    for first, last in groups:
        width = last - first + 1
        if width == 1:
            continue
        if runs and runs[-1][2] == width and runs[-1][1] + 1 == first:
            runs[-1][1] = last
        else:
            runs.append([first, last, width])
    return [" ".join(map(str, run)) for run in runs]


def addspec(listed: str, outfile: str, *, responses: bool = True, subtract: bool = True) -> Call:
    """Add the spectra that a file lists, with their backgrounds and responses.

    It follows the names in the spectra from the folder that it runs in, and does not write over a file.

    Parameters
    ----------
    listed : str
        A file with one name a line, no folders.
    outfile : str
        What its products' names begin with: ``.pha``, ``.bak``, ``.rsp``.
    responses : bool
        Whether responses are added too.
    subtract : bool
        Whether the backgrounds are added too, as a spectrum of their own (what ``qsubback`` does, its name
        notwithstanding).
    """
    expects = [f"{outfile}.pha", *([f"{outfile}.bak"] if subtract else []), *([f"{outfile}.rsp"] if responses else [])]
    args = arguments([("infil", listed), ("outfil", outfile), ("qaddrmf", responses), ("qsubback", subtract)])
    return Call(HEASOFT, "addspec", args, tuple(expects))


def lcmath(
    source: str,
    background: str,
    outfile: str,
    scale: float | str,
    *,
    add: bool = False,
    correct: bool | None = None,
    errors: int | None = None,
) -> Call:
    """Subtract a light curve from another one of the same bins, or add it.

    Parameters
    ----------
    source, background, outfile : str
    scale : float or str
        What the background is multiplied by: the ratio of the areas, or a token that stands for it.
    add : bool
    correct : bool, optional
        Whether the headers' DEADC and VIGNET are divided by, where they are not said to be applied; by the tool's
        default they are.
    errors : int, optional
        How errors are scaled (``err_mode``). By the tool's default, 1, the scaled background counts as photons, so that
        its error goes with the square root of `scale`; by 4 with `scale` itself.
    """
    args: list[tuple[str, Value]] = [
        ("infile", source),
        ("bgfile", background),
        ("outfile", outfile),
        ("multi", "1.0"),
        ("multb", scale),
        ("addsubr", add),
        ("docor", correct),
        ("err_mode", errors),
    ]
    return Call(HEASOFT, "lcmath", arguments(args), (outfile,))


def barycorr(
    infile: str,
    outfile: str,
    orbit: str,
    position: tuple[float, float],
    *,
    ephemeris: str | None = None,
    frame: str | None = None,
) -> Call:
    """Correct the times of a file to the solar system's barycentre.

    Parameters
    ----------
    infile, outfile, orbit : str
    position : tuple of float
        Of the source, degrees.
    ephemeris, frame : str, optional
        ``JPLEPH.430``, ``ICRS``.
    """
    args: list[tuple[str, Value]] = [
        ("infile", infile),
        ("outfile", outfile),
        ("orbitfiles", orbit),
        ("ra", degrees(position[0])),
        ("dec", degrees(position[1])),
        ("ephem", ephemeris),
        ("refframe", frame),
    ]
    return Call(HEASOFT, "barycorr", arguments(args), (outfile,))


def extractor_image(
    events: str,
    outfile: str,
    *,
    channels: tuple[int, int] | None = None,
    region: str = "NONE",
    times: str = "NONE",
    binning: int = 1,
    columns: tuple[str, str] = ("X", "Y"),
) -> Call:
    """Make an image of the events of an energy range.

    Parameters
    ----------
    events, outfile : str
    channels : tuple of int, optional
        First and last PI.
    region, times : str
        Files that select.
    binning : int
        Pixels of the list to one of the image.
    columns : tuple of str
        X and Y of the image.
    """
    chosen = events if channels is None else f"{events}[PI={channels[0]}:{channels[1]}]"
    args: list[tuple[str, Value]] = [
        ("filename", chosen),
        ("eventsout", "NONE"),
        ("imgfile", outfile),
        ("binf", binning),
        ("fullimage", True),
        ("phafile", "NONE"),
        ("fitsbinlc", "NONE"),
        ("regionfile", region),
        ("timefile", times),
        ("xcolf", columns[0]),
        ("ycolf", columns[1]),
        ("tcol", "TIME"),
        ("ecol", "PI"),
        ("xcolh", columns[0]),
        ("ycolh", columns[1]),
        ("gti", "GTI"),
        ("clobber", True),
    ]
    return Call(HEASOFT, "extractor", arguments(args), (outfile,))

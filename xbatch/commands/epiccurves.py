"""Calls of SAS for light curves of EPIC: events of source and background by bins of time, then `epiclccorr`.

The bins of source and background must be the same: both are told where they begin and end. Each band has a folder of
its own, since `epiclccorr` leaves files of fixed names where it works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from xbatch.commands import epic
from xbatch.commands.call import SAS, Call

__all__ = ["BACKGROUND", "LIST", "NET", "SOURCE", "TIMES", "EpicCurves", "pi_condition"]

LIST, TIMES = "events.fits", "times.gti"
"""The list and, where a time selection holds, its GTIs in the working folder."""
SOURCE, BACKGROUND, NET = "source.fits", "background.fits", "net.fits"
"""What is made in the folder of a band."""
_BINS = (("withtimeranges", "yes"), ("timemin", "{bins:start}"), ("timemax", "{bins:stop}"))


def pi_condition(first: int, last: int) -> str:
    """Give the condition for PI from `first` to `last`, both included: the upper edge of the band is not in it."""
    return f"(PI IN [{first}:{last + 1}))"


@dataclass(frozen=True)
class EpicCurves:
    """Light curves of one region of one camera.

    Attributes
    ----------
    region, background : str
        Conditions that select events, or tokens for them; the second is empty where there is no background.
    dt : float
        Length of a bin, s.
    absolute : bool
        Whether `epiclccorr` corrects for the effective area and what the region leaves out too.
    times : bool
        Whether a time selection holds.
    position : sequence of (str, str)
        Parameters that say where the source is (`xbatch.commands.sourceposition`); none: in the region's middle. They
        matter to absolute corrections alone.
    """

    region: str
    background: str
    dt: float
    absolute: bool
    times: bool = False
    position: tuple[tuple[str, str], ...] = ()

    def params(self) -> dict[str, Any]:
        """Give it as JSON-able data."""
        data = asdict(self)
        return {**data, "position": [list(pair) for pair in self.position] or None}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> EpicCurves:
        """Read what `params` gave."""
        return cls(**{**data, "position": tuple((name, value) for name, value in data["position"] or ())})

    def calls(self, folder: str, pi: tuple[int, int]) -> tuple[Call, ...]:
        """Give the calls for one band; when bins begin and end is taken from the input ``bins``.

        Parameters
        ----------
        folder : str
            Of the band.
        pi : tuple of int
            First and last PI (eV), both included.
        """
        made = [self._rate(folder, region, out, pi) for region, out in self._counted()]
        return (*made, self._corrected(folder))

    def _counted(self) -> list[tuple[str, str]]:
        pairs = [(self.region, SOURCE), (self.background, BACKGROUND)]
        return pairs if self.background else pairs[:1]

    def _rate(self, folder: str, region: str, out: str, pi: tuple[int, int]) -> Call:
        times = epic.gti_expression(f"../{TIMES}") if self.times else ""
        condition = epic.all_of(pi_condition(*pi), region, times)
        call = epic.evselect_rate(f"../{LIST}", out, condition, self.dt)
        return replace(call, args=(*call.args, *_BINS), expects=(f"{folder}/{out}",), folder=folder)

    def _corrected(self, folder: str) -> Call:
        args = [("srctslist", SOURCE), ("eventlist", f"../{LIST}"), ("outset", NET)]
        args += [("withbkgset", "yes"), ("bkgtslist", BACKGROUND)] if self.background else [("withbkgset", "no")]
        args.append(("applyabsolutecorrections", "yes" if self.absolute else "no"))
        args += self.position if self.absolute else ()
        return Call(SAS, "epiclccorr", tuple(args), (f"{folder}/{NET}",), folder=folder)

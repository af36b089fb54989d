"""Names in the folder that addspec works in: short, without folders, and told by the spectra themselves."""

from __future__ import annotations

from xbatch.commands.call import Work
from xbatch.commands.ftools import addspec

__all__ = ["LISTED", "SUM", "member_files", "sum_work"]

LISTED, SUM = "sum.txt", "sum"


def member_files(place: int, background: bool, response: bool) -> dict[str, str]:
    """Name the files of a member by their kind."""
    files = {"spectrum": f"s{place}.pha"}
    if background:
        files["background"] = f"b{place}.pha"
    if response:
        files |= {"rmf": f"r{place}.rmf", "arf": f"r{place}.arf"}
    return files


def sum_work(members: int, background: bool, response: bool) -> Work:
    """Give what addspec does with all of some members; those without a result are left out when it is done."""
    listed = "".join(f"{member_files(place, background, response)['spectrum']}\n" for place in range(members))
    return Work((addspec(LISTED, SUM, responses=response, subtract=background),), written={LISTED: listed})

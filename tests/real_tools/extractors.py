"""Calls of extractor that no recipe builds: what native work is held against."""

from __future__ import annotations

from xbatch.commands.call import HEASOFT, Call

__all__ = ["extractor"]


def extractor(made: str, region: str, *, product: str, channels: tuple[int, int] | None = None, **more: str) -> Call:
    """Make one product of a region of ``list.evt``; `product` is its parameter, `more` are further ones."""
    products = {name: made if name == product else "NONE" for name in ("imgfile", "phafile", "fitsbinlc")}
    args = {
        "filename": "list.evt" if channels is None else f"list.evt[PI={channels[0]}:{channels[1]}]",
        "eventsout": "NONE",
        **products,
        **more,
        "regionfile": region,
        "timefile": "NONE",
        "xcolf": "X",
        "ycolf": "Y",
        "xcolh": "X",
        "ycolh": "Y",
        "tcol": "TIME",
        "ecol": "PI",
        "gti": "GTI",
        "clobber": "yes",
    }
    return Call(HEASOFT, "extractor", tuple(args.items()), (made,))

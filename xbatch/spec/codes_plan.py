"""Codes of what a plan finds missing (XB4), and of what an XSPEC file says that cannot be taken over (XB5)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbatch.spec.code import Code

__all__ = ["PLAN"]

PLAN: Mapping[str, Code] = MappingProxyType(
    {
        "XB401": Code(
            "a file is missing",
            "A file that the spec names is not there, also not with `.gz`, or its folder cannot be read.",
            "Check the template and `data.root`.",
        ),
        "XB402": Code(
            "a file that a header names is missing",
            "RESPFILE, ANCRFILE or BACKFILE of a spectrum names a file that is not beside it.",
            "Put it there, or name it in `spectra` (or say `none`).",
        ),
        "XB403": Code(
            "no response",
            "A fit or a binning needs a response and the spectrum has none.",
            "Give `response:` in `spectra`.",
        ),
        "XB404": Code(
            "no background",
            "The background mode needs a background and the spectrum has none.",
            "Give `background:` in `spectra`, or use mode: none.",
        ),
        "XB405": Code(
            "a background that is said not to be there",
            "The background mode is none, and the spectrum has one.",
            "Use mode: ignore, or subtract it.",
        ),
        "XB406": Code(
            "several event lists",
            "An observation has more than one event list of an instrument: several exposures, or copies.",
            "Say which with `events:` under `data`; merge exposures beforehand.",
        ),
        "XB407": Code(
            "pixels of several observations",
            "A region in image or physical coordinates serves event lists whose X and Y are not the same.",
            "Save it in fk5, or make one for each observation.",
        ),
        "XB408": Code(
            "a time selection without its light curve",
            "The light curve that a time selection is taken from is not made for the observation, or not in its band.",
            "Add the band to the light curve, or the observation.",
        ),
        "XB409": Code(
            "steps that wait for each other",
            "A time selection, a light curve and bands are each made from the next.",
            "Take bands or times from what does not depend on them.",
        ),
        "XB410": Code(
            "a package is missing",
            "A step needs a package that is not installed.",
            "Install it as the hint says; other steps run without it.",
        ),
        "XB411": Code(
            "the mission's software is missing",
            "A step needs HEASoft or SAS, and it is not installed, or its set-up script has not been run.",
            "Run its set-up script in this shell, or install it; other steps run without it.",
        ),
        "XB412": Code(
            "what the mission's software cannot do",
            (
                "Some of what a spec may say cannot be said to the tools that it leaves the work to: regions in"
                " galactic coordinates or the PSF of a point in a polygon to nuproducts, a part of an image to"
                " extractor or evselect, weights other than exposure to addspec."
            ),
            "Do what the hint says.",
        ),
        "XB413": Code(
            "what the tools installed here do not understand",
            "A command is held against the tool's own parameter file before anything runs.",
            "Change what the spec asks of the tool, or use a release of the tools that has it.",
        ),
        "XB501": Code(
            "a line of an XSPEC file is not understood",
            "`xbatch import` reads the commands that XSPEC's `save all` writes, and none of Tcl's.",
            "Remove the line, or write what it does as plain commands.",
        ),
        "XB502": Code(
            "parameters that do not fit the model",
            "An XSPEC file gives each parameter of each data group one line, in order.",
            "Load the file in XSPEC and save it again with `save all`.",
        ),
        "XB503": Code(
            "a link of an XSPEC file is not understood",
            "Links are made of numbers, parameters (`p3`, `name:3`), `+ - * /` and parentheses.",
            "Write it so, or give the parameter a value.",
        ),
    }
)

"""Codes of content: XB2 is keys and values, XB3 models and fits."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbatch.spec.code import Code

__all__ = ["CONTENT"]

CONTENT: Mapping[str, Code] = MappingProxyType(
    {
        "XB201": Code("unknown key", "The language has no such key at this place.", "Take one of those listed."),
        "XB202": Code("missing key", "A key that must be there is not, or a map is empty.", "Add it."),
        "XB203": Code(
            "wrong kind of value",
            "A number, a text, a list or a map is wanted and something else is there.",
            "Write what the message says.",
        ),
        "XB204": Code("not one of the choices", "The value must be one of a few words.", "Take one of those listed."),
        "XB205": Code("a number out of range", "The number is too small or too large.", "Bring it inside."),
        "XB206": Code(
            "not a name",
            (
                "Names begin with a letter and have letters, digits, `_` and `-`, at most 32 in all: they become"
                " parts of file names."
            ),
            "Rename it.",
        ),
        "XB207": Code("names that differ only by case", "They would be one file on some machines.", "Rename one."),
        "XB208": Code(
            "text of the wrong form",
            "The text does not look as it should at this place (an obsid, a channel range, a file name).",
            "Write it like the example.",
        ),
        "XB209": Code(
            "wrong number of members", "A list is too short or too long.", "Write as many as the message says."
        ),
        "XB210": Code(
            "not a quantity",
            "The text cannot be read as a range, a number with a unit, or a confidence.",
            "Write it like the example: `3-79 keV`.",
        ),
        "XB211": Code(
            "an empty range",
            "The ends are equal or in the wrong order, ranges overlap, or the instrument has no channel in it.",
            "Swap or sort the ends, or give others.",
        ),
        "XB212": Code(
            "a unit",
            "There is no unit, an unknown one, or one of another kind. Energies are in eV, keV or MeV.",
            "Write the unit.",
        ),
        "XB213": Code(
            "edges that do not rise",
            "Edges are not in order, or rounding made two of them equal.",
            "Ask for fewer bands, or keep more digits.",
        ),
        "XB214": Code("`channels` and `ranges`", "The binning `constant` has either of the two.", "Keep one."),
        "XB215": Code(
            "no minimum",
            "The binnings `specgroup` and `ogrppha` end a group at a minimum: `counts`, `snr` or both.",
            "Give one of them.",
        ),
        "XB216": Code(
            "keys that do not go together",
            (
                "`form: faithful` groups all channels, as the scripts it follows do, so it has no `range`;"
                " `min_channels` needs `snap`, which puts edges on channels."
            ),
            "Do what the hint says.",
        ),
        "XB217": Code(
            "no channels to snap to",
            (
                "`snap: channel` takes the channels of the spec's instruments. There must be one kind of them, of one"
                " width in energy, and the bands must lie on them."
            ),
            "Name the channels: `snap: xmm channel`.",
        ),
        "XB220": Code(
            "reserved",
            "The word belongs to the language, and nothing here does it yet.",
            "Do what the hint says; often: make the spectra first and start from them.",
        ),
        "XB221": Code(
            "a key of another level",
            (
                "`data.level: raw` starts from observations as the archives have them, `events` from lists of events;"
                " both have regions, screenings and the like. `spectra` starts from PHA files and has their names."
            ),
            "Change `level`, or remove the key.",
        ),
        "XB222": Code(
            "a cut of another mission",
            "Some keys are NuSTAR's (GRADE), some XMM-Newton's (PATTERN); this one holds for the other mission.",
            "Write it under `for` with `where: {mission: ...}`.",
        ),
        "XB223": Code(
            "not a position",
            (
                "A position is `[longitude, latitude]`: sexagesimal texts in quotes, hours and degrees, or degrees; in"
                " frames `image` and `physical`, pixels."
            ),
            'Write it like `["21:27:44.9", "+56:56:40"]`.',
        ),
        "XB224": Code(
            "a region without a shape",
            "A region is a `shape`, a list of `shapes` or a `file`; only a single shape has a center to lend.",
            "Add what is missing, or write the center out.",
        ),
        "XB225": Code(
            "pixels of several observations",
            "Coordinates in pixels mean another place of the sky in each observation.",
            "Write them in coordinates of the sky, or give each observation its own by `for`.",
        ),
        "XB226": Code(
            "not a time selection",
            (
                "A time selection has one of `time`, `file`, `flux`, `hk`, `phase`, `all_of`, `any_of` and `not`, in"
                " the form of the example."
            ),
            "Do what the hint says.",
        ),
        "XB227": Code(
            "an exclude comes first",
            (
                "A region that begins with an exclude and also includes is read in three ways by three programs:"
                " all but the excludes and the includes (extractor), later shapes over earlier ones, the includes less"
                " the excludes (DS9)."
            ),
            "Put the includes first, or add `combine`.",
        ),
        "XB228": Code(
            "not a cut",
            "A flare has a rate or a sigma; a rate says which side is good; PI is in channels for other missions; "
            "`statusexpr` names STATUS, `gradeexpr` GRADE.",
            'Write `rate: "< 0.4 ct/s"`, or what the hint says.',
        ),
        "XB229": Code(
            "a size without a unit (a note)",
            "On the sky a bare number is degrees, as in DS9. This is a note, not an error.",
            "Write the unit.",
        ),
        "XB230": Code(
            "raw data of another mission",
            "At `data.level: raw` lists of events are made by HEASoft and SAS, for NuSTAR and XMM-Newton.",
            "Start from event lists or spectra.",
        ),
        "XB231": Code(
            "a search for pile-up that cannot be made",
            (
                "It enlarges the inner radius of an annulus on the sky, in images of EPIC, from `start` to `max`; a"
                " region of an observation has one search."
            ),
            "Do what the hint says.",
        ),
        "XB232": Code(
            "one reduction for several instruments",
            "nupipeline does both modules at once, and an observation of XMM-Newton has one index of calibration.",
            "Select by `obsid` alone.",
        ),
        "XB233": Code(
            "spectra of the RGS and of regions",
            "`region: pipeline` and `orders` are for RGS1 and RGS2, whose spectra rgsproc makes; others have regions. "
            "Of the RGS's events rgsproc selects all that is not a flare.",
            "Select the instruments with `where`.",
        ),
        "XB234": Code(
            "a search for sources that cannot be made",
            "Sources are looked for in images of EPIC, in bands that are named for each camera.",
            "Do what the hint says.",
        ),
        "XB235": Code(
            "an engine that cannot do it",
            (
                "HEASoft reduces NuSTAR and SAS reduces XMM-Newton, at level raw; of the binnings each can do some, and"
                " lists of events are made by no other engine."
            ),
            "Write `auto`, or an engine of the hint.",
        ),
        "XB236": Code(
            "an ARF for an excised core",
            "A search for pile-up cuts the core out of a region; an ARF made before is not that of what is left.",
            "Leave `response` and `arf` out: SAS makes them.",
        ),
        "XB237": Code(
            "an exposure map that is not made",
            "`exposure_map: pipeline` is made by nuexpomap, of observations of NuSTAR.",
            "Name a map that is there for others.",
        ),
        "XB238": Code(
            "a region in timing mode",
            "Events of timing mode have one coordinate, RAWX: there are no regions on the sky, and no images.",
            "Leave the camera out with `where`; the list itself is made.",
        ),
        "XB239": Code(
            "an energy that nothing is corrected at",
            "`energy` of a light curve is where nuproducts takes PSF and vignetting, for the correction `area`.",
            "Add `area` to `corrections`, or remove the energy.",
        ),
        "XB240": Code(
            "a BACKSCAL that is not weighed",
            "With `exposure_map: pipeline` nubackscale weighs a spectrum and its background together, by one map.",
            "Name the background's region, or remove the map.",
        ),
        "XB301": Code(
            "not a model expression",
            "Components `type.name` are joined with `+`, `*` and parentheses.",
            "Mend it at the character named.",
        ),
        "XB302": Code("unknown component", "There is no component of this type.", "Take one of those listed."),
        "XB303": Code(
            "a component without a proper name",
            "Every component has a name of its own, by which its parameters go.",
            "Write `powerlaw.pl`.",
        ),
        "XB304": Code(
            "two components of one name",
            "Names in a model are unique, whatever the case.",
            "Rename one; `link` ties their parameters.",
        ),
        "XB305": Code(
            "parts that do not go together",
            ("Only additive components are added; at most one factor of a product is additive; the whole is additive."),
            "Use `*` for `+`, or the other way round.",
        ),
        "XB306": Code(
            "unknown component of a parameter", "The model has no component of this name.", "Take a name of the model."
        ),
        "XB307": Code(
            "unknown parameter",
            "The component has no parameter of this name; XSPEC's spelling counts.",
            "Take one of those listed.",
        ),
        "XB308": Code(
            "a glob that matches nothing", "No parameter of the model looks like this.", "Take one of those listed."
        ),
        "XB309": Code(
            "a value outside its limits",
            "The start is outside `min` and `max`, these are outside XSPEC's hard limits, or not in order.",
            "Bring it inside.",
        ),
        "XB310": Code(
            "not a link",
            "Links have numbers, names of parameters, `+ - * /` and parentheses.",
            "Mend it at the character named.",
        ),
        "XB311": Code(
            "a link to what is not there",
            "The name is that of no parameter, or of several values, or of none for this spectrum.",
            "Name the subject: `cal.factor[instrument=FPMA]`.",
        ),
        "XB312": Code("links that go round", "A value would be given by itself.", "Give one of them a value."),
        "XB313": Code(
            "a link and a value",
            "A link gives the value, so that `value` and `frozen` have no meaning beside it.",
            "Remove one.",
        ),
        "XB314": Code(
            "statistic and background",
            (
                "chi2 goes with none, ignore and subtract; cstat and cash with none and ignore; wstat with "
                "profiled; pgstat with subtract. Other pairs would quietly be something else."
            ),
            "Change one of the two.",
        ),
        "XB315": Code("variance without chi2", "Only chi2 has a variance to choose.", "Remove it."),
        "XB316": Code(
            "background there or not",
            "The fit's background mode or binning and what `spectra` says of the background contradict each other.",
            "Name the background, or change the mode or the binning.",
        ),
        "XB317": Code(
            "fitted twice",
            "The same channels of a spectrum are chosen twice in one fit, and would count twice.",
            "Select it once.",
        ),
        "XB318": Code("varied and tied", "One axis is in both `vary` and `tie`.", "Keep one."),
        "XB319": Code(
            "globs that contradict each other",
            "Two globs give one parameter different values.",
            "Write an entry for the parameter itself.",
        ),
        "XB320": Code(
            "a statistic for a subtracted sum",
            "Net counts are no counts of photons: their errors are Gaussian, and there is no background left.",
            "Use `chi2` with `mode: none`, or `background: keep` in the sum.",
        ),
        "XB321": Code(
            "a flux and all norms free",
            "A component that sets the flux of what it encloses does the same as the norms inside.",
            "Freeze a norm inside, at a value above 0.",
        ),
        "XB322": Code(
            "a table model that cannot be used",
            "The file of an `atable`, `mtable` or `etable` is not there, no table model, or made for another kind.",
            "Name a table model of XSPEC; names are relative to the spec's folder.",
        ),
        "XB323": Code(
            "a response that a spectrum lacks",
            "A further model is folded through a named response, and a spectrum of the fit has none of that name.",
            "Name it in `responses` of the spectrum, or leave the spectrum out with `where`.",
        ),
        "XB324": Code(
            "a spectrum without a model",
            "There is no first model, and the selectors of all further ones leave a spectrum of the fit out.",
            "Give `model`, or widen a selector.",
        ),
        "XB325": Code(
            "a model that is not there",
            (
                "A flux is asked of a model that `models` has not, or of the first model where there is none; or the "
                "first model is to unfold a spectrum, and there is none."
            ),
            "Take a name of `models`, or give `model`.",
        ),
        "XB326": Code(
            "a model of XSPEC without XSPEC",
            "Types that begin with `xs:` are XSPEC's own models, which a Sherpa has that was built with XSPEC.",
            "Take Sherpa from CIAO's conda channel, build it with XSPEC, or use a component of xbatch.",
        ),
        "XB327": Code(
            "a switch is fitted",
            "Some parameters of XSPEC's models choose between ways to compute, and have no derivative.",
            "Leave `frozen: false` out.",
        ),
        "XB328": Code(
            "a band without events",
            "A fit takes channels that the screening's `pi_range` has cut: they are empty, whatever the source.",
            "Narrow the band, or widen `pi_range`.",
        ),
    }
)

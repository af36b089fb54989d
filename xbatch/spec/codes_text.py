"""Codes of text and names: XB0 is reading, XB1 references and selectors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbatch.spec.code import Code

__all__ = ["TEXT"]

TEXT: Mapping[str, Code] = MappingProxyType(
    {
        "XB001": Code(
            "a file cannot be read",
            "The spec, or a file that it includes, is not there, is a folder, or may not be read.",
            "Check the name; an included file is looked for beside the file that includes it.",
        ),
        "XB002": Code(
            "a file is too large", "No spec has megabytes: this is probably a data file.", "Name the YAML file."
        ),
        "XB003": Code("not UTF-8", "The bytes at this place are not UTF-8 text.", "Save the file as UTF-8."),
        "XB004": Code(
            "a character that may not be there",
            "YAML allows no control characters (a NUL byte, an escape code), written plainly or as an escape.",
            "Remove the character.",
        ),
        "XB005": Code(
            "the file is empty", "There is nothing in it but comments.", "Begin with `xbatch: 1` and `name:`."
        ),
        "XB006": Code(
            "a second document",
            "A line `---` begins a second YAML document; a spec is one.",
            "Keep one document; a part of its own goes into a file of its own, which the other includes.",
        ),
        "XB007": Code(
            "not a map",
            "The top of a spec is keys with values, not a list and not one text.",
            "Begin with `xbatch: 1` and `name:`.",
        ),
        "XB008": Code(
            "not YAML",
            "The YAML parser could not go on at this place.",
            "Check indentation, colons, commas and quotes at the place and just before it.",
        ),
        "XB009": Code("a tab", "YAML is indented with spaces.", "Replace the tab with spaces."),
        "XB010": Code(
            "a template that is not quoted",
            "YAML takes a text that begins with a brace for a map.",
            'Quote it: `file: "{obsid}.pha"`.',
        ),
        "XB011": Code(
            "text after a list",
            "YAML takes `[2, 10]` for the whole value and finds no place for the unit.",
            "Write it without brackets: `2 10 keV`.",
        ),
        "XB012": Code(
            "a key is there twice",
            (
                "Two equal keys in one map: one of the two values would be lost. A key that overrules one merged"
                " with `<<` is no duplicate."
            ),
            "Remove or rename one.",
        ),
        "XB013": Code(
            "a tag",
            "Tags (`!!python/...`, `!mine`) mean nothing in a spec.",
            "Remove it; quote a text that begins with an exclamation mark.",
        ),
        "XB014": Code(
            "an alias that names nothing",
            "`*name` stands for what `&name` marked above; nothing was.",
            'Mark the value with `&name`, or quote a text that begins with a star: `"*.nH"`.',
        ),
        "XB015": Code("an alias within what it names", "The value would hold itself.", "Write the value out."),
        "XB016": Code(
            "too many values",
            "Followed through its aliases, the document has more than 100000 values.",
            "Use fewer aliases of lists of aliases.",
        ),
        "XB017": Code(
            "nested too deep",
            "Maps and lists lie in each other more than 40 deep.",
            "Close brackets; no spec needs that.",
        ),
        "XB018": Code(
            "a key that is no text",
            "A list or a map stands where a key is wanted; often a template that begins with a brace.",
            "Quote it.",
        ),
        "XB019": Code(
            "a merge of something else",
            "`<<` merges a map, or a list of maps.",
            "Write `<<: *name`, with `&name` on a map.",
        ),
        "XB020": Code(
            "an include that goes round",
            "A file includes itself, perhaps through others.",
            "Remove one of the includes.",
        ),
        "XB021": Code("too many included files", "More than 50 files.", "Include fewer."),
        "XB022": Code(
            "`--set` without a value", "It is written `--set PATH=VALUE`.", "Add the equals sign and the value."
        ),
        "XB023": Code(
            "`--set` of an unknown path",
            (
                "Some key of the path is not in the spec, and none that the language has at that place. Names "
                "that you chose (of a binning, a band, a fit) must be in the file."
            ),
            (
                "Take the name that is suggested; quote a key that holds dots if it is misread: "
                '`fit.one.parameters."pl.norm".value`.'
            ),
        ),
        "XB024": Code(
            "`--set` of something fixed",
            "`include` and `xbatch` are read before anything is set.",
            "Write it in the file.",
        ),
        "XB025": Code(
            "a file of another kind",
            "The file says that it is a simulation, a manifest or a plan, and an analysis is wanted (or the reverse).",
            "Name the other file, or take the other command.",
        ),
        "XB101": Code("unknown spectrum", "No entry of `spectra` has this name.", "Take a name of `spectra`."),
        "XB102": Code(
            "unknown band",
            "No entry of `bands` has this name.",
            "Take a name of `bands`, or write the range out: `3-79 keV`.",
        ),
        "XB103": Code(
            "unknown region",
            (
                "No entry of `regions` has this name; or it is the target that is meant and its position is not known;"
                " or a light curve changes a region that its spectrum does not have."
            ),
            "Take a name of `regions`; give `target` a `position`.",
        ),
        "XB104": Code("unknown binning", "No entry of `binning` has this name.", "Take a name of `binning`."),
        "XB105": Code(
            "a selector's value that nothing has",
            "No spectrum that could be selected here has this obsid, instrument, tag ...",
            "Take a value that is there.",
        ),
        "XB106": Code(
            "a selector that matches nothing",
            "Each value is there, but nothing has all of them together.",
            "Drop a condition.",
        ),
        "XB107": Code(
            "exceptions that contradict each other",
            'Two entries of `for` give one subject different values. There is no "last wins".',
            "Make the selectors exclude each other.",
        ),
        "XB108": Code(
            "listed twice", "An observation with the same instrument, or an instrument, is listed twice.", "Remove one."
        ),
        "XB109": Code("`obsids` and `observations`", "Both list observations.", "Keep one."),
        "XB110": Code("no observations", "Neither `obsids` nor `observations` is there.", "Add `obsids: [...]`."),
        "XB111": Code(
            "instruments without names",
            (
                "For `mission: other` without `instruments` each observation has one spectrum, of an instrument "
                "called `data`. Here there are more, or a template asks for the name."
            ),
            "Add `instruments: [...]`.",
        ),
        "XB112": Code(
            "a template's field",
            (
                "Fields are `{obsid}`, `{instrument}`, `{module}`, `{spectrum}` and `{mission}`; braces come in "
                "pairs. The file of a binning has no fields."
            ),
            "Take one of these.",
        ),
        "XB113": Code(
            "unknown instrument",
            "The mission has no instrument of this name.",
            "NuSTAR: FPMA, FPMB. XMM-Newton: EPN, EMOS1, EMOS2, RGS1, RGS2.",
        ),
        "XB114": Code(
            "no epochs",
            "An epoch is spoken of, and the fit has none.",
            "Add `epochs:` to the fit: names and selectors.",
        ),
        "XB115": Code(
            "an observation in two epochs",
            "Epochs say what is simultaneous; they do not overlap.",
            "Change a selector.",
        ),
        "XB116": Code(
            "unknown time selection", "No entry of `gtis` has this name.", "Take a name of `gtis`, or add it there."
        ),
        "XB117": Code(
            "unknown screening",
            "No entry of `screening` has this name; `default` is always there.",
            "Take a name of `screening`.",
        ),
        "XB118": Code(
            "a scheme where one band is wanted",
            "The name is that of a scheme, which makes several bands.",
            "Name one of them (`eight.1`), or write a range.",
        ),
        "XB119": Code(
            "one file for several subjects",
            "A template without a field for what differs gives two subjects the same file.",
            "Put `{obsid}` or `{module}` into it, or select with `where`.",
        ),
        "XB120": Code(
            "an obsid of unusual form (a note)",
            (
                "NuSTAR's obsids have 11 digits, XMM-Newton's 10; spreadsheets lose leading zeros. This is a "
                "note, not an error."
            ),
            "Check it.",
        ),
        "XB121": Code(
            "no such light curve",
            (
                "A time selection names a light curve that is not in `lightcurves`, or that is not made of an"
                " observation whose times it selects."
            ),
            "Take a name of `lightcurves`, or widen its `where`.",
        ),
        "XB122": Code(
            "names in a circle",
            (
                "A region's `center`, a screening's `base` or the parts of a time selection lead back to itself; or a"
                " time selection is made of a light curve that needs it."
            ),
            "Write one of them out.",
        ),
        "XB123": Code(
            "two products of one name",
            (
                "Images and light curves are files named after their bands, and two would have one name; or a spectrum"
                " is called as the folder of other products is (`events`, `images`, `lightcurves`, `preview` ...)."
            ),
            "Remove one, or rename it.",
        ),
        "XB130": Code(
            "an unknown path in a sweep", "Some key of the path is not there.", "Take the name that is suggested."
        ),
        "XB131": Code(
            "a value twice in a sweep",
            "Two members would be the same, or have names that differ only by case; or two cases set the same values.",
            "Remove one.",
        ),
        "XB132": Code(
            "too many members",
            "The sweep has more members than its `limit`, which is 1000 where it is not said.",
            "Sweep less at once; or, if you want them all, give `--members N`, or write `limit: N` into the sweep.",
        ),
        "XB133": Code(
            "a path that cannot be swept",
            (
                "`name`, `xbatch`, `include` and `sweep` cannot be, nor can one path be swept twice, or within another,"
                " for one member."
            ),
            "Sweep what the analysis does; let the conditions of two parts exclude each other.",
        ),
        "XB134": Code(
            "lists of different lengths",
            "The lists of a `zip` are taken side by side: the first values together, then the second ones.",
            "Give them one length, or use `grid` for all combinations.",
        ),
        "XB135": Code(
            "a condition that holds nowhere",
            (
                "No member of the sweep is as an `exclude` or `if` says, or no case is called so. A condition sees what"
                " is swept around its part, not what another part beside it sweeps."
            ),
            "Look at the values: of the sweep, of the file, and the defaults.",
        ),
        "XB136": Code("no member left", "`exclude` leaves out every member.", "Exclude fewer."),
        "XB137": Code(
            "a part of a sweep that changes nothing",
            "It has a condition, and nothing that is swept or left out where it holds.",
            "Give it a `grid`, `zip`, `cases`, `exclude` or `when`, or remove it.",
        ),
        "XB138": Code(
            "two cases of one name",
            "The name of a case is that of its member; names differ by more than case.",
            "Rename one.",
        ),
        "XB140": Code(
            "a sum over something else than observations",
            "Instruments and modules have responses of their own, which a sum would mix.",
            "Fit their spectra together, with a `constant` between them.",
        ),
        "XB141": Code(
            "a name of a sum that is taken",
            "Sums and spectra share their names, and no two of them may have one obsid, instrument and spectrum.",
            "Rename the sum or its group.",
        ),
        "XB142": Code(
            "not one spectrum",
            "A reference for edges of bands is one spectrum or one sum; the text means none or several.",
            "Add `obsid`, `instrument` or `epoch`.",
        ),
        "XB143": Code(
            "one name for two spectra",
            "A spectrum that is drawn has the name of another, or several would have its name.",
            "Give each entry of `fake` a name of its own, and one spectrum an observation and instrument to be like.",
        ),
        "XB144": Code(
            "a sum of RGS spectra",
            "rgscombine adds the spectra of RGS1 and RGS2 that rgsproc made of one observation, of one order.",
            "Write `over: instrument`, and name spectra with `region: pipeline`.",
        ),
    }
)

"""The code of every problem a spec can have: what it means and what to do.

XB0 is reading, XB1 references and selectors, XB2 keys and values, XB3 models and fits, XB4 what a plan finds missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["CODES", "Code"]


@dataclass(frozen=True)
class Code:
    """One code: a title, what it means, and what to do about it."""

    title: str
    meaning: str
    cure: str


CODES: Mapping[str, Code] = MappingProxyType(
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
        "XB130": Code(
            "an unknown path in a sweep", "Some key of the path is not there.", "Take the name that is suggested."
        ),
        "XB131": Code(
            "a value twice in a sweep",
            "Two members would be the same, or have names that differ only by case.",
            "Remove one.",
        ),
        "XB132": Code(
            "too many members", "The lists multiply to more than 5000 members.", "Sweep fewer values at once."
        ),
        "XB133": Code(
            "a path that cannot be swept",
            ("`name`, `xbatch`, `include` and `sweep` cannot be, nor can one path be swept twice or within another."),
            "Sweep what the analysis does.",
        ),
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
            "an empty range", "The ends are equal or in the wrong order, or ranges overlap.", "Swap or sort them."
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
                "chi2 goes with none, ignore and subtract; cstat with none and ignore; wstat with profiled; "
                "pgstat with subtract. Other pairs would quietly be something else."
            ),
            "Change one of the two.",
        ),
        "XB315": Code("variance without chi2", "Only chi2 has a variance to choose.", "Remove it."),
        "XB316": Code(
            "background there or not",
            "The fit's background mode and what `spectra` says of the background contradict each other.",
            "Name the background, or change the mode.",
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
        "XB410": Code(
            "a package is missing",
            "A step needs a package that is not installed.",
            "Install it as the hint says; other steps run without it.",
        ),
    }
)

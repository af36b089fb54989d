"""From file to analysis: the worked cases of the language, start-up, and text that no one would write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spec.specs import BASE, TWO_EPOCHS, codes, fit, read
from tests.spec.test_eventwork import JOINT
from xbatch.base.errors import SpecError
from xbatch.base.files import canonical_json
from xbatch.spec import load, resolved_text

VELA = """\
xbatch: 1
name: vela-x1
mission: nustar
obsids: ["90402339002"]
instruments: [FPMA, FPMB]
data:
  root: data/nustar                   # or --set data.root=...
  level: spectra
spectra:
  src:
    file: "{obsid}/nu{obsid}{module}01_sr.pha"
    response: "{obsid}/nuAdet3_2012.rmf"
    note: stand-in matrix of 2012, FPMA DET3, for both modules
binning:
  min30: {type: min, counts: 30, bad: [0-34, 1910-4095]}
  sn20: {type: snmin, snr: 20, background: true}
fit:
  cutoff:
    data: [{spectra: src, binning: min30, band: 3-79 keV}]
    background: {mode: subtract}
    statistic: chi2
    variance: data
    model: constant.cal * powerlaw.pl
    parameters:
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false}]}
sweep: {grid: {"fit.cutoff.data[0].binning": [min30, sn20]}}
"""
EXOSAT = """\
xbatch: 1
name: exosat
mission: other
obsids: [s54405]
instruments: [ME]
data: {root: data/exosat, level: spectra}
spectra: {me: {file: "{obsid}.pha", response: "{obsid}.rsp", background: none}}
binning: {asis: {type: file}}
fit:
  powerlaw:
    data: [{spectra: me, binning: asis, band: 0-15 keV}]
    background: {mode: none}
    statistic: chi2
    variance: file
    abundances: angr
    cross_sections: bcmc
    model: phabs.gal * powerlaw.pl
    errors: {parameters: free, method: profile, confidence: 0.9}
    flux: [{bands: [2-10 keV], absorbed: true}]
"""


def test_a_sweep_over_binnings_of_two_modules(tmp_path: Path) -> None:
    analysis = read(tmp_path, VELA)
    assert [member.name for member in analysis.members] == ["binning=min30", "binning=sn20"]
    spec = analysis.members[0].spec
    assert (spec.name, spec.level) == ("vela-x1", "spectra")
    assert spec.spectra[1].file == tmp_path / "data/nustar/90402339002/nu90402339002B01_sr.pha"
    assert [one.name for one in spec.fits[0].parameters] == [
        "cal.factor[FPMA]",
        "cal.factor[FPMB]",
        "pl.PhoIndex",
        "pl.norm",
    ]
    assert analysis.place("fit.cutoff.data[0].band").line == 19
    assert str(analysis.place("fit.cutoff.optimiser")).endswith("spec.yaml:18:3")
    assert canonical_json(analysis.document)
    assert analysis.files == {str(tmp_path / "spec.yaml"): VELA.encode()}


def test_another_mission(tmp_path: Path) -> None:
    (member,) = read(tmp_path, EXOSAT).members
    (job,) = member.spec.fits
    assert (job.variance, job.abundances, job.cross_sections, job.background) == ("file", "angr", "bcmc", "none")
    assert job.errors.parameters == ("free",)
    assert [one.name for one in job.parameters] == ["gal.nH", "pl.PhoIndex", "pl.norm"]
    assert member.spec.spectra[0].background == "none"


def test_members_and_documents_are_the_same_each_time(tmp_path: Path) -> None:
    assert read(tmp_path, VELA) == read(tmp_path, VELA)


def test_reserved_nouns_say_so(tmp_path: Path) -> None:
    assert codes(tmp_path, BASE + "backgrounds: {}\n") == ["XB220"]
    assert codes(tmp_path, BASE + "compare: {}\n") == ["XB220"]


def test_keys_of_the_other_level_say_so(tmp_path: Path) -> None:
    assert codes(tmp_path, BASE.replace("spectra}", "events}", 1)) == ["XB221"]
    assert codes(tmp_path, BASE.replace("spectra}", "raw}", 1)) == ["XB221"]
    assert codes(tmp_path, BASE + "pileup: {}\n") == ["XB221"]
    assert codes(tmp_path, BASE + "regions: {src: {file: a.reg}}\n") == ["XB221"]


def test_a_missing_spec_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nothing\.yaml:1:1: XB001"):
        load(tmp_path / "nothing.yaml")
    with pytest.raises(SpecError, match="XB001"):
        load(tmp_path)


def test_example_configs_are_valid() -> None:
    folder = Path(__file__).parents[2] / "examples" / "configs"
    for path in folder.glob("*.yaml"):
        if "simulation" not in path.name:
            assert load(path).members


@pytest.mark.parametrize("text", [VELA, JOINT])
def test_reading_a_spec_imports_nothing_heavy(tmp_path: Path, text: str) -> None:
    (tmp_path / "spec.yaml").write_text(text)
    code = (
        "import sys; from pathlib import Path; from xbatch.spec import load, resolved_text; "
        "resolved_text(load(Path(sys.argv[1]))); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "spec.yaml")], capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "astropy", "sherpa", "matplotlib", "jsonschema", "scipy", "rich"}
    assert not heavy & set(done.stdout.split())


ODD = [
    "null",
    "[]",
    "{}",
    "0",
    "-1",
    "1e308",
    "'",
    '"',
    "*a",
    "&a ",
    "<<: *a",
    "for",
    "where",
    "link",
    "\t",
    "\n",
    "- ",
    "? ",
]
ODD += [
    ": ",
    "#",
    "|",
    "\x00",
    "0201430201",
    "pl.norm",
    '"*.norm"',
    "keV",
    "(",
    ")",
    "+",
    "vary: [epoch]",
    "[0]",
    "9" * 30,
    "é",
]


@st.composite
def changed(draw: st.DrawFn) -> str:
    """Give a good spec with some places overwritten."""
    more = "epochs: {e: {tag: early}}\nerrors: {parameters: [pl.*]}"
    text = draw(st.sampled_from([VELA, EXOSAT, TWO_EPOCHS + fit(parameters='{pl.norm: {link: "gal.nH"}}', more=more)]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 1, 3, 10]))
        text = text[:start] + draw(st.sampled_from(ODD)) + text[start + length :]
    return text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    changed() | st.text(max_size=80),
    st.sampled_from([(), ("fit.cutoff.parameters.pl.norm.vary=[obsid]",), ("x",), ("=",)]),
)
def test_no_text_at_all_makes_anything_but_a_spec_or_its_problems(
    tmp_path: Path, text: str, overrides: tuple[str, ...]
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        analysis = load(path, overrides)
    except SpecError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.place.line >= 1
            assert problem.place.column >= 1
            assert "\n" not in str(problem)
    else:
        assert resolved_text(analysis)
        assert canonical_json(analysis.document)

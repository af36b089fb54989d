"""XSPEC's own models by name: what Sherpa's text says of them, and what is said where they cannot be had."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tests.spec.specs import BASE, codes, fit, parameters, problems
from xbatch.base.errors import FileError
from xbatch.spec.components import COMPONENTS, NORM
from xbatch.spec.expression import ExpressionError, parse_model
from xbatch.spec.tablemodels import definition
from xbatch.spec.xspecmodels import XspecModels, installed_models, xspec_models

# The forms that Sherpa has: arguments by place and by name, functions that make what many models have, constants,
# attributes in another case, a norm of the model's own, and a switch.
TEXT = '''
"""Support for XSPEC models."""

def mknorm(name: str, **kwargs) -> Parameter:
    """Create a norm parameter."""

    return Parameter(name, 'norm', 1.0, min=0.0, max=1.0e24,
                     hard_min=0.0, hard_max=hugeval, **kwargs)


def mkRedshift(name: str,
               default: float = 0,
               maxval: float = 10,
               lc: bool = False) -> XSParameter:
    """Make a Redshift parameter."""

    pname = "redshift" if lc else "Redshift"
    return XSParameter(name, pname, default, -0.999, maxval,
                       hard_min=-0.999, hard_max=maxval, frozen=True)


class XSModel(RegriddableModel1D, metaclass=ModelMeta):
    """The base class for XSPEC models."""


class XSplasma(XSAdditiveModel):
    """A plasma.

    class XSnothing(XSAdditiveModel):
    """

    __function__ = "C_plasma"

    def __init__(self, name='plasma'):
        low = 0.01
        self.kT = XSParameter(name, 'kT', 1., low, 64.0, 0.008, 64.0, units='keV')
        self.Redshift = mkRedshift(name, lc=True, maxval=5)
        self.switch = XSParameter(name, 'switch', 1, 0, 2, hard_min=0, hard_max=2, alwaysfrozen=True)

        pars = (self.kT, self.redshift, self.switch)
        XSAdditiveModel.__init__(self, name, pars)

    def guess(self, dep, *args, **kwargs):
        norm = guess_amplitude(dep, *args)


@version_at_least("12.15.0")
class XSring(XSAdditiveModel):

    def __init__(self, name='ring'):
        self.norm = mknorm(name, frozen=True)
        XSAdditiveModel.__init__(self, name, (self.norm,))


class XSTBfog(XSMultiplicativeModel):

    def __init__(self, name='tbfog'):
        self.nH = XSParameter(name, 'nH', 1.0, 0., 1.0e5, 0.0, hugeval, '10^22 atoms / cm^2')
        XSMultiplicativeModel.__init__(self, name, (self.nH,))


class XSpartcov(XSConvolutionKernel):

    def __init__(self, name='xspartcov'):
        self.CvrFract = XSParameter(name, 'CvrFract', 0.5, 0.05, 0.95, 0.0, 1.0)
        XSConvolutionKernel.__init__(self, name, (self.CvrFract,))


class XSblur(XSConvolutionKernel):

    def __init__(self, name='xsblur'):
        self.width = XSParameter(name, 'width', 0.5, -1, 1, -1, 1)
        XSConvolutionKernel.__init__(self, name, (self.width,))


class XSodd(XSAdditiveModel):

    def __init__(self, name='odd'):
        XSAdditiveModel.__init__(self, name, (self.there_is_none,))
'''


def sherpa(tmp_path: Path, compiled: bool = True) -> XspecModels:
    """Make as much of a Sherpa as is read."""
    folder = tmp_path / "astro" / "xspec"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(TEXT)
    if compiled:
        (folder / f"_xspec{EXTENSION_SUFFIXES[0]}").touch()
    return xspec_models(tmp_path)


def test_classes_are_listed_whatever_their_case(tmp_path: Path) -> None:
    models = sherpa(tmp_path)
    assert models.compiled
    assert models.names == ["plasma", "ring", "tbfog", "partcov", "blur", "odd"]
    assert models.definition("nothing") is None


def test_parameters_are_read(tmp_path: Path) -> None:
    plasma = sherpa(tmp_path).definition("Plasma")
    assert plasma is not None
    assert (plasma.name, plasma.kind) == ("xs:plasma", "add")
    temperature, redshift, switch, norm = plasma.parameters
    assert (temperature.name, temperature.value, temperature.min, temperature.max) == ("kT", 1.0, 0.008, 64.0)
    assert (temperature.unit, temperature.frozen, temperature.switch) == ("keV", False, False)
    assert (redshift.name, redshift.min, redshift.max, redshift.frozen) == ("redshift", -0.999, 5.0, True)
    assert (switch.value, switch.frozen, switch.switch) == (1.0, True, True)
    assert norm == NORM


def test_norms_of_a_models_own_and_other_kinds(tmp_path: Path) -> None:
    models = sherpa(tmp_path)
    ring, fog, blur = (models.definition(name) for name in ("ring", "TBfog", "blur"))
    assert ring is not None and [(one.name, one.max, one.frozen) for one in ring.parameters] == [("norm", 1e24, True)]
    assert fog is not None and (fog.kind, fog.parameters[0].unit) == ("mul", "10^22 atoms / cm^2")
    assert fog.parameters[0].max > 1e38
    assert blur is not None and blur.kind == "con"


def test_a_form_that_is_not_known_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"odd what cannot be read \(the unknown name self"):
        sherpa(tmp_path).definition("odd")


@pytest.fixture
def with_xspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the Sherpa that is installed for one that was built with XSPEC: nothing is computed here."""
    source = installed_models().source
    if source is None:
        pytest.skip("Sherpa is not installed")
    monkeypatch.setattr("xbatch.spec.expression.installed_models", lambda: XspecModels(source, True))


@pytest.mark.usefixtures("with_xspec")
def test_a_spec_has_xspecs_parameters(tmp_path: Path) -> None:
    found = parameters(tmp_path, BASE + fit("tbabs.gal * xs:vmekal.gas", "{gas.Fe: {value: 0.5, frozen: false}}"))
    assert (found["gas.Fe"].value, found["gas.Fe"].frozen) == (0.5, False)
    assert (found["gas.kT"].unit, found["gas.kT"].max) == ("keV", 79.9)
    assert found["gas.switch"].frozen


@pytest.mark.usefixtures("with_xspec")
def test_a_switch_is_not_fitted(tmp_path: Path) -> None:
    faults = problems(tmp_path, BASE + fit("xs:mekal.gas", "{gas.switch: {frozen: false}}"))
    assert [(one.code, one.path) for one in faults] == [("XB327", "fit.one.parameters.gas.switch.frozen")]
    assert codes(tmp_path, BASE + fit("xs:mekal.gas", "{gas.Abund: {value: 1}}")) == ["XB307"]


@pytest.mark.usefixtures("with_xspec")
def test_convolutions_enclose_a_part_of_the_model(tmp_path: Path) -> None:
    assert parameters(tmp_path, BASE + fit("tbabs.gal * xs:gsmooth.blur(powerlaw.pl)"))["blur.Sig_6keV"].value == 1.0
    assert codes(tmp_path, BASE + fit("xs:partcov.part(tbabs.gal) * powerlaw.pl")) == []
    assert codes(tmp_path, BASE + fit("xs:gsmooth.blur(tbabs.gal) * powerlaw.pl")) == ["XB305"]
    # As for cflux: what sets the flux does what the norm does.
    assert codes(tmp_path, BASE + fit("xs:cpflux.f(powerlaw.pl)")) == ["XB321"]


def test_models_are_written_with_a_prefix(tmp_path: Path) -> None:
    made = parse_model("xs:TBfog.fog * xs:plasma.gas + powerlaw.pl", xspec=sherpa(tmp_path))
    assert made.components == {"fog": "xs:tbfog", "gas": "xs:plasma", "pl": "powerlaw"}


@pytest.mark.parametrize(
    ("text", "code", "position", "words"),
    [
        ("powerlaw.pl + xs:plazma.gas", "XB302", 14, "did you mean 'xs:plasma'"),
        ("xs:nnnnn.gas", "XB302", 0, "manual"),
        ("xs:odd.gas", "XB302", 0, "another version of Sherpa"),
        ("plasma.gas", "XB302", 0, "write xs:plasma"),
    ],
)
def test_models_that_there_are_not(tmp_path: Path, text: str, code: str, position: int, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_model(text, xspec=sherpa(tmp_path))
    assert (caught.value.code, caught.value.position) == (code, position)
    assert words in caught.value.hint


@pytest.mark.parametrize("there", [True, False])
def test_without_xspec_the_cure_is_told(tmp_path: Path, there: bool) -> None:
    models = sherpa(tmp_path, compiled=False) if there else xspec_models(None)
    with pytest.raises(ExpressionError) as caught:
        parse_model("tbabs.gal * xs:plasma.gas", xspec=models)
    assert (caught.value.code, caught.value.position) == ("XB326", 12)
    assert ("built without XSPEC" if there else "not installed") in caught.value.message
    assert "conda install -c https://cxc.cfa.harvard.edu/conda/ciao" in caught.value.hint


def test_sherpa_of_this_environment_is_read_whole() -> None:
    models = installed_models()
    if models.source is None:
        pytest.skip("Sherpa is not installed")
    # zvagauss names an attribute that it does not have, in Sherpa 4.19: it cannot be made there either.
    found = {name: models.definition(name) for name in models.names if name != "zvagauss"}
    assert len(found) > 200
    for one in found.values():
        assert one is not None
        for parameter in one.parameters:
            assert parameter.min <= parameter.value <= parameter.max
            assert parameter.min < parameter.max
    apec = definition("xs:apec")
    assert [one.name for one in apec.parameters] == ["kT", "Abundanc", "Redshift", "norm"]


@pytest.mark.parametrize("name", ["powerlaw", "tbabs", "gaussian", "edge", "bbody", "zphabs", "lorentz", "bremss"])
def test_parameters_are_those_of_xbatch(name: str) -> None:
    models = installed_models()
    if models.source is None:
        pytest.skip("Sherpa is not installed")
    one = models.definition(name)
    assert one is not None
    own = COMPONENTS[name]
    assert one.kind == own.kind
    assert [(p.name.casefold(), p.value, p.min, p.frozen) for p in one.parameters] == [
        (p.name.casefold(), p.value, p.min, p.frozen) for p in own.parameters
    ]

"""The metadata of components: XSPEC's, and the same as those that are computed."""

from __future__ import annotations

from xbatch.spec.components import COMPONENTS, component_type
from xbatch.xray.components import COMPONENTS as COMPUTED
from xbatch.xray.components import SCALINGS


def test_names_kinds_and_parameters_are_those_that_are_computed() -> None:
    computed = {**COMPUTED, **SCALINGS}
    assert set(COMPONENTS) == set(computed)
    for name, component in COMPONENTS.items():
        assert component.kind == computed[name].kind
        assert tuple(one.name for one in component.parameters) == computed[name].parameters


def test_defaults_lie_within_limits() -> None:
    for component in COMPONENTS.values():
        for one in component.parameters:
            assert one.min <= one.value <= one.max


# Parameter lines of XSPEC's model.dat: name, unit, start, hard and soft least, soft and hard largest value, step.
MODEL_DAT = {
    "cabs": ["nH 1e22 1. 0.0 0.0 1.e5 1.e6 1.e-3"],
    "constant": ["factor 1 1. 0.0 0.0 1.e10 1.e10 1.e-2"],
    "edge": ["edgeE keV 7.0 0. 0. 100. 100. 0.05", "MaxTau 1 1. 0. 0. 5. 10. 0.01"],
    "expabs": ["LowECut keV 2. 0. 0. 100. 200. .01"],
    "gabs": [
        "LineE keV 1.0 0. 0. 1.e6 1.e6 0.05",
        "Sigma keV 0.01 0. 0. 10. 20. 0.05",
        "Strength keV 1.0 0. 0. 1.e6 1.e6 0.05",
    ],
    "highecut": ["cutoffE keV 10. 1.e-4 1.e-2 1.e6 1.e6 0.01", "foldE keV 15. 1.e-4 1.e-2 1.e6 1.e6 0.01"],
    "pcfabs": ["nH 1e22 1. 0.0 0.0 1.e5 1.e6 1.e-3", "CvrFract 1 0.5 0.0 0.05 0.95 1.0 0.01"],
    "phabs": ["nH 1e22 1. 0.0 0.0 1.e5 1.e6 1.e-3"],
    "tbabs": ["nH 1e22 1. 0. 0. 1E5 1E6 1E-3"],
    "wabs": ["nH 1e22 1. 0.0 0.0 1.e5 1.e6 1.e-3"],
    "zedge": [
        "edgeE keV 7.0 0. 0. 100. 100. 0.05",
        "MaxTau 1 1. 0. 0. 5. 10. 0.01",
        "Redshift 1 0. -0.999 -0.999 10. 10. -0.01",
    ],
    "zphabs": ["nH 1e22 1. 0.0 0.0 1.e5 1.e6 1.e-3", "Redshift 1 0. -0.999 -0.999 10. 10. -0.01"],
    "ztbabs": ["nH 1e22 1. 0. 0. 1E5 1E6 1E-3", "Redshift 1 0. -0.999 -0.999 10. 10. -0.01"],
    "zwabs": ["nH 1e22 1. 0.0 0.0 1.e5 1.e6 1.e-3", "Redshift 1 0. -0.999 -0.999 10. 10. -0.01"],
    "bbody": ["kT keV 3.0 1.e-4 1.e-2 100. 200. 0.01"],
    "bbodyrad": ["kT keV 3. 1e-4 1e-3 100 200 .01"],
    "bknpower": [
        "PhoIndx1 1 1. -3. -2. 9. 10. 0.01",
        "BreakE keV 5. 0. 1.e-2 1.e6 1.e6 0.01",
        "PhoIndx2 1 2. -3. -2. 9. 10. 0.01",
    ],
    "bremss": ["kT keV 7.0 1.e-4 1.e-4 100. 200. 0.05"],
    "cutoffpl": ["PhoIndex 1 1. -3. -2. 9. 10. 0.01", "HighECut keV 15. 0.01 1. 500. 500. 0.01"],
    "diskbb": ["Tin keV 1. 0. 0. 1000. 1000. 0.01"],
    "gaussian": ["LineE keV 6.5 0. 0. 1.e6 1.e6 0.05", "Sigma keV 0.1 0. 0. 10. 20. 0.05"],
    "logpar": ["alpha 1 1.5 0. 0. 4. 4. 0.01", "beta 1 0.2 -4. -4. 4. 4. 0.01", "*pivotE keV 1.0"],
    "lorentz": ["LineE keV 6.5 0. 0. 1.e6 1.e6 0.05", "Width keV 0.1 0. 0. 10. 20. 0.05"],
    "powerlaw": ["PhoIndex 1 1. -3. -2. 9. 10. 0.01"],
    "zbbody": ["kT keV 3.0 1.e-4 1.e-2 100. 200. 0.01", "Redshift 1 0. -0.999 -0.999 10. 10. -0.01"],
    "zbremss": ["kT keV 7.0 1.e-4 1.e-4 100. 200. 0.05", "Redshift 1 0. -0.999 -0.999 10. 10. -0.01"],
    "zcutoffpl": [
        "PhoIndex 1 1. -3. -2. 9. 10. 0.01",
        "HighECut keV 15. 0.01 1. 500. 500. 0.01",
        "Redshift 1 0. -0.999 -0.999 10. 10. -0.01",
    ],
    "zgauss": [
        "LineE keV 6.5 0. 0. 1.e6 1.e6 0.05",
        "Sigma keV 0.1 0. 0. 10. 20. 0.05",
        "Redshift 1 0. -0.999 -0.999 10. 10. -0.01",
    ],
    "cflux": [
        "Emin keV 0.5 0.0 0.0 1e6 1e6 -0.1",
        "Emax keV 10.0 0.0 0.0 1e6 1e6 -0.1",
        "lg10Flux cgs -12.0 -100.0 -100.0 100. 100. 0.01",
    ],
    "zpowerlw": ["PhoIndex 1 1. -3. -2. 9. 10. 0.01", "Redshift 1 0. -0.999 -0.999 10. 10. -0.01"],
}


def test_values_and_hard_limits_are_those_of_xspec() -> None:
    assert set(MODEL_DAT) == set(COMPONENTS)
    for name, lines in MODEL_DAT.items():
        own = [one for one in COMPONENTS[name].parameters if one.name != "norm"]
        for one, line in zip(own, lines, strict=True):
            if line.startswith("*"):
                # A scale: never fitted, and without limits of its own.
                assert (one.name, one.unit, one.value, one.frozen) == ("pivotE", "keV", float(line.split()[2]), True)
                continue
            parameter, _, start, least, _, _, largest, step = line.split()
            assert (one.name, one.value) == (parameter, float(start))
            assert (one.min, one.max) == (float(least), float(largest))
            assert one.frozen == (float(step) < 0)


def test_case_of_a_type_does_not_count() -> None:
    assert component_type("TBabs") == "tbabs"
    assert component_type("apec") == ""

"""The metadata of components: XSPEC's, and the same as those that are computed."""

from __future__ import annotations

from xbatch.spec.components import COMPONENTS, component_type
from xbatch.xray.components import COMPONENTS as COMPUTED


def test_names_kinds_and_parameters_are_those_that_are_computed() -> None:
    assert set(COMPONENTS) == set(COMPUTED)
    for name, component in COMPONENTS.items():
        assert component.kind == COMPUTED[name].kind
        assert tuple(one.name for one in component.parameters) == tuple(COMPUTED[name].parameters)


def test_defaults_lie_within_limits() -> None:
    for component in COMPONENTS.values():
        for one in component.parameters:
            assert one.min <= one.value <= one.max


# Parameter lines of XSPEC's model.dat: name, unit, start, hard and soft least, soft and hard largest value, step.
MODEL_DAT = {
    "constant": ["factor 1 1. 0.0 0.0 1.e10 1.e10 0.01"],
    "phabs": ["nH 10^22 1. 0.0 0.0 1.E5 1.E6 0.001"],
    "tbabs": ["nH 10^22 1. 0. 0. 1E5 1E6 1E-3"],
    "powerlaw": ["PhoIndex 1 1. -3. -2. 9. 10. 0.01"],
    "gaussian": ["LineE keV 6.5 0. 0. 1.e6 1.e6 0.05", "Sigma keV 0.1 0. 0. 10. 20. 0.05"],
}


def test_values_and_hard_limits_are_those_of_xspec() -> None:
    assert set(MODEL_DAT) == set(COMPONENTS)
    for name, lines in MODEL_DAT.items():
        own = [one for one in COMPONENTS[name].parameters if one.name != "norm"]
        for one, line in zip(own, lines, strict=True):
            parameter, _, start, least, _, _, largest, step = line.split()
            assert (one.name, one.value) == (parameter, float(start))
            assert (one.min, one.max) == (float(least), float(largest))
            assert one.frozen == (float(step) < 0)


def test_case_of_a_type_does_not_count() -> None:
    assert component_type("TBabs") == "tbabs"
    assert component_type("apec") == ""

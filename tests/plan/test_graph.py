from __future__ import annotations

import pytest

from xbatch.plan.graph import dot, mermaid
from xbatch.plan.steps import FileInput, Plan, Step, StepInput, ordered


@pytest.fixture
def plan() -> Plan:
    read = Step("spectrum:a/FPMA/src", "spectrum", "a/FPMA/src", inputs={"pha": FileInput("/data/a.pha")})
    fit = Step('fit:"odd"', "fit", '"odd"', inputs={"grouped/0": StepInput(read.name, "spectrum.pha")})
    table = Step("parameters:fits", "parameters", "fits", inputs={"fit/0": StepInput(fit.name, "fit.json", True)})
    return ordered("p", [table, fit, read])


def test_mermaid_has_a_node_a_step_and_an_arrow_a_need(plan: Plan) -> None:
    assert mermaid(plan, {"spectrum:a/FPMA/src": "up to date"}).splitlines() == [
        "flowchart LR",
        '  s0["spectrum:a/FPMA/src<br/>up to date"]',
        '  s1["fit:#quot;odd#quot;"]',
        '  s2["parameters:fits"]',
        "  s0 --> s1",
        "  s1 -.-> s2",
    ]


def test_dot_escapes_names_and_dashes_what_is_optional(plan: Plan) -> None:
    text = dot(plan)
    assert '"fit:\\"odd\\"" [label="fit:\\"odd\\""];' in text
    assert '"fit:\\"odd\\"" -> "parameters:fits" [style=dashed];' in text
    assert text.startswith('digraph "p" {') and text.endswith("}\n")

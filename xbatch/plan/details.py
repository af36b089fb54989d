"""What is worth saying of a step beside its verdict: what of it data will decide."""

from __future__ import annotations

from xbatch.plan.steps import Step, StepInput

__all__ = ["open_details"]


def open_details(step: Step) -> list[str]:
    """Say which bands of a step are not known before another has ended, and how many there may be.

    The steps themselves are known before anything runs: what data decide is what is in their files.
    """
    lines = []
    if step.task == "bands":
        lines.append(f"at most {step.params['n']} bands: edges known after {', '.join(step.waits_for())}")
    for entry in step.params.get("bands", ()):
        source = step.inputs.get(f"bands/{entry['scheme']}") if "scheme" in entry else None
        if isinstance(source, StepInput):
            lines.append(f"at most {entry['most']} bands: edges known after {source.step}")
    return lines

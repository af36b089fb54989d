"""A plan as a drawing: Mermaid (for pages and chats) or Graphviz dot."""

from __future__ import annotations

from collections.abc import Mapping

from xbatch.plan.steps import Plan

__all__ = ["dot", "mermaid"]


def mermaid(plan: Plan, verdicts: Mapping[str, str] | None = None) -> str:
    """Draw a plan as a Mermaid flow chart, left to right.

    Parameters
    ----------
    plan : Plan
    verdicts : Mapping of str to str, optional
        A word for each step's name, written below it.
    """
    number = {step.name: f"s{n}" for n, step in enumerate(plan)}
    lines = ["flowchart LR"]
    lines += [f'  {number[step.name]}["{_mermaid_text(_label(step.name, verdicts, "<br/>"))}"]' for step in plan]
    for step in plan:
        soft = set(step.waits_for()) - set(step.needs())
        for need in step.waits_for():
            arrow = "-.->" if need in soft else "-->"
            lines.append(f"  {number[need]} {arrow} {number[step.name]}")
    return "\n".join(lines) + "\n"


def dot(plan: Plan, verdicts: Mapping[str, str] | None = None) -> str:
    """Draw a plan in Graphviz' language; what a step can do without is dashed."""
    lines = [f"digraph {_quoted(plan.name)} {{", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(step.name)} [label={_quoted(_label(step.name, verdicts, chr(10)))}];" for step in plan]
    for step in plan:
        soft = set(step.waits_for()) - set(step.needs())
        for need in step.waits_for():
            style = " [style=dashed]" if need in soft else ""
            lines.append(f"  {_quoted(need)} -> {_quoted(step.name)}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def _label(name: str, verdicts: Mapping[str, str] | None, newline: str) -> str:
    return f"{name}{newline}{verdicts[name]}" if verdicts and name in verdicts else name


def _mermaid_text(text: str) -> str:
    return text.replace('"', "#quot;")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

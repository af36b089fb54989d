"""``xbatch plan``: the steps of a spec, and what a run would do with each."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xbatch.base.collection import no_collection
from xbatch.cli.options import default_run_dir, places, read_spec, spec_argument, store_dir

if TYPE_CHECKING:
    from xbatch.commands.call import Call
    from xbatch.plan.steps import Plan, Step
    from xbatch.plan.verdict import Verdict

__all__ = ["command", "kept_lines"]

#: Bytes of files never seen before that are read for a plan, in some seconds; raw data of many observations have more.
_MOST_READ = 2_000_000_000


@click.command(
    "plan",
    epilog="""\b
Examples:
  xbatch plan analysis.yaml
  xbatch plan analysis.yaml --set binning.min30.counts=20    what would that rerun?
  xbatch plan analysis.yaml --graph mermaid > plan.mmd
  xbatch plan analysis.yaml --script > commands.sh     what HEASoft and SAS are told
  xbatch plan analysis.yaml --json | jq '.steps[] | select(.verdict == "run").name'
""",
)
@spec_argument
@places
@click.option("--json", "as_json", is_flag=True, help="Print steps, parameters, inputs and verdicts as JSON.")
@click.option("--graph", type=click.Choice(["mermaid", "dot"]), help="Draw the plan as text for Mermaid or Graphviz.")
@click.option("--script", "as_script", is_flag=True, help="Write the external tools' commands as a script for bash.")
@click.option("--verbose", "-v", is_flag=True, help="Show each step's engine, parameters, inputs and commands too.")
def command(
    spec: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    store: Path | None,
    as_json: bool,
    graph: str | None,
    as_script: bool,
    verbose: bool,
) -> None:
    """Show each step with what a run would do: run it (and why), leave it as up to date, or wait for another's result.

    Nothing is run and nothing is written but the remembered digests of your files. More than 2 GB of files that were
    never read before are left to the run: their steps wait for that. Fits that are done show which
    groups they used: channels and energies of the first and the last.
    """
    from xbatch.plan.compile import compile_plan
    from xbatch.run.session import survey

    with no_collection():
        analysis = read_spec(spec, overrides)
        plan = compile_plan(analysis)
        run_dir = default_run_dir(analysis, out)
        if as_script:
            from xbatch.plan.script import script

            click.echo(script(plan, str(run_dir)), nl=False)
            return
        found = survey(plan, run_dir, store_dir(run_dir, store), most=_MOST_READ)
        verdicts = {verdict.step: verdict for verdict in found}
        if graph is not None:
            from xbatch.plan.graph import dot, mermaid

            draw = mermaid if graph == "mermaid" else dot
            text = draw(plan, {name: verdict.kind for name, verdict in verdicts.items()})
        elif as_json:
            text = json.dumps(_as_json(plan, verdicts, len(analysis.members)), indent=2) + "\n"
        else:
            text = _as_text(plan, verdicts, store_dir(run_dir, store), verbose, len(analysis.members))
    click.echo(text, nl=False)


def _as_text(plan: Plan, verdicts: Mapping[str, Verdict], store: Path, verbose: bool, members: int) -> str:
    from xbatch.plan.details import open_details

    facts = _facts(verdicts, store)
    width = max((len(step.name) for step in plan), default=0)
    lines: list[str] = []
    for step in plan:
        lines += _step_lines(step, verdicts[step.name], width, verbose)
        more = kept_lines(facts.get(step.name, {})) if step.task == "fit" else []
        more += open_details(step) if verdicts[step.name].kind == "waits" else []
        lines += [f"    {line}" for line in more]
    lines += _remark_lines(plan)
    return "\n".join([*lines, _summary(verdicts, members), ""])


def _remark_lines(plan: Plan) -> list[str]:
    """Say once what is odd with the set-up of the tools, and how many steps that concerns."""
    count = Counter(remark for step in plan for remark in step.remarks)
    return [f"note: {remark} ({number} step{'s' * (number > 1)})" for remark, number in count.items()]


def _as_json(plan: Plan, verdicts: Mapping[str, Verdict], members: int) -> dict[str, Any]:
    from xbatch.plan.details import open_details

    return {
        "plan": 1,
        "name": plan.name,
        "members": members,
        "steps": [
            {
                "name": step.name,
                "task": step.task,
                "subject": step.subject,
                "engine": step.engine,
                "engine_version": step.engine_version,
                "because": step.because,
                "remarks": list(step.remarks),
                "commands": [list(call.command) for call in _calls(step)],
                "members": list(step.members),
                "needs": list(step.waits_for()),
                "verdict": verdicts[step.name].kind,
                "key": verdicts[step.name].key,
                "reasons": [reason.as_dict() for reason in verdicts[step.name].reasons],
                "params": step.params,
                "inputs": {role: _input(step, role) for role in step.inputs},
                "product": step.product,
                "details": open_details(step),
            }
            for step in plan
        ],
    }


def _input(step: Step, role: str) -> str:
    from xbatch.plan.steps import FileInput

    item = step.inputs[role]
    return item.path if isinstance(item, FileInput) else f"{item.step} {item.output}"


def _facts(verdicts: Mapping[str, Verdict], store: Path) -> dict[str, Mapping[str, Any]]:
    """Look up what is known of the steps that are done."""
    from xbatch.run.store import Store

    known = Store(store)
    records = {
        name: known.record(verdict.key)
        for name, verdict in verdicts.items()
        if verdict.kind == "up to date" and verdict.key is not None
    }
    return {name: record["facts"] for name, record in records.items() if record is not None}


def kept_lines(facts: Mapping[str, Any]) -> list[str]:
    """Say which groups of each spectrum a fit has used: channels and energies of the first and the last."""

    def end(group: Mapping[str, Any]) -> str:
        (first, last), (lo, hi) = group["channels"], group["energy"]
        return f"channels {first}-{last} ({lo:.4g}-{hi:.4g} keV)"

    return [
        f"{kept['obsid']}/{kept['instrument']}/{kept['spectrum']} {kept['binning']}: {kept['groups']} groups, "
        f"{end(kept['first'])} to {end(kept['last'])}"
        for kept in facts.get("kept", ())
    ]


def _step_lines(step: Step, verdict: Verdict, width: int, verbose: bool) -> list[str]:
    from xbatch.plan.verdict import reason_text

    waits = [reason.what for reason in verdict.reasons if reason.kind == "waits"]
    clauses = [reason_text(reason) for reason in verdict.reasons if reason.kind != "waits"]
    if waits:
        shown = waits if verbose else waits[:2]
        more = f" and {len(waits) - len(shown)} more" if len(shown) < len(waits) else ""
        clauses.append(f"waits for {', '.join(shown)}{more}")
    word = "" if verdict.kind == "waits" else verdict.kind
    reasons = "; ".join(clauses)
    lines = [f"{step.name:<{width}}  {word}{': ' if word and reasons else ''}{reasons}".rstrip()]
    if verbose:
        params = {name: value for name, value in step.params.items() if name != "work"}
        engine = f"{step.engine} ({step.because})" if step.because else step.engine
        lines.append(f"    engine {engine}, parameters {json.dumps(params, sort_keys=True)}")
        lines += [f"    {role} <- {_input(step, role)}" for role in step.inputs]
        lines += [f"    $ {shlex.join(call.command)}" for call in _calls(step)]
    return lines


def _calls(step: Step) -> tuple[Call, ...]:
    from xbatch.commands.call import Work

    return Work.of(step.params["work"]).calls if "work" in step.params else ()


def _summary(verdicts: Mapping[str, Verdict], members: int) -> str:
    count = Counter[str](verdict.kind for verdict in verdicts.values())
    words = {"run": "to run", "waits": "waiting", "up to date": "up to date", "blocked": "that cannot be done here"}
    parts = [f"{count[kind]} {words[kind]}" for kind in words if count[kind]]
    halted = sum(
        verdict.kind == "waits" and any(reason.kind == "cannot" for reason in verdict.reasons)
        for verdict in verdicts.values()
    )
    parts += [f"{halted} of them cannot be done here"] if halted else []
    steps = f"{members} members, {len(verdicts)} distinct steps" if members > 1 else f"{len(verdicts)} steps"
    return f"{steps}: {', '.join(parts)}"

"""What the runner itself costs, with tasks that do next to nothing (`toysteps`).

``python benchmarks/runner.py [--steps N] [--peers PYTHON]`` prints

- a run of 10 000 trivial steps in chains of five from beginning to end, with records and manifest, and beside it what
  it costs on this disk to make the same files with nothing else;
- a run with nothing to do for 1000 steps, as a whole process, against doit and snakemake with the same chains.
  ``--peers`` (or XBATCH_PEERS) names the interpreter of an environment that has them;
- how near 24 chains of five uneven steps on four slots come to the least time they can take;
- 1000 runs of a tool with parameter files, eight at a time: whether any two shared a folder, and what was left.

Exits 1 if a goal is missed. On a machine that is busy with other things, the time of the first is taken as the
processors' time, of which the cores share the half that can be shared: wall-clock time would be that of the others.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import toysteps

from xbatch.plan.steps import Plan
from xbatch.provenance import manifest
from xbatch.run.result import RunResult
from xbatch.run.session import execute
from xbatch.spec.model import Analysis

FOLDER = Path(__file__).resolve().parent
CORES = len(os.sched_getaffinity(0))
LENGTH = 5
STEP_MS = 1.5
OF_DOIT, OF_SNAKEMAKE = 3.0, 1 / 5
OF_BOUND = 1.1
# An installed package has its bytecode; a shell that forbids to write it would have every run compile everything.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
BUSY = 0.5  # load for each core, before we begin
DODO = """\
def task_chain():
    for number in range({chains}):
        for place in range({length}):
            before = [f"{{number}}-{{place - 1}}.txt"] if place else []
            yield {{
                "name": f"{{number}}-{{place}}", "file_dep": before, "targets": [f"{{number}}-{{place}}.txt"],
                "actions": [f"echo {{number}} {{place}} > {{number}}-{{place}}.txt"],
            }}
"""
SNAKEFILE = """\
rule all:
    input: expand("{{number}}-{last}.txt", number=range({chains}))
rule first:
    output: "{{number}}-0.txt"
    shell: "echo {{wildcards.number}} > {{output}}"
""" + "".join(
    f"""\
rule next{place}:
    input: "{{{{number}}}}-{place - 1}.txt"
    output: "{{{{number}}}}-{place}.txt"
    shell: "echo {{{{wildcards.number}}}} > {{{{output}}}}"
"""
    for place in range(1, LENGTH)
)


@dataclass
class Clock:
    """What a piece of work has cost: seconds by the wall, and of the processors for this process and its children."""

    wall: float = 0.0
    own: float = 0.0
    children: float = 0.0


@contextmanager
def timed() -> Iterator[Clock]:
    """Measure a piece of work; processes count that have ended in it."""

    def now() -> tuple[float, float, float]:
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.perf_counter(), own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime

    clock, before = Clock(), now()
    yield clock
    clock.wall, clock.own, clock.children = (b - a for a, b in zip(before, now(), strict=True))


def run(folder: Path, plan: Plan, jobs: int) -> RunResult:
    """Run a plan; every step must end well."""
    result = execute(plan, folder / "out", folder / "store", jobs=jobs, registry=toysteps.REGISTRY)
    if not result.ok:
        raise SystemExit(f"failed: {next(step.message for step in result.steps if step.message)}")
    return result


def many_steps(folder: Path, steps: int) -> bool:
    """Run trivial steps and write their manifest."""
    busy = os.getloadavg()[0] / CORES > BUSY
    plan = toysteps.chains("trivial", steps // LENGTH, LENGTH, [])
    spec = Path("benchmark.yaml")
    analysis = Analysis(spec, {str(spec): b"xbatch: 1\n"}, (), "benchmark", (), {}, {}, {})
    with timed() as ours:
        result = run(folder, plan, CORES)
        content = manifest.build(analysis, plan, result, CORES, (), {}, toysteps.REGISTRY)
        manifest.write(result.run_dir, content)
    with timed() as files:
        copy_of_files(folder / "again", result)
    scale = 1e3 / steps
    shared = max(ours.own, (ours.own + ours.children) / CORES) * scale
    taken = shared if busy else ours.wall * scale
    print(f"{steps} trivial steps, chains of {LENGTH}, {CORES} at a time, with records and manifest")
    wall, own, children = ours.wall * scale, ours.own * scale, ours.children * scale
    print(f"  by the wall {wall:.2f} ms a step; processors {own:.2f} (the run) + {children:.2f} (workers)")
    print(f"  the same files with nothing else: {files.wall * scale:.2f} ms, processors {files.own * scale:.2f}")
    what = "processors' time over the cores, since this machine is busy" if busy else "by the wall"
    print(f"  taken: {taken:.2f} ms, {what} (at most {STEP_MS}{'' if taken <= STEP_MS else ': MISSED'})", flush=True)
    return taken <= STEP_MS


def copy_of_files(folder: Path, result: RunResult) -> None:
    """Make the folders, files and links of a run, in one go and with one process."""
    (folder / "logs").mkdir(parents=True)
    for step in result.steps:
        assert step.record is not None
        entry, product = folder / "store" / str(step.key), folder / "products" / step.name
        entry.mkdir(parents=True)
        product.mkdir(parents=True)
        for path in sorted(step.record.parent.iterdir()):
            (entry / path.name).write_bytes(path.read_bytes())
        os.link(entry / "step.log", folder / "logs" / f"{step.name}.log")
        os.link(entry / "out.txt", product / "out.txt")


def nothing_to_do(folder: Path, steps: int, peers: str, runs: int) -> bool:
    """Compare whole processes that find everything up to date."""
    chains = steps // LENGTH
    (folder / "doit").mkdir(parents=True)
    (folder / "doit" / "dodo.py").write_text(DODO.format(chains=chains, length=LENGTH))
    (folder / "snakemake").mkdir()
    (folder / "snakemake" / "Snakefile").write_text(SNAKEFILE.format(chains=chains, last=LENGTH - 1))
    beside = Path(peers).parent
    ways = {"xbatch": [sys.executable, str(FOLDER / "toysteps.py"), str(folder / "xbatch"), str(steps)]}
    if (beside / "doit").exists():
        ways["doit"] = [str(beside / "doit"), "-f", str(folder / "doit" / "dodo.py")]
    if (beside / "snakemake").exists():
        ways["snakemake"] = [str(beside / "snakemake"), "-d", str(folder / "snakemake"), "--cores", "2", "--quiet"]
        ways["snakemake"] += ["-s", str(folder / "snakemake" / "Snakefile")]
        for number in range(chains):  # as if it had made them, which would take it minutes
            for place in range(LENGTH):
                (folder / "snakemake" / f"{number}-{place}.txt").write_text(str(number))
    for command in ways.values():
        cpu_of(command, folder)
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, command in ways.items():
            cpu[way].append(cpu_of(command, folder))
    print(f"nothing to do for {steps} steps, whole processes, medians of {runs}")
    print(f"  {'xbatch':<12}{statistics.median(cpu['xbatch']):6.2f} s CPU")
    met = True
    for peer, goal in (("doit", OF_DOIT), ("snakemake", OF_SNAKEMAKE)):
        if peer not in ways:
            print(f"  {peer:<12}not installed")
            continue
        ratio = statistics.median(a / b for a, b in zip(cpu["xbatch"], cpu[peer], strict=True))
        met = met and ratio <= goal
        said = f"{ratio:.2f} of it (at most {goal:g}{'' if ratio <= goal else ': MISSED'})"
        print(f"  {peer:<12}{statistics.median(cpu[peer]):6.2f} s CPU; xbatch takes {said}")
    sys.stdout.flush()
    return met


def cpu_of(command: list[str], folder: Path) -> float:
    """Run a command in a folder and give what it and its children cost."""
    with (folder / "said.txt").open("w+") as said:
        child = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, env=ENVIRONMENT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{said.read()[-2000:]}")
    return usage.ru_utime + usage.ru_stime


def uneven_chains(folder: Path, chains: int = 24, slots: int = 4) -> bool:
    """Run chains of sleeping steps of uneven length."""
    chance = random.Random(7)
    seconds = [[chance.choice([0.2, 0.4, 0.8, 1.6]) for _ in range(LENGTH)] for _ in range(chains)]
    plan = toysteps.chains("sleep", chains, LENGTH, [{"seconds": value} for chain in seconds for value in chain])
    bound = max(*map(sum, seconds), sum(map(sum, seconds)) / slots)
    with timed() as clock:
        run(folder, plan, slots)
    ratio = clock.wall / bound
    missed = "" if ratio <= OF_BOUND else ": MISSED"
    print(f"{chains} chains of {LENGTH} uneven steps on {slots} slots: {clock.wall:.2f} s")
    print(
        f"  {ratio:.3f} of the {bound:.2f} s that their sum and the longest allow (at most {OF_BOUND}{missed})",
        flush=True,
    )
    return ratio <= OF_BOUND


def tools(folder: Path, count: int = 1000, at_once: int = 8) -> bool:
    """Run a tool many times, and look for what two runs have shared or left."""
    before = dict(os.environ)
    with timed() as clock:
        result = run(folder, toysteps.chains("tool", count, 1, []), at_once)
    facts = [step.content["facts"] for step in result.steps if step.content is not None]
    shared = 2 * count - len({fact["pfiles"] for fact in facts} | {fact["scratch"] for fact in facts})
    mixed = 0
    for fact, step in zip(facts, result.steps, strict=True):
        assert step.record is not None
        mixed += step.record.with_name("out.txt").read_text().split() != 2 * [str(fact["number"])]
    left = sum(Path(fact[name]).exists() for fact in facts for name in ("pfiles", "scratch"))
    left += len(list((folder / "store" / "tmp").iterdir()))
    processes = Path(f"/proc/self/task/{os.getpid()}/children")
    running = len(processes.read_text().split()) if processes.exists() else 0
    print(f"{count} runs of a tool, {at_once} at a time: {clock.wall / count * 1e3:.1f} ms each")
    print(f"  folders shared {shared}, parameters mixed up {mixed}, folders left {left}, processes left {running}")
    print(f"  environment {'untouched' if dict(os.environ) == before else 'CHANGED'}", flush=True)
    return not (shared or mixed or left or running) and dict(os.environ) == before


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000, help="trivial steps [default: 10000]")
    parser.add_argument("--up-to-date", type=int, default=1000, metavar="N", help="steps with nothing to do")
    parser.add_argument("--runs", type=int, default=3, help="runs of each way to do nothing [default: 3]")
    parser.add_argument("--peers", default=os.environ.get("XBATCH_PEERS", sys.executable), metavar="PYTHON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        met = [
            many_steps(folder / "many", options.steps),
            nothing_to_do(folder / "nothing", options.up_to_date, options.peers, options.runs),
            uneven_chains(folder / "uneven"),
            tools(folder / "tools"),
        ]
        shutil.rmtree(folder / "many", ignore_errors=True)
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())

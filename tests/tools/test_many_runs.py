"""Tools in the worker processes of a run: many at a time, and whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest

from tests.run.processes import begun_by, gone
from tests.tools.bench import Bench, appears
from xbatch.commands.call import Call, Work
from xbatch.plan.steps import Plan, Step, ordered
from xbatch.registry import TaskDef
from xbatch.run.limits import Wishes
from xbatch.run.session import execute

REGISTRY: Mapping[str, TaskDef] = MappingProxyType(
    {
        "tool": TaskDef(
            "tool", 1, ("out.txt",), MappingProxyType({"heasoft": "xbatch.tools.execute:run"}), "a tool", tries=1
        )
    }
)
# as ftools do: values go to a file of the tool's name, and are read from there; files with fixed names where it works
COLLIDING = """\
own="${PFILES%%;*}"
test -e "$own/ftool.par" && echo "ERROR: somebody else's parameters" && exit 1
test -e tmp.add -o -e "$TMPDIR/part" -o -e "$HOME/.rc" && echo "ERROR: somebody else's files" && exit 1
echo "$1" > "$own/ftool.par"
echo "$1" > tmp.add
echo "$1" > "$TMPDIR/part"
echo "$1" > "$HOME/.rc"
( trap '' TERM; sleep 60 ) &
echo $! >> "$(dirname "$0")/../left"
cat "$own/ftool.par" tmp.add "$TMPDIR/part" "$HOME/.rc" > out.txt
"""


def step(name: str, tool: str, **args: str) -> Step:
    call = Call("heasoft", tool, tuple(args.items()), ("out.txt",))
    params = {"work": Work((call,), kept={"out.txt": "out.txt"}).params()}
    return Step(f"tool:{name}", "tool", name, "heasoft", params, product=f"tool/{name}")


def plan(*steps: Step) -> Plan:
    return ordered("tools", list(steps))


def sleeps(pid: int) -> bool:
    """Tell whether a process is one that a tool has left; its number may be another's by now."""
    try:
        return not gone(pid, 0) and "sleep" in psutil.Process(pid).cmdline()[:1]
    except psutil.Error:
        return False


def leftovers(bench: Bench) -> list[str]:
    """Name what a run has left where tools work."""
    found = [path.name for path in bench.folder.iterdir() if path.name.startswith("xb-")]
    tmp = bench.folder / "store" / "tmp"
    # os.walk does not mind folders that go meanwhile
    return found + [f"{folder}/{name}" for folder, _, names in os.walk(tmp) for name in names]


@pytest.mark.parametrize(
    "count", [pytest.param(1000, id="thousand"), pytest.param(10000, id="many", marks=pytest.mark.slow)]
)
def test_runs_of_tools_do_not_collide(bench: Bench, tmp_path: Path, count: int) -> None:
    bench.tool("ftool", COLLIDING)
    environment, cwd = dict(os.environ), Path.cwd()
    steps = [step(str(number), "ftool", n=str(number)) for number in range(count)]
    result = execute(plan(*steps), tmp_path / "run", tmp_path / "store", jobs=8, registry=REGISTRY)
    assert [one.message for one in result.steps if one.outcome != "done"] == []
    products = tmp_path / "run" / "products" / "tool"
    for number in range(count):
        assert (products / str(number) / "out.txt").read_text() == 4 * f"n={number}\n"
    assert leftovers(bench) == []
    assert not (tmp_path / "store" / "tmp").exists() or list((tmp_path / "store" / "tmp").iterdir()) == []
    left = [int(line) for line in (bench.root / "left").read_text().split()]
    assert len(left) == count
    assert [pid for pid in left if sleeps(pid)] == []
    assert (dict(os.environ), Path.cwd()) == (environment, cwd)
    assert not (bench.folder / "user").exists()


def test_the_time_limit_of_a_step_ends_its_tools(bench: Bench) -> None:
    mark = bench.folder / "pids"
    bench.tool("hang", f"trap '' TERM; echo part > part; (trap '' TERM; sleep 60) & echo $$ $! > {mark}; wait")
    for limit in begun_by(mark):
        result = execute(
            plan(step("a", "hang")),
            bench.folder / "run",
            bench.folder / "store",
            jobs=1,
            registry=REGISTRY,
            wishes=Wishes(timeout=(("tool:*", limit),)),
        )
        assert result.steps[0].message.startswith(f"took longer than {limit:g} s and was stopped")
    assert all(gone(int(pid)) for pid in mark.read_text().split())
    wait_until_clear(bench)


def test_a_worker_that_is_killed_leaves_nothing(bench: Bench) -> None:
    mark = bench.folder / "pids"
    # the tool kills the worker, which is the parent of the process that keeps it
    bench.tool(
        "murder",
        f"echo part > part; (trap '' TERM; sleep 60) & echo $$ $! > {mark}\n"
        "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); sleep 60",
    )
    bench.tool("good", "echo fine > out.txt")
    result = execute(
        plan(step("a", "murder"), step("b", "good")),
        bench.folder / "run",
        bench.folder / "store",
        jobs=1,
        registry=REGISTRY,
    )
    outcomes = {one.name: one for one in result.steps}
    assert "its worker process was killed (SIGKILL 9)" in outcomes["tool:a"].message
    assert outcomes["tool:b"].outcome == "done"
    assert all(gone(int(pid)) for pid in mark.read_text().split())
    wait_until_clear(bench)


RUN = """
import json, sys
from pathlib import Path
from tests.tools.test_many_runs import REGISTRY, plan, step
from xbatch.run.session import execute
folder = Path(sys.argv[1])
steps = plan(step("a", "hang", n="1"), step("b", "hang", n="2"))
result = execute(steps, folder / "run", folder / "store", jobs=2, registry=REGISTRY)
print(json.dumps({one.name: one.outcome for one in result.steps}))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_no_tool(bench: Bench, number: signal.Signals) -> None:
    mark = bench.folder / "pids"
    bench.tool("hang", f"trap '' TERM INT; echo part > part; (trap '' TERM INT; sleep 60) & echo $$ $! >> {mark}; wait")
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(bench.folder)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 60
    while len(appears(mark).split()) < 4 and time.monotonic() < end:
        time.sleep(0.02)
    pids = [int(pid) for pid in mark.read_text().split()]
    assert len(pids) == 4
    os.killpg(run.pid, number)  # as a terminal does
    if number == signal.SIGINT:
        time.sleep(0.5)
        os.killpg(run.pid, number)  # the first lets steps that run go on
    said, _ = run.communicate(timeout=120)
    if number == signal.SIGINT:
        assert set(json.loads(said).values()) == {"not run"} or "done" not in said
    assert all(gone(pid) for pid in pids)
    wait_until_clear(bench)


def wait_until_clear(bench: Bench) -> None:
    end = time.monotonic() + 60
    while leftovers(bench) and time.monotonic() < end:
        time.sleep(0.02)
    assert leftovers(bench) == []

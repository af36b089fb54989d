"""The script of a plan's commands: bash runs it, with tools of the test's own in the place of the missions'."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from xbatch.commands.call import HEASOFT, SAS, TOKEN, Call, Staged, Work
from xbatch.plan.script import script
from xbatch.plan.steps import FileInput, Plan, Step, StepInput

# Says how it was called: folder, variables, words; writes the file that outfile= names.
_TOOL = """#!/usr/bin/env bash
{ echo "tool $(basename "$0")"; for word in "$@"; do echo "word $word"; done; echo "pfiles $PFILES"
echo "odf ${SAS_ODF:-}"; ls; } >> "$LOG"
for word in "$@"; do case $word in outfile=*) echo made > "${word#outfile=}" ;; esac; done
"""


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("fttool", "evselect"):
        (folder / name).write_text(_TOOL)
        (folder / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "LOG": str(tmp_path / "log"),
        "HEADAS": "/h",
        "SAS_DIR": "/s",
    }


def _plan(tmp_path: Path) -> Plan:
    region = tmp_path / "my region.reg"
    region.write_text("circle(1,2,3)\n")
    raw = tmp_path / "raw" / "hk"
    raw.mkdir(parents=True)
    (raw / "a.fits").write_text("a")
    (raw / "p.fits.gz").write_bytes(gzip.compress(b"packed"))
    for name in ("ccf.cif", "0001_1_SCX00000SUM.SAS", "two words.txt"):
        (raw.parent / name).write_text("b")
    first = Work(
        calls=(Call(HEASOFT, "fttool", (("infile", "src.reg"), ("outfile", "x.out")), ("x.out",)),),
        staged={
            "src.reg": Staged("region"),
            "obs": Staged("raw", "tree"),
            "p": Staged("raw", "part", "hk/p.fits"),
            "q": Staged("raw", "part", "hk/a.fits"),
        },
        written={"list.txt": "a b\nc\n"},
        kept={"x.fits": "x.*"},
    )
    second = Work(
        calls=(Call(SAS, "evselect", (("expression", "(PI>150)&&{selection:src.expression}"), ("outfile", "y"))),),
        staged={"x.fits": Staged("x", "copy")},
        kept={"y.fits": "y"},
        environment={"SAS_ODF": "{scratch}/odf"},
    )
    return Plan(
        "my plan",
        (
            Step("selection:1", "selection", "1", product="1/selection"),
            Step(
                "fttool:1",
                "fttool",
                "1",
                HEASOFT,
                params={"work": first.params()},
                inputs={"region": FileInput(str(region))},
                places={"raw": str(tmp_path / "raw")},
                because="the ARF needs CALDB",
            ),
            Step(
                "evselect:1",
                "evselect",
                "1",
                SAS,
                params={"work": second.params()},
                inputs={
                    "x": StepInput("fttool:1", "x.fits"),
                    "selection": StepInput("selection:1", "selection.json"),
                },
                outputs=("y.fits",),
            ),
        ),
    )


def test_bash_runs_the_script(tmp_path: Path, tools: dict[str, str]) -> None:
    run = tmp_path / "run"
    made = run / "products" / "1" / "selection"
    made.mkdir(parents=True)
    (made / "selection.json").write_text(json.dumps({"src": {"expression": "((X,Y) IN CIRCLE(1,2,3))"}}))
    path = tmp_path / "commands.sh"
    path.write_text(script(_plan(tmp_path), str(run)))
    done = subprocess.run(["bash", str(path)], env=tools, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    work = tmp_path / "my_plan-script"
    assert (work / "products" / "fttool_1" / "x.fits").read_text() == "made\n"
    assert (work / "products" / "evselect_1" / "y.fits").is_file()
    assert (work / "fttool_1" / "obs" / "hk" / "a.fits").is_symlink()
    assert [(work / "fttool_1" / name).read_text() for name in "pq"] == ["packed", "a"]
    # what was made of the observation by hand is not for the tools
    assert sorted(path.name for path in (work / "fttool_1" / "obs").iterdir()) == ["hk", "two words.txt"]
    assert (work / "fttool_1" / "list.txt").read_text() == "a b\nc\n"
    log = (tmp_path / "log").read_text().splitlines()
    assert log[:3] == ["tool fttool", "word infile=src.reg", "word outfile=x.out"]
    assert f"pfiles {work}/fttool_1/pfiles;/h/syspfiles:/s/config" in log
    assert "word expression=(PI>150)&&((X,Y) IN CIRCLE(1,2,3))" in log
    assert f"odf {work}/evselect_1/odf" in log


def _chain(tmp_path: Path, tool: str) -> Plan:
    """Two observations, each with two steps, the second of the first's product and of a value that another found."""
    steps = []
    for number in "12":
        first = Call(HEASOFT, tool if number == "1" else "fttool", (("outfile", "x"),))
        second = Call(HEASOFT, "fttool", (("value", "{known:a}"), ("outfile", "y")))
        steps += [
            Step(f"make:{number}", "make", number, params={"work": Work((first,), kept={"x.fits": "x"}).params()}),
            Step(
                f"use:{number}",
                "use",
                number,
                params={"work": Work((second,), {"x": Staged("x")}, kept={"y.fits": "y"}).params()},
                inputs={"x": StepInput(f"make:{number}", "x.fits"), "known": FileInput(str(tmp_path / "known.json"))},
            ),
        ]
    return Plan("two", tuple(steps))


def _bash(text: str, tmp_path: Path, tools: dict[str, str]) -> subprocess.CompletedProcess[str]:
    (tmp_path / "commands.sh").write_text(text)
    return subprocess.run(["bash", "commands.sh"], env=tools, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("body", ["exit 3", "true"])
def test_an_observation_that_fails_leaves_the_others_alone(tmp_path: Path, tools: dict[str, str], body: str) -> None:
    (tmp_path / "bin" / "broken").write_text(f"#!/usr/bin/env bash\n{body}\n")  # fails, or makes nothing
    (tmp_path / "bin" / "broken").chmod(0o755)
    (tmp_path / "known.json").write_text('{"a": 1}')
    # what an earlier call of the script has made is not taken for this one's
    work = tmp_path / "two-script"
    for name in ("make_1", "use_1"):
        (work / "products" / name).mkdir(parents=True)
    (work / "products" / "make_1" / "x.fits").write_text("old")
    done = _bash(script(_chain(tmp_path, "broken"), "run"), tmp_path, tools)
    assert done.returncode == 1
    told = done.stderr.splitlines()
    status = 3 if body == "exit 3" else 1
    assert f"make_1 failed with exit status {status}: look into {work}/make_1" in told
    assert f"use_1 is left out: {work}/products/make_1/x.fits is not there" in told
    assert told[-1] == "2 of 4 steps have no products: make_1 use_1"
    assert not (work / "products" / "make_1").exists() and not (work / "products" / "use_1").exists()
    assert (work / "products" / "use_2" / "y.fits").read_text() == "made\n"


def test_where_the_run_has_not_been_the_script_says_so(tmp_path: Path, tools: dict[str, str]) -> None:
    done = _bash(script(_plan(tmp_path), str(tmp_path / "run")), tmp_path, tools)
    told = done.stderr.splitlines()
    assert done.returncode == 1
    assert told[-2] == f"{tmp_path}/run is not there: run the spec first, which makes what steps need"
    assert "run the spec first" not in script(_chain(tmp_path, "fttool"), "run"), "it takes nothing from a run"


def test_a_value_that_is_not_there_is_not_an_empty_one(tmp_path: Path, tools: dict[str, str]) -> None:
    done = _bash(script(_chain(tmp_path, "fttool"), "run"), tmp_path, tools)
    assert done.returncode == 1
    assert f"use_1 is left out: {tmp_path}/known.json is not there" in done.stderr
    assert "word value=" not in (tmp_path / "log").read_text()
    (tmp_path / "known.json").write_text('{"a": 1}')
    assert _bash(script(_chain(tmp_path, "fttool"), "run"), tmp_path, tools).returncode == 0
    assert (tmp_path / "log").read_text().count("word value=1\n") == 2


def test_variables_of_a_step_are_its_own(tmp_path: Path, tools: dict[str, str]) -> None:
    work = [Work((Call(SAS, "evselect", ()),), environment=given) for given in ({"SAS_ODF": "/odf"}, {})]
    steps = [Step(f"t:{n}", "t", n, SAS, params={"work": one.params()}) for n, one in zip("12", work, strict=True)]
    assert _bash(script(Plan("p", tuple(steps)), "run"), tmp_path, tools).returncode == 0
    assert [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("odf")] == [
        "odf /odf",
        "odf ",
    ]


def test_folders_are_unpacked_summaries_told_their_odf_and_loops_begun(tmp_path: Path, tools: dict[str, str]) -> None:
    raw = tmp_path / "raw" / "hk"
    raw.mkdir(parents=True)
    for name in ("a.fits.gz", "b.fits.gz"):
        (raw / name).write_bytes(gzip.compress(b"packed"))
    (raw / "b.fits").write_text("unpacked")
    (tmp_path / "1.SAS").write_text("DATE 1\nPATH /elsewhere/\n")
    work = Work(
        (Call(SAS, "evselect", (("radius", "{loop:inner}"),)),),
        {"odf": Staged("raw", "tree-unpack"), "obs.SAS": Staged("summary", "summary", "odf")},
    )
    step = Step(
        "t:1",
        "t",
        "1",
        SAS,
        params={"work": work.params(), "loop": {"inner": "2.5"}},
        inputs={"summary": FileInput(str(tmp_path / "1.SAS"))},
        places={"raw": str(tmp_path / "raw")},
    )
    assert _bash(script(Plan("p", (step,)), "run"), tmp_path, tools).returncode == 0
    folder = tmp_path / "p-script" / "t_1"
    assert {path.name: path.read_text() for path in (folder / "odf" / "hk").iterdir()} == {
        "a.fits": "packed",
        "b.fits": "unpacked",
    }
    assert (folder / "obs.SAS").read_text() == f"DATE 1\nPATH {folder}/odf/\n"
    assert "word radius=2.5" in (tmp_path / "log").read_text().splitlines()


def test_it_says_why_and_when_there_is_nothing(tmp_path: Path) -> None:
    assert "# the ARF needs CALDB" in script(_plan(tmp_path), "out")
    assert "there are no commands" in script(Plan("p", (Step("events:1", "events", "1"),)), "out")


def _one(work: Work, **more: Any) -> str:
    return script(Plan("p", (Step("tool:1", "tool", "1", HEASOFT, params={"work": work.params()}, **more),)), "out")


@example(["~", "~/x", "$HOME", "it's", "*", ""])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12), max_size=6))
def test_the_shell_gives_every_word_as_it_was(values: list[str]) -> None:
    assume(not any(TOKEN.search(value) for value in values))  # what only data decide is another matter
    call = Call(
        HEASOFT, "printf", tuple((f"p{number}", value) for number, value in enumerate(values)), flags=("%s\\n",)
    )
    text = _one(Work((call,)))
    lines = text[text.index("printf '%s") : text.index("\n); ended")]
    done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout == "".join(f"p{number}={value}\n" for number, value in enumerate(values)) or not values


def test_a_long_command_is_broken_between_words() -> None:
    call = Call(HEASOFT, "tool", tuple((f"name{number}", "x" * 30) for number in range(8)))
    text = _one(Work((call,)))
    lines = text[text.index("tool name0") : text.index("\n); ended")].splitlines()
    assert all(len(line) <= 120 for line in lines)
    assert len([line for line in lines if line.endswith("\\")]) > 1
    assert " ".join(line.removesuffix("\\").strip() for line in lines).split() == [*call.command]


def test_folders_variables_and_products_that_may_be_absent() -> None:
    call = Call(HEASOFT, "tool", (("a", "1"),), environment={"V": "two words"}, folder="b1")
    text = _one(Work((call,), kept={"x.fits": "*.x", "y.fits": "y"}), outputs=("x.fits", "y.fits?"))
    assert "( mkdir -p b1 && cd b1 && V='two words' tool a=1 )" in text
    assert "keep x.fits *.x" in text and "keep_if y.fits y" in text


def test_small_files_hold_their_text_and_values_that_others_find() -> None:
    written = {"plain.txt": "it's $HOME\n", "found.txt": "radius {search:src.inner}\n"}
    inputs = {"search": FileInput("/some where/found.json")}
    text = _one(Work((), written=written), inputs=inputs)
    assert "cat > plain.txt <<'END'\nit's $HOME\nEND" in text
    assert "$(value '/some where/found.json' src.inner)" in text


def test_what_was_not_staged_is_left_out_and_responses_come_from_the_run() -> None:
    maker = Step("spectrum:1", "spectrum", "1", product="1/src")
    staged = {"r.rmf": Staged("response", "rmf"), "b.pha": Staged("background", "copy", optional=True)}
    work = Work((), staged)
    mine = Step("t:1", "t", "1", params={"work": work.params()}, inputs={"response": StepInput("spectrum:1", "x.npz")})
    text = script(Plan("p", (maker, mine)), "my run")
    assert 'link "$RUN/products/1/src/response.rmf" r.rmf' in text
    assert "b.pha" not in text and "RUN=${RUN:-'my run'}" in text

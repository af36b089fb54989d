from __future__ import annotations

import errno
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.tools.bench import Bench, call, fits, work
from xbatch.base.errors import StepError
from xbatch.commands.call import SAS, Call, Staged
from xbatch.tools import execute
from xbatch.tools.execute import Session, run


def refused(job: Any) -> StepError:
    """Run a job that must fail; its working folder must be gone."""
    with pytest.raises(StepError) as caught:
        run(job)
    assert list(job.out.iterdir()) == []
    return caught.value


def test_calls_run_in_order_in_one_folder_and_products_are_kept(bench: Bench) -> None:
    bench.tool("first", "cat in.txt src.reg > mid.txt; echo one")
    bench.tool("second", "tr a-z A-Z < mid.txt > nu01_cl.evt; pwd; echo two >&2")
    (bench.folder / "a.txt").write_text("input ")
    job = bench.job({"list": bench.folder / "a.txt", "place": bench.json("p.json", {"r": {"x": 12.5}})})
    job = work(
        job,
        call("first", "mid.txt"),
        call("second", "nu??_cl.evt", region="circle({place:r.x},2)"),
        staged={"in.txt": Staged("list")},
        written={"src.reg": "circle({place:r.x},1)"},
        kept={"events.txt": "nu*_cl.evt"},
    )
    bench.root.joinpath("bin/second").write_text(
        bench.root.joinpath("bin/second").read_text().replace("nu01_cl.evt", "nu01_cl.evt; echo $1")
    )
    with pytest.raises(StepError, match="does not begin with SIMPLE"):
        run(job)  # an event list is a FITS file
    job = work(
        job,
        call("first", "mid.txt"),
        Call("heasoft", "second", (("region", "{place:r.x}"),)),
        staged={"in.txt": Staged("list")},
        written={"src.reg": "circle({place:r.x},1)"},
        kept={"text.txt": "mid.*"},
    )
    outcome = run(job)
    assert (job.out / "text.txt").read_text() == "input circle(12.5,1)"
    assert [path.name for path in job.out.iterdir()] == ["text.txt"]
    assert outcome.facts == {
        "calls": [{"command": "first", "exit_status": 0}, {"command": "second region=12.5", "exit_status": 0}],
        "tools": {"heasoft": "6.35.1"},
    }


def test_the_log_tells_command_output_and_status_in_order(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.tool("talk", "echo hello; echo aside >&2; echo x > out.txt")
    run(work(bench.job(), call("talk", "out.txt", chatter="3"), kept={"out.txt": "out.txt"}))
    out, err = capfd.readouterr()
    lines = [line for line in out.splitlines() if line]
    assert lines[0] == "--- call 1: talk"
    assert lines[1].startswith("$ env HEADASNOQUERY='' HEADASPROMPT=/dev/null PFILES=")
    assert lines[1].endswith(" talk chatter=3")
    assert lines[2] == "hello"
    assert lines[3].startswith("--- talk ended after ")
    assert lines[3].endswith("with status 0")
    assert err == "aside\n"


def test_a_session_gives_what_a_tool_has_said(bench: Bench) -> None:
    bench.tool("ask", "echo 's: 1.01 +/- 0.02'; echo 'Warning: low counts' >&2")
    job = bench.job()
    with Session(job, {"SAS_ODF": "{scratch}/odf"}) as session:
        result = session.call(call("ask"))
        assert (result.stdout, result.exit_status) == ("s: 1.01 +/- 0.02\n", 0)
        assert result.warnings == ("Warning: low counts",)
        assert session.results == [result]
        folder = session.folder
        assert folder.is_dir()
        assert session.fill("{scratch}/a") == f"{folder}/a"
    assert not folder.exists()
    assert os.environ.get("SAS_ODF") is None


def test_the_environment_of_this_process_stays(bench: Bench) -> None:
    bench.tool("touchy", "env > env.txt")
    job = work(bench.job(), call("touchy", "env.txt"), kept={"env.txt": "env.txt"}, environment={"SAS_CCF": "ccf.cif"})
    before, cwd = dict(os.environ), Path.cwd()
    run(job)
    assert dict(os.environ) == before
    assert Path.cwd() == cwd
    seen = dict(line.partition("=")[::2] for line in (job.out / "env.txt").read_text().splitlines())
    work_folder = seen["HOME"].removesuffix("/home")
    assert seen["PFILES"] == f"{work_folder}/pfiles;{bench.root}/syspfiles"
    assert (seen["TMPDIR"], seen["PWD"]) == (f"{work_folder}/tmp", work_folder)
    assert (seen["HEADASNOQUERY"], seen["HEADASPROMPT"], seen["SAS_CCF"], seen["LC_ALL"]) == (
        "",
        "/dev/null",
        "ccf.cif",
        "C",
    )
    assert "DISPLAY" not in seen


def test_two_at_a_time_see_different_folders(bench: Bench) -> None:
    bench.tool("meet", "own=${PFILES%%;*}; echo $1 > $own/meet.par; sleep 0.3; (pwd; cat $own/meet.par) > out.txt")
    jobs = [work(bench.job(), call("meet", "out.txt", n=str(n)), kept={"out.txt": "out.txt"}) for n in (1, 2)]
    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [(job.out / "out.txt").read_text().split() for job in jobs]
    assert [one[1] for one in said] == ["n=1", "n=2"]
    assert said[0][0] != said[1][0]


def test_exit_0_without_a_product(bench: Bench) -> None:
    bench.tool("lazy", "echo all is well")
    error = refused(work(bench.job(), call("lazy", "*_sr.pha", indir="in")))
    assert str(error).startswith("lazy has not made *_sr.pha, though its exit status is 0; it said: all is well. ")
    assert error.cure.startswith("The log says how far it came")
    assert error.cure.endswith(". It ran: lazy indir=in")


def test_what_an_earlier_call_left_is_no_product_of_this_one(bench: Bench) -> None:
    bench.tool("make", "echo 1 > a.txt")
    bench.tool("grow", "echo 2 >> a.txt")
    bench.tool("lazy", "true")
    run(work(bench.job(), call("make", "a.txt"), call("grow", "a.txt"), kept={"a.txt": "a.txt"}))
    error = refused(work(bench.job(), call("make", "a.txt"), call("lazy", "a.txt")))
    assert "lazy has left a.txt as it was, which it should have made anew" in str(error)


def test_a_copy_that_a_tool_should_have_written_into_is_no_product_as_it_came(bench: Bench) -> None:
    bench.tool("shift", 'test -n "$1" || exit 0; echo more >> a.txt')
    (bench.folder / "in.txt").write_text("one")
    job = bench.job({"list": bench.folder / "in.txt"})
    copied = {"a.txt": Staged("list", "copy")}
    error = refused(work(job, call("shift", "a.txt"), staged=copied, kept={"a.txt": "a.txt"}))
    assert "shift has left a.txt as it was, which it should have made anew" in str(error)
    run(work(job, call("shift", "a.txt", by="1"), staged=copied, kept={"a.txt": "a.txt"}))
    assert (job.out / "a.txt").read_text() == "onemore\n"


def test_an_error_with_exit_status_0(bench: Bench) -> None:
    bench.tool(
        "sly", "echo '** evselect: error (tableDoesNotExist), The table is not there'; echo '   at all' ; : > p.txt"
    )
    error = refused(work(bench.job(), call("sly", suite=SAS)))
    assert "printed an error, and exit status 0" in str(error)
    assert "it said: ** evselect: error (tableDoesNotExist), The table is not there at all" in str(error)


def test_a_failure_at_what_is_not_needed_is_passed_over(bench: Bench) -> None:
    bench.tool("epatplot", "echo 's: 1.0'; echo 'ModuleNotFoundError: in epatplot_graph.py' >&2; exit 1")
    with Session(bench.job(), {}, bench.environ) as session:
        result = session.call(call("epatplot", suite=SAS), excused="epatplot_graph")
        assert (result.exit_status, result.stdout) == (1, "s: 1.0\n")
        with pytest.raises(StepError, match=r"has not made a\.txt and has exit status 1; it said: ModuleNotFoundError"):
            session.call(call("epatplot", "a.txt", suite=SAS), excused="epatplot_graph")
        with pytest.raises(StepError, match=r"failed with exit status 1; it said: ModuleNotFoundError"):
            session.call(call("epatplot", suite=SAS), excused="other_script")
    bench.tool("epatplot", "echo epatplot_graph; kill -9 $$")
    with Session(bench.job(), {}, bench.environ) as session, pytest.raises(StepError, match="SIGKILL"):
        session.call(call("epatplot", suite=SAS), excused="epatplot_graph")


def test_a_failure_names_input_script_and_remedy(bench: Bench) -> None:
    bench.tool("numkarf", "echo 'numkarf_0.5.0: Error: CALDB is not set' >&2; exit 3")
    source = fits(bench.folder / "nu_cl.evt")
    job = bench.job({"list": source}, log=bench.folder / "my logs.log")
    error = refused(work(job, call("numkarf", infile="cl.evt[EVENTS]"), staged={"cl.evt": Staged("list")}))
    assert error.what == (
        f"numkarf failed with exit status 3; it said: numkarf_0.5.0: Error: CALDB is not set; input: {source}"
    )
    assert error.cure.startswith("Set up CALDB")
    script = f"sh '{bench.folder}/my logs.sh'"
    assert error.cure.endswith(f". To repeat it by hand: {script}; it ran: numkarf 'infile=cl.evt[EVENTS]'")


def test_a_failure_names_the_file_that_the_tool_complains_of(bench: Bench) -> None:
    bench.tool("pick", "echo 'ERROR: no region found in src.reg.' >&2; exit 1")
    events, region = fits(bench.folder / "nu_cl.evt"), bench.folder / "agn.reg"
    region.touch()
    staged = {"cl.evt": Staged("list"), "src.reg": Staged("region")}
    job = bench.job({"list": events, "region": region})
    error = refused(work(job, call("pick", infile="cl.evt", region="src.reg"), staged=staged))
    assert error.what.endswith(f"no region found in src.reg.; src.reg is {region}")
    assert error.cure.startswith("Look at the region")


def test_a_script_beside_the_log_does_the_same(bench: Bench) -> None:
    bench.tool("good", 'cat "in put.txt" sub/src.reg > all.txt')
    bench.tool("bad", "echo ERROR: no; cp all.txt $OUT; exit 1")
    (bench.folder / "a.txt").write_text("input\n")
    job = work(
        bench.job({"list": bench.folder / "a.txt"}, log=bench.folder / "bad.log"),
        call("good", "all.txt"),
        call("bad", expression="(PI in [1:2])&&gti('a',TIME)"),
        staged={"in put.txt": Staged("list")},
        written={"sub/src.reg": "circle(1,2,3)\n"},
        environment={"OUT": "{scratch}/copy.txt"},
    )
    script = f"{bench.folder}/bad.sh"
    assert f"To repeat it by hand: sh {script}; it ran: bad" in refused(job).cure
    done = subprocess.run(["sh", script], capture_output=True, text=True)
    said, where = done.stdout.splitlines()
    assert (done.returncode, said) == (1, "ERROR: no")
    folder = Path(where.removeprefix("in "))
    assert (folder / "copy.txt").read_text() == "input\ncircle(1,2,3)\n"


def test_the_script_of_a_failure_goes_when_the_step_succeeds(bench: Bench) -> None:
    bench.tool("moody", "test -e $HEADAS/cured && echo x > a.txt")
    log = bench.folder / "moody.log"
    refused(work(bench.job(log=log), call("moody", "a.txt")))
    assert log.with_suffix(".sh").exists()
    (bench.root / "cured").touch()
    run(work(bench.job(log=log), call("moody", "a.txt")))
    assert not log.with_suffix(".sh").exists()


def test_without_room_for_the_script_the_failure_is_told(bench: Bench) -> None:
    bench.tool("bad", "echo ERROR: no; exit 1")
    error = refused(work(bench.job(log=bench.folder / "none" / "bad.log"), call("bad")))
    assert (
        str(error) == "bad failed with exit status 1; it said: ERROR: no. Mend what it says, and run again. It ran: bad"
    )


def test_a_truncated_product(bench: Bench) -> None:
    whole = fits(bench.folder / "whole.pha")
    bench.tool("half", f"head -c 9000 {whole} > src.pha")
    bench.tool("all", f"cat {whole} > src.pha")
    assert "has made src.pha, which is truncated" in str(refused(work(bench.job(), call("half", "src.pha"))))
    job = work(bench.job(), call("all", "src.pha"), kept={"source.pha": "src.pha"})
    run(job)
    assert (job.out / "source.pha").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo 'No space left on device' >&2", "printed an error, and exit status 0"),
        ("echo 'FITSIO status = 106: error writing to FITS file' >&2; exit 1", "exit status 1"),
        ("cat /dev/zero > /dev/full", "No space left on device"),
    ],
)
def test_a_full_disk_is_told_as_such(bench: Bench, text: str, said: str) -> None:
    bench.tool("fill", text)
    error = refused(work(bench.job(), call("fill", "a.fits")))
    assert said in str(error)
    if "106" not in text:
        assert error.cure.startswith("Make room on the disk")


def test_a_limit_of_the_size_of_files_is_told_as_such(bench: Bench) -> None:
    bench.tool("fill", "ulimit -f 1; exec head -c 100000 /dev/zero > big.fits")
    error = refused(work(bench.job(), call("fill", "big.fits")))
    assert "File size limit exceeded" in str(error) or "File too large" in str(error)
    assert error.cure.startswith("The limit of the size of files is too low")


def test_a_disk_that_fills_while_files_are_laid_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as write(2) tells it: of no file

    with monkeypatch.context() as patch, Session(bench.job(), {}, bench.environ) as session:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(StepError, match="cannot be put into the working folder: No space left") as caught:
            session.write({"a.reg": "circle(1,2,3)"})
        assert caught.value.file == str(session.folder)
        assert caught.value.cure.startswith("Make room")
    job, mkdir = bench.job(), Path.mkdir
    monkeypatch.setattr(Path, "mkdir", lambda path, *a, **b: full() if path.name == "tmp" else mkdir(path, *a, **b))
    with pytest.raises(StepError, match="cannot be put into the working folder: No space left"):
        Session(job, {}, bench.environ)
    assert list(job.out.iterdir()) == []


def test_a_disk_without_room_where_the_tool_works(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.tool("lazy", "true")
    usage = execute.describe.__globals__["shutil"].disk_usage
    monkeypatch.setattr("xbatch.tools.failure.shutil.disk_usage", lambda path: usage(path)._replace(free=0))
    error = refused(work(bench.job(), call("lazy", "a.fits")))
    assert "the disk is full where it works" in str(error)
    assert error.cure.startswith("Make room")


def test_a_missing_executable(bench: Bench) -> None:
    error = refused(work(bench.job(), call("nupipeline", indir="in")))
    assert str(error).startswith(f"nupipeline is not installed here: it is not on PATH, nor in {bench.root}. ")
    assert "source $HEADAS/headas-init.sh" in error.cure


def test_an_executable_that_cannot_be_started(bench: Bench) -> None:
    bench.tool("odd", "")
    (bench.root / "bin" / "odd").write_text("#!/no/such/interpreter\n")
    assert "odd cannot be started: No such file or directory" in str(refused(work(bench.job(), call("odd"))))


def test_a_tool_that_asks_has_nobody_to_ask(bench: Bench) -> None:
    bench.tool(
        "curious", "printf 'Name of file: '; read name < /dev/tty || echo 'cannot open /dev/tty'; read n || exit 4"
    )
    error = refused(work(bench.job(), call("curious")))
    assert "failed with exit status 4" in str(error)


def test_a_tool_that_asks_without_end_is_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.tools.launch.MOST_OUTPUT", 1 << 16)
    bench.tool("stubborn", "while true; do echo 'Name of file: '; read name; done")
    error = refused(work(bench.job(), call("stubborn")))
    assert "prints without end, perhaps at a prompt, and was stopped" in str(error)
    assert "It asks for a parameter" in error.cure


def test_a_tool_that_hangs_is_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.tools.execute.limit_of", lambda tool, environ: 0.3)
    bench.tool("hang", "echo begun; sleep 60")
    error = refused(work(bench.job(), call("hang")))
    assert str(error).startswith("hang took longer than 0.3 s and was stopped; it said: begun. ")


def test_a_tool_that_is_killed(bench: Bench) -> None:
    bench.tool("victim", "kill -9 $$")
    error = refused(work(bench.job(), call("victim")))
    assert str(error).startswith("victim was killed (SIGKILL, perhaps for want of memory)")
    assert error.cure.startswith("Run fewer steps at once")


def test_parameters_are_checked_before_anything_runs(bench: Bench) -> None:
    bench.tool("binner", "touch ran")
    bench.parameters("binner", 'binsize,r,h,10,0.1,1000,"bin, in s"\nmode,s,h,"ql",,,\n')
    error = refused(work(bench.job(), call("binner", binsiz="5")))
    assert "binner was not run: binner has no parameter binsiz in the version installed here" in str(error)
    assert "did you mean binsize?" in str(error)
    assert "xbatch doctor" in error.cure
    error = refused(work(bench.job(), call("binner", binsize="5000")))
    assert "binsize=5000 of binner is out of range: 0.1 to 1000" in str(error)


def test_a_tool_that_writes_into_its_input(bench: Bench) -> None:
    bench.tool("epatplot", "echo more >> events.txt")
    source = bench.folder / "stored.txt"
    source.write_text("whole")
    error = refused(work(bench.job({"list": source}), call("epatplot"), staged={"events.txt": Staged("list")}))
    assert str(error).startswith(
        f"{source}: was changed while epatplot ran, which had it as events.txt and may only read"
    )
    source.write_text("whole")
    source.chmod(0o444)
    job = bench.job({"list": source})
    run(work(job, call("epatplot"), staged={"events.txt": Staged("list", "copy")}, kept={"e.txt": "events.txt"}))
    assert (job.out / "e.txt").read_text() == "wholemore\n"
    assert source.read_text() == "whole"


def test_products_that_fit_twice_or_not_at_all(bench: Bench) -> None:
    bench.tool("two", "echo 1 > a1.txt; echo 2 > a2.txt")
    assert "2 files fit a?.txt, and only one can be a.txt: a1.txt, a2.txt" in str(
        refused(work(bench.job(), call("two"), kept={"a.txt": "a?.txt"}))
    )
    job = work(bench.job(), call("two"), kept={"a.txt": "a1.txt", "b.txt?": "b.txt"})
    run(job)
    assert [path.name for path in job.out.iterdir()] == ["a.txt"]
    with Session(bench.job()) as session:
        with pytest.raises(StepError, match=r"no tool has made c\.txt"):
            session.keep({"c.txt": "c.txt"})
        session.keep({"c.txt": "c.txt"}, optional={"c.txt"})


def test_a_kept_summary_of_an_odf_loses_its_path(bench: Bench) -> None:
    bench.tool("odfingest", "printf 'OBSERVATION 1\\nPATH %s/odf/\\nFILE a\\n' $PWD > 0001SUM.SAS")
    job = work(bench.job(), call("odfingest", "*SUM.SAS", suite=SAS), kept={"summary.SAS": "*SUM.SAS"})
    run(job)
    assert (job.out / "summary.SAS").read_text() == "OBSERVATION 1\nPATH .\nFILE a\n"


def test_a_folder_for_a_call(bench: Bench) -> None:
    bench.tool("where", "pwd > here.txt; echo $PWD >> here.txt")
    job = bench.job()
    with Session(job) as session:
        (session.folder / "spec").mkdir()
        session.call(Call("heasoft", "where", (), ("spec/here.txt",), folder="spec"))
        assert (session.folder / "spec/here.txt").read_text().split() == 2 * [str(session.folder / "spec")]


def test_facts_hold_nothing_of_this_time_and_place(bench: Bench) -> None:
    bench.tool("echoes", "true")

    def facts() -> str:
        with Session(bench.job()) as session:
            session.call(call("echoes", outdir="{scratch}/out"))
            return json.dumps(session.facts())

    assert facts() == facts()
    assert "echoes outdir={scratch}/out" in facts()


def test_read_only_folders_of_tools_go_too(bench: Bench) -> None:
    bench.tool("lock", "mkdir -p d/e; touch d/e/f; chmod 555 d/e d")
    job = work(bench.job(), call("lock"))
    run(job)
    assert list(job.out.iterdir()) == []

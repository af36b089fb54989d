from __future__ import annotations

import errno
import json
import logging
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.run.toys import TOYS
from xbatch.base.digest import content_digest, file_mark
from xbatch.base.errors import StepError
from xbatch.base.files import schema_text
from xbatch.run.letters import Answer, Order
from xbatch.run.outputs import check_outputs
from xbatch.run.store import LOG, Store
from xbatch.run.worker import perform

KEY = "cd" + 62 * "0"


def order(tmp_path: Path, task: str, inputs: dict[str, Path] | None = None, **params: Any) -> Order:
    store = Store(tmp_path / "store")
    inputs = inputs or {}
    ingredients = {
        "task": task,
        "version": 1,
        "engine": "native",
        "engine_version": "1",
        "params": params,
        "inputs": {},
    }
    head = {
        "record": 1,
        "step": f"{task}:a",
        "task": task,
        "task_version": 1,
        "engine": "native",
        "engine_version": "1",
        "key": KEY,
        "ingredients": ingredients,
        "inputs": {},
    }
    return Order(
        step=f"{task}:a",
        function=TOYS[task].engines["native"],
        params=params,
        inputs=inputs,
        marks={path: file_mark(path) for path in inputs.values()},
        outputs=TOYS[task].outputs,
        head=head,
        out=store.unmade_scratch(),
        log=tmp_path / "logs" / "a.log",
        store=store.root,
    )


def reads_badly(job: Any) -> None:
    """Meet a bad sector: a read that fails knows no name."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.skipif(sys.platform != "linux", reason="a file that gives EIO is taken from /proc")
@pytest.mark.parametrize("bad", [True, False])
def test_a_bad_sector_below_an_input_is_not_a_broken_store(tmp_path: Path, bad: bool) -> None:
    good, path = tmp_path / "good", tmp_path / "in"
    good.write_text("x")
    path.symlink_to("/proc/self/mem" if bad else good)
    made = order(tmp_path, "join", {"a": good, "b": path})
    answer = perform(replace(made, function=f"{__name__}:reads_badly"))
    assert answer.record is None and answer.hopeless == (not bad)
    read = f"{path}: cannot be read: Input/output error. Put a whole copy of it there and run again"
    assert answer.message == read if bad else "cannot be written: Input/output error" in answer.message


def misbehave(tmp_path: Path, how: str, **more: Any) -> tuple[Answer, str]:
    answer = perform(order(tmp_path, "misbehave", how=how, **more))
    assert answer.record is None
    assert Store(tmp_path / "store").lookup(KEY) is None
    assert not any(path.is_dir() for path in (tmp_path / "store" / "tmp").glob("*/*/*"))
    return answer, (tmp_path / "logs" / "a.log").read_text()


def test_a_result_is_published_with_its_record(tmp_path: Path) -> None:
    import jsonschema

    answer = perform(order(tmp_path, "join", text="hello", notes=["a note"]))
    assert answer.message == ""
    assert answer.record is not None
    stored = Store(tmp_path / "store").lookup(KEY)
    assert stored == json.loads(json.dumps(answer.record))
    jsonschema.validate(stored, json.loads(schema_text("step-1")))
    entry = Store(tmp_path / "store").entry(KEY)
    assert (entry / "out.txt").read_text() == "hello"
    assert (entry / LOG).samefile(tmp_path / "logs" / "a.log")
    assert stored["outputs"]["out.txt"]["size"] == 5
    assert stored["notes"] == ["a note"]
    assert stored["facts"]["length"] == 5
    assert stored["environment"]["packages"]["xbatch"]
    assert not list((tmp_path / "store" / "tmp").glob("*/*/*"))


def test_all_that_is_said_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    for _ in range(2):
        with warnings.catch_warnings(record=True):
            perform(order(tmp_path, "speak"))
        said = (tmp_path / "logs" / "a.log").read_text()
        for text in ("printed", "to stderr", "INFO toy: logged", "from a child"):
            assert said.count(text) == 1, text
        (tmp_path / "store" / KEY[:2] / KEY / "out.txt").unlink()
    assert capfd.readouterr() == ("", "")
    os.write(1, b"heard again\n")
    assert capfd.readouterr() == ("heard again\n", "")
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("file", "a.pha: has no SPECTRUM extension. Give a PHA file"),
        ("raise", "internal error: ValueError: a defect. The traceback is in "),
        ("exit", "internal error: SystemExit: 3. The traceback is in "),
        ("nothing", "the step has not made out.txt, which it should have"),
        ("empty", "the step has made out.txt, but it is empty"),
        ("nan", "internal error: ValueError: Out of range float values"),
        ("module", "needs the Python package no_such_module, which is not installed"),
    ],
)
def test_what_goes_wrong_comes_back_as_a_paragraph(tmp_path: Path, how: str, message: str) -> None:
    answer, log = misbehave(tmp_path, how)
    assert answer.message.startswith(message)
    assert "\n" not in answer.message
    refused = how in {"file", "nothing", "empty"}
    assert f"failed: {message}" in log if refused else "Traceback" in log
    assert not answer.hopeless


def test_a_full_disk_is_hopeless(tmp_path: Path) -> None:
    answer, _ = misbehave(tmp_path, "disk")
    assert answer.hopeless
    assert "out.txt: cannot be written: No space left on device. What is finished is kept" in answer.message


def test_a_log_that_cannot_be_written_is_an_answer_too(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    answer = perform(order(tmp_path, "join", text="x"))
    assert answer.hopeless
    assert "cannot be written" in answer.message


def test_what_is_not_declared_is_not_kept(tmp_path: Path) -> None:
    answer = perform(order(tmp_path, "misbehave", how="undeclared"))
    assert answer.record is not None
    assert list(answer.record["outputs"]) == ["out.txt"]
    assert not (Store(tmp_path / "store").entry(KEY) / "more").exists()
    assert "more is not among the declared outputs" in (tmp_path / "logs" / "a.log").read_text()


def test_an_input_that_changes_meanwhile_spoils_the_result(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_text("one")
    time.sleep(0.02)
    answer = perform(order(tmp_path, "misbehave", {"in": path}, how="touch input"))
    assert answer.message == f"{path}: was changed while the step ran. Run again when it is complete"
    assert Store(tmp_path / "store").lookup(KEY) is None


def test_an_input_that_gets_another_name_meanwhile_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_text("one")
    what = order(tmp_path, "join", {"in": path}, text="x")
    digest = {"digest": content_digest(path)}
    time.sleep(0.02)
    os.link(path, tmp_path / "other name")
    assert what.marks[path] != file_mark(path)
    assert perform(replace(what, head={**what.head, "inputs": {"in": digest}})).record is not None
    with path.open("r+") as stream:
        stream.write("two")
    os.utime(path, ns=(what.marks[path].mtime_ns,) * 2)
    answer = perform(replace(what, head={**what.head, "inputs": {"in": digest}}))
    assert answer.message == f"{path}: was changed while the step ran. Run again when it is complete"


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    before = (Path.cwd(), dict(os.environ), sys.stdout, sys.stderr, logging.getLogger().level)
    perform(order(tmp_path, "join", text="x"))
    assert before == (Path.cwd(), dict(os.environ), sys.stdout, sys.stderr, logging.getLogger().level)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.pha", b"SIMPLE? no", "is not a FITS file"),
        ("a.json", b'{"a":', "cannot be opened"),
        ("a.npz", b"PK no", "not a zip file"),
        ("a.png", b"GIF89", "does not begin as a PNG file does"),
        ("a.pdf", b"no", "does not begin as a PDF file does"),
    ],
)
def test_outputs_must_open(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StepError, match=what):
        check_outputs(tmp_path, [name])


def test_sound_and_optional_outputs(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.PDF").write_bytes(b"%PDF-1.4 ...")
    (tmp_path / "t.csv").write_text("a,b")
    assert list(check_outputs(tmp_path, ["a.json", "a.PDF", "t.csv", "none.pha?"])) == ["a.json", "a.PDF", "t.csv"]

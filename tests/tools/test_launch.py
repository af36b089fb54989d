from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.run.processes import begun_by, children, gone
from tests.tools.bench import appears
from xbatch.tools import child
from xbatch.tools.launch import Launcher, LostError

SH = "/bin/sh"
# leaves a process in a session of its own, which minds no kind word
DAEMON = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    with open(sys.argv[1], "w") as stream:
        stream.write(f"{os.getpid()} ")
    time.sleep(60)
while not os.path.exists(sys.argv[1]) or not os.path.getsize(sys.argv[1]):
    time.sleep(0.01)
"""


def silent(stream: str, text: str) -> None:
    pass


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    with Launcher([], silent) as made:
        yield made


def python(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-SE", "-c", text, *map(str, arguments)]


def numbers(path: Path, count: int) -> list[int]:
    """Wait for the numbers of so many processes."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = path.read_text().split() if path.exists() else []
        if len(found) >= count:
            return [int(one) for one in found]
        time.sleep(0.01)
    raise AssertionError(f"fewer than {count} processes")


def test_output_and_status(launcher: Launcher, tmp_path: Path) -> None:
    ended = launcher.run([SH, "-c", "echo out; echo err >&2; pwd; echo $A; exit 3"], tmp_path, {"A": "1"}, 30)
    assert (ended.status, ended.stdout, ended.stderr, ended.cause) == (3, f"out\n{tmp_path}\n1\n", "err\n", "")
    assert launcher.run([SH, "-c", "kill -15 $$"], tmp_path, {}, 30).status == -signal.SIGTERM


def test_much_output_and_odd_bytes(launcher: Launcher, tmp_path: Path) -> None:
    text = "import os; os.write(1, 'ä'.encode() * 300000 + b'\\xff'); os.write(2, b'x' * 300000)"
    ended = launcher.run(python(text), tmp_path, {}, 30)
    assert ended.stdout == 300000 * "ä" + "\ufffd"
    assert ended.stderr == 300000 * "x"


def test_a_tool_has_no_input_and_no_terminal(launcher: Launcher, tmp_path: Path) -> None:
    text = (
        "import os, sys; print(sys.stdin.read() == '', os.getpgid(0) == os.getpid(), os.getsid(0) == os.getppid())\n"
        "try: open('/dev/tty')\nexcept OSError: print('none')"
    )
    assert launcher.run(python(text), tmp_path, {}, 30).stdout == "True True True\nnone\n"


def test_a_tool_has_the_usual_signals_and_leaves_no_core(launcher: Launcher, tmp_path: Path) -> None:
    text = (
        "import signal, resource; print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "
        "signal.getsignal(signal.SIGINT) is signal.default_int_handler, resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    assert launcher.run(python(text), tmp_path, {}, 30).stdout == "True True 0\n"


def test_what_cannot_be_started(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        launcher.run([str(tmp_path / "none")], tmp_path, {}, 30)
    with pytest.raises(FileNotFoundError):
        launcher.run([SH], tmp_path / "none", {}, 30)
    assert launcher.run([SH, "-c", "echo on"], tmp_path, {}, 30).stdout == "on\n"


def test_a_time_limit_ends_the_whole_tree(launcher: Launcher, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    text = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.fork(); os.fork()\n"
        "print('begun', flush=True)\n"
        "open(sys.argv[1], 'a').write(f'{os.getpid()} ')\n"
        "time.sleep(60)\n"
    )
    for limit in begun_by(mark):
        mark.unlink(missing_ok=True)
        ended = launcher.run(python(text, mark), tmp_path, {}, limit)
        assert (ended.status, ended.cause) == (-signal.SIGKILL, "late")
        if mark.exists() and len(mark.read_text().split()) < 4:
            mark.unlink()  # not all have begun by then
    assert ended.stdout.count("begun") == 4
    assert all(gone(pid, 0) for pid in numbers(mark, 4))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process inherit orphans")
def test_a_daemon_does_not_outlive_its_tool(launcher: Launcher, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    ended = launcher.run(python(DAEMON, mark), tmp_path, {}, 30)
    assert (ended.status, ended.cause) == (0, "")
    (pid,) = numbers(mark, 1)
    assert gone(pid, 0)


def test_a_child_left_behind_does_not_outlive_its_tool(launcher: Launcher, tmp_path: Path) -> None:
    ended = launcher.run([SH, "-c", "sleep 60 & echo $!"], tmp_path, {}, 30)
    assert ended.status == 0
    assert ended.seconds < 50
    assert gone(int(ended.stdout))


def test_a_launcher_leaves_no_process(tmp_path: Path) -> None:
    before = children()
    with Launcher([], silent) as launcher:
        launcher.run([SH, "-c", "true"], tmp_path, {}, 30)
    assert children(before) == set()


def test_folders_stay_where_the_launcher_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    with Launcher([folder], silent) as launcher:
        launcher.run([SH, "-c", "echo x > f"], folder, {}, 30)
    assert (folder / "f").exists()


CALLER = """
import sys
from pathlib import Path
from xbatch.tools.launch import Launcher
folder = Path(sys.argv[1])
with Launcher([folder], lambda *_: None) as launcher:
    launcher.run([sys.executable, "-SE", "-c", sys.argv[2], sys.argv[3]], folder, {}, 60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_caller_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    folder, mark = tmp_path / "work", tmp_path / "pids"
    folder.mkdir()
    text = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.fork()\n"
        "open(f'part{os.getpid()}', 'w').write('x')\n"
        "open(sys.argv[1], 'a').write(f'{os.getpid()} ')\n"
        "time.sleep(60)\n"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(folder), text, str(mark)], stderr=subprocess.DEVNULL, start_new_session=True
    )
    pids = numbers(mark, 2)
    keeper = psutil.Process(pids[0]).parents()
    caller.send_signal(number)
    assert caller.wait(60) != 0
    assert all(gone(pid) for pid in pids)
    assert all(gone(one.pid) for one in keeper if "child.py" in " ".join(_words(one)))
    # where Ctrl-C is not kept back Python gets to its end, and whoever called sees to the folder
    assert folder.exists() == (number == signal.SIGINT)


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_a_keeper_that_is_killed_is_told_and_its_tool_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    text = "import os, sys, time; open(sys.argv[1], 'w').write(f'{os.getpid()} {os.getppid()}'); time.sleep(60)"
    killer = (
        "import os, signal, sys, time\n"
        "while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read(): time.sleep(0.01)\n"
        "time.sleep(0.05); os.kill(int(open(sys.argv[1]).read().split()[1]), signal.SIGKILL)\n"
    )
    other = subprocess.Popen(python(killer, mark))
    with Launcher([], silent) as launcher, pytest.raises(LostError, match="was killed"):
        launcher.run(python(text, mark), tmp_path, {}, 60)
    other.wait()
    assert gone(int(appears(mark).split()[0]))


def test_messages_come_whole_however_they_are_cut() -> None:
    sent = [{"pid": 1}, {"status": -9}, {"argv": ["ä", "\udcff", ""], "env": {"A": "b\nc"}}]
    data = b"".join(map(child.pack, sent))
    for size in (1, 3, 7, len(data)):
        got, rest = [], b""
        for at in range(0, len(data), size):
            messages, rest = child.unpack(rest + data[at : at + size])
            got += messages
        assert (got, rest) == (sent, b"")


def test_children_are_found_without_the_list_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("there is no proc(5)")
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        quick = child._children()
        real = open

        def refuse(path: str, *rest: object, **more: object) -> object:
            if str(path).endswith("children"):
                raise FileNotFoundError(path)
            return real(path, *rest, **more)  # type: ignore[call-overload]

        monkeypatch.setattr("builtins.open", refuse)
        slow = child._children()
        monkeypatch.undo()
        sleeper.kill()
    assert sleeper.pid in quick
    assert sorted(slow) == sorted(quick)

"""What happens in a worker process: one step, from its order to a published result or a message.

A step works in a folder of its own. What it prints, logs or warns of goes to its log file. Whatever happens comes back
as an `Answer`; nothing is raised.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import select
import shutil
import signal
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NoReturn

from xbatch.base.collection import no_collection
from xbatch.base.digest import FileMark, content_digest, file_mark, file_sha256
from xbatch.base.errors import FileError, StepError, XbatchError
from xbatch.base.files import canonical_json
from xbatch.registry import Job, Outcome
from xbatch.run.channel import pack, receive
from xbatch.run.letters import Answer, Order
from xbatch.run.links import link_or_copy
from xbatch.run.measure import Meter, environment
from xbatch.run.outputs import check_outputs
from xbatch.run.reading import unusable
from xbatch.run.signals import ignore_terminal
from xbatch.run.store import LOG, Store, is_store_fault

__all__ = ["perform", "serve"]


def serve(channel: socket.socket) -> NoReturn:
    """Do the steps that come over a socket until it is closed, and end the process.

    Ctrl-C and the end of a terminal reach every process of it; only the run decides what they mean. The worker leads a
    process group, so that all it starts can be killed with it; if the run's process goes, however it goes, they end
    themselves.
    """
    ignore_terminal()
    with suppress(PermissionError):  # it has one already
        os.setpgid(0, 0)
    threading.Thread(target=_end_with, args=(channel,), daemon=True).start()
    try:
        channel.sendall(pack(os.getpid()))
        while True:
            channel.sendall(pack(_answered(channel)))
    except (EOFError, OSError):
        _end_group()  # nobody is there any more
    finally:
        os._exit(1)


def _answered(channel: socket.socket) -> Answer:
    try:
        order = receive(channel)
    except (ImportError, AttributeError, UnpicklingError) as error:
        return Answer(None, f"internal error: the order could not be read: {error}")
    return perform(order)


def _end_with(channel: socket.socket) -> None:
    """Wait until the other end is closed, and kill this process and what it has started."""
    poll = select.poll()
    poll.register(channel, getattr(select, "POLLRDHUP", select.POLLHUP))
    poll.poll()
    _end_group()


def _end_group() -> None:
    os.killpg(0, signal.SIGKILL)


def perform(order: Order) -> Answer:
    """Do one step."""
    meter = Meter()
    try:
        with _logged(order.log):
            answer = _attempt(order, meter)
    except OSError as error:
        answer = _disk_failure(order, error)
    finally:
        if os.path.lexists(order.out):  # it was not published
            shutil.rmtree(order.out, ignore_errors=True)
    return answer


def _attempt(order: Order, meter: Meter) -> Answer:
    """Run the task and publish what it made; the log is open."""
    try:
        record = _result(order, meter)
    except XbatchError as error:
        print(f"failed: {error}", file=sys.stderr)  # noqa: T201 - no traceback: it would hide what was said before
        return Answer(None, str(error), seconds=meter.seconds())
    except MemoryError:
        traceback.print_exc()
        return Answer(None, "ran out of memory. Run fewer steps at once with --jobs", seconds=meter.seconds())
    except ModuleNotFoundError as error:
        traceback.print_exc()
        message = f"needs the Python package {error.name}, which is not installed"
        return Answer(None, message, seconds=meter.seconds())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a defect of one task must not cost the other steps
        traceback.print_exc()
        if isinstance(error, OSError) and is_store_fault(error):
            return _read_failure(order, error, meter) or _disk_failure(order, error)
        text = "".join(traceback.format_exception_only(error)).strip()
        message = f"internal error: {text}. The traceback is in {order.log}"
        return Answer(None, message, seconds=meter.seconds())
    return Answer(record, seconds=meter.seconds())


def _result(order: Order, meter: Meter) -> Mapping[str, Any]:
    out = order.out
    out.mkdir()
    digests = {role: source["digest"] for role, source in order.head["inputs"].items()}
    job = Job(order.step, order.params, order.inputs, out, order.places, order.log, digests)
    outcome = _function(order.function)(job)
    _flush()
    for path, mark in order.marks.items():
        if _is_another(order, path, mark):
            raise StepError("was changed while the step ran", str(path), "Run again when it is complete")
    files = check_outputs(out, order.outputs)
    _drop_undeclared(out, set(files))
    link_or_copy(order.log, out / LOG)
    cost = meter.read()
    record = {
        **order.head,
        "outputs": {name: dict(vars(facts)) for name, facts in files.items()},
        "facts": dict(outcome.facts),
        "notes": list(outcome.notes),
        **vars(cost),
        "exit_status": 0,
        "log": LOG,
        "environment": environment(),
        "host": os.uname().nodename,
    }
    # facts that JSON cannot hold are the task's defect, and are found here
    canonical_json({"facts": record["facts"], "notes": record["notes"]})
    return Store(order.store).publish(out, record, order.replace)


def _is_another(order: Order, path: Path, mark: FileMark) -> bool:
    """Tell whether a file is not what it was when the order was made."""
    now = file_mark(path)
    if now == mark or not now.may_be(mark):
        return now != mark
    roles = (role for role, one in order.inputs.items() if one == path)
    return {content_digest(path)} != {order.head["inputs"].get(role, {}).get("digest") for role in roles}


def _drop_undeclared(folder: Path, declared: set[str]) -> None:
    for path in sorted(path for path in folder.iterdir() if path.name not in declared):
        print(f"{path.name} is not among the declared outputs and is not kept", file=sys.stderr)  # noqa: T201
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _function(text: str) -> Callable[[Job], Outcome]:
    module, _, name = text.partition(":")
    with no_collection():  # modules make much that stays
        function: Callable[[Job], Outcome] = getattr(importlib.import_module(module), name)
    return function


def _read_failure(order: Order, error: OSError, meter: Meter) -> Answer | None:
    """Blame a broken disk on a file from outside if one cannot be read to its end; then this step alone has failed."""
    if error.errno != errno.EIO:  # the others are of writing
        return None
    for path in order.marks:
        try:
            file_sha256(path)
        except FileError as fault:
            return Answer(None, str(unusable(str(path), fault)), seconds=meter.seconds())
    return None


def _disk_failure(order: Order, error: OSError) -> Answer:
    message = (
        f"{error.filename or order.store}: cannot be written: {error.strerror or error}. "
        "What is finished is kept; make room, or name another store with --store, and run again"
    )
    return Answer(None, message, hopeless=True)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


@contextmanager
def _logged(log: Path) -> Iterator[None]:
    """Send all that this process and its children write, log or warn of to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)  # the old one may be a link to the store's
    _flush()
    saved = os.dup(1), os.dup(2)
    handler = logging.StreamHandler()
    root = logging.getLogger()
    level = root.level
    try:
        with log.open("w", encoding="utf-8", errors="replace", buffering=1) as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
            handler.setStream(stream)
            handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
            root.addHandler(handler)
            root.setLevel(logging.INFO)
            with redirect_stdout(stream), redirect_stderr(stream), warnings.catch_warnings():
                warnings.simplefilter("default")
                yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        for number, handle in zip((1, 2), saved, strict=True):
            os.dup2(handle, number)
            os.close(handle)

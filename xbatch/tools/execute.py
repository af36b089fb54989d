"""The engine of external tools: a working folder, the calls in it, and what is kept of what they make.

`run` does all a step says in its parameters (`xbatch.commands.call.Work`). A task that must look at results between
calls uses a `Session` itself.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from xbatch.base.errors import StepError
from xbatch.base.toolset import Suite, find_suite
from xbatch.commands.call import HEASOFT, Call, Staged, Work, filled
from xbatch.commands.parfile import ParameterFile, find_parameters, problems
from xbatch.registry import Job, Outcome
from xbatch.tools import environment as variables
from xbatch.tools import products
from xbatch.tools.byhand import Told, script, script_path
from xbatch.tools.failure import Failure, describe
from xbatch.tools.harvest import Harvest, harvest
from xbatch.tools.heasoftpy import through_heasoftpy
from xbatch.tools.launch import Ended, Launcher, LostError
from xbatch.tools.limits import limit_of
from xbatch.tools.parts import note_of, only_parts
from xbatch.tools.remedies import PART_FAILED, remedy
from xbatch.tools.scratch import make_scratch, remove_scratch
from xbatch.tools.staging import Staging, with_path
from xbatch.tools.tokens import value_of

__all__ = ["Result", "Session", "run"]

_OWN = (variables.PFILES, variables.TMP, variables.HOME)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_SUMMARY = ".SAS"


@dataclass(frozen=True)
class Result:
    """One call that has succeeded.

    Attributes
    ----------
    command : tuple of str
        As it was run, tokens filled.
    exit_status : int
    seconds : float
    stdout, stderr : str
    warnings : tuple of str
        Lines by which the tool warns.
    part_errors : tuple of str
        Lines by which parts of a chain tell errors, after which it has gone on.
    """

    command: tuple[str, ...]
    exit_status: int
    seconds: float
    stdout: str
    stderr: str
    warnings: tuple[str, ...] = ()
    part_errors: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    """Do what ``job.params["work"]`` says; ``notes`` of the parameters become those of the outcome.

    Raises
    ------
    StepError
        A tool failed, or has not made what it should have.
    """
    work = Work.of(job.params["work"])
    with Session(job, work.environment) as session:
        session.do(work)
        session.keep(work.kept, optional=work.kept)
        return Outcome(session.facts(), (*job.params.get("notes", ()), *session.notes()))


class Session:
    """A working folder with its environment, for calls one after another.

    Parameters
    ----------
    job : Job
    environment : Mapping
        Variables for all calls, beside those that every call gets; may hold tokens.
    base : Mapping
        The environment of this process by default; never changed.

    Attributes
    ----------
    folder : Path
        The working folder; gone when the session ends, however it ends.
    results : list of Result
    """

    def __init__(
        self, job: Job, environment: Mapping[str, str] = _NOTHING, base: Mapping[str, str] | None = None
    ) -> None:
        self.results: list[Result] = []
        self._job = job
        self._base = dict(os.environ if base is None else base)
        self._extra = environment
        self._launcher: Launcher | None = None
        self._calls: list[tuple[Call, Mapping[str, str]]] = []
        self._written: dict[str, str] = {}
        self._suites: dict[str, Suite | None] = {}
        self.folder = make_scratch(job.out, self._base)
        self._staging = Staging(job, self.folder)
        try:
            with self._room():
                for name in _OWN:
                    (self.folder / name).mkdir()
        except StepError:
            remove_scratch(self.folder)
            raise

    def do(self, work: Work) -> None:
        """Put everything in its place and run all calls.

        Raises
        ------
        StepError
            An input is not there, or a call has failed.
        """
        self.stage(work.staged)
        self.write(work.written)
        for call in work.calls:
            self.call(call)

    def stage(self, staged: Mapping[str, Staged]) -> None:
        """Put inputs into the working folder.

        Raises
        ------
        StepError
            One is not there, or there is no room for it.
        """
        with self._room():
            for name, one in staged.items():
                self._staging.put(name, one)

    def write(self, written: Mapping[str, str]) -> None:
        """Write small files into the working folder; their text may hold tokens.

        Raises
        ------
        StepError
            An input does not hold a token's value, or there is no room.
        """
        with self._room():
            for name, text in written.items():
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                self._written[name] = self.fill(text)
                path.write_text(self._written[name], encoding="utf-8")

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Say in a message of the step's own what is wrong with the working folder's disk."""
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            # what is met while a file is written does not name it
            name = str(error.filename or self.folder)
            raise StepError(f"cannot be put into the working folder: {why}", name, remedy(why)) from error

    def fill(self, text: str) -> str:
        """Put values in the place of a text's tokens.

        Raises
        ------
        StepError
            An input does not hold the value.
        """
        return filled(text, lambda token: value_of(token, self._job, self.folder))

    def call(self, call: Call, excused: str = "") -> Result:
        """Run a tool and look at what it has made.

        Parameters
        ----------
        call : Call
        excused : str
            A failure whose output has this in it is passed over: the tool has failed at what is not needed.

        Raises
        ------
        StepError
            It cannot be run, has failed, or has not made what it should have; one clear paragraph.
        """
        ready = self._filled(call)
        extra = {name: self.fill(value) for name, value in {**self._extra, **call.environment}.items()}
        given = variables.tool_environment(self._base, self.folder, extra)
        given["PWD"] = str(self.folder / ready.folder)
        suite = self._suite(ready.suite)
        self._calls.append((ready, extra))
        sources = {name: source for name, (_, source) in self._staging.sources.items()}
        failure = Failure(ready, variables.plainly(ready, self.folder), sources, self._by_hand(), self.folder)
        executable = variables.find_executable(ready, given)
        if executable is None:
            raise describe(failure, _absent(ready.suite, given))
        parameters = find_parameters(ready.tool, ready.suite, suite.parameters) if suite is not None else None
        wrong = problems(ready, parameters) if parameters is not None else []
        if wrong:
            raise describe(failure, f"was not run: {'; '.join(wrong)}")

        with self._room():
            (self.folder / ready.folder).mkdir(parents=True, exist_ok=True)
        before = products.look(self.folder, _OWN)
        ended = self._ran(failure, executable, given, extra, parameters)
        found = harvest(ready.suite, ended.stdout, ended.stderr)
        after = products.look(self.folder, _OWN)
        passed_over = bool(excused) and ended.status >= 0 and excused in f"{ended.stdout}{ended.stderr}"
        self._judge(failure, ended, found, before, after, passed_over)
        noted = tuple(line.replace(str(self.folder), "{scratch}") for line in found.errors if ready.part_errors)
        result = Result(ready.command, ended.status, ended.seconds, ended.stdout, ended.stderr, found.warnings, noted)
        self.results.append(result)
        return result

    def _suite(self, name: str) -> Suite | None:
        if name not in self._suites:
            self._suites[name] = find_suite(name, self._base)
        return self._suites[name]

    def _filled(self, call: Call) -> Call:
        return replace(
            call,
            args=tuple((name, self.fill(value)) for name, value in call.args),
            expects=tuple(self.fill(pattern) for pattern in call.expects),
            folder=self.fill(call.folder),
            flags=tuple(self.fill(flag) for flag in call.flags),
        )

    def _ran(
        self,
        failure: Failure,
        executable: str,
        given: Mapping[str, str],
        extra: Mapping[str, str],
        parameters: ParameterFile | None,
    ) -> Ended:
        """Run a call, and tell the log."""
        call = failure.call
        argv = [executable, *call.command[1:]]
        if call.suite == HEASOFT and parameters is not None:
            argv = through_heasoftpy(call, sys.path) or argv
        if self._launcher is None:
            self._launcher = Launcher([self.folder, self._job.out], _echo)
        told = variables.by_hand(call, given, self.folder, extra)
        sys.stdout.write(f"\n--- call {len(self._calls)}: {call.tool}\n$ {told}\n")
        limit = limit_of(call.tool, self._base)
        try:
            ended = self._launcher.run(argv, self.folder / call.folder, given, limit)
        except OSError as error:
            raise describe(failure, f"cannot be started: {error.strerror or error}") from error
        except LostError as error:
            raise describe(failure, f"is lost: the process that watched over it {error}") from error
        sys.stdout.write(f"--- {call.tool} ended after {ended.seconds:.1f} s with status {ended.status}\n")
        if ended.cause == "late":
            raise describe(failure, f"took longer than {limit:g} s and was stopped", ended)
        if ended.cause == "endless":
            raise describe(failure, "prints without end, perhaps at a prompt, and was stopped", ended)
        return ended

    def _judge(
        self,
        failure: Failure,
        ended: Ended,
        found: Harvest,
        before: Mapping[str, products.Seen],
        after: Mapping[str, products.Seen],
        excused: bool,
    ) -> None:
        """Raise what is wrong with a call that has ended."""
        lacks = products.lacking(self.folder, failure.call.expects, before, after)
        if (ended.status != 0 or found.errors) and not excused:
            parts = only_parts(failure, ended, found)
            if not (parts and failure.call.part_errors):
                status = f"failed with exit status {ended.status}"
                what = status if ended.status else "printed an error, and exit status 0"
                raise describe(failure, what, ended, found, PART_FAILED if parts and not lacks else "")
        if lacks:
            how = f" and has exit status {ended.status}" if ended.status else ", though its exit status is 0"
            raise describe(failure, f"{lacks}{how}", ended, found)
        self._staging.check(failure.call.tool)

    def _by_hand(self) -> Path | None:
        """Write the script that does by hand what is done so far, and is to be done now; None where it cannot be.

        It is there before the tool runs: a step that is killed or stopped cannot write it any more.
        """
        if self._job.log is None:
            return None
        told = Told(
            self._job.step,
            self.folder,
            self._staging.sources,
            self._written,
            self._calls,
            self._base.get("HEADAS", ""),
        )
        path = script_path(self._job.log)
        with suppress(OSError):  # a full disk is told of by what the tool says
            path.write_text(script(told), encoding="utf-8")
            return path
        return None

    def keep(self, kept: Mapping[str, str], optional: Collection[str] = ()) -> None:
        """Move what was made to the step's outputs.

        Parameters
        ----------
        kept : Mapping
            Output to the pattern of its file in the working folder. A SAS summary file (``*.SAS``) loses its path.
        optional : collection of str
            Outputs that may be absent.

        Raises
        ------
        StepError
            None matches, more than one does, or one does not open.
        """
        names = products.look(self.folder, _OWN)
        for output, pattern in kept.items():
            output_name = output.removesuffix("?")
            found = products.matching(names, self.fill(pattern))
            if not found:
                if output in optional or output.endswith("?"):
                    continue
                raise StepError(f"no tool has made {pattern}, which was to be kept as {output_name}")
            if len(found) > 1:
                raise StepError(
                    f"{len(found)} files fit {pattern}, and only one can be {output_name}: {', '.join(found)}"
                )
            path = self.folder / found[0]
            fault = products.fault(path)
            if fault:
                raise StepError(f"{found[0]}, which was to be kept as {output_name}, {fault}")
            target = self._job.out / output_name
            if output_name.endswith(_SUMMARY):
                target.write_text(with_path(path.read_text(encoding="latin-1"), "."), encoding="latin-1")
            elif path.is_symlink():
                shutil.copyfile(path, target)
            else:
                shutil.move(path, target)

    def facts(self) -> dict[str, Any]:
        """Give what the record should hold of the calls: the same for the same work, so without times."""
        calls = []
        for result in self.results:
            command = shlex.join(result.command).replace(str(self.folder), "{scratch}")
            noted = {"part_errors": list(result.part_errors)} if result.part_errors else {}
            calls.append({"command": command, "exit_status": result.exit_status, **noted})
        tools = {name: suite.version for name, suite in self._suites.items() if suite is not None}
        return {"calls": calls, "tools": tools}

    def notes(self) -> list[str]:
        """Say which calls have gone on after errors of their parts."""
        return [note_of(result.command[0], result.part_errors) for result in self.results if result.part_errors]

    def close(self) -> None:
        """End what runs, and remove the working folder."""
        try:
            if self._launcher is not None:
                self._launcher.close()
        finally:
            remove_scratch(self.folder)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None and self._job.log is not None:
            with suppress(OSError):
                script_path(self._job.log).unlink(missing_ok=True)


def _absent(suite: str, given: Mapping[str, str]) -> str:
    root = given.get("HEADAS" if suite == HEASOFT else "SAS_DIR", "")
    return f"is not installed here: it is not on PATH{f', nor in {root}' if root else ''}"


def _echo(stream: str, text: str) -> None:
    """Pass a tool's output on to the step's log as it comes."""
    (sys.stdout if stream == "out" else sys.stderr).write(text)

"""The command ``xbatch``: its verbs, each imported when it is asked for, and how errors reach the user."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from xbatch import __version__

if TYPE_CHECKING:
    from xbatch.base.errors import XbatchError

__all__ = ["cli", "main"]

_VERBS: dict[str, str] = {
    "init": "Write a starter spec for a folder of spectra.",
    "import": "Write a spec from an XSPEC command file (.xcm).",
    "find": "List the observations of a target, as lines of a spec.",
    "validate": "Check a spec; say everything that is wrong with it.",
    "plan": "Show the steps of a spec and what a run would do.",
    "explain": "Say what differs, old and new, for the steps that would run.",
    "run": "Run a spec; leave products, a report and a manifest.",
    "preview": "Draw every region on the image of its observation.",
    "status": "Show how a run goes, or how the last one went.",
    "logs": "Print the logs of steps, or follow those that run.",
    "unlock": "Free the folder of a run whose machine has died.",
    "report": "Write the page of a run again from its record.",
    "compare": "Show fits of members and runs side by side, and why they differ.",
    "verify": "Check that results and products are what was made.",
    "clean": "Take out of a store what is no longer needed.",
    "simulate": "Make spectra with known truth from a seed.",
    "schema": "Print a JSON schema.",
    "doctor": "Show what is installed and what each missing thing would add.",
    "completion": "Print the shell completion script.",
}
# A verb that is a word of Python's is no name for a module that others import.
_MODULES = {"import": "importing"}
_EPILOG = """\b
Examples:
  xbatch init data/90402339002 > analysis.yaml   start from a folder of spectra
  xbatch validate analysis.yaml                  everything wrong with it, at once
  xbatch plan analysis.yaml                      what a run would do, and why
  xbatch run analysis.yaml --jobs 4              do it; a second run does nothing
  xbatch run analysis.yaml --set data.root=/data/nustar

\b
Exit status: 0 done, 1 a step failed, 2 the spec or the call is wrong, 130 interrupted.
"""


class _Verbs(click.Group):
    """A group whose commands are modules of this package, imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = importlib.import_module(f"xbatch.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # nothing went wrong: click would end with 1, which is that of a step that failed
            from xbatch.cli.pipe import stop_output

            stop_output()
            return 0
        return answer

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], list(_VERBS), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None


@click.group(cls=_Verbs, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="xbatch")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Run an X-ray spectral analysis from one YAML file, and keep the record of how it was made."""
    ctx.obj = {"debug": debug}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status; what goes wrong is one paragraph on standard error."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):  # what a terminal cannot show must not end a run that went well
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    debug = "--debug" in arguments[:1]
    try:
        status = cli.main(args=list(arguments), prog_name="xbatch", standalone_mode=False)
    except click.exceptions.Abort:
        status = 130
    except KeyboardInterrupt:
        status = 130
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except _user_errors() as error:  # looked up only when something was raised
        if debug:
            _print_traceback()
        click.echo(str(error), err=True)
        status = error.exit_status
    except OSError as error:
        if debug:
            _print_traceback()
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"{where}{error.strerror or error}", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


# What follows is imported when an error is there to be shown, not at each start.
def _user_errors() -> type[XbatchError]:
    from xbatch.base.errors import XbatchError

    return XbatchError


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()

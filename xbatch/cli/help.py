"""What ``xbatch --help`` prints, ready: the one thing that is asked for most need not wait for a parser.

A test holds it equal to what the parser of the command line would print.
"""

from __future__ import annotations

__all__ = ["HELP"]

HELP = """\
Usage: xbatch [OPTIONS] COMMAND [ARGS]...

  Run an X-ray spectral analysis from one YAML file, and keep the record of how
  it was made.

Options:
  -V, --version  Show the version and exit.
  --debug        Show tracebacks.
  -h, --help     Show this message and exit.

Commands:
  init        Write a starter spec for a folder of spectra.
  import      Write a spec from an XSPEC command file (.xcm).
  find        List the observations of a target, as lines of a spec.
  validate    Check a spec; say everything that is wrong with it.
  plan        Show the steps of a spec and what a run would do.
  explain     Say what differs, old and new, for the steps that would run.
  run         Run a spec; leave products, a report and a manifest.
  preview     Draw every region on the image of its observation.
  status      Show how a run goes, or how the last one went.
  logs        Print the logs of steps, or follow those that run.
  unlock      Free the folder of a run whose machine has died.
  report      Write the page of a run again from its record.
  compare     Show fits of members and runs side by side, and why they differ.
  verify      Check that results and products are what was made.
  clean       Take out of a store what is no longer needed.
  simulate    Make spectra with known truth from a seed.
  schema      Print a JSON schema.
  doctor      Show what is installed and what each missing thing would add.
  completion  Print the shell completion script.

  Examples:
    xbatch init data/90402339002 > analysis.yaml   start from a folder of spectra
    xbatch validate analysis.yaml                  everything wrong with it, at once
    xbatch plan analysis.yaml                      what a run would do, and why
    xbatch run analysis.yaml --jobs 4              do it; a second run does nothing
    xbatch run analysis.yaml --set data.root=/data/nustar

  Exit status: 0 done, 1 a step failed, 2 the spec or the call is wrong, 130 interrupted.
"""

"""``xbatch doctor``: what is installed here, and what each missing thing would add.

Nothing is imported to find out: packages are looked up in the metadata of the environment, tools on ``PATH`` and in
the variables that their own set-up scripts export.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from xbatch import __version__
from xbatch.base.scratchplace import SCRATCH, unusable
from xbatch.cli.toolcheck import check_tools
from xbatch.spec.xspecmodels import XSPEC_CURE, installed_models

__all__ = ["Check", "command", "report"]


@dataclass(frozen=True)
class Check:
    """One thing looked for.

    Attributes
    ----------
    group : str
        ``python``, ``tools`` or ``machine``.
    name : str
    ok : bool
        It is there, and good enough.
    required : bool
        xbatch does not run without it.
    found : str
        Version, folder or size; why not, where it is not there.
    adds : str
        What it is for.
    get : str
        How to get it, or what to do about it.
    remarks : tuple of str
        What is odd with it, though it may serve.
    """

    group: str
    name: str
    ok: bool
    required: bool
    found: str
    adds: str
    get: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Package:
    distribution: str
    module: str
    adds: str
    required: bool = True
    get: str = ""


_PACKAGES = (
    _Package("numpy", "numpy", "arrays"),
    _Package("scipy", "scipy", "least squares, sparse responses"),
    _Package("astropy", "astropy", "FITS files, tables"),
    _Package("matplotlib", "matplotlib", "plots"),
    _Package("jinja2", "jinja2", "the report's page"),
    _Package("rich", "rich", "progress on the screen"),
    _Package("click", "click", "the command line"),
    _Package("psutil", "psutil", "resources used by each step"),
    _Package("pyyaml", "yaml", "reading specs"),
    _Package("jsonschema", "jsonschema", "checking specs and manifests"),
    _Package(
        "sherpa",
        "sherpa",
        "its optimisers (neldermead, moncar, sherpa-levmar) for fits; everything else runs without it",
        required=False,
        get="conda install -c https://cxc.cfa.harvard.edu/conda/sherpa -c conda-forge sherpa, or "
        "pip install 'xbatch[fit]' (needs gcc, g++, gfortran, pkg-config, FFTW, flex, and bison or byacc)",
    ),
    _Package(
        "emcee",
        "emcee",
        "Markov chains of fits that ask for them (mcmc)",
        required=False,
        get="pip install 'xbatch[mcmc]'",
    ),
    _Package(
        "distributed",
        "distributed",
        "runs on a Dask cluster (xbatch run --cluster)",
        required=False,
        get="pip install 'xbatch[dask]'",
    ),
    _Package(
        "dask-jobqueue",
        "dask_jobqueue",
        "clusters that a run starts by SLURM, PBS and other batch systems",
        required=False,
        get="pip install 'xbatch[slurm]'",
    ),
    _Package(
        "astroquery",
        "astroquery",
        "observations from HEASARC and the XMM-Newton archive (data.fetch, xbatch find)",
        required=False,
        get="pip install 'xbatch[fetch]'",
    ),
    _Package(
        "boto3",
        "boto3",
        "observations from the public bucket of HEASARC, file by file (data.fetch)",
        required=False,
        get="pip install 'xbatch[fetch]'",
    ),
    _Package(
        "heasoftpy",
        "heasoftpy",
        "HEASoft's tasks by their Python functions; without it their executables are called",
        required=False,
        get="it comes with HEASoft, not from PyPI: install HEASoft and source $HEADAS/headas-init.sh",
    ),
)


def _package(package: _Package) -> Check:
    ok = importlib.util.find_spec(package.module) is not None
    try:
        version = importlib.metadata.version(package.distribution)
    except importlib.metadata.PackageNotFoundError:
        version = "version unknown"  # on PYTHONPATH without having been installed, as HEASoft's set-up script does it
    return Check(
        "python",
        package.distribution,
        ok,
        package.required,
        version if ok else "not installed",
        package.adds,
        package.get or f"pip install {package.distribution}",
    )


def _xspec() -> Check:
    models = installed_models()
    lacking = "Sherpa was built without XSPEC" if models.source else "Sherpa is not installed"
    found = f"{len(models.names)} models, by xs: names" if models.compiled else lacking
    return Check("python", "XSPEC's models", models.compiled, False, found, "models by xs: names", XSPEC_CURE)


def _memory() -> str:
    try:
        import psutil
    except ImportError:
        return "unknown (psutil is not installed)"
    memory = psutil.virtual_memory()
    return f"{memory.available / 2**30:.1f} GiB free of {memory.total / 2**30:.1f} GiB"


def _machine(folder: Path, environ: Mapping[str, str]) -> list[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    disk = shutil.disk_usage(folder)
    fault = unusable(environ)
    enough = disk.free > 2**30
    return [
        Check("machine", "system", True, False, f"{platform.system()} {platform.release()} {platform.machine()}", ""),
        Check("machine", "cores", True, False, str(cores), "steps at a time, unless --jobs says otherwise"),
        Check("machine", "memory", True, False, _memory(), "shared by the steps that run at a time"),
        Check(
            "machine",
            "disk",
            enough,
            False,
            f"{disk.free / 2**30:.1f} GiB free of {disk.total / 2**30:.1f} GiB at {folder}",
            "runs and the store",
            "" if enough else "give --out and --store folders on a larger disk",
        ),
        Check(
            "machine",
            "scratch",
            fault is None,
            False,
            environ.get(SCRATCH) or f"{SCRATCH} is not set" if fault is None else fault.what.partition(": ")[2],
            "where tools work if the store's path is long or not plain; else TMPDIR, /tmp or /var/tmp",
            "" if fault is None else fault.cure,
        ),
    ]


def report(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> list[Check]:
    """Look for everything that xbatch uses or could use.

    Parameters
    ----------
    environ : Mapping of str to str, optional
        The environment's variables; the process's own by default.
    folder : Path, optional
        Where results would be written; the current folder by default.

    Returns
    -------
    list of Check
        Python and its packages, then the missions' tools, then the machine; always the same, in the same order.
    """
    environ = os.environ if environ is None else environ
    version = platform.python_version()
    return [
        Check("python", "xbatch", True, True, __version__, f"at {Path(__file__).resolve().parent.parent}"),
        Check("python", "python", sys.version_info >= (3, 11), True, version, f"at {sys.executable}"),
        *(_package(package) for package in _PACKAGES),
        _xspec(),
        *(
            Check("tools", one.name, one.ok, False, one.found, one.adds, one.get, one.remarks)
            for one in check_tools(environ)
        ),
        *_machine((folder or Path()).absolute(), environ),
    ]


def _line(check: Check, width: int) -> str:
    mark = "ok" if check.ok else ("MISSING" if check.required else "--")
    first = f"{mark:>7}  {check.name:<{width}}  {check.found}"
    indent = " " * (width + 11)
    odd = "".join(f"\n{indent}note: {remark}" for remark in check.remarks)
    if check.ok:
        return first + (f"  ({check.adds})" if check.adds else "") + odd
    return first + f"\n{indent}adds: {check.adds}" + (f"\n{indent}get:  {check.get}" if check.get else "") + odd


@click.command(
    "doctor",
    epilog="""\b
Examples:
  xbatch doctor
  xbatch doctor --json | jq '.[] | select(.ok | not) | .name'
""",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as data.")
def command(as_json: bool) -> None:
    """Show what is installed here, what each missing thing would add, and how to get it.

    Exit status 1 if something is missing that xbatch does not run without.
    """
    checks = report()
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        width = max(len(check.name) for check in checks)
        group = ""
        for check in checks:
            if check.group != group:
                group = check.group
                click.echo(("" if group == "python" else "\n") + group)
            click.echo(_line(check, width))
    if any(check.required and not check.ok for check in checks):
        sys.exit(1)

"""A fake HEADAS: executables that read parameters, insist on files and write products as the real ones do.

Names, types and defaults of parameters are those of HEASoft 6.20, with what later releases added as each file in
``syspfiles`` says, and with those of NuSTAR's tools that a release has (`make_headas`). Numbers are those of the native
tasks and of the simulator's telescope.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.core import Run, ToolError, install

__all__ = ["TOOLS", "VERSION", "error_line", "make_headas", "run"]

VERSION = "6.35.1"
_PARAMETERS = Path(__file__).with_name("syspfiles")
#: Tool to the module below this package that does its work.
TOOLS: Mapping[str, str] = {
    "addspec": "sums",
    "barycorr": "barycentre",
    "extractor": "extraction",
    "fkeypar": "files",
    "fparkey": "files",
    "ftcopy": "files",
    "ftgrouppha": "grouping",
    "ftversion": "files",
    "fversion": "files",
    "grppha": "grouping",
    "lcmath": "sums",
    "nubackscale": "products",
    "nuexpomap": "maps",
    "nupipeline": "pipeline",
    "nuproducts": "products",
    "nusplitsc": "pipeline",
    "xselect": "extraction",
}
#: Versions of the tasks of NuSTARDAS, which tell errors in their own way.
_NUSTAR = {
    "nupipeline": "0.4.9",
    "nuproducts": "0.3.3",
    "nuexpomap": "1.2.4",
    "nubackscale": "1.0.3",
    "nusplitsc": "0.0.4",
}
#: Scripts with NuSTARDAS's own way to parameters, which looks into the first folder of PFILES alone.
_OWN_PARAMETERS = frozenset({"nuproducts"})


def make_headas(folder: Path, version: str = VERSION) -> Mapping[str, str]:
    """Build an installation of HEASoft and of NuSTAR's CALDB.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    version : str
        Of HEASoft: 6.20 or later.

    Returns
    -------
    environment : Mapping
        The variables that a shell has after the set-up scripts of both; PATH goes on with this process's own.
    """
    from tests.fakes.headas.raw import response_files  # what the executables need not load

    root = folder / f"heasoft-{version}" / "x86_64-pc-linux-gnu-libc2.35"
    install(root, "tests.fakes.headas", TOOLS)
    shutil.copytree(_PARAMETERS, root / "syspfiles", dirs_exist_ok=True)
    _date_parameters(root / "syspfiles", version)
    (root / "refdata").mkdir(exist_ok=True)
    user = folder / "pfiles"
    user.mkdir(exist_ok=True)
    caldb = folder / "caldb"
    index = caldb / "data" / "nustar" / "fpm" / "caldb.indx"
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_bytes(b"index of the calibration, version 20250915")
    clock = index.parent / "bcf" / "clock" / "nuCclock20100101v210.fits"
    clock.parent.mkdir(parents=True, exist_ok=True)
    clock.write_bytes(b"the clock's corrections")
    for name, content in response_files().items():
        path = index.parent / "cpf" / name / {"rmf": "detectors.rmf", "arf": "point.arf"}[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    tools = caldb / "software" / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    (tools / "caldb.config").write_text("NUSTAR FPM data/nustar/fpm caldb.indx data/nustar/fpm\n")
    (tools / "alias_config.fits").write_bytes(b"")
    return {
        "HEADAS": str(root),
        "LHEASOFT": str(root),
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PFILES": f"{user};{root / 'syspfiles'}",
        "PFCLOBBER": "1",
        "LHEA_DATA": str(root / "refdata"),
        "PGPLOT_TYPE": "/null",
        "CALDB": str(caldb),
        "CALDBCONFIG": str(tools / "caldb.config"),
        "CALDBALIAS": str(tools / "alias_config.fits"),
    }


def _date_parameters(folder: Path, version: str) -> None:
    """Give the parameter files what a release has otherwise than 6.20, and take from them what it has not."""
    release = tuple(int(number) for number in version.split(".")[:2])
    changed = {"nupipeline": "", "nuproducts": ""}
    if release >= (6, 28):
        corrects = "yes" if release < (6, 29) else "no"
        changed["nupipeline"] = "inobebhkfile,f,h,DEFAULT,,,inobebhkfile\nobebhkfile,f,h,DEFAULT,,,obebhkfile\n"
        changed["nuproducts"] = f"inobebhkfile,f,h,DEFAULT,,,inobebhkfile\narfmlicorr,b,h,{corrects},,,arfmlicorr\n"
    for tool, lines in changed.items():
        path = folder / f"{tool}.par"
        path.write_text(path.read_text().replace("mode,s,h,ql", f"{lines}mode,s,h,ql"))
    if release < (6, 28):
        path = folder / "barycorr.par"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("ephem,")))
    if release < (6, 22):
        path = folder / "nupipeline.par"
        path.write_text(path.read_text().replace("saacalc,i,h,3,", "saacalc,i,h,2,"))


def run(run: Run) -> None:
    """Do a tool's work."""
    from tests.fakes.headas.parameters import opened, own_file
    from xbatch.base.errors import FileError, StepError

    if "HEADAS" not in os.environ:
        raise ToolError("HEADAS is not set")
    work = importlib.import_module(f"tests.fakes.headas.{TOOLS[run.tool]}").TOOLS[run.tool]
    # a command file is xselect's own business
    args = [argument for argument in run.args if run.tool != "xselect" or not argument.startswith("@")]
    if run.tool in _OWN_PARAMETERS:
        own_file(run.tool)
    with opened(run.tool, args, run.root / "syspfiles") as parameters:
        try:
            work(run, parameters)
        except (FileError, StepError) as error:  # of the native tasks, which do the work
            raise ToolError(str(error)) from error
        run.spoil(error_line)


def error_line(tool: str, message: str) -> str:
    """Say that something is wrong as the tool says it."""
    if tool in _NUSTAR:
        name = f"{tool}_{_NUSTAR[tool]}"
        return f"{name}: Error: {message}\n{name}: Exit with error"
    return f"ERROR: {message}\nTask {tool} 1.0 terminating with status 1"

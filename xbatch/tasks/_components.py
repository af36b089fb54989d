"""The components that are made for one model: of table models, and of XSPEC's own."""

from __future__ import annotations

from xbatch.base.errors import StepError
from xbatch.ogip.tablemodel import read_table_model
from xbatch.registry import Job
from xbatch.xray.components import Kind
from xbatch.xray.components.table_models import table_component
from xbatch.xray.fit.xspec import XSPEC_PREFIX, xspec_components, xspec_version

__all__ = ["made_components", "xspec_versions"]

_XSPEC_CURE = (
    "Use a Sherpa that was built with XSPEC (conda install -c https://cxc.cfa.harvard.edu/conda/ciao -c conda-forge "
    "sherpa), with HEADAS set as its environment does; or components of xbatch"
)


def made_components(job: Job) -> dict[str, Kind]:
    """Make them, by their names in the model.

    The inputs of the step have `table/name` for each table model; its parameters have `components`, name to type.

    Raises
    ------
    StepError
        XSPEC's models are wanted and cannot be loaded.
    ValueError
        A table is not of its kind, or XSPEC has no such model.
    FileError
        A table cannot be read.
    """
    components = job.params["components"]
    made: dict[str, Kind] = {
        name: table_component(name, kind, read_table_model(job.inputs[f"table/{name}"]))
        for name, kind in components.items()
        if f"table/{name}" in job.inputs
    }
    try:
        return made | xspec_components(components)
    except ImportError as error:
        first = next(kind for kind in components.values() if kind.startswith(XSPEC_PREFIX))
        raise StepError(f"{first} is XSPEC's, and its models cannot be loaded ({error})", cure=_XSPEC_CURE) from error


def xspec_versions(job: Job) -> dict[str, str]:
    """Give the version of XSPEC, where a step uses it."""
    used = any(kind.startswith(XSPEC_PREFIX) for kind in job.params["components"].values())
    return {"xspec": xspec_version()} if used else {}

"""Tables, plots and the page of a run."""

from xbatch.report.page import write_page
from xbatch.report.progress import make_reporter
from xbatch.report.terminal import print_run

__all__ = ["make_reporter", "print_run", "write_page"]

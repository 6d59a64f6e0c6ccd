"""The report of a run of the suite: one HTML page that needs nothing else, with a timeline of each case."""

from hil.report.page import page, write_page

__all__ = ["page", "write_page"]

"""Renderings of a verdict: terminal, HTML page, Gradescope's results.json, and a page that links many reports."""

from autograder.report.files import write_reports
from autograder.report.gradescope import results_json, to_gradescope
from autograder.report.html import render_html
from autograder.report.index import IndexEntry, write_index
from autograder.report.terminal import TerminalReport, make_console, one_line, print_summary
from autograder.text import clean_line, clean_text

__all__ = [
    "IndexEntry",
    "TerminalReport",
    "clean_line",
    "clean_text",
    "make_console",
    "one_line",
    "print_summary",
    "render_html",
    "results_json",
    "to_gradescope",
    "write_index",
    "write_reports",
]

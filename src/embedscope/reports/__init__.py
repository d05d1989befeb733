"""Reports: a result as one HTML file, figures, a folder of all its forms, terminal tables, JUnit XML."""

from embedscope.reports.figures import write_figures
from embedscope.reports.folder import write_folder
from embedscope.reports.junit import junit
from embedscope.reports.page import render_html, write_html
from embedscope.reports.terminal import print_document, print_records, print_result

__all__ = [
    "junit",
    "print_document",
    "print_records",
    "print_result",
    "render_html",
    "write_figures",
    "write_folder",
    "write_html",
]

"""Reports: a result as one HTML file, figures and terminal tables."""

from embedscope.reports.figures import write_figures
from embedscope.reports.page import render_html, write_html
from embedscope.reports.terminal import print_document, print_records

__all__ = ["print_document", "print_records", "render_html", "write_figures", "write_html"]

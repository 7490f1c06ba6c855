"""Writes a quantised network as portable C99 for microcontrollers."""

from firmware_export.exporter import ExportReport, export
from firmware_export.web_page import write_page

__all__ = ["ExportReport", "export", "write_page"]

"""Writes a quantised network as portable C99 for microcontrollers."""

from firmware_export.chip import ChipProgram
from firmware_export.exporter import ExportReport, export
from firmware_export.web_page import write_page

__all__ = ["ChipProgram", "ExportReport", "export", "write_page"]

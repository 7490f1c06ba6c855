"""Writes a quantised network as portable C99 for microcontrollers."""

from firmware_export.exporter import ExportReport, export

__all__ = ["ExportReport", "export"]

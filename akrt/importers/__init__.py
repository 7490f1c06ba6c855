"""Models from other tools: Keras files quantised with cnn2snn, and akida's models."""

from akrt.importers.akida_model import from_akida, load_fbz, to_akida
from akrt.importers.keras_h5 import load_h5

__all__ = ["from_akida", "load_fbz", "load_h5", "to_akida"]

"""Sound in, network input out."""

from akrt.audio.files import features_from_file, load_audio
from akrt.audio.mfcc import features, fit_length, mfcc_frames, quantise

__all__ = [
    "features",
    "features_from_file",
    "fit_length",
    "load_audio",
    "mfcc_frames",
    "quantise",
]

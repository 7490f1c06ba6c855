"""Sound in, network input out."""

from akrt.audio.clips import clips
from akrt.audio.files import features_from_file, load_audio
from akrt.audio.folders import RECORDINGS, SUFFIXES, recordings_in
from akrt.audio.integer import integer_features, integer_frames, to_pcm
from akrt.audio.mfcc import features, fit_length, mfcc_frames, quantise
from akrt.audio.microphones import microphone

__all__ = [
    "RECORDINGS",
    "SUFFIXES",
    "clips",
    "features",
    "features_from_file",
    "fit_length",
    "integer_features",
    "integer_frames",
    "load_audio",
    "mfcc_frames",
    "microphone",
    "quantise",
    "recordings_in",
    "to_pcm",
]

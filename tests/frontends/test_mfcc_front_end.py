"""The entry of MFCC: it computes what `akrt.audio` computes, and says what it cannot."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from akrt.audio import features_from_file, integer_features, load_audio, to_pcm
from akrt.errors import AudioError, AudioWarning, UsageError
from akrt.frontends import front_end
from akrt.model import Mfcc

OTHER = replace(Mfcc(), sample_rate=8000, clip=6000, window=320, stride=200, high_hz=3800.0)


@pytest.mark.parametrize("settings", [Mfcc(), OTHER], ids=["standard", "other"])
def test_files(settings: Mfcc) -> None:
    heard = front_end(settings)
    with as_file(files("akrt") / "data" / "clips") as folder:
        path = Path(folder) / "yes" / "espeak_f5.flac"
        for start in (0, 0.25):
            x = heard.from_file(path, start)
            np.testing.assert_array_equal(x, features_from_file(path, settings, start))
            assert x.shape == settings.shape
        with pytest.raises(AudioError, match="nothing is at 9 s"):
            heard.from_file(path, 9)
        if settings is OTHER:
            with pytest.warns(AudioWarning, match=r"are those of its first 0\.75 s"):
                heard.from_file(path)


def test_a_stream_hears_what_a_recording_is() -> None:
    with as_file(files("akrt") / "data" / "clips") as folder:
        sound = load_audio(Path(folder) / "yes" / "espeak_f5.flac")
    heard = front_end(Mfcc())
    pcm = to_pcm(np.pad(sound, (0, 16000))[:16000])
    (map_of_the_second,) = heard.listener(50).push(pcm)
    np.testing.assert_array_equal(map_of_the_second, integer_features(pcm))
    off = np.abs(map_of_the_second.astype(int) - heard.features(pcm / np.float32(32768)))
    assert off.max() <= 1


def test_other_parameters_neither_listen_nor_export() -> None:
    with pytest.raises(UsageError, match="computes Mfcc.*only; this model has another offset"):
        front_end(Mfcc(offset=100)).listener(4)
    with pytest.raises(UsageError, match="computes Mfcc.*takes Mfcc.*offset=100"):
        front_end(Mfcc(offset=100)).in_c()
    with pytest.raises(ValueError, match="every must be at least 1"):
        front_end(Mfcc()).listener(0)

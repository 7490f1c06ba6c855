"""The number of samples, from the last frame of a FLAC file."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from akrt.audio.flac import last_sample


@pytest.mark.parametrize("samples", [1, 100, 4096, 4097, 16000, 600_001])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 12345])
@pytest.mark.parametrize("coding", ["PCM_16", "PCM_24"])
def test_it_is_what_soundfile_wrote(samples: int, rate: int, coding: str) -> None:
    rng = np.random.default_rng(samples)
    buffer = io.BytesIO()
    soundfile.write(buffer, rng.normal(0, 0.1, samples), rate, format="FLAC", subtype=coding)
    content = buffer.getvalue()
    block = int.from_bytes(content[8:10], "big")
    assert last_sample(content, block) == samples
    assert last_sample(content[:-3], block) is None  # the check sum may end in zeros
    damaged = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    assert last_sample(damaged, block) != samples

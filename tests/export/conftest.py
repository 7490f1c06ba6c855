"""The keyword-spotting network, exported once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import akrt
import firmware_export
from akrt.audio import features_from_file
from akrt.errors import AkrtError
from akrt.model import Mfcc, Model
from akrt.runtime import bundled_model

CLIPS = 208


@pytest.fixture(scope="session")
def kws_model(request: pytest.FixtureRequest) -> Model:
    """The bundled network, or the starter model where it is not built yet."""
    try:
        return bundled_model()
    except (AkrtError, FileNotFoundError):
        folder = request.getfixturevalue("starter_models")
        return akrt.load(folder / "starter_quantised.h5")


@pytest.fixture(scope="session")
def real_clips(recordings: Path) -> np.ndarray:
    """Features of recordings spread over all words: uint8 (208, 49, 10, 1)."""
    files = sorted((recordings / "test").rglob("*.flac"))
    chosen = files[:: max(1, len(files) // CLIPS)][:CLIPS]
    return np.stack([features_from_file(path, Mfcc()) for path in chosen]).astype(np.uint8)


@pytest.fixture(scope="session")
def kws_export(
    kws_model: Model, real_clips: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The network with the real clips as test vectors."""
    folder = tmp_path_factory.mktemp("kws") / "export"
    firmware_export.export(kws_model, folder, name="kws", vectors=real_clips)
    return folder

"""Pictures of one drawing in many kinds of files, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def drawing(height: int = 24, width: int = 36) -> np.ndarray:
    """uint8 (height, width, 3): a quarter of each corner is told by its colour."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 60, (height, width, 3)).astype(np.uint8)
    pixels[: height // 3, : width // 3] = (250, 10, 20)
    pixels[: height // 3, -width // 3 :] = (10, 240, 30)
    pixels[-height // 3 :, : width // 3] = (20, 30, 230)
    return pixels


def saved(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path

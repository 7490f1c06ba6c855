"""Least squares with coefficients that are not negative."""

from __future__ import annotations

import numpy as np

__all__ = ["nonnegative"]


def nonnegative(matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """x >= 0 of the least |matrix x - wanted| (Lawson and Hanson, 1974, chapter 23).

    Columns are scaled to length 1 first.

    Args:
        matrix: (rows, columns) of float64.
        wanted: (rows,).
    """
    lengths = np.linalg.norm(matrix, axis=0)
    scale = np.where(lengths > 0, lengths, 1)
    a = matrix / scale
    gram, right = a.T @ a + 1e-11 * np.eye(a.shape[1]), a.T @ wanted
    x, chosen = np.zeros(a.shape[1]), np.zeros(a.shape[1], bool)
    tolerance = 1e-9 * max(np.abs(right).max(initial=0), 1)
    for _ in range(10 * a.shape[1]):
        gradient = right - gram @ x
        gradient[chosen] = -np.inf
        best = int(gradient.argmax())
        if gradient[best] <= tolerance:
            break
        chosen[best] = True
        while True:
            trial = np.zeros_like(x)
            places = np.flatnonzero(chosen)
            trial[places] = np.linalg.solve(gram[np.ix_(places, places)], right[places])
            falling = chosen & (trial <= 0)
            if not falling.any():
                break
            step = np.min(x[falling] / np.maximum(x[falling] - trial[falling], 1e-300))
            x += step * (trial - x)
            chosen &= x > 1e-14
            x[~chosen] = 0
        x = trial
    return x / scale

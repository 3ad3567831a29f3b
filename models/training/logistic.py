"""Logistic regression with few inputs: for calibration and for how sure a proposal is."""

from __future__ import annotations

import numpy as np


def logistic_line(rows: np.ndarray, real: np.ndarray, ridge: float = 1.0, rounds: int = 50) -> list[float]:
    """Intercept and slopes by Newton's method, slopes held back by `ridge`."""
    design = np.column_stack([np.ones(len(rows)), rows])
    held = np.diag([0.0, *[ridge] * rows.shape[1]])
    line = np.zeros(design.shape[1])
    for _ in range(rounds):
        p = 1.0 / (1.0 + np.exp(-design @ line))
        slope = design.T @ (real - p) - held @ line
        line += np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design + held + 1e-6 * np.eye(len(line)), slope)
    return [round(float(value), 4) for value in line]

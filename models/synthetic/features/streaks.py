"""Streaks around metal: what beam hardening and starved detectors leave after filtered back projection.

Only the slices that hold metal are projected, on coarse pixels. A ray through metal is measured too weak, the more so
the more metal and body it passes (De Man 1999, IEEE Trans Nucl Sci 46:691): between two pieces that leaves dark bands.
What few photons arrive are noise: bright and dark streaks. A mark's density itself is painted elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage, sparse

from models.synthetic.features.mark import Mark
from oncology.imaging.volume import Geometry

PIXEL_MM = 3.0
VIEWS = 180
WATER_PER_MM = 0.02  # at the effective energy of 120 kV
SATURATES = 0.45  # how soon a hardened beam notices no more metal, per unit of attenuation
HARDENED = 0.05  # share of metal that a ray misses for each unit of the body's attenuation
PHOTONS = 1.5e4  # of a ray without anything in it, at this pixel
LOWEST_HU, HIGHEST_HU = -700.0, 1500.0


def add_streaks(hu: np.ndarray, marks: Sequence[Mark], grid: Geometry) -> None:
    """Adds the streaks of metal among the marks to densities (Z, Y, X), in place; the same for the same metal."""
    metal = [mark for mark in marks if mark.metal_per_mm]
    if not metal:
        return
    slices = sorted({n for mark in metal for n in np.flatnonzero(mark.mask.any(axis=(1, 2))) + mark.box[0].start})
    attenuation = _attenuation(metal, slices, hu.shape)
    factor = max(1, round(PIXEL_MM / grid.spacing_mm[1]))
    pixel = factor * grid.spacing_mm[1]
    body = np.where(attenuation > 0, 1.0, np.clip(1.0 + hu[slices] / 1000.0, 0.0, 2.5)) * WATER_PER_MM
    metal_there = _coarse(attenuation, factor)
    error = _reconstructed(metal_there, _coarse(body, factor), pixel)
    error *= 1.0 - ndimage.maximum_filter(metal_there > 0, size=(1, 3, 3))  # there the metal's own density hides it
    streaks = np.zeros_like(attenuation)
    fine = ndimage.zoom(error, (1, factor, factor), order=1, mode="nearest", grid_mode=True)
    streaks[:, : fine.shape[1], : fine.shape[2]] = fine
    hu[slices] += np.where(attenuation > 0, 0.0, np.clip(1000.0 * streaks / WATER_PER_MM, LOWEST_HU, HIGHEST_HU))


def _attenuation(metal: Sequence[Mark], slices: Sequence[int], shape: Sequence[int]) -> np.ndarray:
    """Of metal alone (S, Y, X), per mm."""
    found = np.zeros((len(slices), *shape[1:]), np.float32)
    row_of = {int(height): row for row, height in enumerate(slices)}
    for mark in metal:
        for place, plane in enumerate(mark.mask, start=mark.box[0].start):
            if place in row_of:
                part = found[row_of[place]][mark.box[1:]]
                part[plane] = np.maximum(part[plane], mark.metal_per_mm)
    return found


def _coarse(planes: np.ndarray, factor: int) -> np.ndarray:
    """Means over blocks of `factor` by `factor` voxels; rows and columns that fill no block are left out."""
    count, height, width = planes.shape[0], planes.shape[1] // factor, planes.shape[2] // factor
    cut = planes[:, : height * factor, : width * factor]
    return np.asarray(cut.reshape(count, height, factor, width, factor).mean(axis=(2, 4)))


def _reconstructed(metal: np.ndarray, body: np.ndarray, pixel_mm: float) -> np.ndarray:
    """The error of the attenuation (S, Y, X) per mm that filtered back projection makes of wrong rays through metal."""
    count, height, width = metal.shape
    rays = _projector(height, width)
    through_metal, through_body = (
        (rays @ planes.reshape(count, -1).T).reshape(VIEWS, -1, count) * pixel_mm for planes in (metal, body)
    )
    seen = (1.0 - np.exp(-SATURATES * through_metal)) / SATURATES * (1.0 - HARDENED * np.minimum(through_body, 12.0))
    random = np.random.default_rng(int(np.count_nonzero(metal)))
    photons = np.maximum(PHOTONS * np.exp(-(seen + through_body)), 4.0)
    grain = random.standard_normal(seen.shape) / np.sqrt(photons)
    wrong = seen - through_metal + grain * np.minimum(through_metal, 1.0)
    back = rays.T @ _ramp_filtered(wrong, pixel_mm).reshape(-1, count)
    return np.asarray((back.T * (np.pi / VIEWS)).reshape(count, height, width), np.float32)


def _projector(height: int, width: int) -> sparse.csr_matrix:
    """Parallel rays through the pixels of a slice: (views * detectors, pixels), detectors a pixel apart."""
    detectors = int(np.ceil(np.hypot(height, width))) + 3
    y, x = np.mgrid[:height, :width].reshape(2, -1) - np.array([[(height - 1) / 2], [(width - 1) / 2]])
    angles = np.arange(VIEWS) * np.pi / VIEWS
    place = np.outer(np.cos(angles), x) + np.outer(np.sin(angles), y) + (detectors - 1) / 2
    low = np.floor(place).astype(np.int32)
    share = (place - low).astype(np.float32)
    rows = low + (np.arange(VIEWS, dtype=np.int32) * detectors)[:, None]
    columns = np.broadcast_to(np.arange(height * width, dtype=np.int32), rows.shape)
    entries = np.concatenate([(1.0 - share).ravel(), share.ravel()])
    places = (np.concatenate([rows.ravel(), rows.ravel() + 1]), np.concatenate([columns.ravel(), columns.ravel()]))
    return sparse.csr_matrix((entries, places), shape=(VIEWS * detectors, height * width))


def _ramp_filtered(sinogram: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Each view (V, D, S) under a ramp that a Hann window rounds off."""
    length = 2 * sinogram.shape[1]
    frequency = np.fft.rfftfreq(length, pixel_mm)
    ramp = frequency * (0.5 + 0.5 * np.cos(2.0 * np.pi * frequency * pixel_mm))
    spectrum = np.fft.rfft(sinogram, length, axis=1) * ramp[None, :, None]
    return np.asarray(np.fft.irfft(spectrum, length, axis=1)[:, : sinogram.shape[1]])

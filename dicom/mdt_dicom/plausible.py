"""Whether values can be what they claim to be: Hounsfield units, body-weight SUV.

A wrong scale is the most dangerous fault of an image, because everything still looks right. What no CT or PET can
contain is refused; what is merely unusual is said.
"""

from __future__ import annotations

import numpy as np

from mdt_dicom.voxels import AIR_HU
from oncology.errors import ImageError
from oncology.findings import Severity, Verdict

# Scanners write -2000, -3024 or the like outside the round field of view, often without PixelPaddingValue.
PADDING_UP_TO_HU = -1500
# Fat, organs, muscle and blood with contrast lie in here; every CT of a body holds a share of it.
SOFT_TISSUE_HU = (-150, 300)
SOFT_TISSUE_SHARE = 0.01
# Only metal and the extended scale lie above, in few voxels.
DENSE_HU = 4000
DENSE_SHARE = 0.01
NO_AIR_ABOVE_HU = -200
SAMPLED_EVERY = (2, 4, 4)  # (z, y, x), for shares; extremes are taken from all voxels
REMEDY = "export the original series in Hounsfield units"
# Hottest voxel of a PET of the trunk or neck: bladder and brain reach 50, a phantom-like 200 is beyond any patient.
SUV_MAX_RANGE = (0.5, 200.0)


def check_hounsfield(values: np.ndarray) -> tuple[Verdict, ...]:
    """Refuse what is no CT in HU; padding below air becomes air, in place.

    Args:
        values: (Z, Y, X), int16 or float32.
    Raises:
        ImageError: the scale or the offset is wrong, or there is nothing to see.
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        count = int(values.size - np.isfinite(values).sum())
        raise ImageError(f"{count} voxels of the CT are not finite numbers; expected Hounsfield units; {REMEDY}")
    verdicts = []
    if low <= PADDING_UP_TO_HU:
        verdicts.append(_clear_padding(values))
        low = float(values.min())
    _check_scale(values, low, high)
    if low > NO_AIR_ABOVE_HU:
        message = f"the CT has no value below {low:.0f} HU; air around or inside a body is -1000 HU; check the scale"
        verdicts.append(Verdict("ct-without-air", Severity.WARNING, message, "ct"))
    return tuple(verdicts)


def _clear_padding(values: np.ndarray) -> Verdict:
    outside = values <= PADDING_UP_TO_HU
    share = float(outside.mean())
    values[outside] = AIR_HU
    message = f"{share:.1%} of the voxels lay at {PADDING_UP_TO_HU} HU or less (padding) and were set to air"
    return Verdict("ct-padding", Severity.INFO, message, "ct")


def _check_scale(values: np.ndarray, low: float, high: float) -> None:
    found = f"the CT's values reach from {low:g} to {high:g}"
    z, y, x = SAMPLED_EVERY
    sample = values[::z, ::y, ::x]
    if low == high:
        raise ImageError(f"every voxel of the CT is {low:g}; expected an image; export the series again")
    if low >= 0 and high <= 255:
        raise ImageError(f"{found}, gray values of a picture or 0 to 1; expected Hounsfield units; {REMEDY}")
    if low >= 0:
        raise ImageError(f"{found}, none below water; expected air at -1000 HU: the rescale offset is lost; {REMEDY}")
    if float((sample > DENSE_HU).mean()) > DENSE_SHARE:
        raise ImageError(f"{found}, many above {DENSE_HU}; expected Hounsfield units; the scale is wrong; {REMEDY}")
    tissue = float(((sample >= SOFT_TISSUE_HU[0]) & (sample <= SOFT_TISSUE_HU[1])).mean())
    if tissue < SOFT_TISSUE_SHARE:
        raise ImageError(
            f"{found}, {tissue:.1%} of them between {SOFT_TISSUE_HU[0]} and {SOFT_TISSUE_HU[1]} HU; expected soft "
            f"tissue: the scale or offset is wrong, or nobody is in the image; {REMEDY}"
        )


def check_suv(values: np.ndarray, *, unit_is_known: bool) -> tuple[Verdict, ...]:
    """Refuse a PET without uptake; say when the hottest voxel is implausible, or refuse where the unit is a guess.

    Args:
        values: (Z, Y, X) float32.
        unit_is_known: False for files that cannot say what their values are.
    Raises:
        ImageError: not finite, empty, or of another unit.
    """
    high = float(values.max())
    if not np.isfinite(values).all():
        count = int(values.size - np.isfinite(values).sum())
        raise ImageError(f"{count} voxels of the PET are not finite numbers; expected SUV; export the series again")
    if high <= 0:
        raise ImageError(f"no voxel of the PET is above 0 (highest {high:g}); expected uptake; export the series again")
    if SUV_MAX_RANGE[0] <= high <= SUV_MAX_RANGE[1]:
        return ()
    message = f"the hottest voxel of the PET is {high:g}; an SUV lies between {SUV_MAX_RANGE[0]:g} and "
    message += f"{SUV_MAX_RANGE[1]:g}"
    if not unit_is_known:
        raise ImageError(f"{message}; expected body-weight SUV, not Bq/mL or counts; convert it, or give the DICOM PET")
    return (Verdict("pet-suv-implausible", Severity.WARNING, f"{message}; check weight, dose and times", "pet"),)

"""How four makers' scanners fill the headers of CT and PET: kernels, stored values, units, times, private fields.

For synthetic patients only; the reading side knows dialects by what a header says, not by this table. Sources: the
makers' DICOM conformance statements; kernels as in `mdt_dicom.kernel`; PET by RSNA QIBA, vendor-neutral SUV
calculation (GE's private scan start, Philips' counts with its private factors, slopes by slice).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

from mdt_dicom.suv_header import GE_CREATOR, GE_GROUP, PHILIPS_CREATOR, PHILIPS_GROUP

# Sharpness of the noise (see `CtDialect.kernel_at`) from which a maker's next sharper kernel for soft tissue is named.
SHARPER_FROM = (0.65, 0.85)


@dataclass(frozen=True)
class PrivateField:
    """One element of a maker's private block."""

    group: int
    creator: str
    element: int
    vr: str
    value: str


@dataclass(frozen=True)
class CtDialect:
    """How one maker writes CT.

    Attributes:
        kernels: for soft tissue, from smooth to sharp; Siemens adds the strength of its iterations as second value.
        description: of the series, with the places `part`, `thickness` (mm) and `kernel`.
        intercept: HU of the stored value 0; `signed` and `bits_stored` of the stored values.
        padding: value outside the field of view, where one is named.
    """

    manufacturer: str
    kernels: tuple[tuple[str, ...], ...]
    image_type: tuple[str, ...]
    description: str
    intercept: int
    signed: bool
    bits_stored: int
    padding: int | None = None
    private: tuple[PrivateField, ...] = ()

    def kernel_at(self, sharpness: float) -> tuple[str, ...]:
        """The kernel whose noise is about as fine: 0.4 coarse grain, 1.2 fine grain.

        >>> DIALECTS["ge"].ct.kernel_at(0.7)
        ('STANDARD',)
        """
        return self.kernels[sum(sharpness >= bound for bound in SHARPER_FROM)]


@dataclass(frozen=True)
class PetDialect:
    """How one maker writes FDG PET.

    Attributes:
        units: BQML, or CNTS with private factors to activity and SUV.
        corrected: Corrected Image (0028,0051).
        half_life_s: of fluorine-18, as the maker rounds it.
        slope_by_slice: each slice has its own rescale slope.
        clock, dated: the injection is told as a time, as a date with time.
        saved_later: Series Time is that of saving; a private field holds the start of the scan, to which the decay is
            corrected.
    """

    manufacturer: str
    description: str
    corrected: tuple[str, ...]
    units: str = "BQML"
    half_life_s: float = 6586.2
    slope_by_slice: bool = True
    clock: bool = True
    dated: bool = True
    saved_later: bool = False


@dataclass(frozen=True)
class Dialect:
    """What one maker's scanner writes.

    Attributes:
        head_first: slices are numbered from the head; both directions are seen.
        fraction: of the second in times, as text.
    """

    ct: CtDialect
    pet: PetDialect
    transfer_syntax: str
    head_first: bool
    fraction: str


DIALECTS: Mapping[str, Dialect] = {
    "siemens": Dialect(
        ct=CtDialect(
            "SIEMENS", (("Br36f", "3"), ("Br40f", "3"), ("Br44f", "3")),
            ("ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"), "{part} {thickness:.1f} {kernel}", -1024, False, 12,
            private=(PrivateField(0x0029, "SIEMENS CSA HEADER", 0x08, "CS", "SOM 5"),),
        ),
        pet=PetDialect("SIEMENS", "PET WB (AC)", ("NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN")),
        transfer_syntax=ExplicitVRLittleEndian, head_first=True, fraction=".000000",
    ),
    "ge": Dialect(
        ct=CtDialect(
            "GE MEDICAL SYSTEMS", (("SOFT",), ("STANDARD",), ("DETAIL",)), ("ORIGINAL", "PRIMARY", "AXIAL"),
            "{part} {kernel} {thickness:.2f}", -1024, True, 16, padding=-2000,
            private=(
                PrivateField(0x0009, "GEMS_IDEN_01", 0x01, "LO", "CT_LIGHTSPEED"),
                PrivateField(0x0045, "GEMS_HELIOS_01", 0x06, "CS", "HEAD FIRST"),
            ),
        ),
        pet=PetDialect(
            "GE MEDICAL SYSTEMS", "PET AC 3D WB", ("DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"), half_life_s=6588.0,
            saved_later=True,
        ),
        transfer_syntax=ImplicitVRLittleEndian, head_first=True, fraction="",
    ),
    "philips": Dialect(
        ct=CtDialect(
            "Philips", (("A",), ("B",), ("C",)), ("ORIGINAL", "PRIMARY", "AXIAL", "HELIX"),
            "{part} {thickness:.2f} {kernel}", -1024, False, 12,
            private=(PrivateField(0x01F1, "ELSCINT1", 0x01, "CS", "SPIRAL"),),
        ),
        pet=PetDialect(
            "Philips Medical Systems", "Body CTAC", ("DECY", "RADL", "ATTN", "SCAT", "DTIM", "RAN", "NORM"),
            units="CNTS", half_life_s=6588.0, slope_by_slice=False, dated=False,
        ),
        transfer_syntax=ExplicitVRLittleEndian, head_first=False, fraction="",
    ),
    "canon": Dialect(
        ct=CtDialect(
            "CANON_MEC", (("FC07",), ("FC08",), ("FC09",)), ("ORIGINAL", "PRIMARY", "AXIAL"),
            "{part} {thickness:.1f} {kernel}", 0, True, 16,
            private=(PrivateField(0x7005, "TOSHIBA_MEC_CT3", 0x0F, "SH", "HF"),),
        ),
        pet=PetDialect(
            "CANON_MEC", "PET CTAC", ("DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"), slope_by_slice=False, clock=False,
        ),
        transfer_syntax=JPEGLSLossless, head_first=False, fraction=".000",
    ),
}  # fmt: skip


def activity_factors(activity: float, suv: float) -> tuple[PrivateField, ...]:
    """Philips' private factors from counts to Bq/mL and to body-weight SUV."""
    fields = ((0x00, suv), (0x09, activity))
    return tuple(PrivateField(PHILIPS_GROUP, PHILIPS_CREATOR, element, "DS", _text(value)) for element, value in fields)


def scan_start(stamp: str) -> tuple[PrivateField, ...]:
    """GE's private start of the scan, YYYYMMDDHHMMSS.FF."""
    return (PrivateField(GE_GROUP, GE_CREATOR, 0x0D, "DT", stamp),)


def _text(value: float) -> str:
    """A decimal string of at most 16 characters (DICOM PS3.5 6.2)."""
    return f"{value:.9g}"[:16]

"""Reconstruction kernels: which are made for soft tissue, which for lung and bone.

Sources: the vendors' DICOM conformance statements and user manuals. GE, Canon and Philips name their filters;
Siemens numbers them by sharpness (B10 smooth to B90 sharp; Br, Bf, Bl, Qr, I, J in later generations).
"""

from __future__ import annotations

import re
from enum import IntEnum

GE_SOFT = {"STANDARD", "SOFT", "DETAIL", "STND", "STD"}
GE_SHARP = {"LUNG", "BONE", "BONEPLUS", "EDGE", "ULTRA", "CHEST"}
PHILIPS_SOFT = {"A", "B", "C", "YA", "YB", "UA", "UB", "UC", "SA", "SB"}
PHILIPS_SHARP = {"D", "E", "F", "L", "YC", "YD", "YE", "YF", "SC", "SD"}
SIEMENS = re.compile(r"^(?:[BHDTIJUCQ])([RFVLYSPCUQT]?)(\d{2})")
SIEMENS_SHARP_FROM = 50
CANON = re.compile(r"^FC(\d{2})")
CANON_SHARP_FROM = 30  # FC01-FC29 body and brain; FC30-FC39 bone, FC50-FC59 and FC80-FC89 lung
CANON_SOFT_AGAIN = range(60, 80)  # FC62-FC68 brain


class Sharpness(IntEnum):
    """How well a kernel suits soft tissue; larger is better."""

    SHARP = 0
    UNKNOWN = 1
    SOFT = 2


def sharpness(kernel: str, description: str = "") -> Sharpness:
    """By the kernel's name, else by what the series is called.

    >>> sharpness("Br38f"), sharpness("B70f"), sharpness("LUNG"), sharpness("")
    (<Sharpness.SOFT: 2>, <Sharpness.SHARP: 0>, <Sharpness.SHARP: 0>, <Sharpness.UNKNOWN: 1>)
    """
    name = kernel.upper().split("\\")[0].strip()
    siemens, canon = SIEMENS.match(name), CANON.match(name)
    if canon:
        number = int(canon.group(1))
        return Sharpness.SHARP if number >= CANON_SHARP_FROM and number not in CANON_SOFT_AGAIN else Sharpness.SOFT
    if siemens:
        lung = siemens.group(1) == "L"
        return Sharpness.SHARP if lung or int(siemens.group(2)) >= SIEMENS_SHARP_FROM else Sharpness.SOFT
    if name in GE_SOFT | PHILIPS_SOFT:
        return Sharpness.SOFT
    if name in GE_SHARP | PHILIPS_SHARP:
        return Sharpness.SHARP
    return _by_description(description)


def _by_description(description: str) -> Sharpness:
    """Words of the series description, in the languages seen."""
    found = set(re.findall(r"[A-Z]+", description.upper()))
    if found & {"LUNG", "LUNGE", "POUMON", "PULMON", "BONE", "KNOCHEN", "OS", "HUESO", "HRCT"}:
        return Sharpness.SHARP
    if found & {"SOFT", "STANDARD", "MEDIASTINUM", "MEDIASTINAL", "WEICHTEIL", "ABDOMEN", "STND"}:
        return Sharpness.SOFT
    return Sharpness.UNKNOWN

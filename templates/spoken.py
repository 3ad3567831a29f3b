"""English as a reader says it: what the engine writes from its keys, put right once for all pages."""

from __future__ import annotations

import re

# What stands in a text -> what is read; in this order.
SPOKEN = (
    (re.compile(r"\b([mc]m)2\b"), r"\1²"),
    (re.compile(r" mm \(mm\)"), " (mm)"),
    (re.compile(r"\beus t\b"), "T by endoscopic ultrasound"),
    (re.compile(r"\bbiopsy: malignant yes, histology (\w+), method \w+"), r"biopsy: \1"),
    (re.compile(r"\bautochthon (left|right)\b"), r"back muscles \1"),
    (re.compile(r"\blarynx air\b"), "lumen of the larynx"),
    (re.compile(r"\bto hilum part of lung\b"), "part of the lung, up to the hilum"),
    (re.compile(r"\bto hilum whole lung\b"), "the whole lung, up to the hilum"),
    (re.compile(r"^ecog$"), "ECOG"),
    (re.compile(r"^ca 19 9$"), "CA 19-9"),
    (re.compile(r"^(fev1|dlco) percent$"), lambda found: f"{found[1].upper()} (%)"),
)


def spoken(text: str) -> str:
    """The text in a reader's words and units.

    >>> spoken("244 mm2 of contact with thyroid cartilage"), spoken("eus t: T3"), spoken("fev1 percent")
    ('244 mm² of contact with thyroid cartilage', 'T by endoscopic ultrasound: T3', 'FEV1 (%)')
    >>> spoken("biopsy: malignant yes, histology adenocarcinoma, method biopsy")
    'biopsy: adenocarcinoma'
    """
    for pattern, words in SPOKEN:
        text = pattern.sub(words, text)
    return text

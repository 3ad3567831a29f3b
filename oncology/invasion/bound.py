"""What contact may say at most. Drawn tumors either invade or keep off; those of patients often lie broadly against a
structure without invading it, which a model fitted to drawn ones cannot know. Published series can:

Glazer 1985 (Radiology 157:191), pleura and chest wall: breadth, angle and thickening are 87% sensitive, 59% specific.
Suzuki 1993 (Radiology 187:39), the same signs in 120 patients, 19 of them invaded: 68% and 66%.
Glazer 1989 (Radiology 173:37), mediastinum: of 80 tumors with contact that CT could not judge 40% invaded.
Herman 1994 (Radiology 190:841), mediastinum: more than 90 degrees has a predictive value of 56%, more than 180 of 100%.
Of the neck there is no such series for contact alone; the bound of the chest is taken over (ours).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oncology.findings import Contact
from oncology.invasion.structure_class import HARD, StructureClass, class_of

BY_CONTACT = 0.40
BY_ANGLE: Sequence[tuple[float, float]] = ((180.0, 1.0), (90.0, 0.56))  # from these degrees on, of vessels and airways
# From this depth on the tumor is seen inside the structure: more than the voxel by which two labels overlap, and for
# thick structures more than readers' borders differ by (both ours).
SEEN_INSIDE_MM: Mapping[StructureClass, float] = {StructureClass.WALL: 3.0, StructureClass.SPACE: 3.0}
SEEN_INSIDE_ELSEWHERE_MM = 2.0
# Plates of cartilage or bone and the fat between the muscles of the throat are too thin for that depth: there the tumor
# is seen inside when it reaches so much of the way to their middle, and no less than a voxel of a fine CT (ours). Of 16
# paraglottic spaces that a proposed tumor reached so far 14 were invaded, of 18 that it did not 1 (synthetic patients).
WAY_INTO_THIN: Mapping[StructureClass, float] = {
    **dict.fromkeys(HARD, 0.8),
    StructureClass.THROAT_FAT: 0.7,
}
LEAST_INSIDE_MM = 1.0


def highest(contact: Contact) -> float:
    """The bound of one contact's probability; 1 where the tumor is seen inside the structure or goes around it."""
    if contact.depth_mm >= _inside_from_mm(contact):
        return 1.0
    angle = contact.angle_deg or 0.0
    return next((most for degrees, most in BY_ANGLE if angle >= degrees), BY_CONTACT)


def _inside_from_mm(contact: Contact) -> float:
    kind = class_of(contact.structure)
    least = SEEN_INSIDE_MM.get(kind, SEEN_INSIDE_ELSEWHERE_MM)
    if kind not in WAY_INTO_THIN or contact.thickness_mm is None:
        return least
    return min(least, max(LEAST_INSIDE_MM, WAY_INTO_THIN[kind] * contact.thickness_mm / 2.0))


def shared(probabilities: Mapping[Contact, float]) -> dict[Contact, float]:
    """The probabilities of one tumor's contacts, those that are no more than contact drawn down to share one bound.

    They are no independent evidence: a tumor that lies broadly against five structures invades hardly more often.
    """
    loose = sum(p for contact, p in probabilities.items() if highest(contact) == BY_CONTACT)
    scale = min(1.0, BY_CONTACT / loose) if loose else 1.0
    return {
        contact: round(p * scale, 4) if highest(contact) == BY_CONTACT else p for contact, p in probabilities.items()
    }

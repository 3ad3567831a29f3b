"""The names of features, where they can be seen, and how often a second scan for training shows them.

Shares are orders of magnitude of adults referred for staging: myocardium with marked uptake in 17% and none in 41%
(Tiwari 2012, Indian J Nucl Med 27:69), metformin in 12% (Bahler 2016, Diabetes Res Clin Pract 114:55), brown fat in 5
to 10% (Cypess 2009, N Engl J Med 360:1509). All others, metal and phases among them, are guesses set for training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NECK, CHEST, LONG, BELLY = "neck", "thorax", "chest_and_upper_abdomen", "abdomen"
ALL = frozenset((NECK, CHEST, LONG, BELLY))
TRUNK, TORSO = frozenset((CHEST, LONG)), frozenset((CHEST, LONG, BELLY))
UPPER, LOWER = frozenset((NECK, CHEST, LONG)), frozenset((LONG, BELLY))


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        says: what it is, for `aimdt synth --help`.
        fields: fields of view that show it, see `frame.FIELDS`.
        share: of the second scans of patients for training; 0 for what only a body drawn anew can have.
        instead: the features of one such group exclude one another.
    """

    says: str
    fields: frozenset[str]
    share: float = 0.0
    instead: str | None = None


FEATURES: Mapping[str, Feature] = {
    # contrast medium and density
    "plain": Feature("no contrast medium", ALL, instead="phase"),
    "arterial": Feature("25-35 s after the medium", ALL, 0.10, "phase"),
    "pancreatic": Feature("40-45 s, late arterial", ALL, 0.10, "phase"),
    "portal": Feature("70 s", ALL, instead="phase"),
    "delayed": Feature("3 min and later", ALL, 0.06, "phase"),
    "steatosis": Feature("fatty liver", TORSO, 0.20),
    "density-spread": Feature("organs a little denser or less dense", ALL, 0.50),
    # metal
    "dental-fillings": Feature("fillings and crowns", frozenset((NECK,)), 0.45),
    "spine-implant": Feature("screws and rods in three vertebrae", TORSO, 0.03),
    "pacemaker": Feature("with its lead to the right ventricle", TRUNK, 0.05),
    "port": Feature("below the right clavicle, catheter to the vena cava", TRUNK, 0.10),
    "biliary-stent": Feature("metal stent in the common bile duct", frozenset((BELLY,)), 0.15),
    # uptake without disease
    "urine": Feature("bright bladder and renal pelvis", LOWER, 0.80),
    "myocardium-intense": Feature("glucose in the heart", TRUNK, 0.25, "myocardium"),
    "myocardium-absent": Feature("a heart on fat", TRUNK, 0.35, "myocardium"),
    "bowel-uptake": Feature("segments of colon and bowel, as under metformin", LOWER, 0.12),
    "brown-fat": Feature("above the clavicles, beside the spine, armpits", UPPER, 0.06),
    "thyroid-uptake": Feature("diffuse, as in thyroiditis", UPPER, 0.05),
    "salivary-uptake": Feature("glands of both sides", frozenset((NECK,)), 0.20),
    "tonsil-uptake": Feature("tonsils of both sides", frozenset((NECK,)), 0.25),
    "cord-uptake": Feature("vocal cords after speech", frozenset((NECK,)), 0.15),
    # anatomy
    "aberrant-right-subclavian": Feature("artery behind the esophagus", TRUNK),
    "azygos-lobe": Feature("azygos vein in a fissure of the right upper lobe", TRUNK),
    "elevated-right-diaphragm": Feature("right dome 30 mm higher", TRUNK),
    "goiter": Feature("large thyroid gland", UPPER),
    "gland-sizes": Feature("salivary glands as large as in real patients", frozenset((NECK,))),
    "replaced-right-hepatic": Feature("artery from the superior mesenteric one", LOWER),
    "accessory-spleen": Feature("beside the splenic hilum", LOWER),
    "retroaortic-left-renal-vein": Feature("vein behind the aorta", LOWER),
    "horseshoe-kidney": Feature("lower poles joined before the aorta", frozenset((BELLY,)), instead="kidney"),
    "absent-left-kidney": Feature("a large right one does its work", LOWER, instead="kidney"),
    "full-bladder": Feature("reaches into the field of view", frozenset((BELLY,))),
}

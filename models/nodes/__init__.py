"""How likely a lymph node is malignant: signs on CT and PET, its place, the tumor, and real patients' tables."""

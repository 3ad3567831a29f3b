"""How likely contact with a structure is invasion of it, by a calibrated logistic model per class of structure."""

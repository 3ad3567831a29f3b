"""Patients made from parametric shapes: labels, CT and PET with known truth. Synthetic, and always called so."""

"""How the models of this repository are trained, and on which synthetic patients."""

"""One plug-in per cancer."""

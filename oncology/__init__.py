"""The medicine, free of frameworks."""

"""Lymph node stations by rules from organs and landmarks."""

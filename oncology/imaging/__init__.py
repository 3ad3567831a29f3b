"""Volumes, measurement and anatomy."""

"""Other makers' packages stay out of this software's own environment."""

from __future__ import annotations

import importlib.metadata

import pytest


@pytest.mark.parametrize("package", ["argparse", "nnunetv2", "TotalSegmentator"])
def test_packages_that_would_replace_ours_are_not_installed_here(package: str) -> None:
    """The old `argparse` of the package index hides Python's own from servers started out of site-packages."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version(package)

"""Fixtures of the report's tests."""

from __future__ import annotations

import pytest

from templates.render import render_html, render_pdf
from templates_sample import report


@pytest.fixture(scope="session")
def html() -> str:
    """The sample report as HTML."""
    return render_html(report())


@pytest.fixture(scope="session")
def pdf(html: str) -> bytes:
    """The sample report as PDF."""
    return render_pdf(html)

"""TNM staging by cited tables: `stage` and `would_change` are the way in."""

from oncology.tnm.engine import stage, would_change

__all__ = ["stage", "would_change"]

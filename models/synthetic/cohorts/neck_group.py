"""Stage groups of the head and neck chapters in plain steps (AJCC 8 ch. 8 to 13; 9th versions where they exist)."""

from __future__ import annotations


def group_of(site: str, edition: str, t: str, n: str) -> str:
    """The clinical group of a patient without distant metastasis; `site` "p16" for p16-positive oropharynx."""
    if site == "p16":
        return _p16(t, n)
    if site == "nasopharynx":
        return _nasopharynx(edition, t, n)
    return _most(t, n)


def _most(t: str, n: str) -> str:
    if t == "T4b" or n.startswith("N3"):
        return "IVB"
    if t == "T4a" or n.startswith("N2"):
        return "IVA"
    if t == "T3" or n == "N1":
        return "III"
    return "II" if t == "T2" else "I"


def _p16(t: str, n: str) -> str:
    if t == "T4" or n == "N3":
        return "III"
    return "II" if t == "T3" or n == "N2" else "I"


def _nasopharynx(edition: str, t: str, n: str) -> str:
    if edition == "9":
        if t == "T4" or n == "N3":
            return "III"
        if t == "T3" or n == "N2":
            return "II"
        return "IB" if n == "N1" else "IA"
    if t == "T4" or n == "N3":
        return "IVA"
    if t == "T3" or n == "N2":
        return "III"
    return "II" if t == "T2" or n == "N1" else "I"

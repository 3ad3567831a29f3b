"""Cancers that a hospital's package adds by entry point: used like ours, or told apart with the package's name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flows.commands.doctor import examine
from mdt_fhir import record_writer as write
from mdt_fhir.history import read_history
from mdt_fhir.record import record_of
from oncology.cancers.protocol import MODULES, added_cancers, cancer, cancer_keys
from oncology.errors import RecordError, ScopeError
from oncology.findings import CaseId, Findings, History, to_json
from oncology.probabilities import tumor_probabilities
from oncology.staging import stage_case
from tasks.findings import findings_from
from templates.sections import section
from trunk_cases import categories, node, tumor

PLUGIN = """
from dataclasses import replace
from oncology.cancers.lung import CANCER as LUNG

CANCER = replace(LUNG, key="{key}", title="Apical lung cancer", topographies=("C34.1",), site="{site}")
OTHER = "no plug-in"
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution with one module and one entry point on the search path, as pip leaves it there."""

    def put(name: str, entry: str, source: str = PLUGIN.format(key="lung_apex", site="lung")) -> None:
        site_packages, module = tmp_path / name, name.replace("-", "_")
        metadata = site_packages / f"{module}-1.2.dist-info"
        metadata.mkdir(parents=True)
        (site_packages / f"{module}.py").write_text(source, encoding="utf-8")
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text(f"[aimdt.cancers]\n{entry}\n", encoding="utf-8")
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(str(site_packages))

    return put


def test_findings_of_an_added_cancer_are_staged_by_its_plug_in(install: Install, tmp_path: Path) -> None:
    install("north-cancers", "lung_apex = north_cancers:CANCER")
    nodes = (replace(node(1, "4R"), p_malignant=1.0),)
    findings = Findings(
        CaseId("0123456789abcdef"), "lung_apex", tumors=(tumor(75.0, solid_component_mm=75.0),), nodes=nodes
    )
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(to_json(findings)), encoding="utf-8")

    found = stage_case(findings_from(json.loads(path.read_text("utf-8"))), History(), ("8",))

    assert found["site"] == "lung"
    assert categories(found)[0] == "T4"  # more than 7 cm


def test_an_added_cancer_of_another_site_is_told_in_the_words_of_that_site(install: Install) -> None:
    source = PLUGIN.format(key="voice_box", site="larynx").replace("cancers.lung", "cancers.larynx")
    install("north-cancers", "voice_box = north_cancers:CANCER", source)
    nodes = (replace(node(1, "III"), p_malignant=1.0),)
    findings = Findings(CaseId("0123456789abcdef"), "voice_box", tumors=(tumor(25.0),), nodes=nodes)

    staged = stage_case(findings, History(), ("8",), subset="glottis")

    assert (staged["site"], staged["subset"]) == ("larynx", "glottis")
    assert any("laryngoscopy" in test for test in staged["discussion"])
    assert "Nodes by level" in {item.title for item in section(to_json(findings), staged)}
    organs = tumor_probabilities(findings, staged | {"tables_version": "t"})["organs"]
    assert (organs["larynx"]["tumor"], "voice_box" in organs) == (1.0, False)


def test_the_record_of_an_added_cancer_is_read_by_the_codes_of_its_site(install: Install) -> None:
    install("north-cancers", "lung_apex = north_cancers:CANCER")
    who = write.patient("p", mrn="M1", issuer="http://h.example", family="Doe", given="Jo", sex=None, birth_date=None)
    lung = write.primary_cancer("c", "p", "lung", date="2026-02-03", laterality="left")
    record = record_of(write.bundle([who, lung]))
    assert {fact.value for fact in read_history(record, "lung_apex").named("laterality")} == {"left"}
    with pytest.raises(RecordError, match="unknown cancer 'spleen'"):
        read_history(record, "spleen")


def test_an_added_cancer_is_listed_after_ours(install: Install) -> None:
    install("north-cancers", "lung_apex = north_cancers:CANCER")
    assert cancer_keys() == (*MODULES, "lung_apex")
    assert added_cancers() == ({"lung_apex": "Apical lung cancer, north-cancers 1.2"}, {})


BROKEN = {
    "it cannot be imported": ("x = north_cancers:CANCER", "import no_such_module_of_north", "ModuleNotFoundError"),
    "it raises at import": ("x = north_cancers:CANCER", "raise ZeroDivisionError('at import')", "ZeroDivisionError"),
    "it ends the program at import": ("x = north_cancers:CANCER", "raise SystemExit(3)", "SystemExit"),
    "it is no Python": ("x = north_cancers:CANCER", "def (", "SyntaxError"),
    "the object is absent": ("x = north_cancers:NONE", "", "AttributeError"),
    "the object is no plug-in": ("x = north_cancers:OTHER", PLUGIN, "expected a CancerPlugin"),
    "the key differs": (
        "x = north_cancers:CANCER",
        PLUGIN.format(key="y", site="lung"),
        "expected the entry point's name",
    ),
    "there are no tables": (
        "x = north_cancers:CANCER",
        PLUGIN.format(key="x", site="spleen"),
        "none of the TNM tables",
    ),
    "an edition has no tables": (
        "x = north_cancers:CANCER",
        PLUGIN.format(key="x", site="larynx"),  # lung's editions, 8 and 9
        "expected some of 8",
    ),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_plug_in_that_cannot_be_used_is_named_with_its_distribution(why: str, install: Install) -> None:
    entry, source, words = BROKEN[why]
    install("north-cancers", entry, source)
    with pytest.raises(ScopeError, match=r"'x' of north-cancers 1\.2 \(aimdt\.cancers: north_cancers") as caught:
        cancer("x")
    assert words in str(caught.value)
    assert added_cancers() == ({}, {"x": str(caught.value)})
    assert cancer("lung").key == "lung"


def test_two_packages_of_one_key_are_both_named_and_none_is_chosen(install: Install) -> None:
    install("north-cancers", "lung_apex = north_cancers:CANCER")
    install("south-cancers", "lung_apex = south_cancers:CANCER")
    with pytest.raises(ScopeError, match=r"north-cancers 1\.2 and by south-cancers 1\.2"):
        cancer("lung_apex")


def test_a_package_never_replaces_one_of_our_cancers(install: Install) -> None:
    install("north-cancers", "lung = north_cancers:CANCER", PLUGIN.format(key="lung", site="lung"))
    assert cancer("lung").title == "Lung cancer"
    assert "north-cancers 1.2; AI-MDT has a cancer of that key" in added_cancers()[1]["lung"]


def test_the_doctor_shows_added_cancers_and_their_faults(install: Install, home: Path) -> None:
    install("north-cancers", "lung_apex = north_cancers:CANCER")
    install("south-cancers", "neck = south_cancers:CANCER", "import no_such_module_of_south")
    found = examine()
    assert found["added cancers"] == {"lung_apex": "Apical lung cancer, north-cancers 1.2"}
    assert "south-cancers 1.2" in found["problems"]["cancer neck"]

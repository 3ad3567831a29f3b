"""Cancers that a hospital's package adds by entry point: used like ours, or told apart with the package's name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import phantoms
import templates_sample
from flows.commands.doctor import examine
from mdt_fhir import record_writer as write
from mdt_fhir.history import read_history
from mdt_fhir.record import record_of
from oncology.cancers.protocol import MODULES, added_cancers, cancer, cancer_keys
from oncology.errors import RecordError, ScopeError
from oncology.findings import CaseId, Findings, History, Laterality, Source, SourceKind, to_json
from oncology.imaging.survey import Region, Scene
from oncology.imaging.volume import Volume
from oncology.metastases import find_candidates
from oncology.probabilities import tumor_probabilities
from oncology.staging import stage_case
from tasks.evaluation_run import counts_by_cancer
from tasks.eyes import assess, look, scene_for
from tasks.findings import findings_from, findings_json
from templates.render import render_html
from templates.sections import section
from templates.station_map import station_map
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


NECK = phantoms.make_grid((150, 130, 130), (2.5, 2.5, 2.5))
VOICE_BOX = PLUGIN.format(key="voice_box", site="larynx").replace("lung", "larynx").replace("LUNG", "LARYNX")
DRAWN = Source(SourceKind.CONTOUR, "drawn")


def neck_structures() -> dict[str, np.ndarray]:
    """A neck of tubes and boxes: hyoid above (its lower border at z = 18), cricoid below (at z = -24)."""
    masks = {
        "body": phantoms.cylinder(NECK, (0, 0, 0), (0, 0, 1), 124),
        "hyoid": phantoms.box(NECK, (-14, -34, 18), (14, -26, 26)),
        "thyroid_cartilage": phantoms.box(NECK, (-18, -40, -12), (18, -34, 12)),
        "cricoid_cartilage": phantoms.box(NECK, (-14, -34, -24), (14, -12, -16)),
        "thyroid_gland": phantoms.box(NECK, (-25, -32, -55), (25, -22, -32)),
        "vertebrae_C5": phantoms.box(NECK, (-14, 16, -20), (14, 44, 4)),
    }
    for side, sign in (("left", 1), ("right", -1)):
        masks |= {
            f"common_carotid_artery_{side}": phantoms.cylinder(NECK, (28 * sign, 4, 0), (0, 0, 1), 8),
            f"internal_jugular_vein_{side}": phantoms.cylinder(NECK, (38 * sign, 8, 0), (0, 0, 1), 12),
            f"sternocleidomastoid_{side}": phantoms.cylinder(NECK, (48 * sign, 8, 0), (0, 0, 1), 16),
            f"submandibular_gland_{side}": phantoms.box(NECK, (20 * sign - 8, -40, 26), (20 * sign + 8, -22, 44)),
        }
    return masks


def neck_scene() -> tuple[Scene, list[Region]]:
    """A tumor of the right vocal cord, a node of 14 mm between hyoid and cricoid, and uptake in a vertebra."""
    masks = neck_structures()
    cord, lump = phantoms.sphere(NECK, (-7, -22, -6), 16), phantoms.sphere(NECK, (-36, -8, -3), 14)
    hot = {9.0: cord, 8.0: lump, 10.0: phantoms.sphere(NECK, (0, 30, -8), 14)}
    suv, hu = np.full(NECK.shape, 0.8), np.where(masks["body"], -90.0, -1000.0)
    for value, mask in hot.items():
        suv[mask], hu[mask] = value, 60.0
    hu += np.random.default_rng(1).normal(0.0, 8.0, hu.shape)
    marks = {"sternal_notch": (0.0, -30.0, -60.0), "skull_base": (0.0, 0.0, 70.0)}
    scene = scene_for(Volume(hu.astype(np.int16), NECK), Volume(suv.astype(np.float32), NECK), masks, marks)
    return scene, [Region("tumor", "cord", cord, DRAWN), Region("node", "lump", lump, DRAWN)]


def without_name(findings: Findings) -> Mapping[str, object]:
    """What is delivered of them, but for the cancer's key and the verdicts."""
    content = findings_json(findings)
    return {name: content[name] for name in content if name not in ("cancer", "quality")}


def test_a_drawn_neck_is_measured_and_judged_for_an_added_cancer_as_for_its_site(install: Install, home: Path) -> None:
    install("north-cancers", "voice_box = north_cancers:CANCER", VOICE_BOX)
    scene, regions = neck_scene()
    ours, added = (assess("0123456789abcdef", key, scene, regions)[0] for key in ("larynx", "voice_box"))

    assert without_name(added) == without_name(ours)
    (lump,) = added.nodes
    assert (lump.station, lump.laterality) == ("III", Laterality.RIGHT)
    assert [candidate.site for candidate in added.metastasis_candidates] == ["bone"]
    odds = 0.3 / 0.7 * 0.81 / 0.24 * 0.79 / 0.14  # prior, size and PET of the neck: not those of the mediastinum
    core = {None: 1.0, False: 0.68 / 0.97, True: 0.32 / 0.03}[lump.necrosis]
    assert lump.p_malignant == pytest.approx(odds * core / (1 + odds * core), abs=0.001)


def test_a_task_that_no_model_does_for_an_added_cancer_is_named(install: Install, all_models: None) -> None:
    install("north-cancers", "voice_box = north_cancers:CANCER", VOICE_BOX)
    scene, regions = neck_scene()
    sight = look(scene.ct, scene.suv, "voice_box")
    found, _ = assess("0123456789abcdef", "voice_box", scene, regions, sight.verdicts)

    told = [verdict.message for verdict in found.quality if verdict.code == "no-model-for-cancer"]
    assert [message.split(" names the cancer voice_box: ")[0] for message in told] == [
        f"no model in use for {role}" for role in ("anatomy", "lesion", "node malignancy", "node ene")
    ]
    assert found.models == sight.models == ()
    assert found.nodes[0].malignancy_model is None


def test_a_drawn_neck_of_an_added_cancer_ends_in_a_report(install: Install, home: Path) -> None:
    install("north-cancers", "voice_box = north_cancers:CANCER", VOICE_BOX)
    scene, regions = neck_scene()
    found, _ = assess("0123456789abcdef", "voice_box", scene, regions)
    staged = stage_case(found, History(), ("8",), subset="glottis") | {"tables_version": "t"}

    assert staged["site"] == "larynx"
    assert staged["editions"]["8"]["m"]["category"] != "M1"  # uptake in bone waits for a person
    page = render_html(
        templates_sample.report(
            cancer_title=cancer("voice_box").title,
            findings=findings_json(found),
            staging=staged,
            probabilities=tumor_probabilities(found, staged),
            station_map_svg=station_map(staged["site"], {"III_right": "doubtful"}),
        )
    )
    for words in ("Apical larynx cancer", "Nodes by level", "candidate-1", "no model in use for node malignancy"):
        assert words in page


def test_uptake_in_the_other_lung_is_a_candidate_of_an_added_lung_cancer(install: Install, home: Path) -> None:
    install("north-cancers", "lung_apex = north_cancers:CANCER")
    grid = phantoms.make_grid((120, 120, 240), (4.0, 4.0, 4.0))
    lungs = {f"lung_{side}": phantoms.sphere(grid, (x, 0, 0), 90) for side, x in (("left", 60), ("right", -60))}
    suv = np.where(phantoms.sphere(grid, (60, 0, 0), 16), 9.0, 0.5)
    scene = scene_for(Volume(np.full(grid.shape, -800, np.int16), grid), Volume(suv, grid), lungs, {})
    right = replace(tumor(30.0), laterality=Laterality.RIGHT, centroid_lps=(-60.0, 0.0, 0.0))
    findings = Findings(CaseId("0123456789abcdef"), "lung_apex", tumors=(right,))
    assert [one.site for one in find_candidates(scene, findings, "lung_apex")] == ["contralateral_lung_nodule"]


def test_an_added_cancer_is_evaluated_on_patients_drawn_for_its_site(install: Install) -> None:
    install("north-cancers", "lung_apex = north_cancers:CANCER")
    assert counts_by_cancer("lung_apex", 3) == {"lung_apex": 3}
    assert "lung_apex" not in counts_by_cancer("all", 3)


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

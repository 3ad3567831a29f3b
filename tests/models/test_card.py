"""Cards of models: what is written is read again, and what is wrong with a file is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.card import Card, Figure, Head, read_card, write_card
from oncology.errors import ModelError

GOOD = f"""
id = "lesion-thorax"
role = "lesion"
kind = "unet"
inputs = ["ct_soft"]
spacing_mm = [2.0, 2.0, 2.0]
weights = "lesion-thorax.pt"
sha256 = "{"0" * 64}"
licence = "Apache-2.0"
uses = ["research"]
[[heads]]
name = "lesion"
activation = "sigmoid"
labels = ["tumor"]
[[figures]]
name = "Dice"
value = 0.85
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "card.toml"
    path.write_text(text)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    card = Card(
        id="lesion-thorax", role="lesion", kind="fusion", region="thorax", cancers=("lung",), modalities=("CT", "PT"),
        inputs=("ct_soft", "pet"), spacing_mm=(2.0, 2.0, 2.0), heads=(Head("lesion", "sigmoid", ("tumor", "node")),),
        network={"kind": "fusion", "channels": [16, 32]}, context={"organ": ("heart", "aorta")}, names={"1": "tumor"},
        weights="w.pt", sha256="a" * 64, folder=tmp_path, licence="Apache-2.0", uses=("research",), source="added",
        limits='trained on "synthetic" patients\nonly', figures=(Figure("Dice", 0.85, "", 60, 0.8, None, "held out"),),
        settings={"threshold": 0.4},
    )  # fmt: skip
    write_card(card, tmp_path / "card.toml")
    assert read_card(tmp_path / "card.toml") == card


def test_channels_of_a_softmax_count_nothing_too() -> None:
    assert Head("anatomy", "softmax", ("heart", "aorta")).outputs == 3
    assert Head("lesion", "sigmoid", ("tumor", "node")).outputs == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('role = "lesion"', "role = lesion", "not TOML"),
        ('role = "lesion"', 'role = "guess"', "key role: found 'guess', expected one of: anatomy"),
        ('kind = "unet"', "", "key kind: found nothing, expected one of: unet"),
        ('id = "lesion-thorax"', 'id = "../evil"', "key id: found '../evil', expected text like"),
        ("[2.0, 2.0, 2.0]", "[2.0, 0, 2.0]", "key spacing_mm: found .*expected 3 numbers above 0"),
        ("[2.0, 2.0, 2.0]", "2.0", "key spacing_mm: found 2.0"),
        ('weights = "lesion-thorax.pt"', 'weights = "../../etc/passwd"', "key weights: .*below the card's own folder"),
        ("0" * 64, "0" * 63, "key sha256"),
        ('uses = ["research"]', 'uses = ["resaerch"]', "key uses: .*research, clinical, commercial"),
        ('uses = ["research"]', 'uses = []', "key uses: .*not empty"),
        ('licence = "Apache-2.0"', "license = 'Apache-2.0'", "key license: .*no such key"),
        ('labels = ["tumor"]', "labels = 3", r"heads\[0\], key labels: found 3, expected a list of strings"),
        ("value = 0.85", "value = true", r"figures\[0\], key value: found True, expected a number"),
        ('inputs = ["ct_soft"]', "", "key inputs: found nothing"),
    ],
)  # fmt: skip
def test_a_fault_names_file_key_found_and_expected(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ModelError, match=said) as caught:
        read_card(written(tmp_path, GOOD.replace(old, new)))
    assert "card.toml" in str(caught.value)


def test_a_card_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_card(tmp_path / "card.toml")
    (tmp_path / "card.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read"):
        read_card(tmp_path / "card.toml")

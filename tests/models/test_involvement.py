"""The model of neck involvement on the real tables, and what its reader takes and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.involvement.model import FEATURES, features, leave_one_institution_out, load, predict, save, train
from models.involvement.tables import TablePatient, read_tables
from oncology.errors import InputError

HEADER = """patient,tumor,tumor,pathology,CT,PET
#,1,1,ipsi,ipsi,contra
institution,subsite,t_stage,II,IIa,III
"""


def patient(**known: bool) -> TablePatient:
    involved = {tuple(name.split("_")): status for name, status in known.items()}
    return TablePatient("somewhere", "C09.9", 2, True, False, involved)  # type: ignore[arg-type]


def test_tissue_outranks_images_and_an_empty_cell_is_not_a_no(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "X,C09.9,2,False,True,\n")
    (found,) = read_tables(tmp_path)
    assert found.involved["ipsi", "II"] is False
    assert found.involved["contra", "III"] is None


def test_a_table_without_its_headers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,level\n1,II\n")
    with pytest.raises(InputError, match="three header rows"):
        read_tables(tmp_path)


def test_a_level_is_never_told_its_own_status() -> None:
    row = dict(zip(FEATURES, features(patient(ipsi_II=True, ipsi_III=True), "ipsi", "II"), strict=True))
    assert np.isnan(row["same_side_II"])
    assert row["same_side_III"] == 1.0


@pytest.mark.slow
def test_real_tables_beat_the_levels_own_frequency_at_every_institution(shared_data: Path) -> None:
    patients = read_tables(shared_data / "lydata")
    assert len(patients) == 1255
    for figures in leave_one_institution_out(patients).values():
        assert figures["auc"]["low"] > figures["auc_of_level_and_side_alone"] - 0.01
        assert figures["calibration_error"]["value"] < 0.06


@pytest.mark.slow
def test_a_positive_level_ii_makes_level_iii_likelier(shared_data: Path, tmp_path: Path) -> None:
    save(train(read_tables(shared_data / "lydata")), tmp_path / "model.json")
    booster = load(tmp_path / "model.json")
    rows = [features(patient(ipsi_II=status), "ipsi", "III") for status in (False, True)]
    low, high = predict(booster, np.array(rows, np.float32))
    assert high > 1.5 * low

"""What the receiver keeps of a study goes when its case is erased; what others need stays."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from dicom.servers import studies
from mdt_dicom.completeness import judge
from mdt_dicom.completeness_version import begin_hand_over, end_hand_over, make_version
from mdt_dicom.receiver_store import Incoming, content_offset
from tasks import received


def take_in(where: Incoming, folder: Path, name: str) -> None:
    """The study lies in the folder of received objects, as if it had been sent."""
    for path in studies.write(folder / name, name):
        content = path.read_bytes()
        where.keep(pydicom.filereader.read_file_meta_info(path), content[content_offset(content) :])


def staged_with(where: Incoming, name: str, *priors: str) -> None:
    """The study was handed over, and its staging told of these priors."""
    key = studies.key(name)
    notes = where.notes(key, where.names(key))
    version = begin_hand_over(make_version(where, key, notes, judge(notes)))
    end_hand_over(version, {"priors": [str(received.priors().objects(studies.key(prior))) for prior in priors]})


@pytest.fixture
def kept(home: Path, tmp_path: Path) -> Incoming:
    """Two studies of one patient, each with a prior of its own and one that both were staged with."""
    incoming = received.incoming()
    incoming.free_bytes_kept = 0
    for name in ("one", "two"):
        take_in(incoming, tmp_path, name)
        (received.results() / studies.key(name)).mkdir(parents=True)
    for name in ("of one", "of two", "of both"):
        take_in(received.priors(), tmp_path, name)
    staged_with(incoming, "one", "of one", "of both")
    staged_with(incoming, "two", "of two", "of both")
    return incoming


def test_an_erased_study_goes_with_its_results_and_the_priors_that_nobody_else_needs(kept: Incoming) -> None:
    counts = received.erase_received({studies.study_uid("one")})
    assert counts == {"studies": 1, "priors": 1, "results": 1}
    assert kept.studies() == [studies.key("two")]
    assert set(received.priors().studies()) == {studies.key("of two"), studies.key("of both")}
    assert [path.name for path in received.results().iterdir()] == [studies.key("two")]


def test_the_last_study_takes_the_shared_prior_along(kept: Incoming, home: Path) -> None:
    for name in ("one", "two"):
        received.erase_received({studies.study_uid(name)})
    assert list(home.rglob("*.dcm")) == []


def test_erasing_what_was_never_received_changes_nothing(kept: Incoming, home: Path) -> None:
    before = sorted(home.rglob("*.dcm"))
    assert set(received.erase_received({"1.2.3"}).values()) == {0}
    assert sorted(home.rglob("*.dcm")) == before


def test_a_running_receiver_takes_an_erased_study_anew(kept: Incoming, tmp_path: Path) -> None:
    received.erase_received({studies.study_uid("one")})  # as another process would, past this one's memory
    take_in(kept, tmp_path / "again", "one")
    assert len(kept.names(studies.key("one"))) == 4
    assert len(list(kept.objects(studies.key("one")).iterdir())) == 4

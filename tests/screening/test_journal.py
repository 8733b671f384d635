"""What is done, on disk: exact, torn lines cut off, and useless under another model."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dr_core.domain.errors import StorageError
from dr_core.domain.grades import Grade
from dr_core.model.spec import SideSpec
from dr_core.screening.batch import BatchRow
from dr_core.screening.journal import SYNC_EVERY_S, Journal, JournalSetup, describe_setup
from dr_core.screening.result_codec import decode_result, encode_result
from tests.fakes import FakeClassifier, make_failed, make_graded, make_operating_point, make_ungradable

SETUP = JournalSetup("model", "field-1", "0.1.0", grade_ungradable=False)


@dataclass(frozen=True)
class NamedSource:
    name: str
    mark: str = "1-2"

    def read_bytes(self) -> bytes:
        return b""

    def fingerprint(self) -> str:
        return self.mark


def make_row(name: str, number: int = 1) -> BatchRow:
    return BatchRow(number, NamedSource(name), make_graded(name), fingerprint="1-2")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "report.csv.journal"


def write_journal(path, names):
    journal = Journal(path, SETUP, resume=False)
    for name in names:
        journal.append(make_row(name))
    journal.close()


@pytest.mark.parametrize(
    "result",
    [
        make_graded("\u00e9\n=.jpg", grade=Grade.NO_DR),
        make_ungradable(with_prediction=True),
        make_ungradable(),
        make_failed(),
    ],
)
def test_result_survives_exactly_but_for_its_maps(result):
    again = decode_result(json.loads(json.dumps(encode_result(result))))
    assert again.name == result.name
    assert again.quality == result.quality
    assert again.decision == result.decision
    assert again.provenance == result.provenance
    assert (again.status, again.laterality, again.error) == (result.status, result.laterality, result.error)
    assert (again.width_px, again.height_px, again.elapsed_s) == (result.width_px, result.height_px, result.elapsed_s)
    if result.prediction is not None:
        assert again.prediction.probabilities == result.prediction.probabilities
        assert again.prediction.p_referable == result.prediction.p_referable


def test_numpy_numbers_are_written_as_numbers():
    result = make_graded()
    numbers = replace(result.quality, score=np.float32(0.5))
    assert encode_result(replace(result, quality=numbers, width_px=np.int64(5)))["width_px"] == 5


def test_recorded_results_are_recalled_by_a_later_run(path):
    write_journal(path, ["a.jpg", "b.jpg"])
    journal = Journal(path, SETUP, resume=True)
    assert journal.recorded == 2
    assert journal.recall(NamedSource("b.jpg")).name == "b.jpg"
    assert journal.recall(NamedSource("c.jpg")) is None
    journal.close()


def test_changed_file_is_not_recalled(path):
    write_journal(path, ["a.jpg"])
    journal = Journal(path, SETUP, resume=True)
    assert journal.recall(NamedSource("a.jpg", mark="3-4")) is None
    journal.close()


def test_without_resume_the_journal_begins_anew(path):
    write_journal(path, ["a.jpg"])
    journal = Journal(path, SETUP, resume=False)
    assert journal.recorded == 0
    journal.close()
    assert len(path.read_bytes().splitlines()) == 1


OTHERS = [
    (replace(SETUP, model="another"), "another model or operating point"),
    (replace(SETUP, preprocessing_version="field-2"), "another preparation of photographs"),
    (replace(SETUP, package_version="0.2.0"), "another version of RetinaDesk"),
    (replace(SETUP, grade_ungradable=True), "another choice of --grade-ungradable"),
    (replace(SETUP, model="x", grade_ungradable=True), "operating point and another choice of --grade-ungradable"),
]


@pytest.mark.parametrize(("setup", "words"), OTHERS)
def test_another_model_or_option_goes_on_with_nothing_and_drops_nothing(path, setup, words):
    write_journal(path, ["a.jpg"])
    before = path.read_bytes()
    with pytest.raises(StorageError, match=f"{words}.*leave --resume out to start anew"):
        Journal(path, setup, resume=True)
    assert path.read_bytes() == before
    # The file is let go of, and with the same options the run goes on.
    journal = Journal(path, SETUP, resume=True)
    assert journal.recorded == 1
    journal.close()
    journal = Journal(path, setup, resume=False)
    assert journal.recall(NamedSource("a.jpg")) is None
    journal.close()


def test_run_that_was_stopped_before_its_first_result_leaves_nothing_to_lose(path):
    write_journal(path, [])
    journal = Journal(path, replace(SETUP, model="another"), resume=True)
    assert journal.recorded == 0
    journal.close()


def test_results_not_tied_to_bytes_and_reused_ones_are_not_written(path):
    journal = Journal(path, SETUP, resume=False)
    journal.append(BatchRow(1, NamedSource("x"), make_failed("x"), fingerprint="1-2"))
    journal.append(BatchRow(2, NamedSource("y", mark=""), make_graded("y"), fingerprint=""))
    journal.append(BatchRow(3, NamedSource("z"), make_graded("z"), fingerprint="1-2", reused=True))
    journal.close()
    assert len(path.read_bytes().splitlines()) == 1


def test_two_runs_do_not_share_a_journal(path):
    journal = Journal(path, SETUP, resume=False)
    with pytest.raises(StorageError, match="Another run"):
        Journal(path, SETUP, resume=True)
    journal.close()
    Journal(path, SETUP, resume=True).close()


def test_discarded_journal_is_gone(path):
    journal = Journal(path, SETUP, resume=False)
    journal.discard()
    assert not path.exists()


def test_journal_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        Journal(tmp_path / "nowhere" / "journal", SETUP, resume=False)


def test_disk_is_waited_for_by_the_clock_and_not_by_the_row(path, monkeypatch):
    synced = []
    monkeypatch.setattr("dr_core.screening.journal.os.fsync", synced.append)
    monkeypatch.setattr("dr_core.screening.journal.time.monotonic", lambda: now)
    now = 100.0
    journal = Journal(path, SETUP, resume=False)
    for number in range(500):
        journal.append(make_row(f"{number}.jpg", number + 1))
    assert synced == []
    # What a kill leaves is complete all the same: every line has reached the system.
    assert len(path.read_bytes().splitlines()) == 501
    now += SYNC_EVERY_S + 0.1
    journal.append(make_row("late.jpg", 501))
    assert len(synced) == 1
    journal.close()
    assert len(synced) == 2


def test_setup_changes_with_weights_and_thresholds():
    classifier = FakeClassifier()
    other = FakeClassifier(sha256="c3" * 32)
    setup = describe_setup(classifier, grade_ungradable=False)
    assert setup == describe_setup(FakeClassifier(), grade_ungradable=False)
    assert setup != describe_setup(other, grade_ungradable=False)
    classifier.spec = replace(classifier.spec, referable_threshold=0.4)
    assert setup != describe_setup(classifier, grade_ungradable=False)


def test_setup_knows_the_clinics_operating_point_and_every_field_of_the_model():
    classifier = FakeClassifier()
    setup = describe_setup(classifier, grade_ungradable=False)
    classifier.operating_point = make_operating_point()
    assert setup != describe_setup(classifier, grade_ungradable=False)
    classifier.operating_point = None
    classifier.spec = replace(classifier.spec, side=SideSpec((1.0, 0.0, 0.0), 0.5, 9.0, 0.99, oedema_validated=False))
    assert setup != describe_setup(classifier, grade_ungradable=False)


def test_setup_is_the_same_wherever_the_model_lies():
    classifier = FakeClassifier()
    setup = describe_setup(classifier, grade_ungradable=False)
    moved = replace(classifier.spec.runtime, path=Path("elsewhere") / "fake.tflite")
    classifier.spec = replace(classifier.spec, runtime=moved)
    assert setup == describe_setup(classifier, grade_ungradable=False)


@pytest.mark.parametrize(
    "line",
    ['{"result": {}}', '{"name": [], "fingerprint": "1-2"}', "[" * 100_000, '{"name": "a", "fingerprint": "1-2"}', "7"],
    ids=["nameless", "list", "deep", "empty", "number"],
)
def test_line_of_any_other_content_is_not_recalled(path, line):
    write_journal(path, ["good"])
    with path.open("a") as stream:
        stream.write(line + "\n")
    journal = Journal(path, SETUP, resume=True)
    assert journal.recall(NamedSource("good")) is not None
    assert journal.recall(NamedSource("a")) is None
    journal.close()


def test_link_under_the_journals_name_is_not_written_through(tmp_path, path):
    photograph = tmp_path / "eye.jpg"
    photograph.write_bytes(b"photograph")
    path.symlink_to(photograph)
    with pytest.raises(StorageError, match="cannot be written"):
        Journal(path, SETUP, resume=False)
    assert photograph.read_bytes() == b"photograph"

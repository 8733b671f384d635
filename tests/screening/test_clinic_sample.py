"""What a local calibration gets of a clinic: the gradable photographs, once each, as the released model sees them."""

import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.model.calibration import temper
from dr_core.screening.clinic_sample import screen_clinic
from dr_core.screening.graded_photographs import GradedPhotograph
from dr_core.screening.progress import BatchProgress
from dr_core.screening.sources import BrokenSource, DiskPhotograph
from tests.fakes import FakeClassifier, make_operating_point, make_prediction


@pytest.fixture
def photographs(write_photographs) -> list[GradedPhotograph]:
    return [
        GradedPhotograph(DiskPhotograph(path.name, str(path)), grade) for grade, path in enumerate(write_photographs(3))
    ]


def ignore(progress: BatchProgress) -> None:
    pass


def test_every_photograph_is_graded_or_counted(photographs):
    told = []
    broken = GradedPhotograph(BrokenSource("broken.jpg", "It cannot be read: check the disk."), 4)
    classifier = FakeClassifier()
    sample = screen_clinic([*photographs, broken], classifier, progress=told.append)
    assert sample.grades.tolist() == [0, 1, 2]
    assert sample.probabilities.shape == (3, 5)
    assert (sample.ungradable, sample.failed, sample.repeated) == (0, 1, 0)
    assert sample.first_error == "It cannot be read: check the disk."
    assert sample.released_threshold == classifier.spec.referable_threshold
    assert sample.model_sha256 == classifier.spec.sha256
    assert [progress.done for progress in told] == [1, 2, 3, 4]
    assert told[-1].total == 4


def test_temperature_of_an_installed_operating_point_is_taken_back(photographs):
    installed = make_operating_point()
    released = np.array(make_prediction().probabilities)

    class AtTheClinic(FakeClassifier):
        def predict(self, inputs):
            found = super().predict(inputs)
            for prediction in found:
                object.__setattr__(prediction, "probabilities", tuple(temper(released, installed.temperature)))
            return found

    classifier = AtTheClinic()
    classifier.operating_point = installed
    sample = screen_clinic(photographs[:1], classifier, progress=ignore)
    assert sample.probabilities[0] == pytest.approx(released, abs=1e-6)


def test_copy_of_a_photograph_counts_once(photographs):
    again = GradedPhotograph(DiskPhotograph("again.jpg", photographs[1].source.path), 1)
    sample = screen_clinic([*photographs, again], FakeClassifier(), progress=ignore)
    assert sample.grades.tolist() == [0, 1, 2]
    assert sample.repeated == 1


def test_copy_with_another_grade_is_refused(photographs):
    again = GradedPhotograph(DiskPhotograph("again.jpg", photographs[1].source.path), 3)
    with pytest.raises(
        ConfigurationError, match=r'"eye_01.jpg" and "again.jpg" are one and the same .* grades 1 and 3'
    ):
        screen_clinic([*photographs, again], FakeClassifier(), progress=ignore)


def test_nothing_gradable_is_an_empty_sample():
    sample = screen_clinic([GradedPhotograph(BrokenSource("x", "y"), 1)], FakeClassifier(), progress=ignore)
    assert sample.probabilities.shape == (0, 5)
    assert sample.grades.size == 0


def test_progress_may_stop_the_work(photographs):
    def stop(progress: BatchProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen_clinic(photographs, FakeClassifier(), progress=stop)

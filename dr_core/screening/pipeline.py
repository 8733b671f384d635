"""One photograph's way from bytes to result: the path that the page, the batch and the command line share."""

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from dr_core import __version__
from dr_core.domain.errors import PhotographError
from dr_core.domain.grades import Grade
from dr_core.domain.photograph import FieldOfView, Float32Array, FundusPhotograph
from dr_core.domain.results import Prediction, Provenance, ScreeningResult, Status
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import PREPROCESSING_VERSION, ModelInput, prepare_input
from dr_core.imaging.quality import assess_quality
from dr_core.model.calibration import decide
from dr_core.model.cam import class_activation_map
from dr_core.model.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Screening:
    """A result together with the pixels it came from, for viewers and reports; the result alone is what is stored.

    Attributes:
        result: the row of every report.
        photograph: None when it could not be decoded.
        field_of_view: None when none was found.
        model_input: what the network saw; None where it was not asked.
    """

    result: ScreeningResult
    photograph: FundusPhotograph | None = None
    field_of_view: FieldOfView | None = None
    model_input: ModelInput | None = None

    def heatmap(self, grade: Grade | None = None) -> Float32Array:
        """Return Grad-CAM of `grade` (the reported one by default) over the photograph.

        Returns:
            (H, W) float32 in [0, 1] in the frame of `photograph.pixels`.

        Raises:
            ValueError: the photograph was not graded.
        """
        prediction, decision = self.result.prediction, self.result.decision
        if prediction is None or (grade is None and decision is None):
            raise ValueError(f"only a graded photograph has a heatmap. Received: status {self.result.status}")
        explained = decision.grade if grade is None and decision is not None else Grade(grade or 0)
        return self.place_heatmap(class_activation_map(prediction, explained))

    def place_heatmap(self, heat: Float32Array) -> Float32Array:
        """Stretch a map on the network's input, (h, w) float32, over the photograph: (H, W) float32.

        Raises:
            ValueError: the photograph never reached the network.
        """
        if self.model_input is None:
            raise ValueError(f"only a graded photograph has a heatmap. Received: status {self.result.status}")
        return self.model_input.crop.to_photograph(heat)


def screen_photograph(data: bytes, name: str, *, classifier: Classifier, grade_ungradable: bool = False) -> Screening:
    """Decode, judge and grade one photograph.

    Args:
        data: the file's bytes.
        name: the file's own name; untrusted, carried along for reports.
        classifier: the loaded model.
        grade_ungradable: also compute probabilities for photographs that the quality gate refuses (for research);
            they still get no grade.

    Returns:
        A screening whose status is graded, ungradable or failed. A bad photograph never raises.
    """
    started = time.perf_counter()
    photograph: FundusPhotograph | None = None
    try:
        photograph = decode_photograph(data, name)
        field_of_view = find_field_of_view(photograph.pixels)
    except PhotographError as error:
        digest = photograph.sha256 if photograph else hashlib.sha256(data).hexdigest()
        provenance = _trace(digest, classifier)
        elapsed_s = time.perf_counter() - started
        return Screening(_report_failure(error, name, photograph, provenance, elapsed_s=elapsed_s), photograph)
    quality = assess_quality(photograph, field_of_view)
    model_input: ModelInput | None = None
    prediction: Prediction | None = None
    if quality.gradable or grade_ungradable:
        model_input = prepare_input(photograph, field_of_view, classifier.spec.input_size)
        (prediction,) = classifier.predict([model_input])
    graded = quality.gradable and prediction is not None
    result = ScreeningResult(
        name=name,
        status=Status.GRADED if graded else Status.UNGRADABLE,
        laterality=photograph.laterality,
        width_px=photograph.source_width_px,
        height_px=photograph.source_height_px,
        quality=quality,
        prediction=prediction,
        decision=decide(prediction, classifier.spec) if graded and prediction is not None else None,
        provenance=_trace(photograph.sha256, classifier),
        elapsed_s=time.perf_counter() - started,
    )
    return Screening(result, photograph, field_of_view, model_input)


def _report_failure(
    error: PhotographError, name: str, photograph: FundusPhotograph | None, provenance: Provenance, *, elapsed_s: float
) -> ScreeningResult:
    return ScreeningResult(
        name=name,
        status=Status.FAILED,
        laterality=photograph.laterality if photograph else None,
        width_px=photograph.source_width_px if photograph else 0,
        height_px=photograph.source_height_px if photograph else 0,
        quality=None,
        prediction=None,
        decision=None,
        provenance=provenance,
        elapsed_s=elapsed_s,
        error=str(error),
    )


def _trace(photograph_sha256: str, classifier: Classifier) -> Provenance:
    return Provenance(
        photograph_sha256=photograph_sha256,
        model_name=classifier.spec.name,
        model_sha256=classifier.spec.sha256,
        preprocessing_version=PREPROCESSING_VERSION,
        package_version=__version__,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )

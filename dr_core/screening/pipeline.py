"""One photograph's way from bytes to result: the path that the page, the batch and the command line share."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dr_core.domain.errors import NotAFundusPhotograph, PhotographError
from dr_core.domain.grades import Grade
from dr_core.domain.photograph import BoolArray, FieldOfView, Float32Array, FundusPhotograph, Laterality
from dr_core.domain.quality import QualityReport
from dr_core.domain.results import Decision, Prediction, ReviewReason, ScreeningResult, Status
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.disc import cut_disc
from dr_core.imaging.field_of_view import locate_field
from dr_core.imaging.preprocess import InputCrop, ModelInput, prepare_input
from dr_core.imaging.quality import (
    DISC_PX,
    WIDEST_DISC_PX,
    NetworkOpinion,
    QualityFeatures,
    assess_quality,
    measure_quality,
)
from dr_core.imaging.retina_likeness import NO_RETINA_TEXTURE
from dr_core.model.calibration import decide
from dr_core.model.cam import class_activation_map
from dr_core.model.classifier import Classifier
from dr_core.model.runtime import count_cores
from dr_core.model.spec import ModelSpec
from dr_core.screening.failures import report_failure, trace_origin

LIKELY_HIDDEN = 0.5
# Of 7,017 photographs to train and to choose on, 13 are as blue; with green and blue mixed up nearly all would be.
BLUE_ABOVE = 0.0
# A file that broke off lacks its last rows, and not every format tells. Of 7,017 fields of photographs to train and to
# choose on, 1 lacks so much at the bottom alone (``python benchmarks/broken_off.py``).
CUT_BELOW_FROM = 0.1
# Judges the field, and measures light and sharpness, while the caller's own thread prepares the network's input; its
# threads start when asked.
_helpers = ThreadPoolExecutor(count_cores(), "quality")


@dataclass(frozen=True, eq=False)
class HiddenPlaces:
    """Where a photograph does not show the retina.

    Attributes:
        cells: (h, w) float32 over the network's input, 0 to 1, how likely each place is hidden.
        crop: the way back to the photograph.
    """

    cells: Float32Array
    crop: InputCrop

    def place(self, field_of_view: FieldOfView) -> BoolArray:
        """Return (H, W) bool in the photograph's frame, True within its field where the retina is likely hidden."""
        return np.asarray((self.crop.to_photograph(self.cells) > LIKELY_HIDDEN) & field_of_view.mask, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Screening:
    """A result together with the pixels it came from, for viewers and reports; the result alone is what is stored.

    Attributes:
        result: the row of every report.
        photograph: None when it could not be decoded.
        field_of_view: None when none was found, or what it shows is no retina.
        model_input: what the network saw; None where there is no prediction.
        hidden: where it saw that the retina is hidden; None where it saw nothing worth speaking of.
    """

    result: ScreeningResult
    photograph: FundusPhotograph | None = None
    field_of_view: FieldOfView | None = None
    model_input: ModelInput | None = None
    hidden: HiddenPlaces | None = None

    def heatmap(self, grade: Grade | None = None, *, shape: tuple[int, int] | None = None) -> Float32Array:
        """Return Grad-CAM of `grade` (the reported one by default) over the photograph.

        Args:
            grade: the class explained.
            shape: (H, W) of the photograph decoded at another size; that of `photograph.pixels` by default.

        Returns:
            (H, W) float32 in [0, 1].

        Raises:
            ValueError: the photograph was not graded.
        """
        prediction, decision = self.result.prediction, self.result.decision
        if prediction is None or (grade is None and decision is None):
            raise ValueError(f"only a graded photograph has a heatmap. Received: status {self.result.status}")
        explained = decision.grade if grade is None and decision is not None else Grade(grade or 0)
        return self.place_heatmap(class_activation_map(prediction, explained), shape)

    def place_heatmap(self, heat: Float32Array, shape: tuple[int, int] | None = None) -> Float32Array:
        """Stretch a map on the network's input, (h, w) float32, over the photograph: (H, W) float32.

        Args:
            heat: covers the whole input at any resolution.
            shape: (H, W) of the photograph decoded at another size; that of `photograph.pixels` by default.

        Raises:
            ValueError: the photograph never reached the network.
        """
        if self.model_input is None:
            raise ValueError(f"only a graded photograph has a heatmap. Received: status {self.result.status}")
        crop = self.model_input.crop
        placed = (crop if shape is None else crop.for_shape(*shape)).to_photograph(heat)
        if self.field_of_view is not None and self.field_of_view.window is not None:
            # The network saw nothing of the page around the photograph, and no heat belongs there.
            top, left, bottom, right = map(round, self.field_of_view.for_shape(*placed.shape).bounds)
            placed[:top] = placed[bottom:] = 0.0
            placed[:, :left] = placed[:, right:] = 0.0
        return placed


def screen_photograph(
    data: bytes, name: str, *, classifier: Classifier, grade_ungradable: bool = False, alone: bool = True
) -> Screening:
    """Decode, judge and grade one photograph.

    Args:
        data: the file's bytes.
        name: the file's own name; untrusted, carried along for reports.
        classifier: the loaded model.
        grade_ungradable: also compute probabilities for photographs that the quality gate refuses (for research);
            they still get no grade.
        alone: whether a core is idle that may help with this photograph; a batch keeps all of them busy with others.

    Returns:
        A screening whose status is graded, ungradable or failed. A bad photograph never raises.
    """
    started = time.perf_counter()
    photograph: FundusPhotograph | None = None
    spec = classifier.spec
    try:
        photograph = decode_photograph(data, name, longest_side_px=ANALYSIS_SIDE_PX, exact=False)
        located = locate_field(photograph.pixels)
        field_of_view = located.field
        judging = _helpers.submit(located.require_retina) if alone else None
        if judging is None:
            located.require_retina()
        # Cut once for both, where the network's disc is sharp enough for the verdict on quality.
        disc = cut_disc(photograph.pixels, field_of_view, spec.input_size.width_px)
        shared = disc if DISC_PX <= spec.input_size.width_px <= WIDEST_DISC_PX else None
        measure = partial(measure_quality, photograph, field_of_view, disc=shared)
        measuring = _helpers.submit(measure) if alone else None
        model_input = prepare_input(photograph, field_of_view, spec.input_size, disc=disc)
        if judging is not None:
            judging.result()
        (prediction,) = classifier.predict([model_input])
        features = measuring.result() if measuring else measure()
        _require_retina(prediction, spec)
    except PhotographError as error:
        digest = photograph.sha256 if photograph else hashlib.sha256(data).hexdigest()
        origin = trace_origin(digest, spec)
        elapsed_s = time.perf_counter() - started
        failure = report_failure(name, str(error), origin, photograph=photograph, elapsed_s=elapsed_s)
        return Screening(failure, photograph)
    quality = _judge_quality(photograph, field_of_view, features, prediction, spec)
    kept = prediction if quality.gradable or grade_ungradable else None
    decision = _question(decide(prediction, spec, classifier.operating_point), features, field_of_view)
    result = ScreeningResult(
        name=name,
        status=Status.GRADED if quality.gradable else Status.UNGRADABLE,
        laterality=photograph.laterality,
        width_px=photograph.source_width_px,
        height_px=photograph.source_height_px,
        quality=quality,
        prediction=kept,
        decision=decision if quality.gradable else None,
        provenance=trace_origin(photograph.sha256, spec),
        elapsed_s=time.perf_counter() - started,
        seen_laterality=_see_eye(prediction, spec),
    )
    hidden = _find_hidden(prediction, quality, model_input.crop)
    return Screening(result, photograph, field_of_view, model_input if kept is not None else None, hidden)


def _require_retina(prediction: Prediction, spec: ModelSpec) -> None:
    """Refuse a picture in which the network sees no retina, where the model was released with a limit for that.

    Raises:
        NotAFundusPhotograph: its log odds of a retina lie below the limit.
    """
    limit = spec.side.retina_log_odds if spec.side is not None else None
    found = prediction.side.retina_log_odds if prediction.side is not None else None
    if limit is not None and found is not None and found < limit:
        raise NotAFundusPhotograph(NO_RETINA_TEXTURE)


def _judge_quality(
    photograph: FundusPhotograph,
    field_of_view: FieldOfView,
    features: QualityFeatures,
    prediction: Prediction,
    spec: ModelSpec,
) -> QualityReport:
    if prediction.side is None or spec.side is None:
        return assess_quality(photograph, field_of_view, features=features)
    opinion = NetworkOpinion(prediction.side.p_gradable, spec.side.gate_weights, spec.side.gradable_score)
    hidden = prediction.side.hidden
    return assess_quality(photograph, field_of_view, opinion, features=features, hidden=hidden)


def _question(decision: Decision, features: QualityFeatures, field_of_view: FieldOfView) -> Decision:
    """Ask for a person where the photograph is strange in what the network's input no longer shows.

    That is the colours, which are taken out of it, and where the field ends.
    """
    doubts = (
        (ReviewReason.BLUE, features.blueness > BLUE_ABOVE),
        (ReviewReason.CUT_BELOW, field_of_view.missing_below > CUT_BELOW_FROM),
    )
    return replace(decision, review=(*decision.review, *(reason for reason, holds in doubts if holds)))


def _find_hidden(prediction: Prediction, quality: QualityReport, crop: InputCrop) -> HiddenPlaces | None:
    hidden = prediction.side.hidden if prediction.side is not None else None
    if hidden is None or hidden.cells is None or not quality.hides_retina:
        return None
    return HiddenPlaces(hidden.cells, crop)


def _see_eye(prediction: Prediction, spec: ModelSpec) -> Laterality | None:
    """Return which eye the network is sure to see; None where it is not."""
    if prediction.side is None or spec.side is None:
        return None
    if prediction.side.p_right_eye >= spec.side.eye_confidence:
        return Laterality.OD
    return Laterality.OS if 1.0 - prediction.side.p_right_eye >= spec.side.eye_confidence else None

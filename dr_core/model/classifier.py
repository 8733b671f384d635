"""The released model on a CPU runtime (LiteRT with XNNPACK, float32): every output from one pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dr_core.domain.errors import ConfigurationError, ModelAltered
from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import LESIONS, Prediction, SideFindings
from dr_core.imaging.preprocess import ModelInput
from dr_core.model.calibration import calibrate_for, make_prediction
from dr_core.model.runtime import Runtime, count_cores
from dr_core.model.spec import ModelSpec, SideSpec, load_spec
from dr_core.model.visibility import measure_hidden

# The flat buffer names no outputs, so all numbers come as one row: the grades' logits, then these, then the embedding.
GRADABLE, RIGHT_EYE, OEDEMA, RETINA = range(GRADE_COUNT, GRADE_COUNT + 4)
EMBEDDING_FROM = GRADE_COUNT + 4


@dataclass(frozen=True)
class OutputPlaces:
    """Where the runtime's outputs stand: the row of scores, the class maps, and the further maps if there are any."""

    scores: int
    class_maps: int
    lesion_maps: int | None
    hidden_map: int | None


class Classifier:
    """One loaded model, shared by every session; `predict` may be called from any thread."""

    def __init__(self, spec: ModelSpec, runtime: Runtime, operating_point: LocalOperatingPoint | None = None) -> None:
        """Keep a verified runtime; use `Classifier.load`."""
        self.spec = spec
        self.operating_point = operating_point
        self._runtime = runtime
        self._places = _find_outputs(spec, runtime)

    @classmethod
    def load(cls, model_dir: Path | None = None, *, operating_point: LocalOperatingPoint | None = None) -> "Classifier":
        """Load and verify the model in `model_dir`, the released one by default.

        Args:
            model_dir: holds one ``*.model.json`` and its files.
            operating_point: the clinic's own; None for the released thresholds.

        Raises:
            ModelNotFound: a file is missing.
            ModelAltered: a checksum, the class order, the input or the outputs are not the released ones.
            ConfigurationError: the operating point was measured with other weights.
        """
        spec = load_spec(model_dir)
        content = spec.runtime.read()
        # The Keras file serves explanations later; grading with a model of which half is altered would mislead.
        spec.keras.read()
        if operating_point is not None and operating_point.model_sha256 != spec.sha256:
            raise ConfigurationError(
                f"The operating point {operating_point.label} was measured with another model. "
                "Run the local calibration again with this one, or grade without it."
            )
        try:
            runtime = Runtime.load(content, interpreters=count_cores())
        except (ValueError, RuntimeError) as error:
            raise ModelAltered(f"The runtime cannot load {spec.runtime.path.name}: {error}") from error
        return cls(spec, runtime, operating_point)

    def predict(self, inputs: Sequence[ModelInput]) -> list[Prediction]:
        """Grade prepared photographs.

        Args:
            inputs: tensors of the model's input size.

        Returns:
            One calibrated prediction for each input, in order.

        Raises:
            ValueError: a tensor has another size.
        """
        size = self.spec.input_size
        predictions = []
        for prepared in inputs:
            if prepared.tensor.shape != (size.height_px, size.width_px, 3):
                raise ValueError(f"tensor must be {size} with 3 channels. Received: {prepared.tensor.shape}")
            outputs = self._runtime.run(prepared.tensor)
            scores = outputs[self._places.scores]
            if not np.isfinite(scores).all():
                raise ModelAltered("The model returned no valid numbers. Restore the models folder from the release.")
            probabilities = calibrate_for(self.spec, scores[:GRADE_COUNT], self.operating_point)
            side = None
            if self.spec.side is not None and self._places.lesion_maps is not None:
                side = _read_side(scores, outputs[self._places.lesion_maps], self.spec.side)
                if self._places.hidden_map is not None:
                    side = replace(side, hidden=measure_hidden(outputs[self._places.hidden_map], prepared.tensor))
            predictions.append(make_prediction(probabilities, outputs[self._places.class_maps], side))
        return predictions


def _find_outputs(spec: ModelSpec, runtime: Runtime) -> OutputPlaces:
    wrong = ModelAltered(f"{spec.runtime.path.name} has not the input and outputs that its JSON states.")
    size = spec.input_size
    by_channels = {(len(shape), shape[-1]): place for place, shape in enumerate(runtime.output_shapes)}
    rows = [place for place, shape in enumerate(runtime.output_shapes) if len(shape) == 1]
    if (
        runtime.input_shape != (size.height_px, size.width_px, 3)
        or len(rows) != 1
        or (3, GRADE_COUNT) not in by_channels
    ):
        raise wrong
    count = runtime.output_shapes[rows[0]][0]
    complete = count > EMBEDDING_FROM and (3, len(LESIONS)) in by_channels
    if not complete and (count != GRADE_COUNT or spec.side is not None):
        raise wrong
    lesion_maps, hidden_map = (by_channels.get((3, channels)) for channels in (len(LESIONS), 1))
    return OutputPlaces(rows[0], by_channels[3, GRADE_COUNT], lesion_maps, hidden_map)


def _read_side(scores: Float32Array, lesion_maps: Float32Array, side: SideSpec) -> SideFindings:
    # A model from before the retina output has its embedding in that place.
    knows_retina = side.retina_log_odds is not None
    embedding = scores[EMBEDDING_FROM if knows_retina else RETINA :].astype(np.float64)
    return SideFindings(
        p_gradable=_to_probability(scores[GRADABLE]),
        unfamiliarity=float(np.linalg.norm(embedding)) / side.unfamiliar_distance,
        p_right_eye=_to_probability(scores[RIGHT_EYE]),
        p_oedema_risk=_to_probability(scores[OEDEMA]) if side.oedema_validated else None,
        lesion_maps=lesion_maps,
        retina_log_odds=float(scores[RETINA]) if knows_retina else None,
    )


def _to_probability(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(-float(logit))))

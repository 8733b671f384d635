"""The released model on a CPU runtime (LiteRT with XNNPACK, float32): logits and class maps from one pass."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dr_core.domain.errors import ModelAltered
from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import Prediction
from dr_core.imaging.preprocess import ModelInput
from dr_core.model.calibration import make_prediction
from dr_core.model.spec import ModelSpec, load_spec

THREADS = 2


class Classifier:
    """One loaded model, shared by every session; `predict` may be called from any thread."""

    def __init__(self, spec: ModelSpec, interpreter: Any) -> None:
        """Keep a verified runtime; use `Classifier.load`."""
        self.spec = spec
        self._interpreter = interpreter
        self._lock = threading.Lock()
        self._input = interpreter.get_input_details()[0]["index"]
        # The flat buffer names no outputs; their ranks tell logits (1, 5) from class maps (1, h, w, 5).
        outputs = {len(entry["shape"]): entry["index"] for entry in interpreter.get_output_details()}
        self._logits, self._class_maps = outputs[2], outputs[4]

    @classmethod
    def load(cls, model_dir: Path | None = None) -> "Classifier":
        """Load and verify the model in `model_dir`, the released one by default.

        Raises:
            ModelNotFound: a file is missing.
            ModelAltered: a checksum, the class order or the input size is not the released one.
        """
        spec = load_spec(model_dir)
        runtime = spec.runtime.read()
        # The Keras file serves explanations later; grading with a model of which half is altered would mislead.
        spec.keras.read()
        from ai_edge_litert.interpreter import Interpreter  # its import costs more than the checks above

        try:
            interpreter = Interpreter(model_content=runtime, num_threads=THREADS)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelAltered(f"The runtime cannot load {spec.runtime.path.name}: {error}") from error
        shapes = [tuple(int(side) for side in entry["shape"]) for entry in interpreter.get_output_details()]
        photograph = tuple(int(side) for side in interpreter.get_input_details()[0]["shape"])
        if photograph != (1, spec.input_size.height_px, spec.input_size.width_px, 3) or sorted(map(len, shapes)) != [
            2,
            4,
        ]:
            raise ModelAltered(f"{spec.runtime.path.name} has not the input and outputs that its JSON states.")
        return cls(spec, interpreter)

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
            logits, maps = self._run(prepared.tensor)
            if logits.shape != (GRADE_COUNT,) or not np.isfinite(logits).all():
                raise ModelAltered("The model returned no valid logits. Restore the models folder from the release.")
            predictions.append(make_prediction(logits, maps, self.spec.temperature))
        return predictions

    def _run(self, tensor: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Return (5,) logits and (h, w, 5) class maps; the interpreter serves one caller at a time."""
        with self._lock:
            self._interpreter.set_tensor(self._input, np.ascontiguousarray(tensor[None], dtype=np.float32))
            self._interpreter.invoke()
            logits = self._interpreter.get_tensor(self._logits)[0]
            class_maps = self._interpreter.get_tensor(self._class_maps)[0]
        return logits, class_maps

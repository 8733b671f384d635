"""Whether a heatmap reads this network at all: what is left of it when the weights are shuffled.

The sanity check of Adebayo et al. (2018): weights are shuffled layer by layer from the top, and a map that really reads
the network must lose its likeness to the original (rank correlation and SSIM).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from benchmarks.heatmap_methods import SEED, explain_referable
from benchmarks.outlined_examples import Example
from dr_core.domain.photograph import AnyArray, Float32Array
from dr_core.model.cam import lesion_evidence
from dr_core.model.classifier import Classifier

# From the top of the network to its first layer; shuffled one after the other, and all before stay shuffled.
CASCADE = (
    ("lesion_maps", "grade_logits"), ("lesion_mixed", "lesion_around"), ("lesion_block",), ("Conv_1",),
    *((f"block_{number}_",) for number in (16, 14, 13, 10, 6, 4, 3, 2, 1)), ("expanded_conv", "Conv1", "bn_Conv1"),
)  # fmt: skip


@dataclass(frozen=True)
class Likeness:
    """How much of a method's map is left when the network is shuffled down to a layer.

    Attributes:
        method: its name.
        down_to: the lowest layers shuffled.
        rank_correlation: Spearman's, mean over the photographs.
        ssim: structural similarity (Wang et al., 2004), mean over the photographs.
    """

    method: str
    down_to: str
    rank_correlation: float
    ssim: float


def randomise_cascade(examples: Sequence[Example], classifier: Classifier) -> Iterator[Likeness]:
    """Shuffle the Keras network from the top and yield how alike the lesion maps and the referable CAM remain."""
    import keras

    classifier.spec.keras.read()  # checks that the file is the released one
    network = keras.models.load_model(classifier.spec.keras.path, compile=False, safe_mode=True)
    head = network.get_layer("grade_logits")
    views = keras.Model(network.input, [network.get_layer("lesion_maps").output, network.get_layer("out_relu").output])

    def look() -> dict[str, list[Float32Array]]:
        kernel = keras.ops.convert_to_numpy(head.kernel)
        seen: dict[str, list[Float32Array]] = {"lesions": [], "cam-referable": []}
        for example in examples:
            maps, features = (np.asarray(part[0]) for part in views.predict_on_batch(example.model_input.tensor[None]))
            side = replace(example.prediction.side, lesion_maps=maps)
            shuffled = replace(example.prediction, class_maps=features @ kernel, side=side)
            seen["lesions"].append(lesion_evidence(shuffled))
            seen["cam-referable"].append(explain_referable(replace(example, prediction=shuffled)))
        return seen

    original, random = look(), np.random.default_rng(SEED)
    for prefixes in CASCADE:
        for layer in network.layers:
            if layer.name.startswith(prefixes):
                # Shuffled, not drawn anew: spread and sign stay, so that the activations stay in range.
                layer.set_weights([random.permuted(kept.ravel()).reshape(kept.shape) for kept in layer.get_weights()])
        for name, maps in look().items():
            pairs = list(zip(original[name], maps, strict=True))
            rank = float(np.mean([correlate_ranks(*pair) for pair in pairs]))
            ssim = float(np.mean([compare_structure(*pair) for pair in pairs]))
            yield Likeness(name, prefixes[0].strip("_"), rank, ssim)


def correlate_ranks(first: AnyArray, second: AnyArray) -> float:
    """Return Spearman's correlation of two maps; 0 where one is flat."""
    from scipy.stats import rankdata

    ranks = [rankdata(values, axis=None) for values in (first, second)]
    return float(np.corrcoef(ranks)[0, 1]) if min(rank.std() for rank in ranks) > 0 else 0.0


def compare_structure(first: AnyArray, second: AnyArray) -> float:
    """Return the mean SSIM of two maps in [0, 1], with a Gaussian window of sigma 1.5."""
    a, b = first.astype(np.float64), second.astype(np.float64)

    def blur(values: AnyArray) -> AnyArray:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), 1.5))

    mean_a, mean_b = blur(a), blur(b)
    spread = blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
    shared = blur(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + 0.01**2) * (2 * shared + 0.03**2)
    return float((top / ((mean_a**2 + mean_b**2 + 0.01**2) * (spread + 0.03**2))).mean())

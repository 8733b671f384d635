"""The heads beside the grade learn what they are meant to, and end up in the network that is released."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dr_core.domain.photograph import Laterality
from dr_core.domain.results import LESIONS
from dr_core.imaging.preprocess import InputCrop, InputSize, ModelInput
from dr_core.imaging.quality import blend_scores
from dr_core.model.architecture import LinearHead
from dr_core.model.classifier import Classifier
from dr_core.model.spec import SideSpec
from dr_core.model.visibility import measure_hidden
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.side_heads import (
    PooledFeatures,
    RetinaSamples,
    fit_embedding,
    fit_head,
    fit_retina,
    fit_side_heads,
)
from dr_core.training.side_thresholds import RETINA_MARGIN, GateSamples, choose_side

SIZE = InputSize(96, 96)


def label(number: int) -> LabelledPhotograph:
    return LabelledPhotograph(
        image_id=f"drawn:{number}",
        path=Path("drawn.jpg"),
        source="one" if number % 2 else "two",
        split="train",
        grade=number % 5,
        patient_id="",
        gradable=number % 7 != 0,
        label_conflict=False,
        laterality=Laterality.OD if number % 3 else Laterality.OS,
        oedema_risk=2 if number % 4 == 0 else 0,
    )


def apply(head: LinearHead, features: np.ndarray) -> np.ndarray:
    return features @ head.kernel + head.bias


def test_a_head_separates_on_features_of_any_scale() -> None:
    random = np.random.default_rng(1)
    labels = random.random(400) < 0.3
    features = random.normal(size=(400, 6)).astype(np.float32)
    features[:, 2] += 3 * labels
    features = features * np.array([1, 1e3, 1e-2, 1, 1, 1], np.float32) + 50
    logits = apply(fit_head(features, labels, ridge=1.0), features)[:, 0]
    assert ((logits > 0) == labels).mean() > 0.9


def test_embedding_measures_distance_in_standard_deviations() -> None:
    random = np.random.default_rng(2)
    mixing = random.normal(size=(20, 20))
    features = (random.normal(size=(4000, 20)) @ mixing + 5).astype(np.float32)
    head = fit_embedding(features, size=20)
    distances = np.linalg.norm(apply(head, features), axis=1)
    assert distances.mean() == pytest.approx(np.sqrt(20), rel=0.05)
    far = np.linalg.norm(apply(head, features[:50] + 10 * features.std(axis=0)), axis=1)
    assert far.min() > np.quantile(distances, 0.99)


@pytest.fixture(scope="module")
def whole_network_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with every head, fitted on made-up features and exported."""
    import keras

    from dr_core.model.architecture import attach_side_heads, build_grader
    from dr_core.training.export import OperatingPoint, export_model
    from dr_core.training.side_heads import read_features

    keras.utils.set_random_seed(3)
    grader = build_grader(SIZE, alpha=0.35)
    random = np.random.default_rng(4)
    tensors = [random.uniform(-1, 1, (96, 96, 3)).astype(np.float32) for _ in range(40)]
    features = read_features(grader, tensors)
    spoilt = read_features(grader, tensors[:5])
    samples = RetinaSamples(spoilt, read_features(grader, [np.abs(tensor) for tensor in tensors[:9]]))
    mirrored = read_features(grader, [tensor[:, ::-1] for tensor in tensors])
    labelled = [label(number) for number in range(40)]
    heads = fit_side_heads(features, labelled, mirrored=mirrored, spoilt=spoilt, samples=samples)
    maps = keras.layers.Conv2D(len(LESIONS), 1, activation="sigmoid", name="lesion_maps")(
        grader.get_layer("block_6_expand_relu").output
    )
    folder = tmp_path_factory.mktemp("whole")
    point = OperatingPoint(side=SideSpec((1.0, 0.0, 0.0), 0.5, 8.0, 0.9, oedema_validated=True, retina_log_odds=-3.0))
    hidden = keras.layers.Conv2D(1, 1, name="hidden_map")(grader.get_layer("block_13_expand_relu").output)
    export_model(attach_side_heads(grader, heads, maps, hidden), folder, "whole", point)
    return folder


def test_one_pass_of_the_runtime_gives_what_keras_gives(whole_network_dir: Path) -> None:
    import keras

    classifier = Classifier.load(whole_network_dir)
    tensor = np.random.default_rng(5).uniform(-1, 1, (96, 96, 3)).astype(np.float32)
    crop = InputCrop((48.0, 48.0), (1.0, 1.0), (96, 96), SIZE)
    (prediction,) = classifier.predict([ModelInput(tensor, crop)])
    network = keras.saving.load_model(classifier.spec.keras.path, compile=False, safe_mode=True)
    _, scores, maps, hidden = (np.asarray(output) for output in network(tensor[None], training=False))
    side = prediction.side
    assert side is not None
    p_gradable, p_right, p_oedema = 1 / (1 + np.exp(-scores[0, :3].astype(float)))
    assert side.p_gradable == pytest.approx(p_gradable, abs=1e-3)
    assert side.p_right_eye == pytest.approx(p_right, abs=1e-3)
    assert side.p_oedema_risk == pytest.approx(p_oedema, abs=1e-3)
    assert side.retina_log_odds == pytest.approx(scores[0, 3], abs=1e-3)
    assert side.unfamiliarity == pytest.approx(np.linalg.norm(scores[0, 4:]) / 8.0, rel=1e-3)
    np.testing.assert_allclose(side.lesion_maps, maps[0], atol=1e-4)
    assert hidden.shape == (1, 6, 6, 1)
    assert side.hidden == measure_hidden(hidden[0], tensor)


def test_a_model_without_the_retina_output_has_its_embedding_in_that_place(whole_network_dir: Path) -> None:
    classifier = Classifier.load(whole_network_dir)
    assert classifier.spec.side is not None
    tensor = np.random.default_rng(7).uniform(-1, 1, (96, 96, 3)).astype(np.float32)
    prepared = ModelInput(tensor, InputCrop((48.0, 48.0), (1.0, 1.0), (96, 96), SIZE))
    (now,) = classifier.predict([prepared])
    classifier.spec = replace(classifier.spec, side=replace(classifier.spec.side, retina_log_odds=None))
    (before,) = classifier.predict([prepared])
    assert now.side is not None
    assert before.side is not None
    assert now.side.retina_log_odds is not None
    assert before.side.retina_log_odds is None
    longer = np.hypot(now.side.unfamiliarity, now.side.retina_log_odds / 8.0)
    assert before.side.unfamiliarity == pytest.approx(longer, rel=1e-4)


def make_features(random: np.random.Generator, count: int, shift: float) -> PooledFeatures:
    extremes = random.normal(size=(count, 12)).astype(np.float32)
    extremes[:, 4] += shift
    return PooledFeatures(extremes[:, :6], extremes[:, :2], extremes, 2)


def test_the_retina_head_tells_retinas_of_every_kind_from_few_other_pictures() -> None:
    random = np.random.default_rng(8)
    graded, spoilt, others = (
        make_features(random, 900, 3),
        make_features(random, 90, 2.5),
        make_features(random, 60, -3),
    )
    head = fit_retina([graded, spoilt], RetinaSamples(make_features(random, 30, 3), others))
    assert (apply(head, graded.extremes) > 0).mean() > 0.98
    assert (apply(head, spoilt.extremes) > 0).mean() > 0.95
    # As many others as retinas would not change this: both weigh the same.
    assert (apply(head, make_features(random, 200, -3).extremes) < 0).mean() > 0.98


def test_side_thresholds_are_frozen_as_stated() -> None:
    random = np.random.default_rng(6)
    photographs = [label(number) for number in range(400)]
    scores = random.normal(size=(400, 4 + 8))
    scores[:, 0] += [4.0 if photograph.gradable else -1.0 for photograph in photographs]
    scores[:, 1] = [9.0 if photograph.laterality is Laterality.OD else -9.0 for photograph in photographs]
    scores[:, 2] += [5.0 if photograph.oedema_risk == 2 else 0.0 for photograph in photographs]
    measured = np.array([0.8 if photograph.gradable else 0.3 for photograph in photographs] + [0.1] * 30)
    gate = GateSamples(np.append(scores[:, 0], np.full(30, -1.0)), measured, (scores[:, 3] + 1.5,))
    side = choose_side(scores, photographs, gate)
    p_network = 1 / (1 + np.exp(-scores[:, 0]))
    score = np.array([blend_scores(p, q, side.gate_weights) for p, q in zip(p_network, measured[:400], strict=True)])
    for source in ("one", "two"):
        good = np.array([photograph.gradable is True and photograph.source == source for photograph in photographs])
        assert (score[good] < side.gradable_score).mean() <= 0.02
    assert (score[[not photograph.gradable for photograph in photographs]] < side.gradable_score).mean() > 0.9
    distances = np.linalg.norm(scores[:, 4:], axis=1)
    assert (distances > side.unfamiliar_distance).mean() == pytest.approx(0.01, abs=0.005)
    assert side.eye_confidence == 0.6
    assert side.oedema_validated
    scores[:, 2] = 0.0
    assert not choose_side(scores, photographs, gate).oedema_validated


def choose_retina_limit(log_odds: np.ndarray, *more: np.ndarray) -> float:
    """Return the limit before it is lowered."""
    photographs = [label(number) for number in range(len(log_odds))]
    scores = np.random.default_rng(9).normal(size=(len(log_odds), 4 + 8))
    scores[:, 3] = log_odds
    gate = GateSamples(scores[:, 0], np.full(len(log_odds), 0.8), more)
    limit = choose_side(scores, photographs, gate).retina_log_odds
    assert limit is not None
    return limit + RETINA_MARGIN


def test_the_limit_for_a_retina_refuses_six_in_a_thousand_of_no_source_and_of_no_group() -> None:
    random = np.random.default_rng(10)
    # Odd numbers are of one source and even ones of another, as `label` has it.
    log_odds = random.uniform(-4, 9, 1600)
    assert choose_retina_limit(log_odds) == pytest.approx(min(np.sort(log_odds[i::2])[4] for i in (0, 1)), abs=2e-3)
    log_odds[[1, 3, 7, 9]] = -6.0, -7.0, -6.5, -8.0
    assert choose_retina_limit(log_odds) > -4.0
    # The fifth in 800 is one too many, whatever the other source allows.
    log_odds[5] = -5.0
    assert choose_retina_limit(log_odds) == pytest.approx(-5.0)
    drawn = random.uniform(-8, 9, 40)
    assert (drawn >= choose_retina_limit(log_odds, drawn, random.uniform(3, 4, 500))).all()


def test_what_is_more_likely_a_retina_than_not_is_never_refused() -> None:
    assert choose_retina_limit(np.random.default_rng(11).uniform(5, 9, 400)) == pytest.approx(0.0)

"""The network in PyTorch is that of Keras: the same weights give the same logits, at every size, both ways."""

import keras
import numpy as np
import pytest

from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader
from dr_core.training.batches import Tasks
from dr_core.training.lesion_task import attach_lesion_task
from dr_core.training.side_task import attach_side_task
from dr_core.training.weights import read_weights, write_weights

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install -r requirements-train.txt")

from dr_core.training.torch_network import TorchGrader, round_channels  # noqa: E402 - only where there is PyTorch

ALPHA = 0.35


def predict(network: TorchGrader, tensors: np.ndarray) -> np.ndarray:
    network.eval()
    with torch.inference_mode():
        return network(torch.from_numpy(tensors).permute(0, 3, 1, 2)).numpy()


def make_noise(size: InputSize) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (2, size.height_px, size.width_px, 3)).astype(np.float32)


def attach_tasks(grader: keras.Model) -> keras.Model:
    return keras.Model(grader.input, [grader.output, attach_lesion_task(grader), attach_side_task(grader)])


def shake_statistics(grader: keras.Model) -> None:
    """Give every batch norm numbers that a wrong order would not survive."""
    random = np.random.default_rng(4)
    for layer in grader.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, values.shape) for values in layer.get_weights()])


# 60 rows become 15 before a stride, and Keras pads odd numbers on both sides.
@pytest.mark.parametrize("size", [InputSize(96, 128), InputSize(60, 80)])
def test_weights_of_keras_give_equal_logits(size: InputSize) -> None:
    grader = build_grader(size, alpha=ALPHA)
    shake_statistics(grader)
    network = TorchGrader(alpha=ALPHA).to(memory_format=torch.channels_last)
    network.write_weights(read_weights(grader))
    noise = make_noise(size)
    np.testing.assert_allclose(predict(network, noise), grader.predict_on_batch(noise), atol=1e-4, rtol=1e-4)


def test_weights_go_back_to_keras() -> None:
    size = InputSize(48, 64)
    torch.manual_seed(5)
    network, grader = TorchGrader(alpha=ALPHA), build_grader(size, alpha=ALPHA)
    network.train()
    network(torch.from_numpy(make_noise(size)).permute(0, 3, 1, 2))  # moves the statistics
    write_weights(grader, network.view_weights())
    noise = make_noise(size)
    np.testing.assert_allclose(predict(network, noise), grader.predict_on_batch(noise), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("alpha", [0.35, 1.0, 1.3])
def test_every_width_has_the_shapes_of_keras(alpha: float) -> None:
    whole = attach_tasks(build_grader(InputSize(48, 64), alpha=alpha))
    expected = {name: values.shape for name, values in read_weights(whole).items()}
    assert {name: view.shape for name, view in TorchGrader(alpha=alpha).view_weights().items()} == expected


@pytest.mark.parametrize("size", [InputSize(96, 128), InputSize(144, 192)])
def test_tasks_say_the_same_as_in_keras(size: InputSize) -> None:
    whole = attach_tasks(build_grader(size, alpha=ALPHA))
    shake_statistics(whole)
    random = np.random.default_rng(6)
    weights = read_weights(whole)
    weights |= {name: random.normal(0, 0.2, w.shape) for name, w in weights.items() if "_task_" in name}
    write_weights(whole, weights)
    network = TorchGrader(alpha=ALPHA)
    network.write_weights(weights)
    network.eval()
    noise = make_noise(size)
    with torch.inference_mode():
        logits, cells, sides = network.learn(torch.from_numpy(noise).permute(0, 3, 1, 2), Tasks(True, True))
    expected = whole.predict_on_batch(noise)
    np.testing.assert_allclose(logits.numpy(), expected[0], atol=1e-4, rtol=1e-4)
    assert expected[1].std() > 0.01
    np.testing.assert_allclose(cells.permute(0, 2, 3, 1).numpy(), expected[1], atol=1e-4, rtol=1e-4)
    assert expected[2].std() > 0.01
    np.testing.assert_allclose(sides.numpy(), expected[2], atol=1e-3, rtol=1e-4)


def test_a_task_that_is_not_learned_is_not_computed() -> None:
    noise = torch.from_numpy(make_noise(InputSize(36, 48))).permute(0, 3, 1, 2)
    logits, cells, sides = TorchGrader(alpha=ALPHA).learn(noise, Tasks())
    assert (logits.shape, cells, sides) == ((2, 5), None, None)


def test_views_follow_training() -> None:
    network = TorchGrader(alpha=ALPHA)
    views = network.view_weights()
    with torch.no_grad():
        network.head.bias += 1.0
    np.testing.assert_array_equal(views["grade_logits/1"], network.head.bias.detach().numpy())


def test_missing_weight_is_refused() -> None:
    network = TorchGrader(alpha=ALPHA)
    weights = dict(network.view_weights())
    del weights["Conv1/0"]
    with pytest.raises(ValueError, match="Conv1/0"):
        network.write_weights(weights)


def test_channels_are_rounded_as_in_mobilenet() -> None:
    assert [round_channels(wanted) for wanted in (1.0, 11.2, 12.0, 18.0, 33.6, 1280.0)] == [8, 16, 16, 24, 32, 1280]

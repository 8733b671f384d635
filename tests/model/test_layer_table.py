"""The layer table counts what Keras counts, without Keras."""

import json
import zipfile

import pytest

from dr_core.domain.errors import ModelAltered, ModelNotFound
from dr_core.model.layer_table import tabulate_layers


def write_archive(path, layers) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))


def make_layer(kind, name, config, source=None, shape=None) -> dict:
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": [source, 0, 0]}}
    nodes = [{"args": [tensor], "kwargs": {}}] if source else []
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}


CONVOLUTION = {"filters": 8, "kernel_size": [3, 3], "strides": [2, 2], "groups": 1, "use_bias": False}
NORMALISATION = {"center": True, "scale": True}


def test_blocks_are_gathered_and_weights_counted(tmp_path):
    depthwise = {"kernel_size": [3, 3], "strides": [1, 1], "depth_multiplier": 1, "use_bias": False}
    write_archive(
        tmp_path / "m.keras",
        [
            make_layer("InputLayer", "photograph", {"batch_shape": [None, 32, 48, 3]}),
            make_layer("Conv2D", "Conv1", CONVOLUTION, "photograph", [None, 32, 48, 3]),
            make_layer("BatchNormalization", "bn_Conv1", NORMALISATION, "Conv1", [None, 16, 24, 8]),
            make_layer("DepthwiseConv2D", "block_1_depthwise", depthwise, "bn_Conv1", [None, 16, 24, 8]),
            make_layer("ReLU", "block_1_relu", {}, "block_1_depthwise", [None, 16, 24, 8]),
            make_layer("GlobalAveragePooling2D", "pooled", {}, "block_1_relu", [None, 16, 24, 8]),
            make_layer("Dense", "grade_logits", {"units": 5, "use_bias": True}, "pooled", [None, 8]),
        ],
    )
    photograph, stem, block, pooled, head = tabulate_layers(tmp_path / "m.keras")
    assert photograph.output_shape == (32, 48, 3)
    assert (stem.name, stem.operators, stem.parameters, stem.n_layers) == ("Stem", "Conv 3x3 / 2", 216 + 32, 2)
    assert (block.name, block.operators, block.parameters) == ("Block 1", "Depthwise 3x3", 72)
    assert (pooled.operators, pooled.output_shape) == ("Average pooling", (8,))
    assert (head.name, head.output_shape, head.parameters) == ("Grade logits", (5,), 45)


def test_branches_that_stand_interleaved_are_told_apart(tmp_path):
    single = CONVOLUTION | {"kernel_size": [1, 1], "strides": [1, 1], "filters": 4, "use_bias": True}
    shape = [None, 32, 48, 3]
    write_archive(
        tmp_path / "m.keras",
        [
            make_layer("InputLayer", "photograph", {"batch_shape": shape}),
            make_layer("Conv2D", "lesion_block_3", single, "photograph", shape),
            make_layer("GlobalAveragePooling2D", "global_average_pooling2d_3", {}, "photograph", shape),
            make_layer("Conv2D", "lesion_maps", single, "lesion_block_3", [None, 32, 48, 4]),
        ],
    )
    _, lesions, pooling = tabulate_layers(tmp_path / "m.keras")
    assert (lesions.name, lesions.operators, lesions.n_layers) == ("Lesion maps", "Conv 1x1 (x2)", 2)
    assert lesions.output_shape == (32, 48, 4)
    assert lesions.parameters == 4 * (3 + 1) + 4 * (4 + 1)
    assert pooling.name == "Pooling for side outputs"


def test_an_unknown_kind_of_layer_has_no_count(tmp_path):
    layers = [
        make_layer("InputLayer", "photograph", {"batch_shape": [None, 32, 48, 3]}),
        make_layer("Attention", "attention", {}, "photograph", [None, 32, 48, 3]),
    ]
    write_archive(tmp_path / "m.keras", layers)
    assert tabulate_layers(tmp_path / "m.keras")[-1].parameters is None


def test_the_released_model_is_a_mobilenet_of_the_known_size(released_model_dir):
    (path,) = released_model_dir.glob("*.keras")
    groups = tabulate_layers(path)
    assert [group.name for group in groups if group.name.startswith("Block")] == [f"Block {k}" for k in range(17)]
    assert all(group.parameters is not None and group.output_shape for group in groups)
    # MobileNetV2 with five logits, and a little for what is read beside the grade.
    assert 2_264_389 <= sum(group.parameters or 0 for group in groups) < 2_500_000


def test_a_missing_or_damaged_file_has_a_remedy(tmp_path):
    with pytest.raises(ModelNotFound, match="Restore"):
        tabulate_layers(tmp_path / "none.keras")
    (tmp_path / "bad.keras").write_bytes(b"not a zip")
    with pytest.raises(ModelAltered, match="Restore"):
        tabulate_layers(tmp_path / "bad.keras")
    write_archive(tmp_path / "odd.keras", [{"name": "a"}])
    with pytest.raises(ModelAltered, match="Restore"):
        tabulate_layers(tmp_path / "odd.keras")

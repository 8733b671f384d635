"""The released network as a table, read from the `.keras` archive's own description without loading TensorFlow."""

import json
import math
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from dr_core.domain.errors import ModelAltered, ModelNotFound

_BLOCK = re.compile(r"(block_\d+|expanded_conv)_")
_STEM = re.compile(r"(bn_)?Conv1(_relu|_pad)?$")
_TOP = re.compile(r"(Conv_1(_bn)?|out_relu)$")
_LESIONS = re.compile(r"(lesion_|up_sampling2d|add(_\d+)?$)")
_SIDE_POOLING = re.compile(r"((global_)?average_pooling2d|max_pooling2d|flatten|pooled_)")
_SHORT_NAMES = {
    "AveragePooling2D": "Average pooling",
    "Concatenate": "Join",
    "DepthwiseConv2D": "Depthwise",
    "GlobalAveragePooling2D": "Average pooling",
    "InputLayer": "Input",
    "MaxPooling2D": "Maximum pooling",
    "UpSampling2D": "Enlarge",
}
_HIDDEN = frozenset({"BatchNormalization", "ReLU", "Activation", "ZeroPadding2D", "Dropout"})
_WITHOUT_WEIGHTS = frozenset(
    {"InputLayer", "ReLU", "Activation", "ZeroPadding2D", "Dropout", "Add", "Flatten", "Softmax"}
    | {"AveragePooling2D", "Concatenate", "GlobalAveragePooling2D", "MaxPooling2D", "UpSampling2D"}
)

Layer = Mapping[str, Any]


@dataclass(frozen=True)
class LayerGroup:
    """Layers that belong together, such as one inverted residual block.

    Attributes:
        name: of the block, or of the single layer.
        operators: what it does, for example ``Conv 1x1 · Depthwise 3x3 / 2 · Conv 1x1``.
        output_shape: height, width and channels, or units alone.
        n_layers: layers in the group, normalisation and activations counted.
        parameters: weights in the group; None where a kind of layer is not known here.
    """

    name: str
    operators: str
    output_shape: tuple[int, ...]
    n_layers: int
    parameters: int | None


def tabulate_layers(path: Path) -> tuple[LayerGroup, ...]:
    """Tabulate the layers of a `.keras` archive, block by block.

    Raises:
        ModelNotFound: there is no such file.
        ModelAltered: it is not an archive of a functional Keras model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            layers: list[Layer] = json.loads(archive.read("config.json"))["config"]["layers"]
        shapes = dict(_list_output_shapes(layers))
        groups: dict[str, list[Layer]] = {}
        for layer in layers:
            # Branches stand interleaved in the archive, so neighbours need not belong together.
            groups.setdefault(_name_group(str(layer["name"])), []).append(layer)
        return tuple(_describe_group(name, members, shapes) for name, members in groups.items())
    except FileNotFoundError as error:
        raise ModelNotFound(f"{path.name} is missing from the model's folder. Restore the released files.") from error
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelAltered(f"{path.name} is not a released model. Restore the released files.") from error


def _name_group(layer_name: str) -> str:
    block = _BLOCK.match(layer_name)
    if block:
        return "Block 0" if block[1] == "expanded_conv" else block[1].replace("block_", "Block ")
    if _STEM.match(layer_name):
        return "Stem"
    if _LESIONS.match(layer_name):
        return "Lesion maps"
    if _SIDE_POOLING.match(layer_name):
        return "Pooling for side outputs"
    return "Top" if _TOP.match(layer_name) else layer_name.replace("_", " ").capitalize()


def _list_output_shapes(layers: list[Layer]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for layer in layers:
        if layer["class_name"] == "InputLayer":
            yield str(layer["name"]), _without_batch(layer["config"]["batch_shape"])
        if layer["class_name"] == "Dense":
            yield str(layer["name"]), (int(layer["config"]["units"]),)
        if layer["class_name"] in ("Concatenate", "Conv2D"):
            # Overwritten by the layer that reads it; an output of the network is read by none.
            yield str(layer["name"]), _derive_output(layer)
        for tensor in _list_inputs(layer):
            yield str(tensor["keras_history"][0]), _without_batch(tensor["shape"])


def _list_inputs(layer: Layer) -> Iterator[Mapping[str, Any]]:
    for node in layer["inbound_nodes"]:
        for argument in node["args"]:
            for tensor in argument if isinstance(argument, list) else [argument]:
                if isinstance(tensor, dict) and tensor.get("class_name") == "__keras_tensor__":
                    yield tensor["config"]


def _derive_output(layer: Layer) -> tuple[int, ...]:
    inputs = [_without_batch(tensor["shape"]) for tensor in _list_inputs(layer)]
    channels = layer["config"].get("filters") or sum(shape[-1] for shape in inputs)
    return (*inputs[0][:-1], int(channels)) if inputs else ()


def _without_batch(shape: list[int | None]) -> tuple[int, ...]:
    return tuple(int(size or 0) for size in shape[1:])


def _describe_group(name: str, members: list[Layer], shapes: Mapping[str, tuple[int, ...]]) -> LayerGroup:
    counts = [_count_parameters(layer) for layer in members]
    shown = [_describe_layer(layer) for layer in members if len(members) == 1 or layer["class_name"] not in _HIDDEN]
    output = next((shapes[layer["name"]] for layer in reversed(members) if layer["name"] in shapes), ())
    known = [count for count in counts if count is not None]
    total = sum(known) if len(known) == len(counts) else None
    runs = [(operator, len(list(run))) for operator, run in groupby(shown)]
    operators = " · ".join(f"{operator} (x{count})" if count > 1 else operator for operator, count in runs)
    return LayerGroup(name, operators, output, len(members), total)


def _describe_layer(layer: Layer) -> str:
    kind = str(layer["class_name"])
    name = _SHORT_NAMES.get(kind, "Conv" if kind == "Conv2D" else kind)
    kernel = layer["config"].get("kernel_size")
    if not kernel:
        return name
    stride = max(layer["config"]["strides"])
    return f"{name} {kernel[0]}x{kernel[1]}" + (f" / {stride}" if stride > 1 else "")


def _count_parameters(layer: Layer) -> int | None:
    kind, config = layer["class_name"], layer["config"]
    if kind in _WITHOUT_WEIGHTS:
        return 0
    channels = [_without_batch(tensor["shape"])[-1] for tensor in _list_inputs(layer)]
    if not channels:
        return None
    bias = 1 if config.get("use_bias") else 0
    if kind == "BatchNormalization":
        return channels[0] * (2 + bool(config["center"]) + bool(config["scale"]))
    if kind == "Conv2D":
        return int(config["filters"] * (math.prod(config["kernel_size"]) * channels[0] // config["groups"] + bias))
    if kind == "DepthwiseConv2D":
        return int(channels[0] * config["depth_multiplier"] * (math.prod(config["kernel_size"]) + bias))
    if kind == "Dense":
        return int(config["units"] * (channels[0] + bias))
    return None

"""The grader's network in PyTorch, layer for layer that of Keras, so that weights go from one to the other and back.

This module loads PyTorch, which is no requirement of the program: requirements-train.txt.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.results import LESIONS
from dr_core.model.architecture import BATCH_NORM_MOMENTUM, GRID_LAYER, HEAD, HEAD_DROPOUT, LAST_FEATURES, POOLED_LAYERS
from dr_core.training.batches import Tasks
from dr_core.training.companions import SIDE_TASKS
from dr_core.training.lesion_task import PRIOR_LOGIT, TASK_FEATURES, name_task_layer
from dr_core.training.side_task import SQUARES_ACROSS, SQUARES_DOWN, name_side_layer
from dr_core.training.weights import Weights

# Expansion, channels, blocks and first stride of each group (Sandler et al., 2018, table 2).
GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM_CHANNELS, LAST_CHANNELS = 32, 1280
CHANNEL_STEP = 8
# Those that `TASK_FEATURES` name.
TASK_BLOCKS = tuple(int(feature.split("_")[1]) for feature in TASK_FEATURES)
# Likewise those that the side task reads besides the last layer.
POOLED_BLOCKS = tuple(int(layer.split("_")[1]) for layer in POOLED_LAYERS if layer != LAST_FEATURES)
GRID_BLOCK = int(GRID_LAYER.split("_")[1])
BATCH_NORM_EPSILON = 1e-3  # Keras' MobileNetV2


def round_channels(wanted: float) -> int:
    """Return the multiple of 8 that MobileNet takes for `wanted` channels: the nearest, but no tenth below."""
    rounded = max(CHANNEL_STEP, int(wanted + CHANNEL_STEP / 2) // CHANNEL_STEP * CHANNEL_STEP)
    return rounded + CHANNEL_STEP if rounded < 0.9 * wanted else rounded


class _Convolution(nn.Conv2d):  # type: ignore[misc]
    """A convolution that pads as Keras' MobileNetV2 does: below and to the right first where it strides."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(before, after, kernel, stride, padding=padding, groups=groups, bias=False)

    def forward(self, features: Any) -> Any:
        if self.stride[0] > 1:
            height, width = features.shape[2:]
            features = functional.pad(features, (width % 2, 1, height % 2, 1))
        return super().forward(features)


def _normalise(channels: int) -> Any:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, momentum=1 - BATCH_NORM_MOMENTUM)


def _clip(features: Any) -> Any:
    """Return ReLU6 of `features`, in their place: nothing else needs them, and a batch takes a third less memory."""
    return functional.relu6(features, inplace=True)


class _Block(nn.Module):  # type: ignore[misc]
    """Expand, filter each channel, project; the input is added where shapes allow."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        self.adds_input = stride == 1 and before == after
        self.expand = nn.ModuleList()
        if expansion > 1:
            self.expand.extend([_Convolution(before, wide, 1), _normalise(wide)])
        self.depthwise, self.depthwise_norm = _Convolution(wide, wide, 3, stride, wide), _normalise(wide)
        self.project, self.project_norm = _Convolution(wide, after, 1), _normalise(after)

    def widen(self, features: Any) -> Any:
        """Return the expanded features; `features` themselves in the block that does not expand."""
        return _clip(self.expand[1](self.expand[0](features))) if self.expand else features

    def narrow(self, features: Any, inner: Any) -> Any:
        """Return the block's output, given its input and what `widen` made of it."""
        inner = _clip(self.depthwise_norm(self.depthwise(inner)))
        inner = self.project_norm(self.project(inner))
        return features + inner if self.adds_input else inner


class TorchGrader(nn.Module):  # type: ignore[misc]
    """(N, 3, height, width) float32 in [-1, 1] -> (N, 5) logits, as `build_grader`'s network gives them.

    Attributes:
        blocks: the inverted residuals, in order.
    """

    def __init__(self, *, alpha: float = 1.0) -> None:
        super().__init__()
        stem = before = round_channels(STEM_CHANNELS * alpha)
        self.stem, self.stem_norm = _Convolution(3, stem, 3, 2), _normalise(stem)
        self.blocks = nn.ModuleList()
        for expansion, channels, count, first_stride in GROUPS:
            after = round_channels(int(channels * alpha))
            for place in range(count):
                self.blocks.append(_Block(before, after, expansion, first_stride if place == 0 else 1))
                before = after
        last = round_channels(LAST_CHANNELS * max(1.0, alpha))
        self.last, self.last_norm = _Convolution(before, last, 1), _normalise(last)
        self.dropout, self.head = nn.Dropout(HEAD_DROPOUT), nn.Linear(last, GRADE_COUNT)
        # The layers of the lesion task and the side task, by Keras' names.
        self.task = nn.ModuleDict()
        for feature, place, prior in zip(TASK_FEATURES, TASK_BLOCKS, (PRIOR_LOGIT, 0.0), strict=True):
            layer = nn.Conv2d(self.blocks[place].expand[0].out_channels, len(LESIONS), 1)
            nn.init.zeros_(layer.weight)
            nn.init.constant_(layer.bias, prior)
            self.task[name_task_layer(feature)] = layer
        for task in SIDE_TASKS:
            layer = nn.Linear(self._count_read(task, last), 1)
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
            self.task[name_side_layer(task)] = layer

    def _count_read(self, task: str, last: int) -> int:
        """Return how many numbers the side task's layer for `task` reads."""
        if task == "right_eye":
            channels = self.blocks[GRID_BLOCK].expand[0].out_channels
            return 2 * SQUARES_DOWN * SQUARES_ACROSS * int(channels)
        pooled = int(sum(self.blocks[place].expand[0].out_channels for place in POOLED_BLOCKS)) + last
        return 2 * pooled if task == "retina" else pooled

    def forward(self, tensors: Any) -> Any:
        """Return the logits."""
        return self._grade(tensors)[0]

    def learn(self, tensors: Any, tasks: Tasks) -> tuple[Any, Any, Any]:
        """Return what training learns from: (N, 5) logits, and those of the lesion task and of the side task.

        The lesion task's are (N, 4, height / 8, width / 8), the side task's (N, 4) in the order of `SIDE_TASKS`; None
        for one that is not among `tasks`. The side task takes inputs whose width is a multiple of 64.
        """
        logits, expanded, last = self._grade(tensors)
        marked = self._mark(expanded) if tasks.lesions else None
        return logits, marked, self._judge(expanded, last) if tasks.sides else None

    def _mark(self, expanded: dict[int, Any]) -> Any:
        """Return the logits of the lesion task."""
        fine, coarse = (
            self.task[name_task_layer(feature)](expanded[place])
            for feature, place in zip(TASK_FEATURES, TASK_BLOCKS, strict=True)
        )
        return fine + functional.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)

    def _judge(self, expanded: dict[int, Any], last: Any) -> Any:
        """Return the (N, 4) logits of the side task."""
        layers = [*(expanded[place] for place in POOLED_BLOCKS), last]
        means = torch.cat([layer.mean((2, 3)) for layer in layers], dim=1)
        maxima = torch.cat([layer.amax((2, 3)) for layer in layers], dim=1)
        grid = expanded[GRID_BLOCK]
        field = (max(1, grid.shape[2] // SQUARES_DOWN), max(1, grid.shape[3] // SQUARES_ACROSS))
        # Channels last, as Keras flattens them.
        pools = (functional.avg_pool2d(grid, field), functional.max_pool2d(grid, field))
        squares = torch.cat([pool.permute(0, 2, 3, 1).flatten(1) for pool in pools], dim=1)
        read = {"retina": torch.cat([means, maxima], dim=1), "right_eye": squares}
        return torch.cat([self.task[name_side_layer(task)](read.get(task, means)) for task in SIDE_TASKS], dim=1)

    def _grade(self, tensors: Any) -> tuple[Any, dict[int, Any], Any]:
        """Return the logits, the expanded features that the tasks read, and the last features."""
        features = _clip(self.stem_norm(self.stem(tensors)))
        expanded = {}
        for place, block in enumerate(self.blocks):
            inner = block.widen(features)
            if place in (*TASK_BLOCKS, *POOLED_BLOCKS):
                expanded[place] = inner
            features = block.narrow(features, inner)
        last = _clip(self.last_norm(self.last(features)))
        return self.head(self.dropout(last.mean((2, 3)))), expanded, last

    def view_weights(self) -> Weights:
        """Return the weights by Keras' names and in its layout, as views: they follow training, and writing trains."""
        return {
            f"{name}/{place}": tensor.detach().numpy()
            for name, module in self._name_layers()
            for place, tensor in enumerate(_view_as_keras(module))
        }

    def write_weights(self, weights: Weights) -> None:
        """Replace the weights, in Keras' names and layout.

        Raises:
            ValueError: one is missing, or has another shape.
        """
        for name, view in self.view_weights().items():
            if name not in weights and name.partition("/")[0] in self.task:
                continue  # a grader's weights know nothing of the task
            if name not in weights or weights[name].shape != view.shape:
                raise ValueError(f"weights must hold {view.shape} for {name}. Received: {list(weights)[:3]}...")
            view[...] = weights[name]

    def _name_layers(self) -> Iterator[tuple[str, Any]]:
        yield from (("Conv1", self.stem), ("bn_Conv1", self.stem_norm))
        for index, block in enumerate(self.blocks):
            prefix = f"block_{index}_" if index else "expanded_conv_"
            if block.expand:
                yield from ((f"{prefix}expand", block.expand[0]), (f"{prefix}expand_BN", block.expand[1]))
            yield from ((f"{prefix}depthwise", block.depthwise), (f"{prefix}depthwise_BN", block.depthwise_norm))
            yield from ((f"{prefix}project", block.project), (f"{prefix}project_BN", block.project_norm))
        yield from self.task.items()
        yield from (("Conv_1", self.last), ("Conv_1_bn", self.last_norm), (HEAD, self.head))


def _view_as_keras(module: Any) -> tuple[Any, ...]:
    """Return a layer's tensors as Keras orders and lays them out."""
    if isinstance(module, nn.BatchNorm2d):
        return module.weight, module.bias, module.running_mean, module.running_var
    if isinstance(module, nn.Linear):
        return module.weight.T, module.bias
    if module.bias is not None:
        return module.weight.permute((2, 3, 1, 0)), module.bias
    # PyTorch has (out, in, height, width); Keras (height, width, in, out), or (height, width, out, 1) if depthwise.
    return (module.weight.permute((2, 3, 0, 1) if module.groups > 1 else (2, 3, 1, 0)),)

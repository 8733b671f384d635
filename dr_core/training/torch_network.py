"""The grader's network in PyTorch, layer for layer that of Keras, so that weights go from one to the other and back.

This module loads PyTorch, which is no requirement of the program: requirements-train.txt.
"""

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn import functional

from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.results import LESIONS
from dr_core.model.architecture import BATCH_NORM_MOMENTUM, HEAD, HEAD_DROPOUT
from dr_core.training.lesion_task import PRIOR_LOGIT, TASK_FEATURES, name_task_layer
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
        return functional.relu6(self.expand[1](self.expand[0](features))) if self.expand else features

    def narrow(self, features: Any, inner: Any) -> Any:
        """Return the block's output, given its input and what `widen` made of it."""
        inner = functional.relu6(self.depthwise_norm(self.depthwise(inner)))
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
        # The lesion task's layers, by Keras' names.
        self.task = nn.ModuleDict()
        for feature, place, prior in zip(TASK_FEATURES, TASK_BLOCKS, (PRIOR_LOGIT, 0.0), strict=True):
            layer = nn.Conv2d(self.blocks[place].expand[0].out_channels, len(LESIONS), 1)
            nn.init.zeros_(layer.weight)
            nn.init.constant_(layer.bias, prior)
            self.task[name_task_layer(feature)] = layer

    def forward(self, tensors: Any) -> Any:
        """Return the logits."""
        return self._grade(tensors)[0]

    def grade_and_mark(self, tensors: Any) -> tuple[Any, Any]:
        """Return the logits, and those of the lesion task, (N, 4, height / 8, width / 8)."""
        logits, expanded = self._grade(tensors)
        fine, coarse = (layer(expanded[place]) for place, layer in zip(TASK_BLOCKS, self.task.values(), strict=True))
        return logits, fine + functional.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)

    def _grade(self, tensors: Any) -> tuple[Any, dict[int, Any]]:
        """Return the logits, and the expanded features of `TASK_BLOCKS`."""
        features = functional.relu6(self.stem_norm(self.stem(tensors)))
        expanded = {}
        for place, block in enumerate(self.blocks):
            inner = block.widen(features)
            if place in TASK_BLOCKS:
                expanded[place] = inner
            features = block.narrow(features, inner)
        pooled = functional.relu6(self.last_norm(self.last(features))).mean((2, 3))
        return self.head(self.dropout(pooled)), expanded

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

"""What a training run does: stages of growing input size under one cosine."""

import math
from dataclasses import dataclass

from dr_core.imaging.preprocess import VISIBLE_SHARE, InputSize

KERAS, TORCH = "keras", "torch"
ENGINES = (KERAS, TORCH)
WARMUP_STEPS = 150
# Of a run so short that it would otherwise warm up for most of its time.
LONGEST_WARMUP_SHARE = 0.2


@dataclass(frozen=True)
class Stage:
    """Some epochs at one input size.

    Attributes:
        width_px: input width; the height is `VISIBLE_SHARE` of it.
        epochs: how many.
    """

    width_px: int
    epochs: int

    @property
    def size(self) -> InputSize:
        """The input size."""
        return InputSize(round(self.width_px * VISIBLE_SHARE), self.width_px)


@dataclass(frozen=True)
class Plan:
    """A whole training run.

    One cosine spans all stages: a rate that falls to zero and rises again at each stage first undid what the stage
    before it had learned (docs/experiments.md).

    Attributes:
        stages: run one after the other, each from the last one's weights.
        peak_rate: learning rate after the warm-up and before the fall to zero.
        batch_size: photographs a step.
        seed: of the weights, the order and the augmentation.
        outlined: how many photographs with outlined lesions each step shows besides (`dr_core.training.lesion_task`).
        companions: how many pictures without a grade each step shows for the side task (`dr_core.training.side_task`);
            0 leaves the task out; with it, widths are multiples of 64.
        copies: how many variants of each photograph, as other cameras and programs would have left it, stand beside it.
        engine: one of `ENGINES`, which computes the steps.
        start: name of the file that the weights come from; empty for random ones.
        start_share: of the start's weights in the mean with which the run ends. Averaging along one run (Izmailov et
            al., 2018; Wortsman et al., 2022) keeps what the start knew and the run forgot; only for a start that
            grades.
        teacher: name of the file of an earlier grader whose answers are learned too; empty for none.
        alpha: the network's width multiplier; 1.0 for a release.
    """

    stages: tuple[Stage, ...] = (Stage(320, 2), Stage(384, 4))
    peak_rate: float = 4e-4
    batch_size: int = 32
    seed: int = 20261126
    outlined: int = 5
    companions: int = 6
    copies: int = 1
    engine: str = KERAS
    start: str = ""
    start_share: float = 0.0
    teacher: str = ""
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}. Received: {self.engine}")
        if not 0.0 <= self.start_share < 1.0:
            raise ValueError(f"start_share must be a share below 1. Received: {self.start_share}")

    @property
    def epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def widest_px(self) -> int:
        """Width of the largest input, which cached photographs need."""
        return max(stage.width_px for stage in self.stages)

    def find_stage(self, epoch: int) -> int:
        """Return the index of the stage of `epoch`, both counted from 0.

        Raises:
            ValueError: the run has no such epoch.
        """
        passed = 0
        for index, stage in enumerate(self.stages):
            passed += stage.epochs
            if 0 <= epoch < passed:
                return index
        raise ValueError(f"epoch must be below {self.epochs}. Received: {epoch}")

    def find_work_share(self, epoch: int, part: float) -> float:
        """Return the share of the run's work that is done after `part` of `epoch`; a step costs what its pixels do."""
        costs = [stage.width_px**2 for stage in self.stages for _ in range(stage.epochs)]
        return (sum(costs[:epoch]) + part * costs[epoch]) / sum(costs)


def schedule_rate(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of `step` out of the run's `steps`: a linear warm-up to `peak`, then half a cosine."""
    warmup = min(WARMUP_STEPS, int(steps * LONGEST_WARMUP_SHARE))
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

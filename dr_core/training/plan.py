"""What a training run does: stages of growing input size."""

from dataclasses import dataclass

from dr_core.imaging.preprocess import VISIBLE_SHARE, InputSize

# Up to here the network sees edges and colours that ImageNet taught it well; two thirds of the time would go there.
FROZEN_UNTIL = "block_3_expand_relu"


@dataclass(frozen=True)
class Stage:
    """Some epochs at one input size.

    Attributes:
        width_px: input width; the height is `VISIBLE_SHARE` of it.
        epochs: how many.
        learning_rate: peak, after a short warm-up and before a cosine down to zero.
        frozen_until: last layer that is not trained; empty trains all.
        batch_size: photographs a step.
        frozen_statistics: batch norms keep what they have learned and only the convolutions move, which saves a
            third of a step and keeps a batch's chance mix of cameras out of the network.
        share: of this stage's weights in what it hands on; the rest is what it began with. Averaging along one run
            (Izmailov et al., 2018; Wortsman et al., 2022) repairs a stage that forgot as well as learned.
    """

    width_px: int
    epochs: int
    learning_rate: float
    frozen_until: str = FROZEN_UNTIL
    batch_size: int = 32
    frozen_statistics: bool = False
    share: float = 1.0

    @property
    def size(self) -> InputSize:
        """The input size."""
        return InputSize(round(self.width_px * VISIBLE_SHARE), self.width_px)


@dataclass(frozen=True)
class Plan:
    """A whole training run.

    Attributes:
        stages: run one after the other, each from the last one's weights.
        seed: of the weights, the order and the augmentation.
        copies: how many variants of each photograph, as other cameras and programs would have left it, stand beside it.
    """

    stages: tuple[Stage, ...] = (
        Stage(256, 5, 1e-3),
        Stage(320, 3, 6e-4, share=0.35),
        Stage(384, 9, 4e-4, frozen_statistics=True, share=0.6),
        Stage(384, 12, 4e-4, frozen_statistics=True, share=0.5),
    )
    seed: int = 20261123
    copies: int = 3

"""The Screen page as the tests drive it: through app.py, with a classifier whose answer is known."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from streamlit.testing.v1 import AppTest

from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import Prediction, SideFindings
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.preprocess import ModelInput
from dr_core.model.spec import SideSpec, load_spec
from tests.conftest import ROOT

TIMEOUT_S = 120
MODERATE = (0.05, 0.05, 0.7, 0.15, 0.05)
HEALTHY = (0.9, 0.05, 0.03, 0.01, 0.01)


class FixedClassifier:
    """Says the same of every photograph, so that a test knows what the page has to show."""

    def __init__(
        self,
        probabilities: tuple[float, float, float, float, float],
        *,
        side: SideFindings | None = None,
        operating_point: LocalOperatingPoint | None = None,
    ) -> None:
        # What the released model adds to a grade must not change what these tests expect.
        spec = replace(load_spec(), temperature=1.0, boundaries=(), coverage=0.0, side=None)
        if side is not None:
            heads = SideSpec(
                gate_weights=(1.0, 0.0, 0.0),
                gradable_score=0.5,
                unfamiliar_distance=10.0,
                eye_confidence=0.9,
                oedema_validated=True,
            )
            spec = replace(spec, coverage=0.9, set_mass=0.99, side=heads)
        self.spec = spec
        self.operating_point = operating_point
        self._side = side
        self.calls = 0
        self._probabilities = probabilities

    def predict(self, inputs: Sequence[ModelInput]) -> list[Prediction]:
        self.calls += 1
        maps = np.random.default_rng(2).random((4, 4, 5)).astype(np.float32)
        expected = float(np.dot(self._probabilities, range(5)))
        return [
            Prediction(self._probabilities, expected, sum(self._probabilities[2:]), maps, self._side) for _ in inputs
        ]


def new_session() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)


def open_page() -> AppTest:
    return check(new_session().run())


def check(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files])
    return check(app.run())


def read_text(app: AppTest) -> str:
    elements = (app.markdown, app.caption, app.error, app.warning, app.html)
    return "\n".join(str(element.value) for kind in elements for element in kind)


def draw(seed: int) -> bytes:
    return encode_jpeg(draw_fundus(FundusDrawing(400, 300, seed=seed)))


def draw_large() -> bytes:
    """More pixels than a screen shows: 2000 x 1500."""
    return encode_jpeg(cv2.resize(draw_fundus(FundusDrawing(500, 375)), (2000, 1500)))

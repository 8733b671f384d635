"""What the tests of ``grade`` share: a model whose answer is known, and a folder of drawn photographs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dr_core.model.classifier import Classifier
from tests.fakes import FakeClassifier


@pytest.fixture
def fake_model(monkeypatch) -> FakeClassifier:
    classifier = FakeClassifier()
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None, operating_point=None: classifier)
    return classifier


@pytest.fixture
def make_folder(tmp_path, fundus_jpeg) -> Callable[[int], Path]:
    """A function that fills a folder with `count` copies of a drawn photograph."""

    def make(count: int) -> Path:
        folder = tmp_path / "photographs"
        folder.mkdir()
        for number in range(count):
            (folder / f"eye_{number:02d}.jpg").write_bytes(fundus_jpeg)
        return folder

    return make

"""An engine that is not installed is told of with the remedy, before anything takes time."""

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.training import engine
from dr_core.training.batches import Tasks
from dr_core.training.plan import KERAS, TORCH, Plan


def test_missing_torch_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"requirements-train\.txt.*--engine keras"):
        engine.make_engine(Plan(engine=TORCH), None, Tasks())
    engine.check_engine(KERAS)

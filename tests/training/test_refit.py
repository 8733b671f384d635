"""What a release without its record, or with a forged one, is answered; the refit itself is in test_release."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.training.plan import Plan, Stage
from dr_core.training.refit import read_plan


def test_recorded_plan_is_read_back(tmp_path: Path) -> None:
    plan = Plan((Stage(128, 1), Stage(192, 2)), seed=5, alpha=0.35, start="earlier.keras")
    path = tmp_path / "small.model.json"
    path.write_text(json.dumps({"training": {"plan": asdict(plan)}}))
    assert read_plan(path) == plan


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"training": {"plan": {"stages": 3}}}'])
def test_release_without_a_plan_is_refused_with_its_remedy(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "small.model.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="restore it beside"):
        read_plan(path)

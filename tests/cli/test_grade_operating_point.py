"""``grade --operating-point`` from outside: the clinic's file reaches the model, or is refused."""

from pathlib import Path

import pytest

from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.model.classifier import Classifier
from dr_core.reports.operating_point import render_operating_point
from tests.cli.grading import grade

pytestmark = pytest.mark.usefixtures("fake_model")


@pytest.fixture
def operating_point(tmp_path) -> Path:
    """A file with a clinic's operating point."""
    share = Proportion(0.9, 0.8, 0.95, 60)
    point = LocalOperatingPoint(
        name="Eye van",
        version=1,
        created_utc="2026-11-23T09:00:00+00:00",
        model_sha256="b2" * 32,
        temperature=1.2,
        referable_threshold=0.3,
        wanted_sensitivity=0.9,
        sensitivity=share,
        specificity=share,
        graded_count=120,
    )
    path = tmp_path / "van.json"
    path.write_bytes(render_operating_point(point))
    return path


def test_operating_point_reaches_the_model(tmp_path, make_folder, fake_model, operating_point, monkeypatch):
    seen: list[LocalOperatingPoint] = []

    def load(model_dir: Path | None = None, *, operating_point: LocalOperatingPoint) -> Classifier:
        seen.append(operating_point)
        return fake_model

    monkeypatch.setattr(Classifier, "load", load)
    out = tmp_path / "report.csv"
    assert grade(make_folder(1), "--out", out, "--operating-point", operating_point) == 0
    assert [point.label for point in seen] == ["Eye van v1"]


def test_operating_point_that_cannot_be_read_is_a_usage_error(tmp_path, make_folder, capsys):
    (tmp_path / "other.json").write_text("{}")
    folder = make_folder(1)
    for name in ("other.json", "missing.json"):
        assert grade(folder, "--out", tmp_path / "r.csv", "--operating-point", tmp_path / name) == 2
        assert name in capsys.readouterr().err
    assert not (tmp_path / "r.csv").exists()


def test_results_of_another_operating_point_are_not_reused(
    tmp_path, make_folder, fake_model, operating_point, monkeypatch, capsys
):
    def load(model_dir=None, operating_point=None):
        fake_model.operating_point = operating_point
        return fake_model

    monkeypatch.setattr(Classifier, "load", load)
    arguments = (make_folder(2), "--out", tmp_path / "report.csv")
    with monkeypatch.context() as patched:
        patched.setattr("dr_core.cli.grading_run.format_row", lambda result: (_ for _ in ()).throw(KeyboardInterrupt))
        assert grade(*arguments) == 130
    assert grade(*arguments, "--operating-point", operating_point, "--resume") == 2
    assert "had another model or operating point" in capsys.readouterr().err
    assert grade(*arguments, "--resume") == 0
    assert "Going on: 1 are done already." in capsys.readouterr().err

"""Every photograph and every picture that is none is counted, and no photograph is named."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import field_of_view
from benchmarks.non_fundus import DRAWINGS, SIDE_PX, cut_samples, draw_non_fundus, find_samples
from dr_core.domain.results import Prediction
from dr_core.imaging.preprocess import ModelInput
from dr_core.model.spec import SideSpec
from tests.fakes import FakeClassifier, make_prediction, make_side

REFUSED = ("page of text", "grey scan", "white noise")


def test_drawings_are_the_same_every_time_and_of_every_kind():
    first, again = list(draw_non_fundus(1)), list(draw_non_fundus(1))
    assert [picture.kind for picture in first] == list(DRAWINGS)
    for one, other in zip(first, again, strict=True):
        assert one.pixels.shape == (SIDE_PX, SIDE_PX, 3)
        assert one.pixels.dtype == np.uint8
        assert np.array_equal(one.pixels, other.pixels)


class NoRetinaAnywhere(FakeClassifier):
    """A network that takes nothing for a retina."""

    def __init__(self) -> None:
        super().__init__()
        side = SideSpec((1.0, 0.0, 0.0), 0.5, 9.0, 0.9, oedema_validated=True, retina_log_odds=0.0)
        self.spec = replace(self.spec, side=side)

    def predict(self, inputs: Sequence[ModelInput]) -> list[Prediction]:
        return [make_prediction(side=make_side(retina_log_odds=-1.0)) for _ in inputs]


def test_pages_grey_scans_and_noise_are_refused_by_the_rules_alone():
    pictures = [picture for picture in draw_non_fundus(4) if picture.kind in REFUSED]
    for count in field_of_view.count_refused(field_of_view.encode_pictures(pictures), FakeClassifier()):
        assert count.by_rules == count.refused == count.n == 4, count.name


def test_what_the_network_refuses_is_counted_beside_what_the_rules_refuse(lesions_jpeg):
    files = [("retina", lesions_jpeg), ("retina", lesions_jpeg)]
    assert field_of_view.count_refused(files, FakeClassifier()) == (field_of_view.RefusedCount("retina", 2, 0, 0, 0),)
    assert field_of_view.count_refused(files, NoRetinaAnywhere()) == (field_of_view.RefusedCount("retina", 2, 0, 2, 0),)


def test_a_file_that_cannot_be_read_is_no_refusal():
    with pytest.raises(RuntimeError, match="cannot be read"):
        field_of_view.count_refused([("broken", b"nothing")], FakeClassifier())


def test_sample_pictures_of_packages_are_found_and_cut():
    paths = find_samples()
    assert any(path.name == "flower.jpg" for path in paths), "scikit-learn ships two photographs"
    kinds = {picture.kind for picture in cut_samples()}
    assert kinds == {"sample picture", "sample picture, round", "sample picture, round and orange"}


@pytest.fixture
def quick(monkeypatch):
    """The command without a network to load and without the sample pictures."""
    monkeypatch.setattr(field_of_view.Classifier, "load", lambda folder: FakeClassifier())
    monkeypatch.setattr(field_of_view, "cut_samples", lambda: iter(()))


@pytest.mark.usefixtures("quick")
def test_the_command_counts_photographs_by_source(drawn_data, tmp_path, monkeypatch, capsys):
    out = tmp_path / "field.json"
    arguments = ["field_of_view.py", "--data", str(drawn_data), "--split", "val", "--limit", "3", "--drawn", "1"]
    monkeypatch.setattr("sys.argv", [*arguments, "--json", str(out)])
    assert field_of_view.main() == 0
    record = json.loads(out.read_text())
    assert record["model_name"] == "fake-v1"
    nothing = {"n": 3, "by_rules": 0, "refused": 0, "sent_back": 0}
    assert record["photographs"] == [{"name": name, **nothing} for name in ("north", "south")]
    assert sum(row["n"] for row in record["non_fundus"]) == len(DRAWINGS)
    printed = capsys.readouterr().out
    assert "| all | 6 | 0 | 0 | 0.00% | 0 | 6 |" in printed
    assert ".jpg" not in printed + out.read_text()


@pytest.mark.usefixtures("quick")
def test_only_the_other_pictures_can_be_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["field_of_view.py", "--no-photographs", "--drawn", "1", "--data", str(tmp_path)])
    assert field_of_view.main() == 0
    printed = capsys.readouterr().out
    assert "| source |" not in printed
    assert f"| all | {len(DRAWINGS)} |" in printed


@pytest.mark.parametrize("refused", [0, 1])
def test_shares_are_of_all_pictures(refused):
    assert field_of_view.RefusedCount("north", 2, 0, refused, 0).share == refused / 2

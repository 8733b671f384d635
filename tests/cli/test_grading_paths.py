"""Where ``grade`` may write its overlays: into a folder of its own, in which no photograph is left out."""

import os

import pytest

from dr_core.cli.grading_paths import check_heatmaps
from dr_core.domain.errors import ConfigurationError
from dr_core.screening.overlay_mark import name_overlay
from tests.screening.listing import JPEG_HEAD

OVERLAY = name_overlay(1, "ab" * 32)


@pytest.mark.parametrize("name", ["IM0001", "eye.jpg", "Dr. Smith OD", "eye.jpg~", "sub/IM0001", "scan.dcm"])
def test_folder_of_photographs_takes_no_overlays(tmp_path, name):
    (tmp_path / "day2" / name).parent.mkdir(parents=True)
    (tmp_path / "day2" / name).write_bytes(JPEG_HEAD)
    with pytest.raises(ConfigurationError, match=r"name a new folder for the overlays\. Found: .*day2"):
        check_heatmaps(tmp_path / "day2", [str(tmp_path)])


def test_what_cannot_be_looked_into_may_be_a_photograph(tmp_path):
    (tmp_path / "day2").mkdir()
    (tmp_path / "day2" / "IM0001").symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="name a new folder"):
        check_heatmaps(tmp_path / "day2", [str(tmp_path)])


def test_what_an_earlier_run_left_is_no_obstacle(tmp_path):
    folder = tmp_path / "heatmaps"
    check_heatmaps(folder, [str(tmp_path)])
    folder.mkdir()
    for name in (OVERLAY, f"{OVERLAY}.part"):
        (folder / name).write_bytes(JPEG_HEAD)
    # The report may lie among the overlays, and systems leave files of theirs when somebody looks at them.
    for name in ("index.csv", "index.csv.part", "report", "report.journal", "report.part", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(b"words")
    check_heatmaps(folder, [str(tmp_path)])


def test_overlays_are_not_opened(tmp_path, monkeypatch):
    (tmp_path / "heatmaps").mkdir()
    (tmp_path / "heatmaps" / OVERLAY).write_bytes(JPEG_HEAD)

    def refuse(*_: object) -> int:
        raise AssertionError("opened")

    monkeypatch.setattr(os, "open", refuse)
    check_heatmaps(tmp_path / "heatmaps", [str(tmp_path)])


def test_folder_that_is_not_graded_may_hold_anything(tmp_path):
    for name in ("graded", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "IM0001").write_bytes(JPEG_HEAD)
    check_heatmaps(tmp_path / "other", [str(tmp_path / "graded")])

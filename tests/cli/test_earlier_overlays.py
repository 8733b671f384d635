"""What a second run with one folder of overlays says of those of the first, which it leaves alone."""

from pathlib import Path

import pytest

from dr_core.cli.earlier_overlays import count_other_overlays
from dr_core.screening.overlay_mark import mark_overlay, name_overlay
from tests.cli.grading import grade, read_report

pytestmark = pytest.mark.usefixtures("fake_model")


def write_overlay(folder: Path, number: int, *, marked: bool = True) -> str:
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xd9"
    path = folder / name_overlay(number, f"{number:02d}" * 32)
    path.write_bytes(mark_overlay(jpeg) if marked else jpeg)
    return path.name


def test_overlays_of_an_earlier_run_are_counted_and_left_alone(tmp_path, make_folder, capsys):
    folder, heatmaps = make_folder(3), tmp_path / "heatmaps"
    arguments = (folder, "--out", tmp_path / "report.csv", "--heatmaps", heatmaps)
    assert grade(*arguments) == 0
    assert "other runs" not in capsys.readouterr().err
    (folder / "eye_00.jpg").unlink()
    assert grade(*arguments) == 0
    assert "1 overlay of other runs lies there as well, which index.csv does not list." in capsys.readouterr().err
    indexed = {row["overlay"] for row in read_report(heatmaps / "index.csv")}
    assert len(indexed) == 2
    assert indexed < {path.name for path in heatmaps.glob("*.jpg")}


def test_only_marked_overlays_count(tmp_path):
    own, other = write_overlay(tmp_path, 1), write_overlay(tmp_path, 2)
    write_overlay(tmp_path, 3, marked=False)
    for name in ("eye.jpg", "000004_abcdefabcdef.png", "000005_abcdefabcdef.jpg.part"):
        (tmp_path / name).write_bytes((tmp_path / other).read_bytes())
    (tmp_path / name_overlay(6, "66" * 32)).mkdir()
    assert count_other_overlays(tmp_path, {own}) == 1
    assert count_other_overlays(tmp_path / "nowhere", {own}) == 0

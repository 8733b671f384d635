"""``grade`` on DICOM files: the photograph inside is graded, and what holds none gets its row."""

import pytest

from tests.cli.grading import grade, read_report
from tests.dicom_files import wrap_jpeg

pytestmark = pytest.mark.usefixtures("fake_model")


@pytest.mark.parametrize("name", ["1.2.840.10008.5", "export"])
def test_dicom_file_without_extension_gets_its_row(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(bytes(128) + b"DICM" + bytes(500))
    assert grade(tmp_path / "in", "--out", tmp_path / "report.csv") == 0
    (row,) = read_report(tmp_path / "report.csv")
    assert row["status"] == "failed"
    assert "DICOM file is damaged" in row["error"]


def test_dicom_file_is_graded_as_the_photograph_that_it_holds(tmp_path, fundus_jpeg, capfd):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "alone.jpg").write_bytes(fundus_jpeg)
    (tmp_path / "in" / "IM000001").write_bytes(wrap_jpeg(fundus_jpeg, eye="L"))
    assert grade(tmp_path / "in", "--out", tmp_path / "report.csv") == 0
    inside, alone = read_report(tmp_path / "report.csv")
    assert (inside["status"], inside["eye"], alone["eye"]) == ("graded", "OS", "")
    told_apart = {"file", "eye", "sha256", "seconds"}
    assert {key: inside[key] for key in inside if key not in told_apart} == {
        key: alone[key] for key in alone if key not in told_apart
    }
    assert "Secretname" not in (tmp_path / "report.csv").read_text() + "".join(capfd.readouterr())

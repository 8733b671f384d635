"""``grade --fhir``: a bundle for every row of the report, complete or not at all, over nothing but its own files."""

import json
import os
from pathlib import Path

import pytest

from dr_core.cli import grading_run
from dr_core.cli.grading_paths import check_fhir
from dr_core.domain.errors import ConfigurationError
from dr_core.reports.csv import CSV_COLUMNS
from dr_core.reports.fhir import FHIR_LINE_START, render_fhir_lines
from tests.cli.grading import grade, read_report
from tests.fakes import make_graded, make_operating_point
from tests.hostile import make_hostile_folder
from tests.made_screenings import make_result, read_as
from tests.screening.listing import JPEG_HEAD

pytestmark = pytest.mark.usefixtures("fake_model")


def read_observations(path: Path) -> list[dict[str, object]]:
    """The program's observation of each line."""
    bundles = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    observations = []
    for bundle in bundles:
        (observation,) = (
            entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Observation"
        )
        observations.append(observation)
    return observations


def test_hostile_folder_gives_one_bundle_for_each_row_and_names_no_file(tmp_path, fundus_jpeg, capfd):
    made = make_hostile_folder(tmp_path / "hostile", fundus_jpeg)
    out, fhir = tmp_path / "report.csv", tmp_path / "report.ndjson"
    assert grade(made.path, "--out", out, "--fhir", fhir) == 0
    assert f"FHIR: {fhir}" in capfd.readouterr().err
    rows, observations = read_report(out), read_observations(fhir)
    assert len(rows) == len(observations) == len(made.rows)
    for number, (row, observation) in enumerate(zip(rows, observations, strict=True), start=1):
        values = [str(number), row["sha256"]] if row["sha256"] else [str(number)]
        assert [item["value"] for item in observation["identifier"]] == values
        assert observation["status"] == ("cancelled" if row["status"] == "failed" else "preliminary")
        assert ("valueCodeableConcept" in observation) == bool(row["grade"])
        assert ("dataAbsentReason" in observation) != bool(row["grade"])
        if row["status"] == "failed":
            assert {"text": row["error"]} in observation["note"]
    assert str(made.path) not in fhir.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile", "report.csv", "report.ndjson"]


def test_a_run_that_was_stopped_leaves_the_older_file_and_ends_with_all_bundles(
    tmp_path, make_folder, fake_model, monkeypatch, capsys
):
    folder, fhir = make_folder(6), tmp_path / "report.ndjson"
    arguments = (folder, "--out", tmp_path / "report.csv", "--fhir", fhir)
    older = render_fhir_lines([make_graded()])
    fhir.write_bytes(older)
    write = grading_run.format_fhir_line

    def interrupt(result: object, row: int, **options: object) -> str:
        if row == 4:
            raise KeyboardInterrupt
        return write(result, row, **options)

    with monkeypatch.context() as patched:
        patched.setattr(grading_run, "format_fhir_line", interrupt)
        assert grade(*arguments) == 130
    assert "--resume" in capsys.readouterr().err
    assert fhir.read_bytes() == older
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "report.csv.journal", "report.ndjson"]
    calls = fake_model.calls
    assert grade(*arguments, "--resume") == 0
    assert fake_model.calls - calls == 2
    assert [item["identifier"][0]["value"] for item in read_observations(fhir)] == ["1", "2", "3", "4", "5", "6"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "report.csv", "report.ndjson"]


def test_fhir_can_be_asked_for_when_a_run_is_gone_on_with(tmp_path, make_folder, fake_model, monkeypatch):
    folder, fhir = make_folder(3), tmp_path / "report.ndjson"
    with monkeypatch.context() as patched:
        patched.setattr("dr_core.cli.grading_run.format_row", lambda result: (_ for _ in ()).throw(KeyboardInterrupt))
        assert grade(folder, "--out", tmp_path / "report.csv") == 130
    assert grade(folder, "--out", tmp_path / "report.csv", "--resume", "--fhir", fhir) == 0
    assert len(read_observations(fhir)) == 3


def test_file_among_the_photographs_is_no_other_file_of_the_next_run(tmp_path, make_folder, capsys):
    folder = make_folder(2)
    for _ in range(2):
        assert grade(folder, "--out", folder / "report.csv", "--fhir", folder / "report.ndjson") == 0
        assert "Other files" not in capsys.readouterr().err
    assert len(read_observations(folder / "report.ndjson")) == 2


def test_the_clinics_operating_point_is_quoted(tmp_path, make_folder, fake_model, monkeypatch):
    fake_model.operating_point = make_operating_point()
    seen = []
    monkeypatch.setattr(
        "dr_core.cli.grading_run.format_fhir_line", lambda result, row, operating_point: seen.append(operating_point)
        or "{}\n"
    )  # fmt: skip
    assert grade(make_folder(1), "--out", tmp_path / "report.csv", "--fhir", tmp_path / "report.ndjson") == 0
    assert seen == [make_operating_point()]


def test_usage_errors_have_status_2_and_grade_nothing(tmp_path, make_folder, fake_model, capsys):
    path, out = make_folder(1) / "eye_00.jpg", tmp_path / "r.csv"
    (tmp_path / "folder.ndjson").mkdir()
    os.mkfifo(tmp_path / "pipe.ndjson")
    (tmp_path / "link.csv").symlink_to("same.ndjson")
    (tmp_path / "link.ndjson").symlink_to("elsewhere.csv")
    (tmp_path / "patients.ndjson").write_text('{"resourceType":"Patient"}\n')
    for report, fhir, message in [
        (out, tmp_path / "nowhere" / "r.ndjson", "folder of --fhir does not exist"),
        (out, tmp_path / "folder.ndjson", "--fhir is a folder"),
        (out, tmp_path / "pipe.ndjson", "pipe or a device"),
        (out, path, "--fhir is named like a photograph"),
        (out, out, "let its name end in .ndjson"),
        (out, tmp_path / "r.json", "let its name end in .ndjson"),
        (out, tmp_path / "r.csv.journal", "let its name end in .ndjson"),
        (out, tmp_path / "link.ndjson", "let its name end in .ndjson"),
        (tmp_path / "same.ndjson", tmp_path / "same.ndjson", "end in .csv or .parquet"),
        (tmp_path / "link.csv", tmp_path / "same.ndjson", "--fhir is the file of --out"),
        (out, "-", "standard output (--fhir -)"),
        (out, tmp_path / "patients.ndjson", "delete the file first"),
        (out, tmp_path / ("x" * 246 + ".ndjson"), "choose another place with --fhir"),
        (out, tmp_path / ("x" * 300 + ".ndjson"), "choose shorter names"),
    ]:
        assert grade(path, "--out", report, "--fhir", fhir) == 2, message
        assert message in capsys.readouterr().err
    assert fake_model.calls == 0
    assert (tmp_path / "patients.ndjson").read_text() == '{"resourceType":"Patient"}\n'
    assert not out.exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    "content",
    [
        JPEG_HEAD,
        ",".join(CSV_COLUMNS).encode() + b"\n",
        f'{FHIR_LINE_START}"entry":[]}}\n'.encode(),
        # Of the Batch page, with what persons have read, however far behind.
        render_fhir_lines([make_result()] * 300 + [read_as(make_result(), None)] + [make_result()] * 300),
    ],
    ids=["photograph", "csv", "foreign", "read"],
)
def test_what_this_command_did_not_write_is_never_replaced(tmp_path, content):
    fhir = tmp_path / "patients.ndjson"
    fhir.write_bytes(content)
    with pytest.raises(ConfigurationError, match="delete the file first"):
        check_fhir(fhir, tmp_path / "r.csv", [])
    assert fhir.read_bytes() == content


@pytest.mark.parametrize("content", [b"", render_fhir_lines([make_result()] * 300)], ids=["empty", "earlier"])
def test_earlier_fhir_is_replaced_unless_it_is_to_be_graded(tmp_path, content):
    fhir = tmp_path / "report.NDJSON"
    fhir.write_bytes(content)
    check_fhir(fhir, tmp_path / "r.csv", [str(tmp_path)])
    with pytest.raises(ConfigurationError, match="a file to be graded"):
        check_fhir(fhir, tmp_path / "r.csv", [str(fhir)])

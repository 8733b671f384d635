"""The JSON of one result."""

import json

import pytest

from dr_core.domain.grades import Grade
from dr_core.reports.json import format_json
from tests.fakes import make_detailed, make_failed, make_graded, make_operating_point, make_ungradable
from tests.made_screenings import make_result, read_as


def test_graded_result_is_complete_and_not_rounded():
    result = make_graded('eye \u00e9\u4e2d "quoted" </script>.jpg')
    document = json.loads(format_json(result))
    assert document["file"] == result.name
    assert document["status"] == "graded"
    assert document["decision"]["grade"] == 2
    assert document["decision"]["follow_up"]["source"]
    assert document["prediction"]["p_grade"] == list(result.prediction.probabilities)
    assert document["prediction"]["p_referable"] == result.prediction.p_referable
    assert document["provenance"]["photograph_sha256"] == result.provenance.photograph_sha256
    assert document["advice"] is None
    assert document["error"] is None


def test_ungradable_result_has_advice_and_no_decision():
    document = json.loads(format_json(make_ungradable()))
    assert document["decision"] is None
    assert document["prediction"] is None
    assert document["advice"] == "Retake the photograph or refer for an eye examination"
    assert [entry["defect"] for entry in document["quality"]["defects"]] == ["blur", "dark"]
    assert all(entry["advice"] for entry in document["quality"]["defects"])
    assert document["quality"]["hidden_share"] is None


def test_failed_result_says_why():
    document = json.loads(format_json(make_failed()))
    assert document["error"].startswith("The file is empty")
    assert document["width"] is None
    assert document["quality"] is None


@pytest.mark.parametrize("result", [make_graded(), make_ungradable(), make_failed()], ids=lambda r: r.status.value)
def test_intended_use_goes_with_every_result(result):
    text = format_json(result)
    document = json.loads(text)
    assert "not a diagnosis" in document["intended_use"]
    assert "Macular oedema not assessed." in document["notes"]
    assert text.isascii()
    assert text.endswith("}\n")


def test_everything_beside_the_grade_is_there_and_the_maps_are_not():
    text = format_json(make_detailed(), make_operating_point())
    document = json.loads(text)
    assert document["eye_seen"] == "OS"
    assert document["eye_conflict"] is True
    assert document["prediction"]["side"] == {
        "p_gradable": 0.93, "unfamiliarity": 1.5, "p_right_eye": 0.98, "p_oedema_risk": 0.12,
    }  # fmt: skip
    assert document["decision"]["grade_set"] == [1, 2]
    assert document["decision"]["coverage"] == 0.9
    assert len(document["decision"]["review"]) == 2
    assert document["decision"]["operating_point"] == "North clinic v2"
    assert document["needs_reader"] is True
    assert len(document["checks"]) == 2
    assert any("182 of this clinic's photographs" in note for note in document["notes"])
    assert "lesion" not in text


def test_what_a_model_does_not_say_is_null():
    document = json.loads(format_json(make_graded()))
    assert document["prediction"]["side"] is None
    assert document["decision"]["coverage"] is None
    assert document["decision"]["operating_point"] is None
    assert document["eye_seen"] is None


def test_a_reading_stands_beside_the_programs_decision():
    assert json.loads(format_json(make_result()))["reading"] is None
    read = json.loads(format_json(read_as(make_result(Grade.MODERATE_NPDR), Grade.MILD_NPDR, note="one dot")))
    assert read["decision"]["grade"] == 2
    assert read["reading"] == {
        "grade": 1,
        "grade_name": "Mild NPDR",
        "referable": False,
        "agrees": False,
        "needs_second_reader": True,
        "follow_up": read["reading"]["follow_up"],
        "reader": "A. Reader",
        "note": "one dot",
        "read_utc": "2026-01-02T03:04:05+00:00",
        "read_blind": False,
    }
    assert read["reading"]["follow_up"]["interval"] == "in 6-12 months"
    refused = json.loads(format_json(read_as(make_result(), None)))["reading"]
    assert (refused["grade"], refused["referable"], refused["follow_up"]) == (None, None, None)

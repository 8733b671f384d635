"""The JSON of one result."""

import json

import pytest

from dr_core.reports.json import format_json
from tests.fakes import make_failed, make_graded, make_ungradable


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

"""The FHIR bundle is valid R4, and never lets a program's grade pass for a reader's."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Laterality
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.results import ScreeningResult, Status
from dr_core.reports.fhir import render_fhir
from dr_core.reports.fhir_resources import OUR_CODES
from tests.fakes import make_detailed, make_operating_point
from tests.made_screenings import REFUSAL, make_result, read_as

OD, OS = Laterality.OD, Laterality.OS
CREATED = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RESERVED_FOR_CLEARED_SOFTWARE = "105914-6"
HOSTILE = "<script>alert(1)</script>\u202e\x00\n" + "x" * 5000


def render(*results: ScreeningResult) -> dict[str, list[dict[str, Any]]]:
    """Resources by type, after every one has passed the validation of FHIR R4."""
    text = render_fhir(results, created=CREATED)
    bundle = json.loads(text)
    get_fhir_model_class("Bundle").model_validate_json(text)
    by_type: dict[str, list[dict[str, Any]]] = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        by_type.setdefault(resource["resourceType"], []).append(resource)
    return by_type


def list_systems(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["system"]} if isinstance(value.get("system"), str) else set()
        return own.union(*map(list_systems, value.values()))
    return set().union(*map(list_systems, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize(
    "results",
    [
        (make_result(eye=OD),),
        (make_result(eye=OD), make_result(Grade.NO_DR, eye=OS, sha256="ef" * 32)),
        (make_result(status=Status.UNGRADABLE),),
        (make_result(status=Status.FAILED, sha256=""),),
        (make_detailed(),),
        (read_as(make_result(eye=OS), Grade.PROLIFERATIVE_DR, note="See at once"),),
        (read_as(make_result(eye=OS), None),),
    ],
)
def test_every_visit_is_valid_and_complete(results):
    resources = render(*results)
    observations = resources["Observation"]
    assert len(observations) == len(results) + sum(result.reading is not None for result in results)
    (report,), (device,) = resources["DiagnosticReport"], resources["Device"]
    found = {f"urn:uuid:{observation['id']}" for observation in observations}
    assert {reference["reference"] for reference in report["result"]} == found
    assert {item["device"]["reference"] for item in observations if "device" in item} == {f"urn:uuid:{device['id']}"}


@pytest.mark.parametrize("grade", list(Grade))
def test_the_programs_grade_is_preliminary_and_in_our_own_words(grade):
    (observation,) = render(make_result(grade, eye=OD))["Observation"]
    assert observation["status"] == "preliminary"
    assert observation["valueCodeableConcept"]["coding"] == [
        {"system": OUR_CODES, "code": f"icdr-{grade:d}", "display": grade.label}
    ]
    assert LOINC not in list_systems(observation)
    shares = {item["code"]["coding"][0]["code"]: item.get("valueQuantity", {}) for item in observation["component"]}
    assert shares[f"p-icdr-{grade:d}"]["value"] == pytest.approx(0.8)


@pytest.mark.parametrize(("eye", "code"), [(OD, "71491-5"), (OS, "71490-7")])
@pytest.mark.parametrize(
    ("grade", "answer", "snomed"),
    [
        (Grade.NO_DR, "LA18643-9", None),
        (Grade.MILD_NPDR, "LA18644-7", "312903003"),
        (Grade.MODERATE_NPDR, "LA18645-4", "312904009"),
        (Grade.SEVERE_NPDR, "LA18646-2", "312905005"),
        (Grade.PROLIFERATIVE_DR, "LA18648-8", "59276001"),
    ],
)
def test_a_readers_grade_has_the_standard_codes(eye, code, grade, answer, snomed):
    software, reader = render(read_as(make_result(grade, eye=eye), grade))["Observation"]
    assert reader["status"] == "final"
    assert reader["code"]["coding"] == [{"system": LOINC, "code": code}]
    expected = [{"system": LOINC, "code": answer}]
    expected += [{"system": SNOMED, "code": snomed}] if snomed else []
    assert reader["valueCodeableConcept"]["coding"] == expected
    assert reader["derivedFrom"] == [{"reference": f"urn:uuid:{software['id']}"}]
    assert reader["performer"] == [{"display": "A. Reader"}]
    assert "device" not in reader


def test_a_reading_that_a_second_person_should_look_at_is_not_final():
    resources = render(read_as(make_result(Grade.SEVERE_NPDR, eye=OD), Grade.NO_DR))
    assert [item["status"] for item in resources["Observation"]] == ["preliminary", "preliminary"]
    assert resources["DiagnosticReport"][0]["status"] == "preliminary"


def test_a_report_is_final_once_every_eye_is_read():
    right = read_as(make_result(Grade.NO_DR, eye=OD), Grade.NO_DR)
    left = make_result(Grade.NO_DR, eye=OS, sha256="ef" * 32)
    assert render(right, left)["DiagnosticReport"][0]["status"] == "preliminary"
    assert render(right, read_as(left, Grade.NO_DR))["DiagnosticReport"][0]["status"] == "final"


def test_what_was_not_graded_has_a_reason_and_no_value():
    quality = QualityReport(False, 0.1, (Defect.BLUR,))
    (ungradable,) = render(replace(make_result(status=Status.UNGRADABLE), quality=quality))["Observation"]
    (failed,) = render(make_result(status=Status.FAILED, sha256=""))["Observation"]
    assert ungradable["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    assert failed["dataAbsentReason"]["coding"][0]["code"] == "error"
    assert failed["status"] == "cancelled"
    assert not any(name.startswith("value") for name in (*ungradable, *failed))
    assert {"text": "Ungradable: blur."} in ungradable["note"]
    assert failed["note"] == [{"text": REFUSAL}]


def test_a_visit_of_which_nothing_could_be_read_has_no_report_to_wait_for():
    failed = make_result(status=Status.FAILED, sha256="")
    assert render(failed)["DiagnosticReport"][0]["status"] == "cancelled"
    assert render(failed, make_result(eye=OS))["DiagnosticReport"][0]["status"] == "preliminary"


def test_a_reader_may_call_it_ungradable():
    _, reader = render(read_as(make_result(eye=OD), None))["Observation"]
    assert reader["dataAbsentReason"]["text"] == "Ungradable"
    assert "valueCodeableConcept" not in reader


def test_nothing_says_whose_eyes_they_are():
    result = make_result(eye=OD, name="Doe_Jane_1956-03-02_OD.jpg")
    text = render_fhir([result], created=CREATED)
    assert "Doe" not in text
    assert "1956" not in text
    assert '"subject"' not in text
    assert RESERVED_FOR_CLEARED_SOFTWARE not in text


def test_an_eye_that_nobody_named_gets_no_code_of_an_eye():
    software, reader = render(read_as(make_result(eye=None), Grade.NO_DR))["Observation"]
    assert software["bodySite"] == {"text": "Eye not stated"}
    assert "coding" not in reader["code"]


def test_hostile_notes_and_names_stay_text():
    result = read_as(make_result(eye=OD), Grade.NO_DR, note=HOSTILE)
    result = replace(result, reading=replace(result.reading, reader=HOSTILE))
    _, reader = render(result)["Observation"]
    for text in (reader["note"][0]["text"], reader["performer"][0]["display"]):
        assert text.isprintable()
        assert len(text) <= 1000


def test_the_same_visit_gives_the_same_bundle_and_another_one_other_identifiers():
    result = make_result(eye=OD)
    assert render_fhir([result], created=CREATED) == render_fhir([result], created=CREATED)
    (first,), (second,) = render(result)["Observation"], render(make_result(eye=OD, sha256="ef" * 32))["Observation"]
    assert first["id"] != second["id"]
    both = render(result, make_result(eye=OS))["Observation"]
    assert both[0]["id"] != both[1]["id"]


def test_the_clinics_operating_point_is_quoted():
    point = make_operating_point()
    result = make_detailed()
    text = render_fhir([result], created=CREATED, operating_point=point)
    assert point.name in text


@pytest.mark.parametrize("count", [0, 3])
def test_a_visit_has_one_or_two_photographs(count):
    with pytest.raises(ValueError, match="one or two"):
        render_fhir([make_result()] * count)

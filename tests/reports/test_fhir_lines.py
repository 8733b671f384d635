"""A batch as FHIR, a bundle a line: loadable as it stands, none lost, and no grade where there is none."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import ReviewReason, ScreeningResult, Status
from dr_core.reports.fhir import FHIR_LINE_START, FHIR_READING_MARK, format_fhir_line, render_fhir_lines
from dr_core.screening.result_codec import decode_result, encode_result
from tests.fakes import make_detailed, make_operating_point, make_ungradable
from tests.made_screenings import REFUSAL, add_findings, make_result, read_as

OD, OS = Laterality.OD, Laterality.OS
UNREADABLE = make_result(status=Status.FAILED, sha256="")
RESERVED_FOR_CLEARED_SOFTWARE = "105914-6"


def read_lines(*results: ScreeningResult) -> list[dict[str, list[dict[str, Any]]]]:
    """Resources by type, line by line, after each bundle has passed the validation of FHIR R4."""
    data = render_fhir_lines(results)
    assert data.endswith(b"\n")
    read = []
    for line in data.decode("ascii").splitlines():
        assert line.startswith(FHIR_LINE_START)
        get_fhir_model_class("Bundle").model_validate_json(line)
        by_type: dict[str, list[dict[str, Any]]] = {}
        for entry in json.loads(line)["entry"]:
            resource = entry["resource"]
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            by_type.setdefault(resource["resourceType"], []).append(resource)
        read.append(by_type)
    return read


def find_all(value: Any, name: str) -> list[Any]:
    """Every value that stands under `name`, however deep."""
    if isinstance(value, dict):
        own = [value[name]] if name in value else []
        return own + [found for item in value.values() for found in find_all(item, name)]
    return [found for item in value for found in find_all(item, name)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "result",
    [
        make_result(eye=OD),
        make_detailed(),
        make_ungradable(),
        UNREADABLE,
        read_as(make_result(eye=OS), Grade.NO_DR, note="See again"),
        read_as(make_result(), None),
    ],
)
def test_every_line_is_a_transaction_that_a_server_takes_as_it_stands(result):
    read_lines(result)
    bundle = json.loads(format_fhir_line(result, 1))
    assert bundle["type"] == "transaction"
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
        assert "fullUrl" not in entry
    # Not every server puts its own in the place of urn:uuid for a resource that is PUT.
    references = set(find_all(bundle, "reference"))
    assert references
    assert references <= {entry["request"]["url"] for entry in bundle["entry"]}


def test_line_and_row_have_the_same_number_and_nothing_is_lost():
    copies = (make_result(name="a.jpg"), make_result(name="b.jpg"))
    lines = read_lines(*copies, UNREADABLE, make_result(status=Status.UNGRADABLE), UNREADABLE)
    observations = [observation for line in lines for observation in line["Observation"]]
    assert [item["identifier"][0]["value"] for item in observations] == ["1", "2", "3", "4", "5"]
    assert [len(item["identifier"]) for item in observations] == [2, 2, 1, 2, 1]
    # A server that is given two of one identifier keeps one.
    for kind in ("Observation", "DiagnosticReport"):
        assert len({line[kind][0]["id"] for line in lines}) == len(lines)
    assert len({line["Device"][0]["id"] for line in lines}) == 1


def test_the_programs_grade_is_preliminary_and_a_readers_final():
    graded, read = read_lines(make_result(Grade.NO_DR, eye=OD), read_as(make_result(eye=OD), Grade.SEVERE_NPDR))
    assert [item["status"] for item in graded["Observation"]] == ["preliminary"]
    assert [item["status"] for item in read["Observation"]] == ["preliminary", "final"]
    assert [line["DiagnosticReport"][0]["status"] for line in (graded, read)] == ["preliminary", "final"]


def test_what_is_read_later_or_otherwise_takes_the_place_of_what_was_loaded_before():
    result = make_result(eye=OD)
    second = replace(
        result, reading=replace(read_as(result, Grade.NO_DR).reading, read_utc="2026-01-03T03:04:05+00:00")
    )
    unread, once, again = (
        read_lines(result)[0],
        read_lines(read_as(result, Grade.SEVERE_NPDR))[0],
        read_lines(second)[0],
    )
    assert len({line["DiagnosticReport"][0]["id"] for line in (unread, once, again)}) == 1
    assert len({line["Observation"][0]["id"] for line in (unread, once, again)}) == 1
    assert len({line["Observation"][1]["id"] for line in (once, again)}) == 1


def test_what_has_no_grade_says_why_and_has_no_number_either():
    researched, failed = read_lines(make_ungradable(with_prediction=True), UNREADABLE)
    (ungradable,), (unread,) = researched["Observation"], failed["Observation"]
    assert (ungradable["status"], unread["status"]) == ("preliminary", "cancelled")
    assert [item["dataAbsentReason"]["text"] for item in (ungradable, unread)] == ["Ungradable", "Not graded"]
    assert failed["DiagnosticReport"][0]["status"] == "cancelled"
    assert unread["note"] == [{"text": REFUSAL}]
    for item in (ungradable, unread):
        assert not find_all(item, "valueCodeableConcept") + find_all(item, "component")


def test_one_photograph_is_never_told_as_the_worse_of_two_eyes():
    doubted = add_findings(make_result(Grade.MILD_NPDR, eye=OS), review=(ReviewReason.UNFAMILIAR,))
    (clear, unsure) = read_lines(make_result(Grade.NO_DR, eye=OD), doubted)
    assert clear["DiagnosticReport"][0]["conclusion"].startswith(
        "Re-screen. The right eye (OD) has no apparent DR. Re-screen: "
    )
    assert unsure["DiagnosticReport"][0]["conclusion"].startswith(
        "Needs a reader. Have a person read the photograph first. Its grade confirmed, the left eye (OS) has mild NPDR."
    )


def test_nothing_says_whose_eyes_they_are():
    text = render_fhir_lines([make_result(eye=OD, name="Doe_Jane_1956-03-02_OD.jpg")]).decode()
    assert not [word for word in ("Doe", "1956", '"subject"', RESERVED_FOR_CLEARED_SOFTWARE) if word in text]


def test_a_result_from_the_journal_gives_the_same_line():
    for result in (make_detailed(), make_ungradable(with_prediction=True)):
        kept = decode_result(json.loads(json.dumps(encode_result(result))))
        assert format_fhir_line(kept, 3) == format_fhir_line(result, 3)


def test_a_readers_grade_marks_its_line_and_no_words_of_theirs_do():
    result = make_result(eye=None)
    assert FHIR_READING_MARK in format_fhir_line(read_as(result, None), 1)
    forged = replace(make_result(status=Status.FAILED), error=f"\n{FHIR_LINE_START} {FHIR_READING_MARK}")
    assert FHIR_READING_MARK not in format_fhir_line(forged, 1)
    assert format_fhir_line(forged, 1).count("\n") == 1


def test_the_clinics_operating_point_is_quoted():
    point = make_operating_point()
    assert point.name in format_fhir_line(make_detailed(), 1, operating_point=point)

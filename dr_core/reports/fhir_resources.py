"""What FHIR R4 says of photographs, resource by resource: what the program found, and what a reader says of it.

The program's grade is preliminary and carries codes of our own; LOINC's codes for the severity of diabetic retinopathy
by ophthalmoscopy, and a final status, are for a reader's grade alone. Nothing says whose eyes these are: the receiving
system knows the patient, and adds the subject.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import dr_core
from dr_core.domain.grades import GRADE_COUNT, Grade
from dr_core.domain.intended_use import INTENDED_USE
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.photograph import Laterality
from dr_core.domain.reading import UNGRADABLE_LABEL, Reading
from dr_core.domain.results import Decision, Prediction, ScreeningResult, Status
from dr_core.domain.second_look import needs_second_reader
from dr_core.reports.wording import (
    clean_text,
    describe_oedema,
    describe_operating_point,
    describe_quality,
    name_eye,
)
from dr_core.screening.visit import summarise_visit

__all__ = ["OUR_CODES", "Resource", "describe_visit", "make_address", "make_url"]

Resource = dict[str, Any]

# Ours, and nobody else's: a grade from here must not pass for a code that another system already acts upon.
OUR_CODES = f"urn:uuid:{uuid5(NAMESPACE_URL, 'RetinaDesk codes')}"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
ABSENT, CATEGORY = (
    "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "http://terminology.hl7.org/CodeSystem/observation-category",
)
# Diabetic retinopathy severity level by ophthalmoscopy, of each eye, and LOINC's answers for grades 0 to 4.
SEVERITY_BY_EYE = {Laterality.OD: "71491-5", Laterality.OS: "71490-7"}
SEVERITY_ANSWERS = ("LA18643-9", "LA18644-7", "LA18645-4", "LA18646-2", "LA18648-8")
SNOMED_GRADES = {
    Grade.MILD_NPDR: "312903003",
    Grade.MODERATE_NPDR: "312904009",
    Grade.SEVERE_NPDR: "312905005",
    Grade.PROLIFERATIVE_DR: "59276001",
}
SNOMED_EYES = {Laterality.OD: ("18944008", "Right eye structure"), Laterality.OS: ("8966001", "Left eye structure")}
MAX_NOTE_LENGTH = 1000


def describe_visit(
    results: Sequence[ScreeningResult], issued: str, *, point: LocalOperatingPoint | None, row: int | None = None
) -> list[Resource]:
    """Return a DiagnosticReport, the program as a Device, and an Observation of each photograph and of each reading.

    Args:
        results: of one photograph, or of both eyes of one patient.
        issued: ISO 8601 time of the report, with its zone.
        point: the clinic's own operating point in use; its figures are quoted where a decision rests on it.
        row: of the batch's report, from 1, where the photograph is one of a batch: names a file that nobody could read,
            and tells two copies of one photograph apart. Resources of a batch call each other by their place on a
            server (`make_url`), those of a visit by their identifier alone (`make_address`).

    Raises:
        ValueError: there are no results, or more than two.
    """
    visit = summarise_visit(list(results))
    call = make_address if row is None else make_url
    device = _describe_device(results)
    findings: list[str] = []
    observations: list[Resource] = []
    for number, result in enumerate(visit.results):
        named = _identify(result, row)
        place = str(number) if row is None else f"row {row}"
        found = _describe_finding(result, named, place=place, device=call(device), point=point)
        findings.append(found["id"])
        observations.append(found)
        if result.reading is not None:
            observations.append(_describe_reading(result, result.reading, named, found=found, source=call(found)))
    report = {
        "resourceType": "DiagnosticReport",
        # Once somebody has read the photographs it is the same report still, and takes the place of the earlier one.
        "id": _make_id("report", *findings),
        "status": _find_status(results),
        "code": _concept("Diabetic retinopathy screening", ours="screening"),
        "issued": issued,
        "result": [{"reference": call(item)} for item in observations],
        "conclusion": " ".join([f"{visit.outcome.value}.", visit.summary, *visit.concerns]),
    }
    return [report, device, *observations]


def make_address(resource: Mapping[str, Any]) -> str:
    """Return what other resources of a bundle call this one, which no server knows yet."""
    return f"urn:uuid:{resource['id']}"


def make_url(resource: Mapping[str, Any]) -> str:
    """Return where a server keeps this resource, from its base."""
    return f"{resource['resourceType']}/{resource['id']}"


def _describe_device(results: Sequence[ScreeningResult]) -> Resource:
    provenance = next((item.provenance for item in results if item.provenance.model_sha256), results[0].provenance)
    versions = [("software", provenance.package_version or dr_core.__version__)]
    if provenance.model_name:
        versions.append(("model", f"{provenance.model_name} {provenance.model_sha256}"))
        versions.append(("preprocessing", provenance.preprocessing_version))
    return {
        "resourceType": "Device",
        "id": _make_id("device", *(value for _, value in versions)),
        "deviceName": [{"name": "RetinaDesk", "type": "user-friendly-name"}],
        "version": [{"type": {"text": kind}, "value": value} for kind, value in versions if value],
        "note": [{"text": INTENDED_USE}],
    }


def _describe_finding(
    result: ScreeningResult, named: list[Resource], *, place: str, device: str, point: LocalOperatingPoint | None
) -> Resource:
    """Return what the program says of one photograph; never final, and never in LOINC's words."""
    failed = result.status is Status.FAILED
    notes = [result.error] if failed else [describe_oedema(result), describe_operating_point(result, point)]
    if result.quality is not None:
        notes.insert(0, describe_quality(result.quality))
    observation = {
        "resourceType": "Observation",
        "id": _make_id("finding", place, result.provenance.photograph_sha256, result.provenance.created_utc),
        "identifier": named,
        "status": "cancelled" if failed else "preliminary",
        "category": [_concept("Imaging", system=CATEGORY, code="imaging")],
        "code": _concept(
            "Diabetic retinopathy severity by software, not confirmed by a reader", ours="grade-by-software"
        ),
        "bodySite": _name_site(result.laterality),
        "issued": result.provenance.created_utc,
        "device": {"reference": device},
        "note": [{"text": note} for note in notes if note],
        **_state_program_grade(result),
    }
    return _drop_empty(observation)


def _state_program_grade(result: ScreeningResult) -> Resource:
    decision, prediction = result.decision, result.prediction
    if decision is None or prediction is None:
        reason = "error" if result.status is Status.FAILED else "not-performed"
        words = "Not graded" if result.status is Status.FAILED else UNGRADABLE_LABEL
        return {"dataAbsentReason": _concept(words, system=ABSENT, code=reason)}
    return {
        "valueCodeableConcept": _concept(decision.grade.label, ours=f"icdr-{decision.grade:d}"),
        "component": _list_components(decision, prediction),
    }


def _list_components(decision: Decision, prediction: Prediction) -> list[Resource]:
    shares = [
        (f"p-icdr-{grade:d}", f"Probability of {grade.label}", prediction.probabilities[grade]) for grade in Grade
    ]
    shares.append(("p-referable", "Probability of referable diabetic retinopathy", prediction.p_referable))
    shares.append(("referable-threshold", "Threshold of referable diabetic retinopathy", decision.referable_threshold))
    components: list[Resource] = [
        {"code": _concept(words, ours=code), "valueQuantity": _share(value)} for code, words, value in shares
    ]
    referable = _concept("Referable diabetic retinopathy", ours="referable")
    components.append({"code": referable, "valueBoolean": bool(decision.referable)})
    if 0 < len(decision.grade_set) < GRADE_COUNT:
        fitting = ", ".join(grade.label for grade in decision.grade_set)
        components.append({"code": _concept("Grades that fit", ours="grade-set"), "valueString": fitting})
    return components


def _describe_reading(
    result: ScreeningResult, reading: Reading, named: list[Resource], *, found: Resource, source: str
) -> Resource:
    """Return the reader's grade; final, unless a second reader is to look; `source` is its reference to `found`."""
    eye, grade = result.laterality, reading.grade
    words = "Diabetic retinopathy severity level by ophthalmoscopy"
    note = clean_text(reading.note, max_length=MAX_NOTE_LENGTH)
    reader = clean_text(reading.reader)
    observation = {
        "resourceType": "Observation",
        "id": _make_id("reading", found["id"]),
        "identifier": named,
        "status": "preliminary" if needs_second_reader(result) else "final",
        "category": [_concept("Imaging", system=CATEGORY, code="imaging")],
        "code": _concept(words, system=LOINC, code=SEVERITY_BY_EYE[eye]) if eye else _concept(words),
        "bodySite": _name_site(eye),
        "issued": reading.read_utc,
        "performer": [{"display": reader}] if reader else [],
        "derivedFrom": [{"reference": source}],
        "note": [{"text": note}] if note else [],
    }
    if grade is None:
        observation["dataAbsentReason"] = _concept(UNGRADABLE_LABEL, system=ABSENT, code="not-performed")
    else:
        value = _concept(grade.label, system=LOINC, code=SEVERITY_ANSWERS[grade])
        if grade in SNOMED_GRADES:
            value["coding"].append({"system": SNOMED, "code": SNOMED_GRADES[grade]})
        observation["valueCodeableConcept"] = value
    return _drop_empty(observation)


def _find_status(results: Sequence[ScreeningResult]) -> str:
    if all(result.status is Status.FAILED for result in results):
        return "cancelled"
    settled = all(result.reading is not None and not needs_second_reader(result) for result in results)
    return "final" if settled else "preliminary"


def _identify(result: ScreeningResult, row: int | None) -> list[Resource]:
    """Return what tells which file was looked at: checksum and row, since a name may be a patient's."""
    sha256 = result.provenance.photograph_sha256
    names = [] if row is None else [("Row of the batch's report", str(row))]
    names += [("SHA-256 of the photograph", sha256)] if sha256 else []
    return [{"type": {"text": kind}, "value": value} for kind, value in names]


def _name_site(eye: Laterality | None) -> Resource:
    if eye is None:
        return {"text": name_eye(None)}
    code, display = SNOMED_EYES[eye]
    return {"coding": [{"system": SNOMED, "code": code, "display": display}], "text": name_eye(eye)}


def _concept(text: str, *, ours: str = "", system: str = "", code: str = "") -> Resource:
    """Return a CodeableConcept of `text`, with one of our codes, with another system's, or without any."""
    if ours:
        return {"coding": [{"system": OUR_CODES, "code": ours, "display": text}], "text": text}
    return {"coding": [{"system": system, "code": code}], "text": text} if code else {"text": text}


def _share(value: float) -> Resource:
    return {"value": round(float(value), 6), "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}


def _make_id(*parts: str) -> str:
    """Return the same identifier for the same content, so that a report sent twice is seen to be one."""
    return str(uuid5(UUID(OUR_CODES.removeprefix("urn:uuid:")), "\n".join(parts)))


def _drop_empty(resource: Resource) -> Resource:
    # FHIR allows no empty list.
    return {name: value for name, value in resource.items() if value not in ([], {}, "")}

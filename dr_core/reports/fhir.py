"""A visit as FHIR R4 resources, for a hospital's record: what the program found, and what a reader says of it.

The program's grade is preliminary and carries codes of our own; LOINC's codes for the severity of diabetic retinopathy
by ophthalmoscopy, and a final status, are for a reader's grade alone. Nothing says whose eyes these are: the receiving
system knows the patient, and adds the subject.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
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

__all__ = ["FHIR_MEDIA_TYPE", "render_fhir"]

FHIR_MEDIA_TYPE = "application/fhir+json"
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


def render_fhir(
    results: Sequence[ScreeningResult],
    *,
    created: datetime | None = None,
    operating_point: LocalOperatingPoint | None = None,
) -> str:
    """Return one visit as a FHIR R4 Bundle (a collection), in JSON.

    It holds a DiagnosticReport, the program as a Device, an Observation of each photograph by the program, and one of
    each reading by the reader.

    Args:
        results: of one photograph, or of both eyes of one patient.
        created: when the report is made; now when omitted.
        operating_point: the clinic's own in use; its figures are quoted where a decision rests on it.

    Raises:
        ValueError: there are no results, or more than two.
    """
    visit = summarise_visit(list(results))
    made = (created or datetime.now(UTC)).isoformat(timespec="seconds")
    device = _describe_device(results)
    observations: list[Resource] = []
    for number, result in enumerate(visit.results):
        found = _describe_finding(result, number, device, operating_point)
        observations.append(found)
        if result.reading is not None:
            observations.append(_describe_reading(result, result.reading, found))
    report = {
        "resourceType": "DiagnosticReport",
        "id": _make_id("report", *(item["id"] for item in observations)),
        "status": "final" if all(map(_is_settled, results)) else "preliminary",
        "code": _concept("Diabetic retinopathy screening", ours="screening"),
        "issued": made,
        "result": [{"reference": _address(item)} for item in observations],
        "conclusion": " ".join([f"{visit.outcome.value}.", visit.summary, *visit.concerns]),
    }
    resources = [report, device, *observations]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": made,
        "entry": [{"fullUrl": _address(item), "resource": item} for item in resources],
    }
    return json.dumps(bundle, indent=2, allow_nan=False) + "\n"


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
    result: ScreeningResult, number: int, device: Resource, point: LocalOperatingPoint | None
) -> Resource:
    """Return what the program says of one photograph; never final, and never in LOINC's words."""
    failed = result.status is Status.FAILED
    notes = [result.error] if failed else [describe_oedema(result), describe_operating_point(result, point)]
    if result.quality is not None:
        notes.insert(0, describe_quality(result.quality))
    observation = {
        "resourceType": "Observation",
        "id": _make_id("finding", str(number), result.provenance.photograph_sha256, result.provenance.created_utc),
        "identifier": _identify(result),
        "status": "cancelled" if failed else "preliminary",
        "category": [_concept("Imaging", system=CATEGORY, code="imaging")],
        "code": _concept(
            "Diabetic retinopathy severity by software, not confirmed by a reader", ours="grade-by-software"
        ),
        "bodySite": _name_site(result.laterality),
        "issued": result.provenance.created_utc,
        "device": {"reference": _address(device)},
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


def _describe_reading(result: ScreeningResult, reading: Reading, found: Resource) -> Resource:
    """Return the reader's grade; final, unless a second reader is to look."""
    eye, grade = result.laterality, reading.grade
    words = "Diabetic retinopathy severity level by ophthalmoscopy"
    note = clean_text(reading.note, max_length=MAX_NOTE_LENGTH)
    reader = clean_text(reading.reader)
    observation = {
        "resourceType": "Observation",
        "id": _make_id("reading", found["id"], reading.read_utc, reading.label),
        "identifier": _identify(result),
        "status": "preliminary" if needs_second_reader(result) else "final",
        "category": [_concept("Imaging", system=CATEGORY, code="imaging")],
        "code": _concept(words, system=LOINC, code=SEVERITY_BY_EYE[eye]) if eye else _concept(words),
        "bodySite": _name_site(eye),
        "issued": reading.read_utc,
        "performer": [{"display": reader}] if reader else [],
        "derivedFrom": [{"reference": _address(found)}],
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


def _is_settled(result: ScreeningResult) -> bool:
    return result.reading is not None and not needs_second_reader(result)


def _identify(result: ScreeningResult) -> list[Resource]:
    """Return what tells which file was looked at: its checksum, since a name may be a patient's."""
    sha256 = result.provenance.photograph_sha256
    return [{"type": {"text": "SHA-256 of the photograph"}, "value": sha256}] if sha256 else []


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


def _address(resource: Mapping[str, Any]) -> str:
    return f"urn:uuid:{resource['id']}"


def _drop_empty(resource: Resource) -> Resource:
    # FHIR allows no empty list.
    return {name: value for name, value in resource.items() if value not in ([], {}, "")}

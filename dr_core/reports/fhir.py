"""FHIR R4 for a hospital's record: a visit as one bundle, or the photographs of a batch as one bundle a line.

A batch has no visits, since nothing says which photographs are of one patient: each photograph has a bundle, and line N
of the file is row N of the report. The bundles are transactions, so that a server takes a line as it stands, whole or
not at all, and the same line twice as once. Their references are relative to the server: not every server puts its own
in the place of ``urn:uuid`` for a resource that is PUT. So they also hold for the resources of a line one by one.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import ScreeningResult
from dr_core.reports.fhir_resources import describe_visit, make_address, make_url

__all__ = [
    "FHIR_LINES_MEDIA_TYPE",
    "FHIR_LINE_START",
    "FHIR_MEDIA_TYPE",
    "FHIR_READING_MARK",
    "format_fhir_line",
    "render_fhir",
    "render_fhir_lines",
]

FHIR_MEDIA_TYPE = "application/fhir+json"
# As FHIR R4 names files of one type of resource, a line each; here all are bundles.
FHIR_LINES_MEDIA_TYPE = "application/fhir+ndjson"
# What every line begins with, and what stands in a line that holds a reader's grade, and in no other.
FHIR_LINE_START = '{"resourceType":"Bundle","type":"transaction",'
FHIR_READING_MARK = '"derivedFrom":'


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
    made = (created or datetime.now(UTC)).isoformat(timespec="seconds")
    entries = [
        {"fullUrl": make_address(item), "resource": item}
        for item in describe_visit(results, made, point=operating_point)
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "timestamp": made, "entry": entries}
    return json.dumps(bundle, indent=2, allow_nan=False) + "\n"


def format_fhir_line(result: ScreeningResult, row: int, *, operating_point: LocalOperatingPoint | None = None) -> str:
    """Return one photograph of a batch as a FHIR R4 Bundle (a transaction) on one line, with its line end.

    It depends on the result alone, and not on when it is written: a run that was gone on with gives the same line.

    Args:
        result: graded, ungradable or failed; none is left out.
        row: of the report, from 1.
        operating_point: the clinic's own in use; its figures are quoted where a decision rests on it.
    """
    made = result.reading.read_utc if result.reading is not None else result.provenance.created_utc
    entries = [
        {"resource": item, "request": {"method": "PUT", "url": make_url(item)}}
        for item in describe_visit([result], made, point=operating_point, row=row)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "timestamp": made, "entry": entries}
    return json.dumps(bundle, separators=(",", ":"), allow_nan=False) + "\n"


def render_fhir_lines(
    results: Iterable[ScreeningResult], *, operating_point: LocalOperatingPoint | None = None
) -> bytes:
    """Return a whole batch as it would stand in a file: a line for each of `results`, in their order."""
    lines = (format_fhir_line(item, row, operating_point=operating_point) for row, item in enumerate(results, start=1))
    return "".join(lines).encode("ascii")

"""The result of a photograph that could not be screened, and where any result comes from."""

from datetime import UTC, datetime

from dr_core import __version__
from dr_core.domain.photograph import FundusPhotograph
from dr_core.domain.results import Provenance, ScreeningResult, Status
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.spec import ModelSpec

__all__ = ["report_failure", "trace_origin"]


def trace_origin(photograph_sha256: str, spec: ModelSpec) -> Provenance:
    """Return where a result of this moment comes from.

    Args:
        photograph_sha256: hex digest of the photograph's bytes; empty when they could not be read.
        spec: the model that is loaded.
    """
    return Provenance(
        photograph_sha256=photograph_sha256,
        model_name=spec.name,
        model_sha256=spec.sha256,
        preprocessing_version=PREPROCESSING_VERSION,
        package_version=__version__,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def report_failure(
    name: str,
    reason: str,
    provenance: Provenance,
    *,
    photograph: FundusPhotograph | None = None,
    elapsed_s: float = 0.0,
) -> ScreeningResult:
    """Return the row of a photograph that failed.

    Args:
        name: the file's own name; untrusted.
        reason: what is wrong, and what to do.
        provenance: from `trace_origin`.
        photograph: None when it could not be decoded.
        elapsed_s: seconds from bytes to failure.
    """
    return ScreeningResult(
        name=name,
        status=Status.FAILED,
        laterality=photograph.laterality if photograph else None,
        width_px=photograph.source_width_px if photograph else 0,
        height_px=photograph.source_height_px if photograph else 0,
        quality=None,
        prediction=None,
        decision=None,
        provenance=provenance,
        elapsed_s=elapsed_s,
        error=reason,
    )

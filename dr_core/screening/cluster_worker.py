"""What a node of a cluster does: an actor with the verified model grades photographs as the local engine does."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import cv2

from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.model.classifier import Classifier
from dr_core.screening.batch import plan_steps, screen_batch
from dr_core.screening.result_codec import encode_result

if TYPE_CHECKING:
    import pyarrow as pa
    import ray

__all__ = ["ClusterJob", "PhotographGrader", "pack_job"]


@dataclass(frozen=True, eq=False)
class ClusterJob:
    """What an actor needs to grade.

    Attributes:
        model_files: the files of the model's folder by name.
        operating_point: the clinic's own; None for the released one.
        grade_ungradable: whether ungradable photographs carry probabilities.
    """

    model_files: dict[str, bytes]
    operating_point: LocalOperatingPoint | None
    grade_ungradable: bool


@dataclass(frozen=True)
class _ReadPhotograph:
    """A photograph whose bytes are here already; the driver knows its fingerprint."""

    name: str
    data: bytes

    def read_bytes(self) -> bytes:
        return self.data

    def fingerprint(self) -> str:
        return ""


def pack_job(classifier: Classifier, *, grade_ungradable: bool) -> ClusterJob:
    """Return what the nodes need to grade as `classifier` does."""
    spec = classifier.spec
    folder = spec.runtime.path.parent
    described = {path.name: path.read_bytes() for path in folder.glob("*.model.json")}
    weights = {file.path.name: file.read() for file in (spec.runtime, spec.keras)}
    return ClusterJob(described | weights, classifier.operating_point, grade_ungradable)


class PhotographGrader:
    """An actor's work: the verified model, and the pipeline of the local engine for each photograph."""

    def __init__(self, reference: "ray.ObjectRef[ClusterJob]") -> None:
        """Fetch the job and load its model.

        Raises:
            ModelError: the files that came are not the released ones.
        """
        import ray

        job = ray.get(reference)
        # One actor for each core: more threads would only wait for each other.
        cv2.setNumThreads(1)
        with TemporaryDirectory() as folder:
            for name, content in job.model_files.items():
                (Path(folder) / name).write_bytes(content)
            classifier = Classifier.load(Path(folder), operating_point=job.operating_point)
        self._steps = plan_steps(classifier, grade_ungradable=job.grade_ungradable)

    def __call__(self, block: "pa.Table") -> "pa.Table":
        """Return path and result, as JSON, for each path and its bytes."""
        import pyarrow as pa

        paths = block.column("path").to_pylist()
        photographs = [
            _ReadPhotograph(path, data.as_py()) for path, data in zip(paths, block.column("bytes"), strict=True)
        ]
        results = [json.dumps(encode_result(row.result)) for row in screen_batch(photographs, self._steps, workers=1)]
        return pa.table({"path": paths, "result": results})

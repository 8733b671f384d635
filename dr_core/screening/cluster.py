"""Grades a batch on a Ray cluster, with the same rows in the same order as `screen_batch` on one computer.

Ray Data reads the files on the nodes and hands their bytes to actors, each with the model loaded and its SHA-256
verified. Model and program travel with the job, so a node needs the requirements installed and nothing else of ours.
Results come back in the order of the batch, keyed by row number: Ray runs the work of a node that died again, a result
that comes twice is dropped, and a photograph that never comes back (unreadable, gone, a name that Ray cannot carry) is
looked at by this process, which then says what `screen_batch` would have said. So every input has exactly one row.
"""

import json
import math
import os
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dr_core.domain.errors import StorageError
from dr_core.domain.results import ScreeningResult
from dr_core.imaging.decode import MAX_BYTES
from dr_core.screening.batch import BatchRow, BatchSteps, screen_batch
from dr_core.screening.cluster_session import THIS_COMPUTER, connect, count_cores, place_actors
from dr_core.screening.cluster_worker import ClusterJob, PhotographGrader
from dr_core.screening.object_storage import StoredPhotograph
from dr_core.screening.result_codec import decode_result
from dr_core.screening.sources import DiskPhotograph, PhotographSource, has_image_extension, lacks_extension

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

__all__ = ["RayCluster"]

# Ray keeps some state for each file of a data set; a part of the batch at a time keeps it small.
PHOTOGRAPHS_PER_DATASET = 100_000
# Small enough that a dead node costs little to repeat, large enough that Ray's own work for each block does not count.
PHOTOGRAPHS_PER_BLOCK = 16
# There are as many actors as cores, and each claims a part of one alone: the actors of a node that died must find room
# beside the others, or else what they had begun would wait for that node for ever. Two nodes of three may die.
GRADING_CORES, READING_CORES = 0.3, 0.1


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the nodes find a photograph."""

    number: int
    filesystem: "FileSystem"
    path: str
    fingerprint: str


class RayCluster:
    """A connection to a Ray cluster, as a context manager.

    Attributes:
        graded_here: photographs that did not come back from the cluster and were looked at by this process.
    """

    def __init__(self, address: str = THIS_COMPUTER) -> None:
        """Keep the address: ``local`` for this computer alone, ``auto`` on a node of a cluster, or HOST:PORT."""
        self.graded_here = 0
        self._address = address

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            ConfigurationError: Ray is not installed, or there is no cluster at the address.
        """
        connect(self._address)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Leave the cluster; what was started on this computer alone ends."""
        import ray

        ray.shutdown()

    def describe(self) -> str:
        """Return how large the cluster is, in words."""
        import ray

        nodes = sum(node["Alive"] for node in ray.nodes())
        return f"{count_cores()} cores on {nodes} {'node' if nodes == 1 else 'nodes'}"

    def screen(
        self, sources: Sequence[PhotographSource], steps: BatchSteps, job: ClusterJob
    ) -> Generator[BatchRow, None, None]:
        """Yield one row for each source, in their order, as `screen_batch` does.

        Args:
            sources: the photographs.
            steps: what this process does with those that are known already or do not come back; `keep` is not called.
            job: what the nodes do.

        Raises:
            StorageError: the cluster was lost.
        """
        import ray

        reference = ray.put(job)
        try:
            for start in range(0, len(sources), PHOTOGRAPHS_PER_DATASET):
                part = dict(enumerate(sources[start : start + PHOTOGRAPHS_PER_DATASET], start=start + 1))
                yield from self._screen_part(part, steps, reference)
        except ray.exceptions.RayError as error:
            raise StorageError(
                f"The cluster was lost ({type(error).__name__}): see that its head node runs."
            ) from error

    def _screen_part(
        self, part: dict[int, PhotographSource], steps: BatchSteps, job: object
    ) -> Generator[BatchRow, None, None]:
        due = min(part)
        for place, result in _grade_places(_find_places(part, steps), job):
            # Nothing comes for a number again once a later one has come.
            for number in range(due, place.number):
                yield self._screen_here(number, part[number], steps)
            if place.number >= due:
                source = part[place.number]
                yield BatchRow(place.number, source, replace(result, name=source.name), place.fingerprint)
                due = place.number + 1
        for number in range(due, max(part) + 1):
            yield self._screen_here(number, part[number], steps)

    def _screen_here(self, number: int, source: PhotographSource, steps: BatchSteps) -> BatchRow:
        earlier = steps.recall(number, source) if steps.recall else None
        if earlier is not None:
            return BatchRow(number, source, earlier, reused=True)
        (row,) = screen_batch([source], replace(steps, keep=None, recall=None), workers=1)
        self.graded_here += bool(row.result.provenance.photograph_sha256)
        return replace(row, number=number)


def _find_places(part: Mapping[int, PhotographSource], steps: BatchSteps) -> Iterator[_Place]:
    """Yield where the nodes find the photographs; what is known already, or has to be looked at here, is left out."""
    from pyarrow.fs import LocalFileSystem

    disk = LocalFileSystem()
    for number, source in part.items():
        if steps.recall and steps.recall(number, source) is not None:
            continue
        if isinstance(source, StoredPhotograph):
            place = _Place(number, source.filesystem, source.path, source.fingerprint())
        elif isinstance(source, DiskPhotograph) and not source.roots:
            place = _Place(number, disk, os.path.abspath(source.path), source.fingerprint())  # noqa: PTH100 - bytes kept
        else:
            continue
        # Ray unpacks by extension what is not an image, and carries names in plain UTF-8.
        named_well = (has_image_extension(place.path) or lacks_extension(place.path)) and place.path.isprintable()
        if named_well and place.fingerprint and int(place.fingerprint.partition("-")[0]) <= MAX_BYTES:
            yield place


def _grade_places(places: Iterator[_Place], job: object) -> Iterator[tuple[_Place, ScreeningResult]]:
    """Yield places and results as they come from the cluster, in order; those that do not come are left out."""
    for _, group in groupby(places, key=lambda place: id(place.filesystem)):
        by_path = {place.path: place for place in group}
        for path, text in _run_dataset(by_path, job):
            if path in by_path:
                yield by_path[path], decode_result(json.loads(text))


def _run_dataset(by_path: Mapping[str, _Place], job: object) -> Iterator[tuple[str, str]]:
    """Yield path and result, as JSON, of what the cluster can read."""
    import ray
    from ray.util.annotations import RayDeprecationWarning

    cores = count_cores()
    try:
        photographs = ray.data.read_binary_files(
            list(by_path),
            filesystem=next(iter(by_path.values())).filesystem,
            include_paths=True,
            ignore_missing_paths=True,
            override_num_blocks=math.ceil(len(by_path) / PHOTOGRAPHS_PER_BLOCK),
            num_cpus=READING_CORES,
            concurrency=cores,
        )
    except ValueError:
        # All of them went away since they were listed.
        return
    with warnings.catch_warnings():
        # Ray will drop this way of placing actors in 2.64; up to then, and in the pinned release, there is no other.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        results = photographs.map_batches(
            PhotographGrader,
            fn_constructor_args=(job,),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=cores, initial_size=cores),
            batch_format="pyarrow",
            num_cpus=GRADING_CORES,
            ray_remote_args_fn=place_actors(),
        )
    for block in results.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from zip(block.column("path").to_pylist(), block.column("result").to_pylist(), strict=True)

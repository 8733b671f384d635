"""One run of ``grade``: journal, report and overlays grow together, and a stopped run can be gone on with."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dr_core.cli.earlier_overlays import count_other_overlays
from dr_core.cli.progress_line import ProgressLine
from dr_core.domain.errors import StorageError
from dr_core.domain.results import ScreeningResult
from dr_core.domain.second_look import needs_reader
from dr_core.model.classifier import Classifier
from dr_core.reports.csv import CSV_COLUMNS, DETAIL_COLUMNS, CsvFile, format_details, format_row
from dr_core.reports.fhir import format_fhir_line
from dr_core.reports.overlay_archive import INDEX_COLUMNS, INDEX_NAME, OverlayEntry, format_index_row
from dr_core.reports.parquet import PARQUET_SUFFIX, ParquetFile
from dr_core.reports.report_file import TextFile
from dr_core.screening.batch import BatchRow, BatchSteps, plan_steps
from dr_core.screening.journal import Journal
from dr_core.screening.keepsakes import PictureFolder, draw_overlay
from dr_core.screening.overlay_mark import name_overlay
from dr_core.screening.pipeline import Screening
from dr_core.screening.progress import BatchProgress, Tally, format_duration
from dr_core.screening.sources import BatchInput, PhotographSource

__all__ = ["Engine", "GradingPlan", "GradingRun"]

EXIT_DONE, EXIT_INTERRUPTED = 0, 130
GO_ON = "Run the same command with --resume to go on."

Engine = Callable[[Sequence[PhotographSource], BatchSteps], Generator[BatchRow, None, None]]


@dataclass(frozen=True, eq=False)
class GradingPlan:
    """What is graded, and how.

    Attributes:
        batch: the photographs.
        classifier: the loaded model.
        screen: the engine: yields one row for each source in their order, as `screen_batch` does.
        grade_ungradable: whether ungradable photographs carry probabilities.
        details: whether the report has `DETAIL_COLUMNS` too.
        fhir: takes FHIR bundles, a line for each row; None where none are wanted.
    """

    batch: BatchInput
    classifier: Classifier
    screen: Engine
    grade_ungradable: bool = False
    details: bool = False
    fhir: Path | None = None


class GradingRun:
    """Grades a batch once."""

    def __init__(
        self, plan: GradingPlan, journal: Journal, *, pictures: PictureFolder | None, line: ProgressLine
    ) -> None:
        """Take over the open `journal`; `pictures` takes the overlays, if any are wanted."""
        self._plan = plan
        self._journal = journal
        self._pictures = pictures
        self._line = line
        self._tally = Tally(len(plan.batch.photographs))
        self._referable = self._to_read = 0
        self._overlays: set[str] = set()
        self._started_at = time.monotonic()

    def write_report(self, out: Path) -> int:
        """Grade everything into `out`, CSV or by its name Parquet, and return the exit status.

        Raises:
            StorageError: the disk refused; what is done stays in the journal.
        """
        try:
            self._grade_into(out)
        except KeyboardInterrupt:
            self._journal.close()
            self._line.say(f"Stopped: {self._measure().text}. No report was written. {GO_ON}")
            return EXIT_INTERRUPTED
        except StorageError as error:
            self._journal.close()
            raise StorageError(f"{error} {GO_ON}") from error
        self._journal.discard()
        self._line.say(self._summarise())
        self._line.say(f"Report: {out}")
        if self._plan.fhir is not None:
            self._line.say(f"FHIR: {self._plan.fhir} (a line for each photograph, in the order of the report)")
        if self._pictures is not None:
            self._line.say(f"Heatmaps: {self._pictures.folder} ({INDEX_NAME} says which is whose)")
            self._mention_others(self._pictures.folder)
        return EXIT_DONE

    def _mention_others(self, folder: Path) -> None:
        if others := count_other_overlays(folder, self._overlays):
            noun, verb = ("overlay", "lies") if others == 1 else ("overlays", "lie")
            self._line.say(f"{others:,} {noun} of other runs {verb} there as well, which {INDEX_NAME} does not list.")

    def _grade_into(self, out: Path) -> None:
        plan = self._plan
        steps = plan_steps(
            plan.classifier,
            grade_ungradable=plan.grade_ungradable,
            keep=self._keep_overlay if self._pictures is not None else None,
            recall=self._recall,
        )
        rows = plan.screen(plan.batch.photographs, steps)
        columns = (*CSV_COLUMNS, *DETAIL_COLUMNS) if plan.details else CSV_COLUMNS
        with ExitStack() as stack:
            stack.callback(rows.close)
            report = _open_report(out, columns)
            stack.enter_context(report)
            index = None
            if self._pictures is not None:
                index = stack.enter_context(CsvFile(self._pictures.folder / INDEX_NAME, INDEX_COLUMNS))
            fhir = stack.enter_context(TextFile(plan.fhir)) if plan.fhir is not None else None
            for row in rows:
                self._journal.append(row)
                details = format_details(row.result) if plan.details else {}
                report.write_row(format_row(row.result) | details)
                if index is not None and row.result.decision is not None:
                    entry = _find_entry(row)
                    index.write_row(format_index_row(entry))
                    self._overlays.add(entry.overlay)
                if fhir is not None:
                    point = plan.classifier.operating_point
                    fhir.write(format_fhir_line(row.result, row.number, operating_point=point))
                self._count(row)

    def _count(self, row: BatchRow) -> None:
        self._tally.add(row.result.status, reused=row.reused)
        self._referable += row.result.decision is not None and row.result.decision.referable
        self._to_read += needs_reader(row.result)
        self._line.show(self._measure())

    def _measure(self) -> BatchProgress:
        return self._tally.measure(time.monotonic() - self._started_at)

    def _recall(self, number: int, source: PhotographSource) -> ScreeningResult | None:
        result = self._journal.recall(source)
        if result is None or result.decision is None or self._pictures is None:
            return result
        overlay = name_overlay(number, result.provenance.photograph_sha256)
        return result if self._pictures.has(overlay) else None

    def _keep_overlay(self, number: int, screening: Screening) -> None:
        assert self._pictures is not None
        overlay = draw_overlay(screening)
        if overlay is not None:
            self._pictures.write(name_overlay(number, screening.result.provenance.photograph_sha256), overlay)

    def _summarise(self) -> str:
        done = self._measure()
        counts = f"{self._referable:,} referable), {done.ungradable:,} ungradable, {done.failed:,} failed."
        noun = "photograph" if done.done == 1 else "photographs"
        lines = [f"{done.done:,} {noun} in {format_duration(done.elapsed_s)}: {done.graded:,} graded ({counts}"]
        if self._to_read:
            verb = "needs" if self._to_read == 1 else "need"
            lines.append(f"{self._to_read:,} of those graded {verb} a reader first: the column follow_up says which.")
        elif done.graded:
            lines.append("None of those graded needs a reader first.")
        if done.failed:
            lines.append("The column error says why a photograph failed, and what to do.")
        return "\n".join(lines)


def _open_report(out: Path, columns: Sequence[str]) -> CsvFile | ParquetFile:
    return ParquetFile(out, columns) if out.suffix.lower() == PARQUET_SUFFIX else CsvFile(out, columns)


def _find_entry(row: BatchRow) -> OverlayEntry:
    sha256 = row.result.provenance.photograph_sha256
    return OverlayEntry(row.number, row.result.name, sha256, name_overlay(row.number, sha256))

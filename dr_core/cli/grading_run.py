"""One run of ``grade``: journal, report and overlays grow together, and a stopped run can be gone on with."""

import time
from contextlib import ExitStack
from pathlib import Path

from dr_core.cli.progress_line import ProgressLine
from dr_core.domain.errors import StorageError
from dr_core.domain.results import ScreeningResult
from dr_core.model.classifier import Classifier
from dr_core.reports.csv import CSV_COLUMNS, CsvFile, format_row
from dr_core.reports.overlay_archive import INDEX_COLUMNS, INDEX_NAME, OverlayEntry, format_index_row
from dr_core.screening.batch import BatchRow, plan_steps, screen_batch
from dr_core.screening.journal import Journal
from dr_core.screening.keepsakes import PictureFolder, draw_overlay, name_overlay
from dr_core.screening.pipeline import Screening
from dr_core.screening.progress import BatchProgress, Tally, format_duration
from dr_core.screening.sources import BatchInput, PhotographSource

__all__ = ["GradingRun"]

EXIT_DONE, EXIT_INTERRUPTED = 0, 130
GO_ON = "Run the same command with --resume to go on."


class GradingRun:
    """Grades a batch once."""

    def __init__(
        self,
        batch: BatchInput,
        classifier: Classifier,
        journal: Journal,
        *,
        pictures: PictureFolder | None,
        line: ProgressLine,
    ) -> None:
        """Take over the open `journal`; `pictures` takes the overlays, if any are wanted."""
        self._batch = batch
        self._classifier = classifier
        self._journal = journal
        self._pictures = pictures
        self._line = line
        self._tally = Tally(len(batch.photographs))
        self._referable = 0
        self._started_at = time.monotonic()

    def write_report(self, out: Path, *, grade_ungradable: bool) -> int:
        """Grade everything into `out`, and return the exit status.

        Raises:
            StorageError: the disk refused; what is done stays in the journal.
        """
        try:
            self._grade_into(out, grade_ungradable=grade_ungradable)
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
        if self._pictures is not None:
            self._line.say(f"Heatmaps: {self._pictures.folder} ({INDEX_NAME} says which is whose)")
        return EXIT_DONE

    def _grade_into(self, out: Path, *, grade_ungradable: bool) -> None:
        steps = plan_steps(
            self._classifier, grade_ungradable=grade_ungradable, keep=self._keep_overlay, recall=self._recall
        )
        rows = screen_batch(self._batch.photographs, steps)
        with ExitStack() as stack:
            stack.callback(rows.close)
            report = stack.enter_context(CsvFile(out, CSV_COLUMNS))
            index = None
            if self._pictures is not None:
                index = stack.enter_context(CsvFile(self._pictures.folder / INDEX_NAME, INDEX_COLUMNS))
            for row in rows:
                self._journal.append(row)
                report.write_row(format_row(row.result))
                if index is not None and row.result.decision is not None:
                    index.write_row(format_index_row(_find_entry(row)))
                self._count(row)

    def _count(self, row: BatchRow) -> None:
        self._tally.add(row.result.status, reused=row.reused)
        self._referable += row.result.decision is not None and row.result.decision.referable
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
        if self._pictures is None:
            return
        overlay = draw_overlay(screening)
        if overlay is not None:
            self._pictures.write(name_overlay(number, screening.result.provenance.photograph_sha256), overlay)

    def _summarise(self) -> str:
        done = self._measure()
        counts = f"{self._referable:,} referable), {done.ungradable:,} ungradable, {done.failed:,} failed."
        noun = "photograph" if done.done == 1 else "photographs"
        lines = [f"{done.done:,} {noun} in {format_duration(done.elapsed_s)}: {done.graded:,} graded ({counts}"]
        if done.failed:
            lines.append("The column error says why a photograph failed, and what to do.")
        return "\n".join(lines)


def _find_entry(row: BatchRow) -> OverlayEntry:
    sha256 = row.result.provenance.photograph_sha256
    return OverlayEntry(row.number, row.result.name, sha256, name_overlay(row.number, sha256))

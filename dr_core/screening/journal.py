"""What a batch has done so far, on disk, so that a run that was killed goes on where it stopped.

The journal is a text file beside the report, one JSON object a line behind its checksum: first what the results depend
on (model, options), then one line for each photograph. Lines are only added, so a kill leaves at most one torn line, at
the end, and that is cut off; a line that is damaged costs its own result. Results that were never tied to bytes
(unreadable files) are not recorded: they are looked at again. A journal of another model or option is never gone on
with, and never dropped for having been named by mistake.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import stat
import time
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dr_core import __version__
from dr_core.domain.errors import StorageError
from dr_core.domain.results import ScreeningResult
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.classifier import Classifier
from dr_core.screening.batch import BatchRow
from dr_core.screening.result_codec import decode_result, encode_result
from dr_core.screening.sources import PhotographSource

__all__ = ["Journal", "JournalSetup", "describe_setup"]

JOURNAL_VERSION = 4
# How a journal begins, of this version or an earlier one: even one that is torn or blank after a power cut.
HEAD = re.compile(rb"([0-9a-f]{8} )?\{\"journal\":")
LONGEST_HEAD = 20
READ_BYTES = 1 << 20
# Waiting for the disk costs tens of milliseconds, so it is done by the clock and not by the row.
SYNC_EVERY_S = 2.0


@dataclass(frozen=True)
class JournalSetup:
    """What results depend on besides the photograph; another setup makes a journal useless.

    Attributes:
        model: checksums of the weights and of everything that turns their numbers into a result (calibration,
            thresholds, the clinic's own operating point).
        preprocessing_version: version of geometry and colour normalisation.
        package_version: version of RetinaDesk.
        grade_ungradable: whether ungradable photographs carry probabilities.
    """

    model: str
    preprocessing_version: str
    package_version: str
    grade_ungradable: bool


# What a person calls the parts of a setup.
SETUP_WORDS = {
    "model": "model or operating point",
    "preprocessing_version": "preparation of photographs",
    "package_version": "version of RetinaDesk",
    "grade_ungradable": "choice of --grade-ungradable",
}


def describe_setup(classifier: Classifier, *, grade_ungradable: bool) -> JournalSetup:
    """Return what the results of `classifier` depend on."""
    decides = asdict(classifier.spec) | {"operating_point": classifier.operating_point}
    # The weights are named by their checksum, wherever their files lie.
    del decides["runtime"], decides["keras"]
    digest = hashlib.sha256(repr(sorted(decides.items())).encode()).hexdigest()
    model = f"{classifier.spec.sha256} {digest}"
    return JournalSetup(model, PREPROCESSING_VERSION, __version__, grade_ungradable)


class Journal:
    """Results of one batch on disk; `append` is called from one thread, `recall` from any.

    Attributes:
        recorded: results taken over from an earlier run.
    """

    def __init__(self, path: Path, setup: JournalSetup, *, resume: bool) -> None:
        """Open the journal, and keep what it holds if `resume` is set; begin anew otherwise.

        Raises:
            StorageError: the file cannot be written, another run is writing it, it is no journal, or it shall be gone
                on with and was written under another setup; the file is left as it is.
        """
        self._path = path
        self._lines: dict[tuple[str, str], tuple[int, int]] = {}
        self._synced_at = time.monotonic()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _explain(path, error) from error
        try:
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise OSError(errno.EINVAL, "no ordinary file")  # a pipe would be waited for without end
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _may_be_journal(self._file):
                raise StorageError(
                    f"{path.name} stands beside the report and is no journal of this command, which would replace it: "
                    "move it away, or choose another --out."
                )
            self._take_over(setup, resume=resume)
        except StorageError:
            os.close(self._file)
            raise
        except BlockingIOError as error:
            os.close(self._file)
            raise StorageError(
                "Another run is writing this report: wait until it ends, or choose another --out."
            ) from error
        except OSError as error:
            os.close(self._file)
            raise _explain(path, error) from error
        self.recorded = len(self._lines)

    def recall(self, source: PhotographSource) -> ScreeningResult | None:
        """Return the recorded result of `source`, or None if there is none or the file has changed since."""
        place = self._lines.get((source.name, source.fingerprint()))
        if place is None:
            return None
        offset, length = place
        try:
            return decode_result(_parse_line(os.pread(self._file, length, offset))["result"])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            return None

    def append(self, row: BatchRow) -> None:
        """Record one result; it survives a kill of the program at once, and a power cut a few seconds later.

        Raises:
            StorageError: the disk refused.
        """
        if row.reused or not row.fingerprint or not row.result.provenance.photograph_sha256:
            return
        line = {"name": row.source.name, "fingerprint": row.fingerprint, "result": encode_result(row.result)}
        try:
            self._write(line)
            if time.monotonic() - self._synced_at > SYNC_EVERY_S:
                os.fsync(self._file)
                self._synced_at = time.monotonic()
        except OSError as error:
            raise _explain(self._path, error) from error

    def close(self) -> None:
        """Write everything to the disk and let go of the file, which stays for a later run."""
        with suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)

    def discard(self) -> None:
        """Remove the journal: the report is complete."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _take_over(self, setup: JournalSetup, *, resume: bool) -> None:
        end = self._read_lines(setup) if resume else 0
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        if end == 0:
            self._write({"journal": JOURNAL_VERSION, "setup": asdict(setup)})

    def _read_lines(self, setup: JournalSetup) -> int:
        """Index the lines, and return the length of the file up to the last whole one; 0 to begin anew."""
        offset = 0
        with open(self._file, "rb", closefd=False) as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                entry = _parse_line(line)
                if offset == 0 and entry != {"journal": JOURNAL_VERSION, "setup": asdict(setup)}:
                    if next(stream, b""):
                        raise StorageError(_describe_other(entry, setup))
                    return 0  # no result stands behind it
                name, fingerprint = entry.get("name"), entry.get("fingerprint")
                if isinstance(name, str) and isinstance(fingerprint, str):
                    self._lines[name, fingerprint] = (offset, len(line))
                offset += len(line)
        return offset

    def _write(self, entry: dict[str, Any]) -> None:
        text = json.dumps(entry, separators=(",", ":")).encode("ascii")
        # A flipped bit can leave valid JSON with another grade in it.
        data = b"%08x %b\n" % (zlib.crc32(text), text)
        while data:
            data = data[os.write(self._file, data) :]


def _may_be_journal(file: int) -> bool:
    """Whether a file may be written over: a journal, whole or torn, or nothing but blanks from end to end."""
    head = os.pread(file, LONGEST_HEAD, 0)
    whole = HEAD.match(head) is not None
    torn = len(head) < LONGEST_HEAD and re.fullmatch(rb"[0-9a-f]{0,8}( (\{\"?[a-z]*\"?)?)?", head) is not None
    return whole or torn or _is_blank(file)


def _is_blank(file: int) -> bool:
    offset = 0
    while data := os.pread(file, READ_BYTES, offset):
        if data.strip(b"\0"):
            return False
        offset += len(data)
    return True


def _describe_other(entry: dict[str, Any], setup: JournalSetup) -> str:
    """Return why the unfinished run whose journal begins with `entry` is not gone on with, and the remedy."""
    earlier, wanted = entry.get("setup"), asdict(setup)
    if not isinstance(earlier, dict):
        return (
            "The journal of this report's unfinished run is damaged at its start, and was left as it is: leave "
            "--resume out to start anew."
        )
    differing = [words for name, words in SETUP_WORDS.items() if earlier.get(name) != wanted[name]]
    return (
        f"This report's unfinished run had another {' and another '.join(differing) or SETUP_WORDS['package_version']}"
        ", and was left as it is: give the same options to go on with it, or leave --resume out to start anew."
    )


def _parse_line(line: bytes) -> dict[str, Any]:
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return {}
    try:
        entry = json.loads(text)
    except (RecursionError, ValueError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _explain(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The journal {path.name} cannot be written ({error.strerror}): check permissions and free space beside "
        "the report."
    )

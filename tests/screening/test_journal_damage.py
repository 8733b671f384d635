"""A damaged journal costs the results that its damage touches, and never changes one."""

import json
import os
import zlib

import pytest

from dr_core.domain.errors import StorageError
from dr_core.screening.journal import JOURNAL_VERSION, Journal
from tests.screening.test_journal import SETUP, NamedSource, make_row, write_journal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "report.csv.journal"


@pytest.mark.parametrize("torn_bytes", [1, 10, 200])
def test_torn_last_line_is_cut_off_and_written_again(path, torn_bytes):
    write_journal(path, ["a.jpg", "b.jpg"])
    whole = path.read_bytes()
    path.write_bytes(whole[:-torn_bytes])
    journal = Journal(path, SETUP, resume=True)
    assert journal.recorded == 1
    journal.append(make_row("b.jpg"))
    journal.close()
    assert path.read_bytes() == whole


def test_damaged_line_in_the_middle_costs_one_result(path):
    write_journal(path, ["a.jpg", "b.jpg", "c.jpg"])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"\x00" * (len(lines[2]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    journal = Journal(path, SETUP, resume=True)
    assert journal.recorded == 2
    assert journal.recall(NamedSource("c.jpg")).name == "c.jpg"
    journal.close()


EMPTY = (b"", b"\x00" * 4000)
TORN = (b"0", b"0123abcd", b"0123abcd {", b'0123abcd {"jour')
DAMAGED = (b'0123abcd {"journal":' + bytes([0xFF] * 40) + b"\n", b'{"journal":1,"setup":{}}\n')


@pytest.mark.parametrize("data", [*EMPTY, *TORN, *DAMAGED])
@pytest.mark.parametrize("resume", [True, False])
def test_a_journal_that_is_torn_blank_or_of_another_version_starts_anew(path, data, resume):
    path.write_bytes(data)
    journal = Journal(path, SETUP, resume=resume)
    assert journal.recorded == 0
    journal.close()
    first = path.read_bytes().splitlines()[0]
    assert json.loads(first.partition(b" ")[2])["journal"] == JOURNAL_VERSION


@pytest.mark.parametrize("version", [b'"journal":1', b'"journal":4,"setup":7', b'"journal":4,"setup":{}', b'"jo'])
def test_results_behind_a_damaged_start_are_left_as_they_are(path, version):
    write_journal(path, ["a.jpg"])
    text = b"{" + version + b"}"
    head = b'0123abcd {"journal":\xff' if version == b'"jo' else b"%08x %b" % (zlib.crc32(text), text)
    data = head + path.read_bytes()[path.read_bytes().index(b"\n") :]
    path.write_bytes(data)
    with pytest.raises(StorageError, match="was left as it is"):
        Journal(path, SETUP, resume=True)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    "data",
    [
        b"torn",
        b"[]\n",
        b"\xff\xfe\n{}\n",
        b"Dear diary,\n",
        b"deadbeef and more\n",
        b"{}\n",
        b"\0" * 100 + b"Dear diary,\n",
        b"\0" * (2 << 20) + b"1",
    ],
    ids=lambda data: repr(data.strip(b"\0")[:20]) if isinstance(data, bytes) else None,
)
@pytest.mark.parametrize("resume", [True, False])
def test_a_file_of_somebody_else_is_left_as_it_is(path, data, resume):
    path.write_bytes(data)
    with pytest.raises(StorageError, match="is no journal"):
        Journal(path, SETUP, resume=resume)
    assert path.read_bytes() == data


def test_a_flipped_bit_costs_one_result_and_never_changes_a_grade(path):
    write_journal(path, ["a.jpg", "b.jpg"])
    whole = path.read_bytes()
    start = whole.index(b"\n") + 1
    end = whole.index(b"\n", start)
    for place in range(start, end):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        journal = Journal(path, SETUP, resume=True)
        assert journal.recall(NamedSource("a.jpg")) is None, whole[place - 20 : place + 20]
        assert journal.recall(NamedSource("b.jpg")) is not None
        journal.close()


def test_a_pipe_in_the_journals_place_is_refused_and_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(StorageError, match="no ordinary file"):
        Journal(path, SETUP, resume=True)

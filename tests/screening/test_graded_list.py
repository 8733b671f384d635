"""The readers' list as spreadsheets write it, and its pairing with the photographs."""

import time

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.reports.spreadsheet import defuse_cell
from dr_core.screening.graded_list import TEMPLATE, GradedList, parse_graded_list, split_path
from dr_core.screening.graded_photographs import match_photographs
from dr_core.screening.sources import DiskPhotograph

EXPECTED = [("a.jpg", 0), ("b.jpg", 4)]


def read(text: str) -> GradedList:
    return parse_graded_list(text.encode())


def pairs(graded: GradedList) -> list[tuple[str, int]]:
    return [(row.name, row.grade) for row in graded.rows]


def match(rows: str, *names: str) -> dict[str, int]:
    matched = match_photographs(read(f"file;grade\n{rows}"), [DiskPhotograph(name, name) for name in names])
    return {photograph.source.name: photograph.grade for photograph in matched}


@pytest.mark.parametrize(
    "data",
    [
        b"file,grade\na.jpg,0\nb.jpg,4\n",
        b"\xef\xbb\xbffile;grade\r\na.jpg;0\r\nb.jpg;4",
        b"sep=;\r\nFile;Grade\r\na.jpg;0\r\nb.jpg;4\r\n",
        b"FILE\tGRADE\r\na.jpg\t0\r\nb.jpg\t4\r\n",
        "file,grade\na.jpg,0\nb.jpg,4\n".encode("utf-16"),
        b' File , "Reader" , GRADE \n "a.jpg",x, 0 \n\n , , \nb.jpg,y,4.0\n',
        b"grade;image\n0;a.jpg\n4,0;b.jpg\n",
        b"file,grade\ra.jpg,0\rb.jpg,4\r",
        b"file,grade\na.jpg,0.00\nb.jpg,4.00E+00\n",
        b"name,file,name,grade,,\nLee,a.jpg,Ann,0,,\nRay,b.jpg,Bob,4,,\n",
    ],
)
def test_list_is_read_as_spreadsheets_write_it(data):
    assert pairs(parse_graded_list(data)) == EXPECTED


def test_template_can_be_read():
    graded = parse_graded_list(TEMPLATE)
    assert [row.grade for row in graded.rows] == [0, 2]
    assert graded.ungraded == 1


def test_rows_without_a_grade_are_counted_and_left_out():
    graded = read("file,grade\na.jpg,0\nu.jpg,U\nv.jpg,\nw.jpg,ungradable\nb.jpg,4\n")
    assert pairs(graded) == EXPECTED
    assert graded.ungraded == 3
    assert graded.grades.tolist() == [0, 4]


def test_western_encoding_is_understood():
    assert pairs(parse_graded_list("file;grade\nMüller.jpg;2".encode("cp1252"))) == [("Müller.jpg", 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs a first line"),
        ("a.jpg,2\n", "needs a first line"),
        ("file,reader\na.jpg,2\n", "needs a first line"),
        ("file,grade\n", "holds no grade"),
        ("file,grade\na.jpg,U\n", "holds no grade"),
        ("file,grade\na.jpg,5\n", 'Line 2 of the list has the grade "5"'),
        ("file,grade\na.jpg,-1\n", "Line 2"),
        ("file,grade\n\na.jpg,2.5\n", "Line 3"),
        ("file,grade\na.jpg,mild\n", "write 0, 1, 2, 3 or 4, or U"),
        ("file,grade\na.jpg,nan\n", "Line 2"),
        ("file,grade\na.jpg,inf\n", "Line 2"),
        ("file,grade\na.jpg,0_2\n", "Line 2"),
        ("file,grade\na.jpg,\u0662\n", "Line 2"),
        ("file,grade, Grade \na.jpg,1,2\n", "2 columns with the title grade.*give the others another title"),
        ("name,name,name,grade\na.jpg,b.jpg,c.jpg,2\n", "3 columns with the title name"),
        ("file,grade\n,2\n", "grade and no file"),
        ("file,grade\na.jpg,2\na.jpg,2\n", "twice .line 3."),
        ("file,grade\na.jpg,2\n./a.jpg,U\n", "twice"),
        ("file,grade,sha256,quality_score,p_referable\na.jpg,2,x,1,1\n", "report of RetinaDesk"),
        ("PK\x03\x04", "save it as CSV"),
        ("file,grade\n" + "".join(f"{number}.jpg,1\n" for number in range(5001)), "limit"),
        ("file,grade\n" + "x" * 200_000 + ",1\n", "no CSV"),
    ],
)
def test_wrong_list_is_refused_with_its_remedy(text, words):
    with pytest.raises(ConfigurationError, match=words):
        read(text)


def test_huge_and_damaged_files_are_refused():
    with pytest.raises(ConfigurationError, match="right file"):
        parse_graded_list(b"x" * 5_000_001)
    with pytest.raises(ConfigurationError, match="not a text file"):
        parse_graded_list(b"\xff\xfe\x00")


@pytest.mark.parametrize("name", ["=1.jpg", "a;=1.jpg", 'a|  "@1.jpg', "a\t\t -1.jpg", "it's=.jpg"])
def test_name_that_a_report_defused_is_read_as_it_was(name):
    quoted = defuse_cell(name).replace('"', '""')
    assert pairs(read(f'file,grade\n"{quoted}",2\n')) == [(name, 2)]


@pytest.mark.parametrize("name", ["x" + "\t" * 65_000 + "y", 'x\t""' * 30_000, "a" + "\u0301\u0323" * 65_000])
def test_hostile_name_holds_nobody_up(name):
    started = time.process_time()
    assert len(read(f'file,grade\n"{name}",2\n').rows) == 1
    assert time.process_time() - started < 2


def test_composed_and_decomposed_names_are_one():
    assert split_path("a\\Mu\u0308ller.jpg") == split_path("./a/M\u00fcller.jpg") == ["a", "M\u00fcller.jpg"]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("eye.jpg", "eye.jpg"),
        ("eye", "eye.jpg"),
        ("EYE.JPG", "eye.jpg"),
        ("visit.1", "visit.1.png"),
        ("eye.jpg", "sub/eye.jpg"),
        ("sub\\eye.jpg", "sub/eye.jpg"),
        ("C:\\study\\sub\\eye", "sub/eye.jpg"),
        ("./sub/eye.jpg", "eye.jpg"),
        ("'=eye.jpg", "=eye.jpg"),
        ("Mu\u0308ller.jpg", "M\u00fcller.jpg"),
    ],
)
def test_row_finds_its_photograph(row, name):
    assert match(f"{row};3", "other.jpg", name) == {name: 3}


def test_subfolders_tell_photographs_of_one_name_apart():
    assert match("od/1.jpg;0\nos/1.jpg;4", "os/1.jpg", "od/1.jpg") == {"od/1.jpg": 0, "os/1.jpg": 4}
    assert match("1.jpg;2", "1.jpg", "os/1.jpg") == {"1.jpg": 2}
    assert match("A.jpg;2\na.jpg;3", "a.jpg", "A.jpg") == {"A.jpg": 2, "a.jpg": 3}


@pytest.mark.parametrize(
    ("rows", "names", "words"),
    [
        ("1.jpg;2", ("od/1.jpg", "os/1.jpg"), "fits 2 photographs"),
        ("1;2", ("1.jpg", "1.png"), "fits 2 photographs"),
        ("visit1/1.jpg;2", ("visit2/1.jpg",), "No photograph is there for"),
        ("1.jpg;2", ("1.png",), "No photograph is there for"),
        ("1.jpg;2\n1;2", ("1.jpg",), "are the same photograph"),
        ("a.jpg;1\nb.jpg;1\nc.jpg;1\nd.jpg;1\ne.jpg;1", ("x.jpg",), 'for "a.jpg", "b.jpg", "c.jpg" and 2 more'),
    ],
)
def test_unclear_pairing_is_refused(rows, names, words):
    with pytest.raises(ConfigurationError, match=words):
        match(rows, *names)


def test_message_shows_no_control_characters():
    with pytest.raises(ConfigurationError) as caught:
        match("\x1b[31m" + "x" * 300 + ".jpg;1", "a.jpg")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300

"""The manifest is read strictly: what is torn or off the scale is refused, by the number of its line."""

from pathlib import Path

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.training.dataset import read_manifest
from dr_core.training.manifest import is_there, read_lines
from dr_core.training.statistics import read_manifest_table

TITLES = (
    "image_id,path,source,grade,split,patient_id,age,sex,gradable,duplicate_of,label_conflict,width,height,"
    "original_width,original_height"
)
GOOD = "a:1,1.jpg,a,2,test,p1,50,F,1,,0,640,480,640,480"
OTHER = GOOD.replace("a:1", "a:2")
READERS = (read_manifest, read_manifest_table)


def write(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    (folder / "manifest.csv").write_bytes("".join(f"{line}\n" for line in (TITLES, *lines)).encode(encoding))
    return folder


def test_lines_are_texts_with_their_numbers(tmp_path):
    first, second = read_lines(write(tmp_path, GOOD, "", OTHER.replace(",2,", ",2.0,")), ("path", "grade", "split"))
    assert (first.number, first.cells["path"]) == (2, "1.jpg")
    assert (second.number, second.read_whole("grade", 5)) == (4, 2)
    assert (first.read_number("age"), first.read_whole("duplicate_of", 5)) == (50.0, None)


@pytest.mark.parametrize("read", READERS)
def test_mark_of_a_spreadsheet_before_the_first_title_is_no_part_of_it(tmp_path, read):
    assert len(read(write(tmp_path, GOOD, encoding="utf-8-sig"))) == 1


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("grade", ["9", "-1", "x", "inf", "nan", "1.5", "1e400", "U"])
def test_grade_off_the_scale_is_refused(tmp_path, read, grade):
    with pytest.raises(
        ConfigurationError, match=r"^Line 3 .* in the column grade: write a whole number from 0 to 4"
    ) as refused:
        read(write(tmp_path, GOOD, GOOD.replace(",2,", f",{grade},")))
    assert grade in str(refused.value)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (GOOD.replace("1.jpg", ""), "Line 2 .* nothing in the column path: fill it"),
        (GOOD.replace("1.jpg", "/etc/passwd"), '"/etc/passwd" in the column path, .* out of the folder: write'),
        (GOOD.replace("1.jpg", "a/../../1.jpg"), "Line 2 .* leads out of the folder: write it relative"),
        (GOOD.replace("1.jpg", ".."), "Line 2 .* leads out of the folder: write it relative"),
        (GOOD.replace(",a,", ",,"), "Line 2 .* nothing in the column source: fill it"),
        (GOOD.replace("1.jpg", "1\0.jpg"), "Line 2 .* zero byte in the column path: write"),
        (GOOD.replace("1.jpg", "x" * 200_000), r"no CSV from line \d on .*: write it anew"),
        (GOOD.replace("test", "banana"), '"banana" in the column split: write one of train, val, test, excluded'),
        ("a:1", "Line 2 .* more or fewer cells .*: mend it"),
        ("a:1,1.jpg", "Line 2 .* more or fewer cells .*: mend it"),
        (f"{GOOD},more", "Line 2 .* more or fewer cells .*: mend it"),
        (GOOD.replace("F,1", "F,yes"), '"yes" in the column gradable: write a whole number from 0 to 1'),
        (GOOD.replace("F,1", "F,3"), '"3" in the column gradable: write a whole number from 0 to 1'),
    ],
)
def test_torn_or_unknown_line_is_refused_with_a_remedy(tmp_path, read, line, words):
    with pytest.raises(ConfigurationError, match=words) as refused:
        read(write(tmp_path, line))
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("read", READERS)
def test_name_of_an_earlier_line_is_refused(tmp_path, read):
    with pytest.raises(ConfigurationError, match=r"^Line 4 .* image_id of line 2, \"a:1\": name each photograph once"):
        read(write(tmp_path, GOOD, OTHER, GOOD.replace("1.jpg", "3.jpg")))


@pytest.mark.parametrize("read", READERS)
def test_path_that_stays_in_the_folder_is_read(tmp_path, read):
    assert len(read(write(tmp_path, GOOD.replace("1.jpg", "b/../..a/1.jpg"), OTHER))) == 2


@pytest.mark.parametrize("read", READERS)
def test_manifest_without_a_photograph_is_refused(tmp_path, read):
    with pytest.raises(ConfigurationError, match="lists no photograph: write a line for each"):
        read(write(tmp_path))


@pytest.mark.parametrize("read", READERS)
def test_other_encoding_is_refused_with_its_line(tmp_path, read):
    with pytest.raises(ConfigurationError, match=r"^Line 3 .* not in UTF-8: save it as CSV in UTF-8"):
        read(write(tmp_path, GOOD, GOOD.replace("p1", "m\u00fcller"), encoding="latin-1"))


@pytest.mark.parametrize("cells", ["abc,480,640,480", "640,480,inf,480"])
def test_size_that_is_no_number_is_refused(tmp_path, cells):
    with pytest.raises(ConfigurationError, match=r"in the column .*width: write a number"):
        read_manifest_table(write(tmp_path, GOOD.replace("640,480,640,480", cells)))


@pytest.mark.parametrize("read", READERS)
def test_manifest_that_is_no_file_is_refused(tmp_path, read):
    (tmp_path / "manifest.csv").symlink_to("/dev/null")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigurationError, match=r"no manifest\.csv .* Point --data at"):
            read(folder)
    with pytest.raises(ConfigurationError, match=r"could not be read \(File name too long\): check"):
        read(tmp_path / ("x" * 260))


def test_pipe_and_name_that_is_too_long_are_no_photographs(tmp_path):
    (tmp_path / "eye.jpg").touch()
    assert is_there(tmp_path / "eye.jpg")
    for path in ("/dev/null", tmp_path, tmp_path / "gone.jpg", tmp_path / ("x" * 300)):
        assert not is_there(Path(path))

"""Samples are graded training photographs of the data folder, and never anything outside it."""

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.grades import Grade
from dr_core.reports.dataset import list_samples, pick_samples

HEADER = "image_id,path,source,grade,split,label_conflict\n"


def test_only_graded_training_photographs_without_conflict_are_listed(tmp_path):
    (tmp_path / "manifest.csv").write_text(
        HEADER
        + "a,a.jpg,one,2.0,train,0\n"
        + "b,b.jpg,one,2,test,0\n"
        + "c,c.jpg,one,,train,0\n"
        + "d,d.jpg,one,1,train,1\n"
        + "e,../secret.jpg,one,1,train,0\n"
        + "f,/etc/passwd,one,1,train,0\n"
    )
    (sample,) = list_samples(tmp_path)
    assert (sample.path, sample.source, sample.grade) == (tmp_path / "a.jpg", "one", Grade.MODERATE_NPDR)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"x")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link.jpg").symlink_to(outside)
    (folder / "manifest.csv").write_text(HEADER + "a,link.jpg,one,0,train,0\n")
    assert list_samples(folder) == ()


@pytest.mark.parametrize(
    "content",
    [None, "path\na.jpg\n", HEADER + f"a,{'x' * 200_000},one,1,train,0\n"]
    + [HEADER + f"a,a.jpg,one,{grade},train,0\n" for grade in ("9", "1.5", "inf", "x")],
)
def test_a_folder_without_a_proper_manifest_is_a_configuration_error(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.csv").write_text(content)
    with pytest.raises(ConfigurationError, match="manifest"):
        list_samples(tmp_path)


def test_picks_are_repeatable_bounded_and_change_with_the_seed(tmp_path):
    rows = "".join(f"{index},{index}.jpg,one,{index % 2},train,0\n" for index in range(60))
    (tmp_path / "manifest.csv").write_text(HEADER + rows)
    samples = list_samples(tmp_path)
    first = pick_samples(samples, source="one", grade=Grade.MILD_NPDR, count=4, seed=0)
    assert first == pick_samples(samples, source="one", grade=Grade.MILD_NPDR, count=4, seed=0)
    assert first != pick_samples(samples, source="one", grade=Grade.MILD_NPDR, count=4, seed=1)
    assert len(set(first)) == 4
    assert {sample.grade for sample in first} == {Grade.MILD_NPDR}
    assert len(pick_samples(samples, source="one", grade=Grade.MILD_NPDR, count=99, seed=0)) == 30
    assert pick_samples(samples, source="two", grade=Grade.MILD_NPDR, count=4, seed=0) == ()

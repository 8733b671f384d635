"""The Dataset page shows shipped statistics without data, and samples only from the folder that is configured."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.reports import dataset

APP = Path(__file__).parents[2] / "app.py"
PAGE = "pages/dataset.py"
TIMEOUT_S = 60

Start = Callable[[], AppTest]


def open_page() -> AppTest:
    """Enter the page through app.py, as a browser does."""
    return AppTest.from_file(str(APP), default_timeout=TIMEOUT_S).switch_page(PAGE).run()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Run the page with no data folder configured."""
    monkeypatch.delenv("RETINADESK_DATA", raising=False)
    return open_page


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Two graded training photographs, one of them unreadable."""
    (tmp_path / "eye.jpg").write_bytes(encode_jpeg(draw_fundus(FundusDrawing(160, 120))))
    (tmp_path / "broken.jpg").write_text("nothing")
    (tmp_path / "manifest.csv").write_text(
        "image_id,path,source,grade,split,label_conflict\n"
        "a,eye.jpg,clinic_a,0,train,0\nb,broken.jpg,clinic_a,3,train,0\nc,eye.jpg,clinic_b,1,train,0\n"
    )
    return tmp_path


def read_captions(page: AppTest) -> str:
    return " ".join(element.value for element in page.caption)


def test_shipped_statistics_are_shown_without_data(start):
    page = start()
    assert not page.exception
    assert not page.error
    assert page.metric[0].label == "Photographs"
    assert page.metric[0].value == "8,768"
    assert [tab.label for tab in page.tabs] == [
        "Grades",
        "Sample photographs",
        "Size and quality",
        "Duplicates",
        "People",
    ]
    charts = page.get("plotly_chart")
    assert len(charts) >= 5
    said = " ".join(chart.proto.alt for chart in charts)
    assert "Brightness, where most photographs lie: APTOS 2019 3" in said
    assert "gradable 1,051" in said


def test_without_a_data_folder_the_page_says_how_to_set_one(start):
    (info,) = start().info
    assert "RETINADESK_DATA" in info.value


def test_every_split_can_be_chosen(start):
    page = start()
    for split in ("train", "val", "test", "excluded"):
        page.segmented_control(key="dataset_split").set_value(split).run()
        assert not page.exception
    page.toggle(key="dataset_share").set_value(False).run()
    assert not page.exception


def test_samples_come_from_the_configured_folder(start, data_folder, monkeypatch):
    monkeypatch.setenv("RETINADESK_DATA", str(data_folder))
    page = open_page()
    assert not page.exception
    assert not page.info
    assert len(page.get("image")) == 1
    assert "This photograph cannot be read." in read_captions(page)
    page.segmented_control(key="dataset_sample_source").set_value("clinic_b").run()
    assert len(page.get("image")) == 1


def test_other_samples_are_drawn_on_request(start, data_folder, monkeypatch):
    monkeypatch.setenv("RETINADESK_DATA", str(data_folder))
    page = open_page()
    page.button(key="dataset_other_samples").click().run()
    assert page.session_state["dataset_sample_seed"] == 1
    assert not page.exception


def test_a_configured_folder_without_manifest_is_explained(start, tmp_path, monkeypatch):
    monkeypatch.setenv("RETINADESK_DATA", str(tmp_path))
    page = open_page()
    assert not page.exception
    assert "manifest" in page.error[0].value
    assert page.metric[0].value == "8,768"


def test_missing_statistics_name_the_command(start, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "STATISTICS_PATH", tmp_path / "none.json")
    page = start()
    assert not page.exception
    assert "python -m dr_core statistics" in page.warning[0].value

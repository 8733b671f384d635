"""The Calibrate page as the tests drive it: through app.py, with the photographs of a made clinic."""

import streamlit as st
from streamlit.testing.v1 import AppTest

from dr_core.screening.calibration_job import CalibrationJob
from tests.pages.screen_app import TIMEOUT_S

JPEG, CSV, ZIP = "image/jpeg", "text/csv", "application/zip"
COUNT = 100


def name_photographs() -> list[str]:
    return [f"eye_{number:03d}.jpg" for number in range(COUNT)]


def give(page: AppTest, listed: bytes, photographs: list[tuple[str, bytes, str]] | None = None) -> None:
    page.file_uploader[0].set_value(photographs or [(f"ward/{name}", b"made", JPEG) for name in name_photographs()])
    page.file_uploader[1].set_value(("graded.csv", listed, CSV)).run()
    page.button(key="calibrate_start").click().run()
    assert not page.exception


def find_job(page: AppTest) -> CalibrationJob:
    return page.session_state["calibration_run"].job


def finish(page: AppTest) -> CalibrationJob:
    job = find_job(page)
    assert job.wait(TIMEOUT_S)
    page.run()
    assert not page.exception
    return job


def shown_text(page: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "code")
    return "\n".join(element.value for kind in kinds for element in getattr(page, kind))


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def read_download(page: AppTest, key: str, monkeypatch) -> bytes:
    """What the download button with `key` gives; AppTest does not keep it."""
    given: dict[str, bytes] = {}
    real = st.download_button

    def remember(*args: object, **kwargs: object) -> bool:
        given[str(kwargs["key"])] = kwargs["data"]
        return real(*args, **kwargs)

    monkeypatch.setattr(st, "download_button", remember)
    page.run()
    return given[key]

"""The Batch page as the tests drive it: through app.py, to the end of a batch."""

from streamlit.testing.v1 import AppTest

from dr_core.screening.job import BatchJob
from dr_core.screening.jobs import JobRegistry

TIMEOUT_S = 60
JPEG = "image/jpeg"


def start(page: AppTest, registry: JobRegistry) -> BatchJob:
    page.button(key="batch_start").click().run()
    assert not page.exception
    job_id = "".join(page.query_params["job"])
    job = registry.find(job_id)
    assert job is not None
    return job


def finish(page: AppTest, job: BatchJob) -> None:
    assert job.wait(TIMEOUT_S)
    page.run()
    assert not page.exception


def grade_files(page: AppTest, registry: JobRegistry, files: dict[str, bytes]) -> BatchJob:
    page.segmented_control(key="batch_kind").set_value("Files").run()
    page.file_uploader[0].set_value([(name, data, JPEG) for name, data in files.items()]).run()
    job = start(page, registry)
    finish(page, job)
    return job


def shown_text(page: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "text")
    return "\n".join(element.value for kind in kinds for element in getattr(page, kind))


def counts(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}

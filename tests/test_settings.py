"""Settings from the environment."""

import tempfile
from pathlib import Path

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.settings import load_settings


def test_nothing_set_means_no_server_folders_and_a_day():
    settings = load_settings({})
    assert settings.server_roots == ()
    assert settings.job_hours == 24
    assert settings.job_dir.is_absolute()
    assert settings.operating_point is None


def test_everything_set():
    settings = load_settings(
        {
            "RETINADESK_ROOTS": "/data:~/photographs: ",
            "RETINADESK_JOB_HOURS": "2.5",
            "RETINADESK_JOB_DIR": "/var/jobs",
            "RETINADESK_OPERATING_POINT": "/etc/north.json",
        }
    )
    assert settings.operating_point == Path("/etc/north.json")
    assert settings.server_roots == (Path("/data"), Path("~/photographs").expanduser())
    assert settings.job_hours == 2.5
    assert settings.job_dir == Path("/var/jobs")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RETINADESK_ROOTS", "relative"),
        ("RETINADESK_ROOTS", "/data:~nobodyxx/a"),
        ("RETINADESK_JOB_DIR", "relative"),
        ("RETINADESK_JOB_DIR", "~nobodyxx/a"),
        ("RETINADESK_OPERATING_POINT", "relative"),
        ("RETINADESK_OPERATING_POINT", "~nobodyxx/a"),
        ("RETINADESK_JOB_HOURS", "many"),
        ("RETINADESK_JOB_HOURS", "0"),
        ("RETINADESK_JOB_HOURS", "nan"),
        ("RETINADESK_JOB_HOURS", "1e9"),
    ],
)
def test_wrong_setting_is_named(variable, value):
    with pytest.raises(ConfigurationError, match=f"{variable} must"):
        load_settings({variable: value})


def test_temporary_folder_is_looked_for_only_when_it_is_needed(monkeypatch):
    def refuse() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", refuse)
    settings = load_settings({})
    with pytest.raises(ConfigurationError, match="name a folder with RETINADESK_JOB_DIR"):
        _ = settings.job_dir
    assert load_settings({"RETINADESK_JOB_DIR": "/var/jobs"}).job_dir == Path("/var/jobs")

"""Tables that benchmarks leave beside the model: each has its place, and a damaged file fails with a reason."""

import json
from dataclasses import replace

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.reports.measurements import MEASUREMENTS_NAME, MeasuredTable, put_measurement, read_measurements

TABLE = MeasuredTable(
    "Robustness",
    ("Change", "QWK"),
    (("JPEG quality 50", "0.953 (0.930-0.970)"), ("Flip", "0.961")),
    "Validation photographs.",
    "python benchmarks/robustness.py DIR",
)


def test_a_folder_without_the_file_has_no_tables(tmp_path):
    assert read_measurements(tmp_path) == ()


def test_tables_come_back_as_they_were_put(tmp_path):
    other = replace(TABLE, title="Eye side", rows=())
    put_measurement(TABLE, tmp_path)
    path = put_measurement(other, tmp_path)
    assert path == tmp_path / MEASUREMENTS_NAME
    assert read_measurements(tmp_path) == (TABLE, other)


def test_a_table_measured_again_keeps_its_place(tmp_path):
    other = replace(TABLE, title="Eye side")
    again = replace(TABLE, note="Measured again.")
    for table in (TABLE, other, again):
        put_measurement(table, tmp_path)
    assert read_measurements(tmp_path) == (again, other)


def test_a_row_that_slipped_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: 1"):
        replace(TABLE, rows=(("alone",),))
    path = put_measurement(TABLE, tmp_path)
    content = json.loads(path.read_text())
    content["tables"][0]["rows"][0].append("too much")
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match=MEASUREMENTS_NAME):
        read_measurements(tmp_path)


def test_a_damaged_file_is_never_overwritten(tmp_path):
    (tmp_path / MEASUREMENTS_NAME).write_text("{")
    with pytest.raises(ConfigurationError, match=MEASUREMENTS_NAME):
        put_measurement(TABLE, tmp_path)
    assert (tmp_path / MEASUREMENTS_NAME).read_text() == "{"

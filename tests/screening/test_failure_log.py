"""Failures are logged by type and place, never by what they say."""

import logging

from dr_core.screening.failure_log import log_failure


def test_log_has_types_and_lines_of_the_whole_chain_and_no_message(caplog):
    def inner() -> None:
        raise FileNotFoundError(2, "No such file", "/clinic/Jane Doe.jpg")

    try:
        try:
            inner()
        except FileNotFoundError as error:
            raise ValueError("Jane Doe") from error
    except ValueError as caught:
        log_failure(logging.getLogger("test"), "While testing.", caught)
    (record,) = caplog.records
    assert record.message.startswith("While testing.\n")
    assert "ValueError" in record.message
    assert "FileNotFoundError" in record.message
    assert "in inner" in record.message
    assert "Jane" not in caplog.text
    assert record.exc_info is None

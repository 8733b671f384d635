"""The training log is read as it was written, and another file is refused."""

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.reports.training_log import LOG_NAME, read_training_log

HEADER = "epoch,stage,size,loss,val_loss,val_qwk,val_auc_rdr,learning_rate,seconds\n"


def test_rows_come_in_order(tmp_path):
    (tmp_path / LOG_NAME).write_text(
        HEADER + "1,1,256,1.2,1.1,0.5,0.8,0.001,300.5\n2,2,320,1.0,0.9,0.7,0.9,1e-05,400\n"
    )
    first, second = read_training_log(tmp_path)
    assert (first.epoch, first.stage, first.size, first.val_qwk) == (1, "1", 256, 0.5)
    assert second.learning_rate == 1e-05


def test_no_log_is_no_error(tmp_path):
    assert read_training_log(tmp_path) == ()


@pytest.mark.parametrize("content", ["epoch,loss\n1,2\n", HEADER + "one,1,256,1,1,1,1,1,1\n", HEADER + "1,1\n"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / LOG_NAME).write_text(content)
    with pytest.raises(ConfigurationError, match=LOG_NAME):
        read_training_log(tmp_path)

"""Results as the journal keeps them: everything but the maps comes back as it was."""

import json

import numpy as np
import pytest

from dr_core.screening.result_codec import decode_result, encode_result
from tests.fakes import make_detailed, make_failed, make_graded, make_ungradable


@pytest.mark.parametrize(
    "result", [make_detailed(), make_graded(), make_ungradable(with_prediction=True), make_failed()]
)
def test_a_result_is_the_same_after_the_journal(result):
    line = json.dumps(encode_result(result))
    again = decode_result(json.loads(line))
    assert encode_result(again) == encode_result(result)
    assert again.decision == result.decision
    assert again.seen_laterality is result.seen_laterality
    assert again.eye_conflict is result.eye_conflict


def test_findings_beside_the_grade_survive_and_lesion_maps_do_not():
    result = make_detailed()
    line = json.dumps(encode_result(result))
    side, was = decode_result(json.loads(line)).prediction.side, result.prediction.side
    assert (side.p_gradable, side.unfamiliarity, side.p_right_eye, side.p_oedema_risk) == (
        was.p_gradable, was.unfamiliarity, was.p_right_eye, was.p_oedema_risk,
    )  # fmt: skip
    assert side.lesion_maps.shape == (0, 0, 4)
    assert side.lesion_maps.dtype == np.float32
    assert len(line) < 1500

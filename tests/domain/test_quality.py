"""Each defect carries its advice, and a hidden part is spoken of where it is the defect and large enough."""

import pytest

from dr_core.domain.quality import Defect, QualityReport


@pytest.mark.parametrize("defect", list(Defect))
def test_every_defect_says_what_to_do_at_the_camera(defect):
    assert defect.advice.endswith("retake.")


def test_advice_follows_the_order_of_the_defects():
    report = QualityReport(False, 0.1, (Defect.DARK, Defect.BLUR))
    assert report.advice == (Defect.DARK.advice, Defect.BLUR.advice)
    assert QualityReport(True, 0.9).advice == ()


def test_words_of_the_csv_are_stable():
    assert [defect.value for defect in Defect] == [
        "blur",
        "dark",
        "bright",
        "uneven light",
        "small field",
        "low contrast",
        "obstruction",
    ]


@pytest.mark.parametrize(
    ("defects", "share", "spoken_of"),
    [
        ((Defect.OBSTRUCTION,), 0.3, True),
        ((Defect.BLUR, Defect.OBSTRUCTION), 0.05, True),
        ((Defect.OBSTRUCTION,), 0.02, False),
        ((Defect.OBSTRUCTION,), None, False),
        ((Defect.BLUR,), 0.9, False),
        ((), 0.9, False),
    ],
)
def test_hidden_retina_is_spoken_of_where_it_is_the_defect(defects, share, spoken_of):
    assert QualityReport(not defects, 0.5, defects, share).hides_retina is spoken_of

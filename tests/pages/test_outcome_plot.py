"""What eyes were told is drawn from the measured table, and only from that table."""

from dataclasses import replace

from dr_core.model.spec import DEFAULT_MODEL_DIR
from dr_core.reports.measurements import MeasuredTable, read_measurements
from pages.components.outcome_plot import describe_outcomes, draw_outcomes, read_outcomes

OUTCOMES = ("refer", "needs a reader", "retake", "green lamp")
TABLE = MeasuredTable(
    "Who",
    ("source", "referable", *OUTCOMES, "not referable", *(f"{name} of these" for name in OUTCOMES)),
    (
        ("idrid", "64", "92.0% (83% to 97%)", "3.0% (1% to 11%)", "1.0% (0% to 6%)", "4.0% (2% to 13%)",
         "39", "33.0% (21% to 49%)", "20.0% (11% to 36%)", "1.0% (0% to 9%)", "46.0% (32% to 61%)"),
        ("pooled", "1639", "88.0% (85% to 90%)", "8.0% (6% to 11%)", "2.0% (1% to 3%)", "2.0% (1% to 4%)",
         "13", "14.0% (12% to 17%)", "27.0% (24% to 29%)", "3.0% (2% to 4%)", "56.0% (53% to 60%)"),
    ),
    "",
    "",
)  # fmt: skip


def test_bars_hold_every_outcome_of_both_kinds_of_eyes_with_their_number():
    figure = draw_outcomes(read_outcomes(TABLE))
    assert len(figure.data) == 8
    refer = [bar for bar in figure.data if bar.name == "Refer"]
    assert [list(bar.x) for bar in refer] == [[92.0, 88.0], [33.0, 14.0]]
    assert list(refer[0].y) == ["IDRiD (64)", "All sources (1,639)"]
    assert refer[0].customdata[0] == "92.0% (83% to 97%)"


def test_text_beside_the_bars_says_what_they_show_of_all_sources():
    text = describe_outcomes(read_outcomes(TABLE))
    assert "All sources, 1,639 eyes: refer 88.0%, needs a reader 8.0%" in text
    assert "green lamp: sent home 56.0%" in text


def test_another_table_and_a_table_without_shares_get_no_bars():
    assert read_outcomes(replace(TABLE, columns=("source", *map(str, range(10))))) == ()
    assert read_outcomes(replace(TABLE, rows=(("idrid", *["-"] * 10),))) == ()


def test_the_released_models_own_table_gets_bars():
    assert any(read_outcomes(table) for table in read_measurements(DEFAULT_MODEL_DIR))

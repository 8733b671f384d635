"""What the released model is, how it was trained, how well it does on each source, and where its limits are."""

import re
from pathlib import Path

import streamlit as st

from dr_core.domain.errors import ModelError
from dr_core.domain.evaluation import EvaluationRecord
from dr_core.model.layer_table import LayerGroup, tabulate_layers
from dr_core.model.spec import DEFAULT_MODEL_DIR, ModelSpec, load_spec
from dr_core.reports.evaluation import BASELINE_PATH, SPLITS, name_evaluation, read_baseline, read_evaluations
from dr_core.reports.measurements import MEASUREMENTS_NAME, MeasuredTable, read_measurements
from dr_core.reports.training_log import read_training_log
from pages.components.evaluation_panel import (
    Slices,
    show_agreement,
    show_baseline,
    show_calibration,
    show_confusion_and_roc,
    show_counts,
    show_intervals,
    show_operating_points,
)
from pages.components.figure import show_figure
from pages.components.measured_tables import show_measurements
from pages.components.metric_plots import draw_training
from pages.components.navigation import enter_through_app
from pages.components.session import forget_all, grades_with_another, page_border
from pages.components.text import escape_markdown

MODEL_DIR = DEFAULT_MODEL_DIR
CARD_NAME = "MODEL_CARD.md"
_LINK_TO_FILE = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)]*\)")
_HEADING = re.compile(r"(?m)^(#{1,5} )")
EVERYTHING, GRADABLE = "All photographs", "Gradable only"
SPLIT_NAMES = {"test": "Locked test", "val": "Validation"}


@st.cache_data(show_spinner=False)
def load_layers(path: Path, sha256: str) -> tuple[LayerGroup, ...]:
    """Tabulate the network's layers; `sha256` makes a new model a new entry."""
    del sha256
    return tabulate_layers(path)


@st.cache_resource(show_spinner=False, max_entries=1)
def check_files(spec: ModelSpec, changed_ns: tuple[int, ...]) -> None:
    """Compare the model's files with their checksums, as the classifier does when it loads them."""
    del changed_ns
    for file in (spec.runtime, spec.keras):
        file.read()


@st.cache_data(show_spinner=False)
def load_evaluations(folder: Path, changed_ns: tuple[int, ...]) -> tuple[EvaluationRecord, ...]:
    """Read the evaluation records; `changed_ns` makes new files a new entry."""
    del changed_ns
    return read_evaluations(folder)


@st.cache_data(show_spinner=False)
def load_measurements(folder: Path, changed_ns: int) -> tuple[MeasuredTable, ...]:
    """Read the tables of the benchmarks; `changed_ns` makes a new file a new entry."""
    del changed_ns
    return read_measurements(folder)


def find_spec() -> ModelSpec | None:
    """Read the model's specification and check its files; say what is wrong and return None where one is unusable."""
    try:
        spec = load_spec(MODEL_DIR)
        changed_ns = tuple(file.path.stat().st_mtime_ns for file in (spec.runtime, spec.keras) if file.path.is_file())
        check_files(spec, changed_ns)
    except ModelError as error:
        st.error(
            f"**Nothing can be graded.** {escape_markdown(str(error))} A program that started before keeps the model "
            "that it read then: start it again once the folder is restored.",
            icon=":material/block:",
        )
        return None
    if grades_with_another(spec):
        st.warning(
            f"This page describes {escape_markdown(spec.name)}, but the program still grades with the model that it "
            "read when it started. Start it again.",
            icon=":material/sync_problem:",
        )
    return spec


def show_summary(spec: ModelSpec) -> None:
    """Show the model's name, size and operating points."""
    layers = load_layers(spec.keras.path, spec.keras.sha256)
    parameters = sum(group.parameters or 0 for group in layers)
    st.markdown(f"**{escape_markdown(spec.name)}**, checksum `{spec.sha256[:12]}`")
    columns = st.columns(4)
    columns[0].metric("Input, width x height", f"{spec.input_size.width_px} x {spec.input_size.height_px}")
    columns[1].metric("Parameters (millions)", f"{parameters / 1e6:.2f}")
    columns[2].metric("Referable from P(≥2)", f"{spec.referable_threshold:.3f}")
    columns[3].metric("Vision-threatening from P(≥3)", f"{spec.vision_threatening_threshold:.3f}")


def choose_evaluation(records: tuple[EvaluationRecord, ...]) -> tuple[EvaluationRecord, Slices]:
    """Let the reader choose split and photographs."""
    left, right = st.columns(2)
    by_split = {record.split: record for record in records}
    split = left.segmented_control(
        "Split",
        list(by_split),
        default=records[0].split,
        format_func=lambda name: SPLIT_NAMES.get(name, name),
        required=True,
        key="model_split",
    )
    chosen = right.segmented_control(
        "Photographs", [EVERYTHING, GRADABLE], default=EVERYTHING, required=True, key="model_photographs"
    )
    record = by_split[split or records[0].split]
    slices = [
        (source.source, source.gradable if chosen == GRADABLE else source.everything) for source in record.sources
    ]
    return record, [(source, metrics) for source, metrics in slices if metrics is not None]


def show_evaluation(records: tuple[EvaluationRecord, ...], spec: ModelSpec | None) -> None:
    """Show everything that was measured."""
    record, slices = choose_evaluation(records)
    if spec is not None and record.model_sha256 != spec.sha256:
        st.warning(
            "These figures were measured on another model than the one installed. Evaluate it with "
            "`python -m dr_core evaluate --data DIR`.",
            icon=":material/sync_problem:",
        )
    baseline = read_baseline(BASELINE_PATH) if record.split == SPLITS[0] else None
    performance, errors, calibration = st.tabs(["Performance", "Confusion and ROC", "Calibration"])
    with performance:
        show_intervals(slices, baseline)
        show_agreement(slices)
        st.header("At the frozen thresholds")
        show_operating_points(slices)
        if baseline is not None:
            st.header("Beside the notebook's way")
            show_baseline(slices, baseline)
        st.header("Refused and failed photographs")
        show_counts(record)
    with errors:
        show_confusion_and_roc(slices)
    with calibration:
        show_calibration(slices)
    st.caption(
        f"Measured {record.created_utc[:10]} on {record.model_name}@{record.model_sha256[:12]}, preprocessing "
        f"{record.preprocessing_version}, RetinaDesk {record.package_version}; intervals from "
        f"{record.bootstrap_resamples:,} resamples."
    )


def show_architecture(spec: ModelSpec) -> None:
    """Tabulate the network."""
    calibrated = ", and each P(≥ grade) is calibrated by itself" if spec.boundaries else ""
    beside = (
        " The same pass tells gradability, eye side, exudates near the fovea, whether there is a retina at all and the "
        "distance from the training photographs from pooled features, and maps four kinds of lesion and what hides the "
        "retina."
        if spec.side
        else ""
    )
    st.markdown(
        "MobileNetV2 (Sandler et al., 2018) as one flat graph, global average pooling and a linear head of 5 grades. "
        f"Grad-CAM weighs the features of `{spec.cam_layer}`; logits are divided by {spec.temperature:.3f} before the "
        f"softmax{calibrated}.{beside}"
    )
    st.dataframe(
        [
            {
                "Part": group.name,
                "Operators": group.operators,
                "Output": " x ".join(map(str, group.output_shape)),
                "Layers": group.n_layers,
                "Parameters": group.parameters,
            }
            for group in load_layers(spec.keras.path, spec.keras.sha256)
        ],
        hide_index=True,
        height="content",
        column_config={"Parameters": st.column_config.NumberColumn(format="localized")},
    )
    st.caption("Normalisation and activation layers are counted but not listed. Conv 3x3 / 2: kernel and stride.")


def show_training() -> None:
    """Draw the training log."""
    rows = read_training_log(MODEL_DIR)
    if not rows:
        st.info("No training log came with this model.", icon=":material/timeline:")
        return
    show_figure(draw_training(rows), key="training", alt="Loss and validation figures over the epochs.")
    minutes = sum(row.seconds for row in rows) / 60
    sizes = ", then ".join(f"{size} pixels" for size in dict.fromkeys(row.size for row in rows))
    st.caption(
        f"{len(rows)} epochs at {sizes} wide, {minutes:.0f} minutes. Training loss is on augmented photographs, so it "
        "may lie above the validation loss. Vertical rules: a new stage begins."
    )


def show_card() -> None:
    """Show the model card's text."""
    card = MODEL_DIR / CARD_NAME
    if card.is_file():
        # Links lead to files beside the card, which the app does not serve; the page has a title already.
        text = _LINK_TO_FILE.sub(r"\1", card.read_text(encoding="utf-8"))
        st.markdown(_HEADING.sub(r"#\1", text))
    else:
        st.info(f"No {CARD_NAME} came with this model.", icon=":material/description:")


enter_through_app()
forget_all()
st.title("Model")
spec = find_spec()
if spec is not None:
    with page_border():
        show_summary(spec)
measured, further, built, learned, card = st.tabs(
    ["Evaluation", "Further measurements", "Architecture", "Training", "Model card"]
)
with measured, page_border():
    paths = [MODEL_DIR / name_evaluation(split) for split in SPLITS]
    records = load_evaluations(MODEL_DIR, tuple(path.stat().st_mtime_ns for path in paths if path.is_file()))
    if records:
        show_evaluation(records, spec)
    else:
        st.info(
            "This model has not been evaluated yet. Measure it with `python -m dr_core evaluate --data DIR`; the "
            "figures then appear here.",
            icon=":material/query_stats:",
        )
with further, page_border():
    path = MODEL_DIR / MEASUREMENTS_NAME
    show_measurements(load_measurements(MODEL_DIR, path.stat().st_mtime_ns if path.is_file() else 0))
with built, page_border():
    if spec is not None:
        show_architecture(spec)
with learned, page_border():
    show_training()
with card, page_border():
    show_card()

"""The starting notebook's way, trained and tested on the same APTOS split as the released model.

Frozen MobileNetV2 (ImageNet weights), 224 x 224, pixels over 255, global average pooling, Dense 128 with ReLU, dropout
0.5, Dense 5 with softmax; Adam and categorical cross-entropy. It trains on APTOS train alone, keeps the epoch of the
best validation accuracy, and is tested on APTOS test, and on the other sources' test out of interest. The backbone is
frozen and nothing is augmented, so its pooled features are computed once and kept in memory: the same mathematics as
fitting through it, without repeating the frozen part in every epoch.

Speed is timed as the notebook does it: `cv2.imread` at full resolution, `cv2.resize`, `model.predict`, one photograph
after the other, on the full-resolution originals; RetinaDesk's pipeline is timed on the same files.

    python benchmarks/notebook_baseline.py --data DIR --weights FILE
    python benchmarks/notebook_baseline.py --data DIR --weights FILE --timing    # the two times alone, anew
"""

import argparse
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dr_core.domain.evaluation import BaselineRecord, BaselineSource  # noqa: E402 - the path above comes first
from dr_core.model.classifier import Classifier  # noqa: E402
from dr_core.reports.dataclass_json import read_record, write_record  # noqa: E402
from dr_core.reports.evaluation import BASELINE_PATH, format_estimate  # noqa: E402
from dr_core.screening.pipeline import screen_photograph  # noqa: E402
from dr_core.training.bootstrap import BOUNDARIES, GradedSet, measure_slice  # noqa: E402
from dr_core.training.statistics import name_groups, read_manifest_table  # noqa: E402

SIZE_PX = 224
EPOCHS = 20
BATCH_SIZE = 32
FEATURE_BATCH = 64
SEED = 42
HOME_SOURCE = "aptos2019"
# A plain argmax has no operating point of its own; half is where the notebook would cut.
REFERABLE, HALF = 2, 0.5
DESCRIPTION = (
    f"The notebook's way: frozen MobileNetV2 with ImageNet weights, {SIZE_PX} pixels squeezed, Dense 128, dropout 0.5, "
    f"{EPOCHS} epochs on APTOS 2019 train, epoch chosen on its validation split."
)

FloatArray = NDArray[np.float32]


def main() -> int:
    """Train, test, time and write the record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder that holds manifest.csv")
    parser.add_argument("--weights", required=True, type=Path, metavar="FILE", help="MobileNetV2 weights without top")
    parser.add_argument("--out", type=Path, default=BASELINE_PATH, metavar="FILE", help="JSON to write")
    parser.add_argument("--timing", action="store_true", help="only measure the times anew and put them into the JSON")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(SEED)
    backbone = build_backbone(arguments.weights)
    if arguments.timing:
        record = read_record(BaselineRecord, arguments.out)
    else:
        sources = measure_notebook(backbone, arguments.data)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        record = BaselineRecord(DESCRIPTION, created, 0.0, 0.0, 0, sources)
    originals = sorted(path for path in (arguments.data / "originals").iterdir() if path.suffix != ".csv")
    notebook_s = time_notebook(keras.Sequential([backbone, build_head(backbone.output_shape[-1])]), originals)
    retinadesk_s = time_retinadesk(originals)
    print(f"{len(originals)} originals: notebook {notebook_s:.3f} s, RetinaDesk {retinadesk_s:.3f} s a photograph")
    times = {"seconds_per_original": notebook_s, "retinadesk_seconds_per_original": retinadesk_s}
    write_record(replace(record, n_originals=len(originals), **times), arguments.out)
    print(f"Written to {arguments.out}")
    return 0


def measure_notebook(backbone: keras.Model, data_dir: Path) -> tuple[BaselineSource, ...]:
    """Train the head on APTOS and measure it on each source's test split, APTOS first."""
    table = read_manifest_table(data_dir)
    table = table[table["grade"].notna()]
    home = table[table["source"] == HOME_SOURCE]
    train, val = home[home["split"] == "train"], home[home["split"] == "val"]
    head = train_head(
        (extract_features(backbone, data_dir, train), train["grade"].to_numpy(dtype=np.int64)),
        (extract_features(backbone, data_dir, val), val["grade"].to_numpy(dtype=np.int64)),
    )
    sources = []
    for name, rows in table[table["split"] == "test"].groupby("source", sort=False):
        probabilities = np.asarray(head.predict(extract_features(backbone, data_dir, rows), verbose=0))
        metrics = measure_slice(collect(rows, probabilities), thresholds={REFERABLE: HALF})
        sources.append(BaselineSource(str(name), metrics))
        auc = format_estimate(metrics.at_boundary(REFERABLE).auc)
        kappa, accuracy = format_estimate(metrics.kappa), format_estimate(metrics.accuracy)
        print(f"{name}: n {metrics.n}, accuracy {accuracy}, QWK {kappa}, AUC rDR {auc}", flush=True)
    return tuple(sources)


def build_backbone(weights: Path) -> keras.Model:
    """Return the frozen MobileNetV2 with global average pooling: (N, 224, 224, 3) in [0, 1] -> (N, 1280)."""
    base = keras.applications.MobileNetV2(input_shape=(SIZE_PX, SIZE_PX, 3), include_top=False, weights=None)
    base.load_weights(weights)
    base.trainable = False
    return keras.Model(base.input, keras.layers.GlobalAveragePooling2D()(base.output))


def build_head(n_features: int) -> keras.Model:
    """Return the notebook's untrained head: (N, n_features) -> (N, 5) probabilities."""
    return keras.Sequential(
        [
            keras.layers.Input((n_features,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(5, activation="softmax"),
        ]
    )


def read_photograph(path: Path) -> FloatArray:
    """Read one photograph as the notebook does: (224, 224, 3) float32 in [0, 1], BGR as `cv2.imread` gives it."""
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise SystemExit(f"{path.name} cannot be read. Complete the data folder.")
    return np.asarray(cv2.resize(pixels, (SIZE_PX, SIZE_PX)), dtype=np.float32) / 255.0


def extract_features(backbone: keras.Model, data_dir: Path, rows: pd.DataFrame) -> FloatArray:
    """Return the pooled features of photographs: (N, 1280) float32."""
    started, done, found = time.monotonic(), 0, []
    paths = [data_dir / path for path in rows["path"]]
    for start in range(0, len(paths), FEATURE_BATCH):
        batch = np.stack([read_photograph(path) for path in paths[start : start + FEATURE_BATCH]])
        found.append(np.asarray(backbone(batch, training=False)))
        done += len(batch)
        left = (time.monotonic() - started) / done * (len(paths) - done)
        print(f"\r  features {done:,} of {len(paths):,}, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return np.concatenate(found)


def train_head(train: tuple[FloatArray, NDArray[np.int64]], val: tuple[FloatArray, NDArray[np.int64]]) -> keras.Model:
    """Fit the notebook's head on features and grades, and return the epoch with the best validation accuracy."""
    head = build_head(train[0].shape[1])
    head.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    best = keras.callbacks.EarlyStopping("val_accuracy", patience=EPOCHS, restore_best_weights=True, mode="max")
    history = head.fit(
        *train, validation_data=val, epochs=EPOCHS, batch_size=BATCH_SIZE, callbacks=[best], verbose=0
    ).history
    print(f"validation accuracy {max(history['val_accuracy']):.3f} after {len(history['val_accuracy'])} epochs")
    return head


def collect(rows: pd.DataFrame, probabilities: FloatArray) -> GradedSet:
    """Put grades and answers together; eyes of a patient and copies of a photograph share a cluster."""
    exceedance = np.stack([probabilities[:, boundary:].sum(axis=1) for boundary in BOUNDARIES], axis=1)
    return GradedSet(
        truth=rows["grade"].to_numpy(dtype=np.int64),
        grades=probabilities.argmax(axis=1),
        exceedance=np.clip(exceedance, 0.0, 1.0).astype(np.float64),
        clusters=rows["patient_id"].fillna(name_groups(rows)).to_numpy(dtype=np.str_),
        sources=rows["source"].to_numpy(dtype=np.str_),
    )


def time_notebook(model: keras.Model, paths: list[Path]) -> float:
    """Return seconds a photograph for read, resize and predict, one by one, after one to warm up."""
    model.predict(read_photograph(paths[0])[None], verbose=0)
    started = time.perf_counter()
    for path in paths:
        model.predict(read_photograph(path)[None], verbose=0)
    return round((time.perf_counter() - started) / len(paths), 4)


def time_retinadesk(paths: list[Path]) -> float:
    """Return seconds a photograph for RetinaDesk's pipeline, one by one, after one to warm up."""
    classifier = Classifier.load()
    screen_photograph(paths[0].read_bytes(), paths[0].name, classifier=classifier)
    started = time.perf_counter()
    for path in paths:
        screen_photograph(path.read_bytes(), path.name, classifier=classifier)
    return round((time.perf_counter() - started) / len(paths), 4)


if __name__ == "__main__":
    sys.exit(main())

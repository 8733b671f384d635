"""Where the benchmarks look for photographs, and how they end where there are none."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.chosen_photographs import add_data_argument

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "decode_parity", "explanations", "field_of_view", "framing_probe", "quality_gate", "robustness", "side_outputs",
)  # fmt: skip


@pytest.mark.parametrize(("named", "expected"), [("/photographs", "/photographs"), ("", "../shared/data")])
def test_photographs_lie_where_those_of_the_tests_do(monkeypatch, named, expected):
    monkeypatch.setenv("RETINADESK_DATA", named)
    parser = argparse.ArgumentParser()
    add_data_argument(parser)
    assert parser.parse_args([]).data == Path(expected)
    assert parser.parse_args(["--data", "else"]).data == Path("else")


@pytest.mark.parametrize("name", NAMES)
def test_without_photographs_there_is_one_sentence(tmp_path, name):
    environment = os.environ | {"RETINADESK_DATA": str(tmp_path / "empty")}
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py")]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = [line for line in ended.stderr.splitlines() if not line.startswith("INFO:")]
    assert ended.returncode == 1
    assert len(said) == 1
    assert 'in "empty". Point --data at the folder' in said[0]

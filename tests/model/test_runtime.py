"""The runtime serves many threads at once, each with the same bits, and refuses what it should not compute."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import LESIONS
from dr_core.model.classifier import EMBEDDING_FROM
from dr_core.model.runtime import HALF_PRECISION_MARK, Runtime
from dr_core.model.spec import load_spec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def content() -> bytes:
    """The released network's file."""
    return load_spec().runtime.read()


@pytest.fixture(scope="module")
def runtime(content: bytes) -> Runtime:
    """The released network, loaded once for this module."""
    return Runtime.load(content)


@pytest.fixture(scope="module")
def tensors(runtime: Runtime) -> list[Float32Array]:
    """Four inputs that are not photographs; the arithmetic is what is tested."""
    rng = np.random.default_rng(7)
    return [rng.uniform(-1, 1, runtime.input_shape).astype(np.float32) for _ in range(4)]


def assert_same_bits(found: tuple[Float32Array, ...], expected: tuple[Float32Array, ...]) -> None:
    assert len(found) == len(expected)
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(left, right)


def test_shapes_are_those_of_the_specification(runtime: Runtime) -> None:
    size = load_spec().input_size
    assert runtime.input_shape == (size.height_px, size.width_px, 3)
    ranks = sorted(len(shape) for shape in runtime.output_shapes)
    assert ranks == [1, 3, 3, 3]
    assert {shape[-1] for shape in runtime.output_shapes if len(shape) == 3} == {5, len(LESIONS), 1}
    assert next(shape for shape in runtime.output_shapes if len(shape) == 1)[0] > EMBEDDING_FROM


def test_outputs_come_as_float32_in_the_order_of_their_shapes(runtime: Runtime, tensors: list[Float32Array]) -> None:
    outputs = runtime.run(tensors[0])
    assert tuple(output.shape for output in outputs) == runtime.output_shapes
    assert all(output.dtype == np.float32 and np.isfinite(output).all() for output in outputs)


def test_outputs_outlive_the_next_pass(runtime: Runtime, tensors: list[Float32Array]) -> None:
    first = runtime.run(tensors[0])
    kept = tuple(output.copy() for output in first)
    runtime.run(tensors[1])
    assert_same_bits(first, kept)
    first[0].fill(0)
    assert_same_bits(runtime.run(tensors[0]), kept)


def test_many_threads_get_the_bits_of_a_lone_caller(content: bytes, tensors: list[Float32Array]) -> None:
    expected = [Runtime.load(content, interpreters=1).run(tensor) for tensor in tensors]
    shared = Runtime.load(content)
    alone = [shared.run(tensor) for tensor in tensors]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(shared.run, tensors * 6))
    for found, wanted in zip([*alone, *together], expected * 7, strict=True):
        assert_same_bits(found, wanted)


def test_callers_wait_when_all_interpreters_are_lent(content: bytes, tensors: list[Float32Array]) -> None:
    runtime = Runtime.load(content, interpreters=1)
    served = threading.Event()

    def call() -> None:
        runtime.run(tensors[0])
        served.set()

    with runtime._borrow():
        caller = threading.Thread(target=call)
        caller.start()
        assert not served.wait(0.2)
    assert served.wait(10)
    caller.join()


def test_callers_who_meet_share_the_cores(content: bytes) -> None:
    runtime = Runtime.load(content)
    with runtime._borrow() as alone:
        assert alone is runtime._all_threads
        with runtime._borrow() as other:
            assert other is not alone
    with runtime._borrow() as soon_after:
        assert soon_after is other


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("damage", [b"", b"not a model", b"\x00" * 4096])
def test_what_is_no_model_is_refused(damage: bytes) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        Runtime.load(damage)


def test_a_model_that_allows_half_precision_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="float32"):
        Runtime.load(content + HALF_PRECISION_MARK)


def test_a_runtime_without_interpreters_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="Received: 0"):
        Runtime.load(content, interpreters=0)


def test_another_shape_is_refused(runtime: Runtime) -> None:
    with pytest.raises(ValueError, match="Received"):
        runtime.run(np.zeros((10, 10, 3), np.float32))


def test_the_runtime_loads_no_tensorflow() -> None:
    program = (
        "import sys; from dr_core.model.runtime import Runtime; from dr_core.model.spec import load_spec;"
        "Runtime.load(load_spec().runtime.read()); assert 'tensorflow' not in sys.modules; print('light')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "light", done.stderr

"""The connection to a Ray cluster: finding it, saying clearly why not, and where on it the actors go."""

import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dr_core
from dr_core.domain.errors import ConfigurationError

__all__ = ["THIS_COMPUTER", "connect", "count_cores", "place_actors"]

THIS_COMPUTER = "local"
CONNECT_TIMEOUT_S = 10.0
NOT_INSTALLED = (
    "The Ray engine is not installed. On this computer and on every node of the cluster: "
    "pip install -r requirements-cluster.txt"
)


def connect(address: str) -> None:
    """Connect this process to the cluster at `address`, and set Ray Data up for a batch.

    Args:
        address: ``local`` for this computer alone, ``auto`` on a node of a cluster, or HOST:PORT of its head node.

    Raises:
        ConfigurationError: Ray is not installed, or there is no cluster at the address.
    """
    # No program of ours tells anybody that it runs; a cluster's own head decides for itself.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ConfigurationError(NOT_INSTALLED) from error
    if address not in (THIS_COMPUTER, "auto"):
        _require_listener(address)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    # A block that cannot be read does not stop the others: its photographs are looked at one by one.
    context.max_errored_blocks = -1
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"py_modules": [str(Path(dr_core.__file__).parent)]},
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ConfigurationError(
            "There is no usable Ray cluster at --address: check that it runs with the same versions of Ray and Python "
            "as this computer (ray status), and give local, auto, or HOST:PORT of its head node."
        ) from error


def _require_listener(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"Nothing answers at --address {address}: give HOST:PORT of the head node as `ray start --head` printed it "
            "(usually port 6379), auto on a node of the cluster, or local for this computer alone."
        ) from error


def count_cores() -> int:
    """Return how many cores the cluster has."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def place_actors() -> Callable[[], dict[str, Any]]:
    """Return a function that says for one actor after the other on which node it starts: one for each core.

    Left to itself, Ray may start all of them on one node, since each claims a part of a core alone. The choice is soft:
    when the node dies, the actor starts again on another.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    cores = [(node["NodeID"], int(node["Resources"].get("CPU", 0))) for node in ray.nodes() if node["Alive"]]
    turns = deque(node for node, count in cores for _ in range(count))

    def choose() -> dict[str, Any]:
        if not turns:
            return {}
        turns.rotate(-1)
        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(turns[0], soft=True)}

    return choose

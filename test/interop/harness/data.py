"""Tables to upload."""

import numpy as np
import pyarrow as pa


def people():
    return pa.table({"Character": ["Mario", "Luigi", "Peach"]})


def table(rows, seed=0):
    """Rows of a key, a random number and a text with nulls; a seed gives its own."""
    random = np.random.default_rng(seed)
    texts = pa.array([None if i % 7 == 0 else f"{seed}/{i} déjà vu" for i in range(rows)], pa.string())
    return pa.table({"key": pa.array(range(rows), pa.int64()), "number": random.standard_normal(rows), "text": texts})


def noise(size, seed=0):
    """One batch of about size bytes that no codec makes smaller."""
    random = np.random.default_rng(seed)
    columns = [pa.array(random.integers(-(2**63), 2**63 - 1, size // 32, np.int64)) for _ in range(4)]
    return pa.record_batch(columns, names=["a", "b", "c", "d"])

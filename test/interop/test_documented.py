"""The examples of docs/reference/protocol.md, run word for word."""

import json
import pathlib
import re

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "protocol.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def heading(example):
    """The nearest heading above an example, which names its test."""
    return re.findall(r"^#+ (.*)$", PAGE.read_text().split(example)[0], re.MULTILINE)[-1]


@pytest.fixture
def flights(client):
    """What the page's examples take to be there."""
    table = pa.table({"id": range(1000), "name": [None if n % 3 == 0 else f"flight {n}" for n in range(1000)]})
    calls.put(client, calls.path("nyc", "flights"), table)
    return table


def test_there_are_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES, ids=heading)
def test_example(client, flights, example):
    exec(example, {"client": client, "flight": flight, "json": json, "pa": pa, "table": flights})

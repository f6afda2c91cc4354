"""Links to data, read with curl."""

import json
import subprocess

import pyarrow as pa
import pytest
from pyarrow import flight, ipc, parquet

from harness import calls

LINKS = flight.FlightCallOptions(headers=[(b"x-flight-http-links", b"1")])
STREAM = "application/vnd.apache.arrow.stream"
FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def server(start):
    return start("--http-listen", "127.0.0.1:0")


@pytest.fixture
def table():
    return pa.table({"n": list(range(5000)), "text": [f"row {n}" for n in range(5000)]})


@pytest.fixture
def link(client, table):
    calls.put(client, "t", table, chunk=700)
    [endpoint] = calls.info(client, "t", LINKS).endpoints
    *_, link, reuse = [location.uri.decode() for location in endpoint.locations]
    assert reuse == "arrow-flight-reuse-connection://?"
    return link


def curl(link, *arguments):
    """The body and the status that curl sees."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "60", "--write-out", "%{stderr}%{http_code}", *arguments, link],
        capture_output=True, check=True,
    )
    return done.stdout, int(done.stderr)


def test_formats(link, table):
    body, status = curl(link)
    assert (status, ipc.open_stream(body).read_all()) == (200, table)
    body, status = curl(link, "-H", f"Accept: {FILE}")
    assert (status, ipc.open_file(body).read_all()) == (200, table)
    body, status = curl(link, "-H", f"Accept: {PARQUET}, {STREAM};q=0.5")
    assert (status, parquet.read_table(pa.BufferReader(body))) == (200, table)


@pytest.mark.parametrize("accept", [STREAM, FILE])
def test_ranges_make_the_whole(link, accept):
    whole, _ = curl(link, "-H", f"Accept: {accept}")
    third = len(whole) // 3
    parts = [curl(link, "-H", f"Accept: {accept}", "--range", r) for r in (f"0-{third - 1}", f"{third}-")]
    assert [status for _, status in parts] == [206, 206]
    assert b"".join(body for body, _ in parts) == whole


def test_a_parquet_dataset_gives_its_own_file(client, table, tmp_path):
    calls.put(client, "t.parquet", table)
    [endpoint] = calls.info(client, "t.parquet", LINKS).endpoints
    link = endpoint.locations[-2].uri.decode()
    body, status = curl(link, "-H", f"Accept: {PARQUET}")
    assert status == 200
    assert body in [file.read_bytes() for file in (tmp_path / "data").glob("d/*/s/*/0")]
    assert curl(link, "-H", f"Accept: {PARQUET}", "--range", "-4")[0] == b"PAR1"


def test_a_download_is_resumed(link, tmp_path):
    whole, _ = curl(link)
    target = tmp_path / "t.arrows"
    target.write_bytes(whole[:1000])
    curl(link, "--continue-at", "-", "--output", str(target))
    assert target.read_bytes() == whole


def test_refusals(client, link):
    for arguments, want in (
        (["-H", "Accept: text/csv"], 406),
        (["--data", "x"], 405),
        (["--request", "GET", "--data", "x"], 415),
        (["--range", "99999999-"], 416),
    ):
        assert curl(link, *arguments)[1] == want, arguments
    body, status = curl(link[:-5] + "AAAAA")
    assert (status, json.loads(body)["status"]) == (403, 403)
    calls.drop(client, "t")
    assert curl(link)[1] == 410


def test_other_clients_see_no_links(client, link):
    [endpoint] = calls.info(client, "t").endpoints
    assert not any(location.uri.startswith(b"http") for location in endpoint.locations)


def test_a_client_that_asks_for_links_reads_by_flight_too(client, link, table):
    [endpoint] = calls.info(client, "t", LINKS).endpoints
    assert client.do_get(endpoint.ticket).read_all() == table

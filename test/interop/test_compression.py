"""Datasets whose batches are compressed, as the operator declares them over the admin port."""

import subprocess

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import flight, ipc

from harness import arrays, calls, data, pki, rawflight
from harness import server as flightserver

CODECS = ["LZ4", "ZSTD"]
LINKS = flight.FlightCallOptions(headers=[(b"x-flight-http-links", b"1")])


@pytest.fixture
def authority():
    return pki.Authority()


@pytest.fixture
def admin_address():
    return flightserver.free_address()


@pytest.fixture
def server(start, tmp_path, authority, admin_address):
    files = pki.Files(tmp_path / "admin-tls")
    files.put_pair(authority, ca_crt=authority.pem)
    certificate, key, ca = (files.directory / name for name in ("tls.crt", "tls.key", "ca.crt"))
    admin = ("--admin-tls-cert", certificate, "--admin-tls-key", key, "--admin-client-ca", ca)
    return start("--admin-listen", admin_address, *admin, "--http-listen", "127.0.0.1:0")


@pytest.fixture
def declare(server, authority, admin_address):
    """A function that declares a dataset of one segment, as the operator does."""
    chain, key = authority.issue("flight-operator")
    uri = f"grpc+tls://{admin_address}"
    with flight.connect(uri, tls_root_certs=authority.pem, cert_chain=chain, private_key=key) as admin:
        yield lambda name, **more: calls.act(admin, "declare_dataset", {"path": [name], **more})


def opened(directory):
    """The Arrow files below a directory, each as other programs read it."""
    for file in directory.rglob("*"):
        if file.is_file() and file.read_bytes().startswith(b"ARROW1"):
            with pa.memory_map(str(file)) as source:
                yield ipc.open_file(source).read_all()


def bytes_sent(server, name):
    return sum(map(len, rawflight.do_get(server.address, name.encode())))


@pytest.mark.parametrize("codec", CODECS)
def test_smaller_on_disk_and_on_the_wire(server, client, declare, codec):
    table = pa.table({"n": list(range(200_000)), "text": [f"row {n % 100}" for n in range(200_000)]})
    declare("t", compression=codec)
    for name in ("t", "plain"):
        calls.put(client, name, table, chunk=50_000)
        assert calls.get(client, name) == table
    assert [found == table for found in opened(server.data_dir)] == [True, True]
    compressed, plain = (calls.info(client, name) for name in ("t", "plain"))
    assert compressed.total_records == plain.total_records
    assert compressed.total_bytes < plain.total_bytes / 2
    assert bytes_sent(server, "t") < bytes_sent(server, "plain") / 2


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("array", arrays.ARRAYS.values(), ids=arrays.ARRAYS.keys())
def test_type(server, client, declare, codec, array):
    table = pa.table({"column": array})
    declare("t", compression=codec)
    calls.put(client, "t", table)
    read = calls.get(client, "t")
    read.validate(full=True)
    assert read.equals(table, check_metadata=True)
    [found] = opened(server.data_dir)
    assert found.equals(table, check_metadata=True)


def test_noise_is_not_made_larger(server, client, declare):
    batch = data.noise(1 << 20)
    declare("t", compression="ZSTD")
    calls.put(client, "t", [batch])
    assert calls.get(client, "t").to_batches() == [batch]
    assert calls.info(client, "t").total_bytes < batch.nbytes * 1.01


def test_dictionaries_that_change_between_batches(client, declare):
    values = (["a", "b"], ["c"], ["c", "d"], ["a", None])
    batches = [pa.record_batch({"d": pa.array(v).dictionary_encode()}) for v in values]
    declare("t", compression="LZ4")
    calls.put(client, "t", batches)
    assert calls.get(client, "t")["d"].to_pylist() == [text for v in values for text in v]


def test_another_compression_is_for_what_comes(client, declare):
    tables = [data.table(5000, seed) for seed in range(4)]
    for table, codec in zip(tables, [None, "LZ4", "ZSTD", "None"], strict=True):
        if codec:
            declare("t", compression=codec)
        calls.put(client, "t", table, mode="append" if codec else "create")
    assert calls.get(client, "t") == pa.concat_tables(tables)


def test_queries(client, declare):
    table = data.table(20_000)
    declare("t", compression="ZSTD")
    calls.put(client, "t", table, chunk=1000)
    query = calls.command(dataset="t", columns=["text"], filter="key >= 5500 AND key < 6500 AND text IS NOT NULL")
    asked = (pc.field("key") >= 5500) & (pc.field("key") < 6500) & pc.field("text").is_valid()
    assert calls.get(client, query) == table.filter(asked).select(["text"])
    assert calls.get(client, calls.command(dataset="t", limit=1500)) == table.slice(0, 1500)


def test_link(client, declare):
    table = data.table(20_000)
    declare("t", compression="LZ4")
    calls.put(client, "t", table, chunk=1000)
    [endpoint] = calls.info(client, "t", LINKS).endpoints
    [link] = [location.uri.decode() for location in endpoint.locations if location.uri.startswith(b"http")]
    body = subprocess.run(["curl", "--silent", "--fail", "--max-time", "60", link], capture_output=True, check=True).stdout
    assert ipc.open_stream(body).read_all() == table


def test_compressed_upload_is_stored_as_declared(server, client, declare):
    """A writer's own compression is its connection's."""
    table = pa.table({"n": list(range(100_000))})
    options = flight.FlightCallOptions(write_options=ipc.IpcWriteOptions(compression="zstd"))
    declare("t", compression="LZ4")
    for name in ("t", "plain"):
        calls.put(client, name, table, options=options)
        assert calls.get(client, name) == table
    assert bytes_sent(server, "t") < bytes_sent(server, "plain")


@pytest.mark.parametrize("codec", ["gzip", "lz4"])
def test_unknown_compression(declare, codec):
    with pytest.raises(pa.ArrowInvalid, match="none of None, LZ4 and ZSTD"):
        declare("t", compression=codec)


@pytest.mark.parametrize("more", [{"format": "Parquet"}, {}])
def test_parquet_has_its_own(client, declare, more):
    with pytest.raises(pa.ArrowInvalid, match="always compressed"):
        declare("t.parquet", compression="LZ4", **more)
    assert calls.names(client) == []

"""Flight calls as the tests make them, each a few lines of a client's code."""

import json
import time

import pyarrow as pa
from pyarrow import flight


def path(*segments):
    return flight.FlightDescriptor.for_path(*segments)


def command(**body):
    return flight.FlightDescriptor.for_command(json.dumps(body).encode())


def describe(dataset):
    """A descriptor from a descriptor, or from a path of one segment."""
    return dataset if isinstance(dataset, flight.FlightDescriptor) else path(dataset)


def put(client, dataset, data, *, mode=None, rows=None, chunk=None, options=None):
    """Upload a table or a list of batches; answer the last PutResult.

    mode is said ahead of the data and rows behind it, in app_metadata.
    """
    schema = data.schema if isinstance(data, pa.Table) else data[0].schema
    writer, results = client.do_put(describe(dataset), schema, options)
    with writer:
        if mode is not None:
            writer.write_metadata(json.dumps({"mode": mode}).encode())
        if isinstance(data, pa.Table):
            writer.write_table(data, chunk)
        else:
            for batch in data:
                writer.write_batch(batch)
        if rows is not None:
            writer.write_metadata(json.dumps({"rows": rows}).encode())
        writer.done_writing()
        return last_result(results)


def last_result(results):
    """The last of an upload's answers. A refused upload has none, and close() raises its reason."""
    last = None
    while (result := results.read()) is not None:
        last = result
    assert last is not None, "the upload was not acknowledged"
    return json.loads(last.to_pybytes())


def info(client, dataset, options=None):
    return client.get_flight_info(describe(dataset), options)


def get(client, dataset, options=None):
    """Read a dataset whole, as its endpoints say."""
    first, *more = [client.do_get(e.ticket, options).read_all() for e in info(client, dataset, options).endpoints]
    return pa.concat_tables([first, *more]) if more else first


def get_by_name(client, name):
    """Read a dataset whose name serves as the ticket."""
    return client.do_get(flight.Ticket(name)).read_all()


def names(client, criteria=b"", options=None):
    """What ListFlights shows, each path joined to a name."""
    return [b"/".join(i.descriptor.path).decode() for i in client.list_flights(criteria, options)]


def act(client, action, body=b"", options=None):
    """Do an action; a body that is not bytes is sent as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return [result.body.to_pybytes() for result in client.do_action(flight.Action(action, body), options)]


def drop(client, name):
    return act(client, "drop_dataset", {"dataset": name})


def eventually(condition, timeout=30):
    """Wait until condition() holds; AssertionError counts as "not yet"."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if condition() is not False:
                return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.1)

"""A client that uploads without end, to be killed: python -m harness.dying_writer URI DATASET MODE.

It says "." on stdout for each MB sent.
"""

import sys

from pyarrow import flight

from harness import data


def main(uri, dataset, mode):
    batch = data.noise(1 << 20)
    with flight.connect(uri) as client:
        writer, _ = client.do_put(flight.FlightDescriptor.for_path(dataset), batch.schema)
        writer.write_metadata(b'{"mode": "%s"}' % mode.encode())
        while True:
            writer.write_batch(batch)
            print(".", end="", flush=True)


main(*sys.argv[1:])

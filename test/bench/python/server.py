"""pyarrow's Flight server, C++ but for a few calls a stream, over the files of a folder.

    server.py FOLDER [CERTIFICATE KEY]
"""

import json
import os
import pathlib
import sys

import pyarrow
import pyarrow.dataset
import pyarrow.parquet
from pyarrow import flight

PARQUET = ".parquet"


class Server(flight.FlightServerBase):
    def __init__(self, folder, **options):
        super().__init__(**options)
        self.folder = pathlib.Path(folder)

    def path(self, name):
        return self.folder / (name if name.endswith(PARQUET) else name + ".arrow")

    def do_get(self, context, ticket):
        path = self.path(ticket.ticket.decode())
        if path.suffix == PARQUET:
            scanner = pyarrow.dataset.dataset(path, format="parquet").scanner(batch_size=64 << 10)
            return flight.RecordBatchStream(scanner.to_reader())
        # The table's columns lie in the mapped file: nothing is read or copied here.
        return flight.RecordBatchStream(pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).read_all())

    def do_put(self, context, descriptor, reader, writer):
        path = self.path("/".join(part.decode() for part in descriptor.path))
        with path.open("wb") as file:
            with self.open_writer(path, file, reader.schema) as target:
                for chunk in reader:
                    target.write_batch(chunk.data)
            file.flush()
            os.fsync(file.fileno())

    def open_writer(self, path, file, schema):
        if path.suffix == PARQUET:
            return pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
        return pyarrow.ipc.new_file(file, schema)

    def do_action(self, context, action):
        if action.type != "drop_dataset":
            raise NotImplementedError(action.type)
        self.path(json.loads(action.body.to_pybytes())["dataset"]).unlink()
        return []


def main():
    folder, *certificate = sys.argv[1:]
    location, options = "grpc://127.0.0.1:0", {}
    if certificate:
        location = "grpc+tls://127.0.0.1:0"
        options["tls_certificates"] = [tuple(pathlib.Path(file).read_bytes() for file in certificate)]
    server = Server(folder, location=location, **options)
    print(f"ready 127.0.0.1:{server.port}", flush=True)
    server.serve()


if __name__ == "__main__":
    main()

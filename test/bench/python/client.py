"""pyarrow's Flight client under measurement.

Reads requests, a JSON object a line, {"uri", "dataset"}; answers each with
{"bytes", "seconds"} of one DoGet, or {"error"}.
"""

import json
import sys
import time

from pyarrow import flight


def get(client, dataset):
    started = time.perf_counter()
    size = sum(chunk.data.nbytes for chunk in client.do_get(flight.Ticket(dataset)))
    return {"bytes": size, "seconds": time.perf_counter() - started}


def main():
    clients = {}
    for line in sys.stdin:
        request = json.loads(line)
        uri = request["uri"]
        if uri not in clients:
            clients[uri] = flight.connect(uri)
        try:
            answer = get(clients[uri], request["dataset"])
        except Exception as error:  # noqa: BLE001 - told to the one who asked
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

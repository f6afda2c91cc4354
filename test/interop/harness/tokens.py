"""Bearer tokens: made by `flightserver token`, sent as stock clients send them."""

from pyarrow import flight

from harness import server


def make(auth_file, name, role):
    """Add a credential to auth_file and answer its token."""
    made = server.run("token", "--auth-file", auth_file, "--name", name, "--role", role)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def header(token):
    """Call options that carry the token."""
    return flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])


class Middleware(flight.ClientMiddlewareFactory):
    """Adds the token to every call of a client."""

    def __init__(self, token):
        super().__init__()
        self.token = token

    def start_call(self, info):
        return _BearerHeader(self.token)


class _BearerHeader(flight.ClientMiddleware):
    def __init__(self, token):
        super().__init__()
        self.token = token

    def sending_headers(self):
        return {"authorization": f"Bearer {self.token}"}

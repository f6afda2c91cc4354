"""Users with passwords: made by `flightserver user`."""

import base64
import subprocess

from harness import server


def make(auth_file, name, password, role):
    """Add a user to auth_file; the password goes by standard input."""
    made = subprocess.run(
        [server.BINARY, "user", "--auth-file", str(auth_file), "--name", name, "--role", role],
        input=password + "\n", capture_output=True, text=True, timeout=120,
    )
    assert made.returncode == 0, made.stderr


def basic(name, password):
    """The value of an authorization header."""
    return b"Basic " + base64.b64encode(f"{name}:{password}".encode())

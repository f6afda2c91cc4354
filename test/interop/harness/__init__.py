"""What the tests share: the server process, calls, certificates, raw gRPC."""

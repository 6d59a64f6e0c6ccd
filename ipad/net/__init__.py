"""The network edge: names and sockets, TLS trust, HTTP/1.1 towards one server."""

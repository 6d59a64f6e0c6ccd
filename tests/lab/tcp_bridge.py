"""A serial port behind raw TCP, as `socat TCP-LISTEN:...,fork /dev/ttyUSB2,raw,echo=0` makes one."""

from __future__ import annotations

import os
import select
import socket
import threading
import tty
from pathlib import Path


class TcpBridge:
    """One client at a time; the port is open while there is one."""

    def __init__(self, port: Path) -> None:
        self._path = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="serial bridge", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Let go of client and port."""
        self._wake.close()
        self._thread.join(10)
        self._listener.close()
        self._woken.close()

    def _serve(self) -> None:
        while self._woken not in (ready := select.select([self._listener, self._woken], [], [])[0]):
            if self._listener in ready:
                client, _ = self._listener.accept()
                with client:
                    self._carry(client)

    def _carry(self, client: socket.socket) -> None:
        device = os.open(self._path, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(device)
            while True:
                ready = select.select([client, device, self._woken], [], [])[0]
                if self._woken in ready:
                    return
                if device in ready:
                    client.sendall(os.read(device, 4096))
                if client in ready:
                    data = client.recv(4096)
                    if not data:
                        return
                    os.write(device, data)
        except OSError:
            return  # either side is gone; the next client opens the port anew
        finally:
            os.close(device)

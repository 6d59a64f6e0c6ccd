"""A modem at the end of a TCP connection that answers AT commands from a table."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Self

ANSWERS: Mapping[str, str] = {
    "AT+CGMI": "Quectel",
    "AT+CGMM": "EG25",
    "AT+CGMR": "EG25GGBR07A08M2G",
    "AT+CGSN": "490154203237518",
    "AT+CPIN?": "+CPIN: READY",
    "AT+QCCID": "+QCCID: 8988123456789012345F",
    "AT+CIMI": "001010123456789",
    "AT+CEREG?": "+CEREG: 0,1",
    "AT+COPS?": '+COPS: 0,2,"00101",7',
    "AT+CSQ": "+CSQ: 20,99",
    "AT+CGATT?": "+CGATT: 1",
    "AT+CGACT?": "+CGACT: 1,1",
    "AT+CGPADDR=1": '+CGPADDR: 1,"10.0.0.7"',
}


class AtServer:
    """Runs in a thread of its own, so that whole commands can be tested. `port` is a name for `--port`."""

    def __init__(self, answers: Mapping[str, str] = ANSWERS) -> None:
        commands: list[str] = []
        server = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                line = bytearray()
                while byte := self.rfile.read(1):
                    if byte != b"\r":
                        line += byte
                        continue
                    command = line.decode()
                    line.clear()
                    commands.append(command)
                    reply = answer(command, answers)
                    self.wfile.write(reply.replace(b"\r\nOK\r\n", b"") if server.silent_results else reply)

        self.commands = commands
        self.silent_results = False
        """Leave the final results out: then nothing that comes is an AT answer."""
        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.port = f"socket://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def answer(command: str, answers: Mapping[str, str]) -> bytes:
    if command in answers:
        return f"\r\n{answers[command]}\r\n\r\nOK\r\n".encode()
    known = command in ("AT", "ATE0", "ATV1", "ATQ0", "AT+CMEE=1", "AT+COPS=3,2")
    return b"\r\nOK\r\n" if known else b"\r\n+CME ERROR: 4\r\n"

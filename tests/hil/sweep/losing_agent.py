"""An agent that loses what the card signed: it removes every notification, and delivers none. Run by the tests."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tomllib
import tty
from pathlib import Path

NOTIFICATIONS = 4
OPEN = 'AT+CCHO="A0000005591010FFFFFFFF8900000100"'
REMOVE = 'AT+CGLA=1,22,"81E2910006BF30038001{number:02X}"'


class Line:
    """The port of the modem."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.descriptor)
        termios.tcflush(self.descriptor, termios.TCIOFLUSH)

    def ask(self, command: str) -> str:
        """One command; its answer."""
        os.write(self.descriptor, command.encode() + b"\r")
        answer = b""
        while b"OK\r\n" not in answer and b"ERROR" not in answer:
            if not select.select([self.descriptor], [], [], 10)[0]:
                raise TimeoutError(command)
            answer += os.read(self.descriptor, 4096)
        return answer.decode("ascii", "replace")


def main() -> None:
    configuration = tomllib.loads(Path(sys.argv[sys.argv.index("--config") + 1]).read_text(encoding="utf-8"))
    line = Line(configuration["modem"]["port"])
    while "ERROR" in line.ask(OPEN):
        time.sleep(0.05)  # the modem still reads its card
    for number in range(1, NOTIFICATIONS + 1):
        line.ask(REMOVE.format(number=number))
    line.ask("AT+CCHC=1")
    print("next poll at noon", file=sys.stderr, flush=True)  # noqa: T201
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()

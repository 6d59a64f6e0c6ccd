"""A rig in this process, operated as from outside: by its control API and by commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hil.cli.client import ControlClient
from hil.cli.main import main
from hil.cli.parser import CONTROL_VARIABLE
from hil.rig import Rig, RigOptions
from hil.rig.foreground import start_control


@dataclass
class Operated:
    """A running rig. Calls and commands run in a thread, for the rig needs the loop to answer them."""

    rig: Rig
    control_url: str
    capture: pytest.CaptureFixture[str]
    client: ControlClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = ControlClient(self.control_url)

    async def get(self, path: str, **query: Any) -> Any:
        return await asyncio.to_thread(lambda: self.client.get(path, **query))

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return await asyncio.to_thread(self.client.post, path, body)

    async def delete(self, path: str) -> Any:
        return await asyncio.to_thread(self.client.delete, path)

    async def run(self, *words: str) -> tuple[int, str, str]:
        """`ipad-hil WORDS`: exit code, output and errors."""
        code = await asyncio.to_thread(main, words)
        printed = self.capture.readouterr()
        return code, printed.out, printed.err

    async def done(self, *words: str) -> str:
        """What a command prints that has to succeed."""
        code, out, err = await self.run(*words)
        assert (code, err) == (0, "")
        return out

    async def failed(self, *words: str) -> str:
        """What a command that has to fail says."""
        code, _, err = await self.run(*words)
        assert code == 1
        return err


OperatedT = TypeVar("OperatedT", bound=Operated)


@asynccontextmanager
async def operated_rig(
    kind: type[OperatedT], folder: Path, capture: pytest.CaptureFixture[str], **options: Any
) -> AsyncIterator[OperatedT]:
    """A rig with the plain modem whose control API is the one that commands find. `options`: of `RigOptions`."""
    async with Rig(RigOptions(folder / "rig", personality="plain", **options)) as rig:
        control = await start_control(rig)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(CONTROL_VARIABLE, control.url)
            yield kind(rig, control.url, capture)
        await control.close()

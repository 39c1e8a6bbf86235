"""SMTP servers that say exactly what a test wants them to say, or worse."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

from tests.integration.delivery.sender_contract import ENDLESS_BYTES, Scenario

#: Instead of an answer: close the connection.
HANG_UP: Final = "hang up"
#: Instead of an answer: say nothing.
SILENCE: Final = "silence"
#: Instead of an answer: a byte of it every moment, and no end.
TRICKLE: Final = "trickle"
#: Instead of an answer: a line without an end.
ENDLESS_LINE: Final = "endless line"
#: Instead of an answer: continued lines without an end.
ENDLESS_LINES: Final = "endless lines"

_ENDLESS: Final = {ENDLESS_LINE: b"2" * 2**16, ENDLESS_LINES: b"250-more\r\n" * 2**12}
#: How a TLS connection begins.
_HANDSHAKE: Final = b"\x16\x03"
_MOMENT_SECONDS: Final = 0.02
_USUAL: Final = {
    "greeting": "220 scripted",
    "EHLO": "250-scripted\r\n250 SMTPUTF8",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go ahead",
    "content": "250 queued",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


class ScriptedSmtp:
    """Answers as usual, except where the script has something else, each line used once.

    Args:
        script: answers by command; `greeting` and `content` count as commands.
    """

    def __init__(self, script: Mapping[str, Iterable[str]]) -> None:
        self._script = {command: deque(answers) for command, answers in script.items()}
        #: Commands in the order they came, over all connections.
        self.heard: list[str] = []
        #: Every content that came to its end, with the recipient it was announced for.
        self.contents: list[tuple[str, bytes]] = []
        self.connections = 0
        self.octets_said = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await server.wait_closed()

    def hang_up_on_all(self) -> None:
        for writer in self._writers:
            writer.close()

    async def until_heard(self, command: str) -> None:
        await self._until(lambda: command in self.heard)

    async def until_all_have_gone(self) -> None:
        """Return once no connection is open."""
        await self._until(lambda: not self._writers)

    async def _until(self, condition) -> None:
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(condition)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._converse(reader, writer)
        self._writers.discard(writer)
        writer.close()
        await self._publish()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        answer = await self._say(writer, "greeting", self._answer("greeting", recipient))
        while answer != HANG_UP and (line := await reader.readline()):
            if line.startswith(_HANDSHAKE):
                # It gets no answer, and is read to its end.
                while await reader.read(2**16):
                    pass
                return
            command = line.split()[0].decode().upper()
            if command == "RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
            answer = await self._say(writer, command, self._answer(command, recipient))
            if answer.startswith("354"):
                content = await reader.readuntil(b"\r\n.\r\n")
                self.contents.append((recipient, content))
                answer = await self._say(writer, "content", self._answer("content", recipient))

    def _answer(self, command: str, recipient: str) -> str:
        """What to say to a command, given for whom the message is, if that is known."""
        scripted = self._script.get(command)
        return scripted.popleft() if scripted else _USUAL.get(command, "502 unknown")

    async def _say(self, writer: asyncio.StreamWriter, command: str, answer: str) -> str:
        if command != "greeting":
            self.heard.append(command)
            await self._publish()
        if answer == TRICKLE:
            while True:
                await self._write(writer, b"2")
                await asyncio.sleep(_MOMENT_SECONDS)
        for _ in range(ENDLESS_BYTES // 2**16 if answer in _ENDLESS else 0):
            await self._write(writer, _ENDLESS[answer])
        if answer not in (HANG_UP, SILENCE, *_ENDLESS):
            await self._write(writer, answer.encode("latin-1") + b"\r\n")
        return answer

    async def _write(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        writer.write(octets)
        await writer.drain()
        self.octets_said += len(octets)

    async def _publish(self) -> None:
        async with self._changed:
            self._changed.notify_all()


#: What a server says that is asked to bring a scenario, and to which command.
_SCENARIOS: Final = {
    Scenario.REFUSED: ("RCPT", "550 5.1.1 {address}: Recipient address rejected: User unknown"),
    Scenario.LATER: ("RCPT", "451 4.7.1 {address}: Greylisted, try again in 300 seconds"),
    Scenario.UNAVAILABLE: ("RCPT", "451 4.3.2 {address}: System not accepting messages"),
    Scenario.ANSWER_LOST: ("content", HANG_UP),
    Scenario.NO_ANSWER: ("content", HANG_UP),
    Scenario.TRICKLE: ("content", TRICKLE),
    Scenario.ENDLESS: ("content", ENDLESS_LINE),
    Scenario.GARBAGE: ("content", "\x00\xff\xfe{{}}\r\nHTTP/1.1 200 OK"),
    Scenario.TANGLED: ("content", "\r\n".join(["250-5.1.1", "550-2.0.0", "-"] * 9)),
    Scenario.GIANT_ID: ("content", "250 2.0.0 queued as " + "9" * 7000),
    Scenario.NUL_ID: ("content", "250 2.0.0 queued as 1\x00\x1b2"),
    Scenario.ADDRESS_CODE: ("RCPT", "550 {code}"),
    Scenario.YEARS: ("RCPT", "451 4.7.1 Greylisted, try again in 999999999 seconds"),
}
_TWICE: Final = (Scenario.LATER, Scenario.UNAVAILABLE)
_NOT_KEPT: Final = (Scenario.NO_ANSWER,)


class ScenarioSmtp(ScriptedSmtp):
    """Brings each message the scenario that stands in its recipient's address."""

    def __init__(self) -> None:
        super().__init__({})
        self._render: Counter[str] = Counter()

    def copies_for(self, address: str) -> int:
        """How many contents the person has got."""
        if scenario_of(address) in _NOT_KEPT:
            return 0
        return sum(recipient == address for recipient, _ in self.contents)

    def _answer(self, command: str, recipient: str) -> str:
        scenario = scenario_of(recipient)
        moment, answer = _SCENARIOS.get(scenario, ("", ""))
        if command != moment:
            return super()._answer(command, recipient)
        self._render[recipient] += 1
        if scenario in _TWICE and self._render[recipient] > 2:
            return super()._answer(command, recipient)
        code = recipient.replace("@", ".").lower()
        return answer.format(address=recipient, code=code)


def scenario_of(recipient: str) -> Scenario:
    """The scenario in an address like `nul_id.1f2e@example.com`."""
    return Scenario.__members__.get(recipient.partition(".")[0].upper(), Scenario.ACCEPTED)

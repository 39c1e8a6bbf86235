"""One statement for the questions that many callers have at the same time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

#: Enough that the cost of a statement itself hardly counts. With more, all callers would be in
#: one statement: this process would idle while PostgreSQL works, and the reverse.
MOST_AT_ONCE: Final = 16

#: Far longer than a healthy statement takes, and well below what a person would notice.
PATIENCE_SECONDS: Final = 1.0


class Batcher(Generic[Q, A]):
    """Answers questions that arrive while a statement is on its way with the next one.

    A question that comes when no statement is on its way is asked at once. Questions of one
    statement fail together at first: they are halved and asked again, until a question that
    fails stands alone and its caller gets the error. They also wait together for a lock, but
    not for long: then each is asked by itself, side by side, and one that must wait holds up
    no other.

    Args:
        answer: answers some questions in one statement that does all or nothing, in their
            order. It may be asked again what it has answered.
        most: questions to a statement.
        patience_seconds: how long a statement may keep others waiting.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Coroutine[Any, Any, Sequence[A]]],
        *,
        most: int = MOST_AT_ONCE,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._answer = answer
        self._most = most
        self._patience_seconds = patience_seconds
        self._waiting: deque[_Asked[Q, A]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._alone: set[asyncio.Task[Sequence[A]]] = set()

    async def ask(self, question: Q) -> A:
        """The answer to a question; its own error, never that of another question.

        A cancel ends its statement only when no other question is in it.
        """
        asked = _Asked[Q, A](question)
        self._waiting.append(asked)
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer_all())
        return await asked.answer

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                share = min(len(self._waiting), self._most)
                some = [self._waiting.popleft() for _ in range(share)]
                await self._answer_some([asked for asked in some if not asked.answer.done()])
        finally:
            self._answering = None

    async def _answer_some(self, some: "Sequence[_Asked[Q, A]]") -> None:
        if not some:
            return
        statement = self._send(some)
        await asyncio.wait({statement}, timeout=self._patience_seconds)
        if len(some) == 1:
            self._leave_alone(some[0], statement)
        elif not statement.done():
            statement.cancel()
            await asyncio.wait({statement})
            for asked in some:
                self._leave_alone(asked, self._send([asked]))
        elif statement.exception() is not None:
            half = len(some) // 2
            await self._answer_some(some[:half])
            await self._answer_some(some[half:])
        else:
            for asked, answer in zip(some, statement.result(), strict=True):
                asked.settle(answer)

    def _send(self, some: "Sequence[_Asked[Q, A]]") -> asyncio.Task[Sequence[A]]:
        return asyncio.create_task(self._answer([asked.question for asked in some]))

    def _leave_alone(self, asked: "_Asked[Q, A]", statement: asyncio.Task[Sequence[A]]) -> None:
        """Let a statement with one question go on by itself, if it has not ended already."""

        def pass_on(_: object) -> None:
            self._alone.discard(statement)
            if statement.cancelled():
                asked.answer.cancel()
            elif (error := statement.exception()) is not None:
                asked.fail(error)
            else:
                asked.settle(statement.result()[0])

        self._alone.add(statement)
        statement.add_done_callback(pass_on)
        asked.answer.add_done_callback(lambda answer: answer.cancelled() and statement.cancel())


class _Asked(Generic[Q, A]):
    """A question, and where its answer goes."""

    def __init__(self, question: Q) -> None:
        self.question = question
        self.answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()

    def settle(self, answer: A) -> None:
        """Give the answer to the callers that still wait for it."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        """Give the error to the callers that still wait."""
        if not self.answer.done():
            self.answer.set_exception(error)

"""Asking the database together what many ask at the same time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

#: Enough that what a statement costs by itself hardly counts. With more, everybody under way
#: would be in one statement: this process would idle while PostgreSQL works, and the reverse.
MOST_AT_ONCE: Final = 16


class Together(Generic[Q, A]):
    """Answers questions that arrive while a statement is on its way with the next one.

    Whoever asks when nothing is on its way is answered at once: nobody waits for company.
    What is asked together fails together at first; it is then halved and asked again, until
    a question that fails stands alone and its asker gets the error.

    Args:
        answer: answers some questions in one statement that does all or nothing, in their
            order. It must bear being asked again what it has answered.
        most: questions to a statement.
    """

    def __init__(
        self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], *, most: int = MOST_AT_ONCE
    ) -> None:
        self._answer = answer
        self._most = most
        self._waiting: deque[_Asked[Q, A]] = deque()
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """The answer to a question; its own error, whoever asked beside it.

        Cancelled, it is left alone by the rest: a statement under way runs to its end.
        """
        asked = _Asked[Q, A](question)
        self._waiting.append(asked)
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer_everybody())
        return await asked.answer

    async def _answer_everybody(self) -> None:
        try:
            while self._waiting:
                share = min(len(self._waiting), self._most)
                some = [self._waiting.popleft() for _ in range(share)]
                await self._answer_some([asked for asked in some if not asked.answer.done()])
        finally:
            self._answering = None

    async def _answer_some(self, some: Sequence["_Asked[Q, A]"]) -> None:
        if not some:
            return
        try:
            answers = await self._answer([asked.question for asked in some])
            for asked, answer in zip(some, answers, strict=True):
                if not asked.answer.done():
                    asked.answer.set_result(answer)
        except Exception as error:  # noqa: BLE001 - it goes to whoever asked
            await self._find_the_culprit(some, error)

    async def _find_the_culprit(self, some: Sequence["_Asked[Q, A]"], error: Exception) -> None:
        if len(some) > 1:
            half = len(some) // 2
            await self._answer_some(some[:half])
            await self._answer_some(some[half:])
        elif not some[0].answer.done():
            some[0].answer.set_exception(error)


class _Asked(Generic[Q, A]):
    """A question, and where its answer goes."""

    def __init__(self, question: Q) -> None:
        self.question = question
        self.answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()

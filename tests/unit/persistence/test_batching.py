"""Questions to a batcher, with a statement that waits until the test lets it go."""

import asyncio
from collections.abc import Sequence

import pytest

from madan_sara.persistence.batching import Batcher

#: A question the statement fails on.
POISON = -1
#: A question the statement never comes back from.
LOCKED = 0


class Statement:
    """Doubles numbers, all or none of them; it fails on those below zero.

    Writes down what it was asked at once.
    """

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.begun = asyncio.Event()
        self.given_up = asyncio.Event()

    async def __call__(self, questions: Sequence[int]) -> list[int]:
        self.asked.append(list(questions))
        self.begun.set()
        await self.may_answer.wait()
        if LOCKED in questions:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up.set()
        for question in questions:
            if question < 0:
                raise LookupError(question)
        return [question * 2 for question in questions]


@pytest.fixture
def statement() -> Statement:
    return Statement()


async def _asks(batcher: Batcher[int, int], *questions: int) -> list[asyncio.Task[int]]:
    """Tasks that have asked, the first of them alone and on its way by then."""
    tasks = []
    for question in questions:
        tasks.append(asyncio.create_task(batcher.ask(question)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return tasks


async def test_who_asks_alone_is_answered_at_once(statement):
    batcher = Batcher(statement)

    assert [await batcher.ask(1), await batcher.ask(2)] == [2, 4]
    assert statement.asked == [[1], [2]]


async def test_who_asks_during_a_statement_shares_the_next(statement):
    batcher = Batcher(statement)
    statement.may_answer.clear()
    tasks = await _asks(batcher, 1, 2, 3, 4)
    statement.may_answer.set()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert statement.asked == [[1], [2, 3, 4]]


async def test_a_statement_takes_so_many_and_no_more(statement):
    batcher = Batcher(statement, most=2)
    statement.may_answer.clear()
    tasks = await _asks(batcher, 1, 2, 3, 4)
    statement.may_answer.set()

    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert statement.asked == [[1], [2, 3], [4]]


@pytest.mark.parametrize("position", range(5))
async def test_an_error_goes_to_its_caller_only(statement, position):
    batcher = Batcher(statement)
    statement.may_answer.clear()
    questions: list[int] = [1, 2, 3, 4, 5]
    questions[position] = POISON
    tasks = await _asks(batcher, 9, *questions)
    statement.may_answer.set()

    answers = (await asyncio.gather(*tasks, return_exceptions=True))[1:]

    assert isinstance(answers[position], LookupError)
    assert [a for a in answers if isinstance(a, int)] == [2 * q for q in questions if q != POISON]


async def test_when_every_question_fails_each_caller_gets_the_error_and_the_next_is_answered(
    statement,
):
    batcher = Batcher(statement)
    statement.may_answer.clear()
    tasks = await _asks(batcher, -1, -2, -3)
    statement.may_answer.set()

    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert [str(answer) for answer in answers] == ["-1", "-2", "-3"]
    assert await batcher.ask(1) == 2


async def test_who_leaves_while_waiting_is_not_asked_for(statement):
    batcher = Batcher(statement)
    statement.may_answer.clear()
    first, second, third = await _asks(batcher, 1, 2, 3)

    second.cancel()
    statement.may_answer.set()

    assert [await first, await third] == [2, 6]
    assert second.cancelled()
    assert statement.asked == [[1], [3]]


async def test_who_leaves_a_statement_under_way_leaves_it_to_the_others(statement):
    batcher = Batcher(statement)
    await batcher.ask(9)
    statement.begun.clear()
    statement.may_answer.clear()
    tasks = [asyncio.create_task(batcher.ask(question)) for question in (1, 2, 3)]
    await statement.begun.wait()

    tasks[0].cancel()
    statement.may_answer.set()

    assert await asyncio.gather(*tasks[1:]) == [4, 6]
    assert statement.asked == [[9], [1, 2, 3]]
    assert await batcher.ask(4) == 8


@pytest.mark.parametrize("position", range(4))
async def test_a_question_that_waits_for_a_lock_holds_no_other_up(statement, position):
    batcher = Batcher(statement, patience_seconds=0.01)
    statement.may_answer.clear()
    questions = [1, 2, 3]
    questions.insert(position, LOCKED)
    first, *tasks = await _asks(batcher, 9, *questions)
    statement.may_answer.set()

    stuck = tasks.pop(position)
    assert await asyncio.gather(first, *tasks) == [18, 2, 4, 6]
    assert await batcher.ask(4) == 8
    assert not stuck.done()
    stuck.cancel()


async def test_who_had_to_wait_alone_is_answered_late(statement):
    batcher = Batcher(statement, patience_seconds=0.01)
    statement.may_answer.clear()
    (late,) = await _asks(batcher, 1)
    await statement.begun.wait()
    statement.begun.clear()
    (next_one,) = await _asks(batcher, 2)
    await statement.begun.wait()
    assert statement.asked == [[1], [2]]

    statement.may_answer.set()

    assert [await late, await next_one] == [2, 4]


async def test_who_leaves_alone_takes_the_statement_along(statement):
    batcher = Batcher(statement, patience_seconds=0.01)
    (stuck,) = await _asks(batcher, LOCKED)
    await statement.begun.wait()

    stuck.cancel()

    async with asyncio.timeout(5):
        await statement.given_up.wait()
    assert await batcher.ask(1) == 2

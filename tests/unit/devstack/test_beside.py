"""Work beside a block ends with it, and does not fail unheard."""

import asyncio

import pytest

from madan_sara.devstack.beside import beside


async def test_the_work_is_over_when_the_block_is():
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with beside(work()) as running:
        await begun.wait()
    assert running.cancelled()


async def test_an_error_of_the_work_is_raised_when_the_block_ends():
    async def work() -> None:
        raise ValueError("out of order")

    with pytest.raises(ValueError, match="out of order"):
        async with beside(work()) as running:
            await asyncio.wait([running])


async def test_the_work_ends_with_a_block_that_fails():
    with pytest.raises(KeyError):
        async with beside(asyncio.Event().wait()) as running:
            raise KeyError("of the block")
    assert running.cancelled()


async def test_an_error_of_the_work_is_raised_for_that_of_the_block():
    async def work() -> None:
        raise ValueError("out of order")

    async def block() -> None:
        async with beside(work()) as running:
            await asyncio.wait([running])
            raise KeyError("of the block")

    with pytest.raises(ValueError, match="out of order"):
        await block()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancel_of_the_block_is_not_taken_for_that_of_the_work(times):
    ending, may_end = asyncio.Event(), asyncio.Event()
    went_on = False

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    async def block() -> None:
        nonlocal went_on
        async with beside(work()):
            await asyncio.sleep(0)
        went_on = True

    outer = asyncio.create_task(block())
    await ending.wait()
    for _ in range(times):
        outer.cancel()
    may_end.set()
    await asyncio.wait([outer])
    assert outer.cancelled()
    assert not went_on

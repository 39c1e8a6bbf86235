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

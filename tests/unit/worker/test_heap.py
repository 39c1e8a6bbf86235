"""A worker's loaded modules, out of the garbage collector's way."""

import gc

import pytest

from madan_sara.worker.heap import freeze_heap


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_full_collections_leave_out_loaded_modules():
    known = len(gc.get_objects())
    freeze_heap()
    assert gc.get_freeze_count() > known // 2
    assert len(gc.get_objects()) < known // 2


def test_what_comes_later_is_still_collected():
    freeze_heap()
    loop: list[object] = []
    loop.append(loop)
    del loop
    assert gc.isenabled()
    assert gc.collect() >= 1

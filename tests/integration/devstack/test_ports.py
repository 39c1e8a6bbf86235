"""Choosing ports."""

import socket

import pytest

from devstack.ports import LOOPBACK, choose_ports


def test_a_taken_port_is_replaced_by_a_free_one_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = server.getsockname()[1]
        (chosen,) = choose_ports(taken)
    assert chosen != taken
    assert f"port {taken} is taken, using {chosen} instead" in caplog.text


def test_ports_chosen_together_differ() -> None:
    assert len(set(choose_ports(0, 0, 0, 0))) == 4

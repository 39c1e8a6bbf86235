"""Choosing ports."""

import socket

import pytest

from madan_sara.devstack.ports import ANY_PORT, LOOPBACK, choose_ports


def test_a_taken_port_is_replaced_by_a_free_one_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = server.getsockname()[1]
        (chosen,) = choose_ports(taken)
    assert chosen != taken
    assert f"port {taken} is taken, using {chosen} instead" in caplog.text


def test_ports_chosen_together_differ_and_are_none_of_outgoing_connections() -> None:
    chosen = choose_ports(0, 0, 0, 0)
    assert len(set(chosen)) == 4
    assert set(chosen) <= set(ANY_PORT)

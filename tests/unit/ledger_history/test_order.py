"""What the order of commits and the spans of their calls allow."""

from tests.ledger_history.order import CommitOrder, Span


def test_a_state_can_stand_while_its_commits_may_have_come():
    order = CommitOrder([Span(10, 20), Span(30, 40)])
    assert list(order.states_during(Span(0, 9))) == [0]
    assert list(order.states_during(Span(0, 10))) == [0, 1]
    assert list(order.states_during(Span(15, 16))) == [0, 1]
    assert list(order.states_during(Span(21, 29))) == [1]
    assert list(order.states_during(Span(25, 35))) == [1, 2]
    assert list(order.states_during(Span(41, 50))) == [2]


def test_the_end_of_a_later_commit_bounds_an_earlier_one():
    order = CommitOrder([Span(10, 90), Span(12, 20)])
    assert list(order.states_during(Span(21, 30))) == [2]


def test_the_begin_of_an_earlier_commit_bounds_a_later_one():
    order = CommitOrder([Span(50, 60), Span(10, 70)])
    assert list(order.states_during(Span(20, 49))) == [0]


def test_a_commit_that_ended_before_the_one_in_front_of_it_began_contradicts():
    assert list(CommitOrder([Span(10, 20), Span(15, 30)]).contradictions()) == []
    assert list(CommitOrder([Span(10, 20), Span(20, 30)]).contradictions()) == []
    assert list(CommitOrder([Span(21, 30), Span(10, 20)]).contradictions()) == [0, 1]


def test_without_commits_there_is_one_state():
    assert list(CommitOrder([]).states_during(Span(1, 2))) == [0]

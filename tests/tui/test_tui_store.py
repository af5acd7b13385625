"""Sessions in bounded memory, and the view of them."""

from __future__ import annotations

import dataclasses

from dialogue import sessions

from smtpsniff.select import Where
from smtpsniff.tui.item import Item, ItemRenderer
from smtpsniff.tui.store import Store
from smtpsniff.tui.view import View


def items(number: int) -> list[Item]:
    (session,) = sessions("@T\n@D\n@H\n@X\n@Q")
    item = ItemRenderer().render(session)
    rows = [dataclasses.replace(item.row, number=at) for at in range(1, number + 1)]
    return [dataclasses.replace(item, row=row) for row in rows]


def test_the_oldest_leave_where_there_are_too_many() -> None:
    store = Store(most=3)
    view = View(store)
    for item in items(5):
        store.add(item)
        view.advance()
    assert view.keys == [2, 3, 4]
    assert [store[key].row.number for key in view.keys] == [3, 4, 5]
    assert store.get(0) is None


def test_octets_are_bounded_too_but_the_newest_stays() -> None:
    store = Store(octets=1)
    for item in items(3):
        store.add(item)
    assert (len(store), store.first) == (1, 2)


def test_a_filter_looks_at_the_whole_record_and_its_number() -> None:
    store = Store()
    view = View(store)
    for item in items(4):
        store.add(item)
    view.choose(Where("number in {2, 4} and verdict.outcome == delivered"))
    while view.pending:
        view.advance()
    assert [store[key].row.number for key in view.keys] == [2, 4]
    view.order("number", True)
    assert [store[key].row.number for key in view.keys] == [4, 2]


def test_a_record_comes_back_as_it_was() -> None:
    (session,) = sessions("@T\n@D\n@H\n@X\n@Q")
    session.number = 7
    item = ItemRenderer().render(session)
    assert item.session() == session

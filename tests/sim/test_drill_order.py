"""Orders: read as they are written, matched with what is expected, and told apart from their opposites."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.drill.order import VERBS, Order, contradicts, expected, parse
from twin.errors import BadInput

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)


@st.composite
def orders(draw):
    verb = draw(st.sampled_from(sorted(VERBS)))
    kinds, wants = VERBS[verb]
    what = f"{draw(st.sampled_from(kinds))}:{draw(names)}"
    to = "" if not wants else draw(st.integers(0, 60).map(str)) if verb == "lanes" else f"entry:{draw(names)}"
    return Order(verb, what, to)


@given(orders())
def test_an_order_is_read_back_as_it_is_written(order):
    assert parse(str(order)) == order
    assert parse(f"  {str(order).replace(' to ', '   to ')} ") == order


@given(st.text(max_size=80))
def test_whatever_is_written_is_an_order_or_refused_in_one_sentence(text):
    try:
        order = parse(text)
    except BadInput as error:
        assert str(error).endswith((".", "?", "!"))
    else:
        assert order.verb in VERBS and order.name


@pytest.mark.parametrize(("line", "says"), [
    ("open", "not an order"), ("dance gate:north", "nobody knows how to"), ("open north", "is about gate:ID"),
    ("open unit:a", "is about gate:ID"), ("lanes checkpoint:west", "needs what it is done with"),
    ("lanes checkpoint:west to many", "no number of lanes"), ("close gate:north to 3", "takes nothing after"),
    ("raise level:", "is about level:ID")])
def test_what_is_no_order_is_said(line, says):
    with pytest.raises(BadInput, match=says):
        parse(line)


def test_opposites_contradict_and_the_same_does_not():
    assert contradicts(parse("open gate:a"), parse("close gate:a"))
    assert contradicts(parse("lanes checkpoint:w to 2"), parse("lanes checkpoint:w to 6"))
    assert contradicts(parse("send unit:m-1 to incident:a"), parse("send unit:m-1 to incident:b"))
    assert not contradicts(parse("open gate:a"), parse("open gate:a"))
    assert not contradicts(parse("open gate:a"), parse("close gate:b"))
    assert not contradicts(parse("open gate:a"), parse("send unit:a to gate:a"))


def test_expected_actions_have_alternatives_and_stars():
    first, second = expected("send unit:medic-* to incident:fall | send kind:medic to incident:fall ; open gate:north")
    assert first.met_by(parse("send unit:medic-2 to incident:fall"))
    assert first.met_by(parse("send kind:medic to incident:fall"))
    assert not first.met_by(parse("send unit:police-2 to incident:fall"))
    assert not first.met_by(parse("send unit:medic-2 to incident:other"))
    assert second.met_by(parse("open gate:north")) and not second.met_by(parse("close gate:north"))
    assert expected("") == []

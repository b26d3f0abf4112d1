import pytest
from guard_case import PASSWORD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.errors import BadInput
from twin.guard import Permission, Rate, Role
from twin.guard.sessions import IDLE_S, LONGEST_S, echo, echoes


@pytest.fixture
def ann(guard):
    guard.accounts.add("ann", [Role.COMMANDER], password=PASSWORD, grids=["s1"])
    return guard


def test_a_session_knows_its_account_and_keeps_only_a_hash(ann):
    token = ann.sessions.open("ann")
    found = ann.sessions.find(token).principal
    assert (found.name, found.roles, found.grids) == ("ann", {Role.COMMANDER}, {"s1"})
    files = [ann.folder / "guard.sqlite", ann.folder / "guard.sqlite-wal"]
    assert token.encode() not in b"".join(file.read_bytes() for file in files if file.exists())
    assert ann.sessions.find(token[:-1]) is None
    assert ann.sessions.find("") is None


def test_logging_in_gives_a_new_token_and_ends_the_old_session(ann):
    before = ann.sessions.open("ann")
    after = ann.sessions.open("ann", instead_of=before)
    assert after != before
    assert ann.sessions.find(before) is None
    assert ann.sessions.find(after)


def test_a_session_ends_when_nothing_is_asked(ann, clock):
    token = ann.sessions.open("ann")
    clock.now += IDLE_S - 1
    assert ann.sessions.find(token, touch=False)
    clock.now += 2
    assert ann.sessions.find(token) is None
    clock.now -= 10  # a clock that is put back does not bring it to life
    assert ann.sessions.find(token) is None


def test_asking_keeps_it_open_until_its_longest(ann, clock):
    token = ann.sessions.open("ann")
    opened = clock.now
    while clock.now + IDLE_S / 2 < opened + LONGEST_S:
        clock.now += IDLE_S / 2
        assert ann.sessions.find(token)
    assert ann.sessions.find(token).ends_s <= opened + LONGEST_S - clock.now
    clock.now = opened + LONGEST_S
    assert ann.sessions.find(token) is None


def test_sessions_that_are_over_are_swept_away(ann, clock):
    for _ in range(3):
        ann.sessions.open("ann")
    clock.now += LONGEST_S
    ann.sessions.open("ann")
    assert ann.sessions.count() == 1


def test_roles_are_those_of_this_moment(ann):
    token = ann.sessions.open("ann")
    with ann._keep.change() as base:
        base.execute("""update accounts set roles = '["viewer"]'""")
    assert not ann.sessions.find(token).principal.may(Permission.POSITIONS_READ)


def test_another_process_may_end_a_session(ann):
    from twin.guard import Guard
    token = ann.sessions.open("ann")
    other = Guard(ann.folder)
    other.accounts.disable("ann")
    other.close()
    assert ann.sessions.find(token) is None


def test_an_echo_belongs_to_its_session(ann):
    one, two = ann.sessions.open("ann"), ann.sessions.open("ann")
    assert echoes(one, echo(one))
    assert not echoes(one, echo(two))
    assert not echoes(one, "")
    assert not echoes(one, "ключ")
    assert one not in echo(one)


def test_a_device_token_is_bound_to_its_source(guard):
    token = guard.devices.issue("cam-7", kinds=["crowd"], grids=["s1"])
    found = guard.devices.find(token)
    assert (found.source, found.kinds, found.grids, found.name) == ("cam-7", {"crowd"}, {"s1"}, "device:cam-7")
    assert found.permissions == {Permission.OBSERVATIONS_WRITE}
    again = guard.devices.issue("cam-7")
    assert guard.devices.find(token) is None
    assert guard.devices.find(again).kinds is None
    guard.devices.revoke("cam-7")
    assert guard.devices.find(again) is None
    with pytest.raises(BadInput, match="has no token"):
        guard.devices.revoke("cam-7")
    with pytest.raises(BadInput, match="cannot be written so"):
        guard.devices.issue("cam 7\n")


def test_a_session_s_token_opens_no_feed_and_the_other_way_round(ann):
    assert ann.devices.find(ann.sessions.open("ann")) is None
    assert ann.sessions.find(ann.devices.issue("cam-1")) is None


class Steps:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_bucket_empties_and_fills():
    clock = Steps()
    rate = Rate(3, 0.5, clock)
    assert [rate.take("a") for _ in range(3)] == [0, 0, 0]
    assert rate.take("a") == pytest.approx(2.0)
    assert rate.take("b") == 0
    clock.now += 2.0
    assert rate.take("a") == 0
    assert rate.take("a") > 0
    rate.give_back("a")
    assert rate.take("a") == 0


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(0, 5), max_size=80))
def test_never_more_than_burst_and_rate_together(waits):
    clock = Steps()
    rate, done = Rate(4, 2.0, clock), 0
    for wait in waits:
        clock.now += wait
        done += rate.take("a") == 0
    assert done <= 4 + 2.0 * clock.now + 1e-6

from twin.guard import DEVICE, LOCAL, TABLE, Permission, Principal, Role, permitted

LIVE_POSITIONS = {Permission.POSITIONS_READ, Permission.POSITIONS_NEAR}


def who_may(permission):
    return {role for role, permissions in TABLE.items() if permission in permissions}


def test_every_role_is_in_the_table_and_nothing_else():
    assert set(TABLE) == {*Role, DEVICE}


def test_every_permission_is_somebody_s():
    assert {permission for permissions in TABLE.values() for permission in permissions} == set(Permission)


def test_live_positions_are_for_commanders_and_the_field_alone():
    assert who_may(Permission.POSITIONS_READ) == {Role.COMMANDER}
    assert who_may(Permission.POSITIONS_NEAR) == {Role.FIELD}


def test_the_admin_sees_nothing_live():
    assert not TABLE[Role.ADMIN] & (LIVE_POSITIONS | {Permission.LIVE_READ, Permission.CASES_READ, Permission.AUDIT_READ})
    assert who_may(Permission.ACCOUNTS_WRITE) == {Role.ADMIN}


def test_audit_and_quarantine_are_for_the_auditor_alone():
    assert who_may(Permission.AUDIT_READ) == who_may(Permission.QUARANTINE_READ) == {Role.AUDITOR}


def test_a_feed_reports_and_does_nothing_else():
    assert TABLE[DEVICE] == {Permission.OBSERVATIONS_WRITE}


def test_the_person_at_this_machine_plans_analyses_and_trains_but_sees_no_position():
    assert LOCAL.permissions == TABLE[Role.PLANNER] | TABLE[Role.ANALYST] | TABLE[Role.TRAINER] | TABLE[Role.TRAINEE]
    assert not LOCAL.permissions & LIVE_POSITIONS


def test_roles_add_up_and_an_unknown_role_is_nothing():
    both = permitted(frozenset({Role.ADMIN, Role.AUDITOR}))
    assert both == TABLE[Role.ADMIN] | TABLE[Role.AUDITOR]
    assert permitted(frozenset({"emperor"})) == frozenset()
    assert not Principal("x", frozenset({"emperor"}), None).may(Permission.PAGES)

import sqlite3

import pytest
from argon2 import PasswordHasher
from guard_case import PASSWORD, QUICK

from twin.errors import BadInput
from twin.guard import Guard, Role, make_password


def test_first_start_makes_one_admin_and_says_its_password_once(guard):
    password = guard.first_start()
    assert guard.accounts.verify("admin", password).roles == {Role.ADMIN}
    assert guard.first_start() is None
    assert password.encode() not in b"".join(file.read_bytes() for file in guard.folder.iterdir())


def test_a_password_is_kept_as_argon2id_and_checked(guard):
    guard.accounts.add("P-1", [Role.FIELD], password=PASSWORD)
    kept = guard._keep.rows("select password_hash from accounts")[0][0]
    assert kept.startswith("$argon2id$")
    assert guard.accounts.verify("P-1", PASSWORD).account == "P-1"
    assert guard.accounts.verify("p-1", PASSWORD).account == "P-1"
    assert guard.accounts.verify("P-1", PASSWORD + "x") is None
    assert guard.accounts.verify("P-2", PASSWORD) is None
    assert guard.accounts.verify("' or 1=1 --", PASSWORD) is None


def test_the_cost_of_a_password_is_the_library_s_own_and_grows_with_it(guard, tmp_path):
    guard.accounts.add("old", [Role.VIEWER], password=PASSWORD)
    harder = Guard(guard.folder, hasher=PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert harder.accounts.verify("old", PASSWORD)
    assert "t=2" in harder._keep.rows("select password_hash from accounts")[0][0]
    harder.close()
    plain = Guard(tmp_path / "plain")
    plain.accounts.add("a", [Role.VIEWER], password=PASSWORD)
    assert "m=65536,t=3" in plain._keep.rows("select password_hash from accounts")[0][0]
    plain.close()


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 257])
def test_a_password_of_the_wrong_length_is_refused(guard, password):
    with pytest.raises(BadInput, match="12 to 256 characters"):
        guard.accounts.add("a", [Role.VIEWER], password=password)
    assert guard.accounts.all() == []


@pytest.mark.parametrize("handle", ["", " ", "two words", "a" * 65, "../etc", "a\nb", "x@y"])
def test_a_handle_that_cannot_be_written_so(guard, handle):
    with pytest.raises(BadInput, match="cannot be written so"):
        guard.accounts.add(handle, [Role.VIEWER], password=PASSWORD)


def test_an_account_needs_known_roles_and_a_free_handle(guard):
    with pytest.raises(BadInput, match="no role 'boss'"):
        guard.accounts.add("a", ["boss"], password=PASSWORD)
    with pytest.raises(BadInput, match="needs a role"):
        guard.accounts.add("a", [], password=PASSWORD)
    with pytest.raises(BadInput, match="no role 'device'"):
        guard.accounts.add("a", ["device"], password=PASSWORD)
    guard.accounts.add("a", [Role.VIEWER], password=PASSWORD)
    with pytest.raises(BadInput, match="an account 'A' already"):
        guard.accounts.add("A", [Role.VIEWER], password=PASSWORD)


def test_what_changes_rights_ends_sessions(guard):
    guard.accounts.add("a", [Role.VIEWER], password=PASSWORD, grids=["g1"])
    changes = [lambda: guard.accounts.set_roles("a", [Role.PLANNER]), lambda: guard.accounts.set_grids("a", ["g2"]),
               lambda: guard.accounts.set_password("a", PASSWORD + "!"), lambda: guard.accounts.disable("a")]
    for change in changes:
        token = guard.sessions.open("a")
        assert guard.sessions.find(token)
        change()
        assert guard.sessions.find(token) is None
    found = guard.accounts.get("a")
    assert (found.roles, found.grids, found.disabled) == ({Role.PLANNER}, {"g2"}, True)


def test_a_disabled_account_is_not_let_in_until_it_is_enabled(guard):
    guard.accounts.add("a", [Role.VIEWER], password=PASSWORD)
    guard.accounts.disable("a")
    assert guard.accounts.verify("a", PASSWORD) is None
    guard.accounts.disable("a", False)
    assert guard.accounts.verify("a", PASSWORD)


def test_the_last_admin_stays(guard):
    guard.first_start()
    with pytest.raises(BadInput, match="last admin"):
        guard.accounts.disable("admin")
    with pytest.raises(BadInput, match="last admin"):
        guard.accounts.set_roles("ADMIN", [Role.VIEWER])
    guard.accounts.add("second", [Role.ADMIN], password=PASSWORD)
    guard.accounts.disable("admin")
    with pytest.raises(BadInput, match="last admin"):
        guard.accounts.disable("second")


def test_an_account_without_a_password_has_no_way_in_but_its_subject(guard):
    guard.accounts.add("a", [Role.VIEWER], subject="sub-7")
    assert guard.accounts.verify("a", "") is None
    assert guard.accounts.by_subject("sub-7").account == "a"
    assert guard.accounts.by_subject("sub-8") is None
    with pytest.raises(BadInput, match="another account has this subject"):
        guard.accounts.add("b", [Role.VIEWER], subject="sub-7")


def test_accounts_last(guard, tmp_path):
    guard.accounts.add("P-1", [Role.FIELD, Role.VIEWER], password=PASSWORD, grids=None)
    guard.close()
    again = Guard(tmp_path / "guard", hasher=QUICK)
    found = again.accounts.get("P-1")
    assert (found.roles, found.grids) == ({Role.FIELD, Role.VIEWER}, None)
    again.close()


def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path):
    file = tmp_path / "guard.sqlite"
    file.write_bytes(b"this is a letter to my aunt, and no database" * 40)
    with pytest.raises(BadInput, match="no file of accounts"):
        Guard(tmp_path)
    assert file.read_bytes().startswith(b"this is a letter")


def test_a_newer_file_is_left_alone(guard, tmp_path):
    guard.close()
    with sqlite3.connect(tmp_path / "guard" / "guard.sqlite") as base:
        base.execute("pragma user_version = 99")
    base.close()
    with pytest.raises(BadInput, match="number 99"):
        Guard(tmp_path / "guard")


def test_only_the_owner_may_read_the_file(guard):
    assert (guard.folder / "guard.sqlite").stat().st_mode & 0o077 == 0
    guard.audit.write("a", "b")
    assert (guard.folder / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_made_passwords_differ_and_are_long_enough():
    made = {make_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(password) == 27 for password in made)

"""Drills over REST and sockets, and from the command line: who may do what, what each is shown, and what is kept."""

from __future__ import annotations

import json
import shutil
import struct

import pytest
from app_case import plaza
from drill_case import Person, drills_served, started, until
from openpyxl import load_workbook

from sim.drill import Record, dump, replay
from viz.cli import main
from viz.cli.drill import drill_file

__all__ = ["plaza"]


@pytest.fixture(scope="module")
def served(plaza, tmp_path_factory):
    with drills_served(plaza, tmp_path_factory.mktemp("drills")) as (address, library, guard, rooms):
        people = {name: Person(address, guard, name) for name in ("lead", "P-1", "P-2", "viewer")}
        path = started(people["lead"])
        for name, role in (("lead", "trainer"), ("P-1", "gates"), ("P-2", "care")):
            people[name].done("POST", f"{path}/members", role=role)
        nobody = Person(address)
        yield people, path, library, rooms, nobody
        for person in (*people.values(), nobody):
            person.close()


def told(socket, part, seconds=20.0):
    """What a socket says of a part, when it says it."""
    while True:
        said = json.loads(socket.recv(timeout=seconds))
        if part in said["parts"]:
            return said


def test_who_may_not_is_refused(served):
    people, path, _, _, nobody = served
    assert nobody.ask("GET", "/api/drills").status_code == 401
    assert people["viewer"].ask("GET", "/api/drills").status_code == 403
    for method, door, body in (("POST", "/api/drills", {"drill": "small"}), ("PUT", f"{path}/pace", {"playing": True}),
                               ("POST", f"{path}/injects/1/publish", {}), ("POST", f"{path}/injects", {"inject": "x"}),
                               ("DELETE", path, {}), ("GET", f"{path}/events.csv", {})):
        assert people["P-1"].ask(method, door, **body).status_code == 403, door
    answer = people["P-1"].ask("POST", f"{path}/members", role="trainer")
    assert answer.status_code == 422 and "does not lead drills" in answer.json()["error"]
    assert people["P-1"].ask("POST", f"{path}/members", role="care").json()["error"].startswith("small")
    assert "incidents" not in people["P-1"].done("GET", path) and "incidents" in people["lead"].done("GET", path)


def test_what_is_wrong_is_one_sentence(served):
    people, path, *_ = served
    for method, door, body, says in (
            ("POST", f"{path}/orders", {"do": "open gate:south"}, "there is no gate:south"),
            ("POST", f"{path}/orders", {"do": "raise level:2"}, "gates cannot order this"),
            ("POST", f"{path}/orders", {"do": "dance"}, "is not an order"),
            ("POST", "/api/drills/none/orders", {"do": "x"}, "no drill 'none'")):
        answer = people["P-1"].ask(method, door, **body)
        assert answer.status_code in (404, 422) and says in answer.json()["error"] and "\n" not in answer.text
    for body, says in (({"inject": "x", "to": "press"}, "no role"), ({"inject": "x", "at_s": 9999}, "after the end")):
        assert says in people["lead"].ask("POST", f"{path}/injects", **body).json()["error"]
    assert people["lead"].ask("POST", "/api/drills", drill="nothing").status_code == 404
    assert people["lead"].ask("PUT", f"{path}/pace", speed=1000).status_code == 422
    assert people["lead"].ask("POST", f"{path}/injects/99/publish").json()["error"].startswith("small: there is no inject 99")


def test_a_drill_from_start_to_report(served, tmp_path):
    people, path, library, rooms, _ = served
    lead, gates, care = people["lead"], people["P-1"], people["P-2"]
    drill = path.rsplit("/", 1)[1]
    with gates.socket(f"/ws/drill/{drill}") as shown, lead.socket(f"/ws/drill/{drill}") as all_shown, \
            gates.socket(f"/ws/drill/{drill}/people") as crowd:
        first = told(shown, "things")
        assert first["you"] == {"name": "P-1", "role": "gates"}
        assert first["parts"]["things"]["gate:north"] == "shut" and first["parts"]["lines"] == []
        assert len(told(all_shown, "lines")["parts"]["lines"]) == 2
        lead.done("PUT", f"{path}/pace", step_s=62)
        assert lead.done("POST", f"{path}/injects/2/publish")["outcome"] == "done"
        line = told(shown, "lines")["parts"]["lines"]
        while not line:
            line = told(shown, "lines")["parts"]["lines"]
        assert [one["serial"] for one in line] == [2]  # the other one is for care
        assert not {"expected", "note", "objective", "event"} & set(line[0])  # the answers are the trainer's
        order = gates.done("POST", f"{path}/orders", do="open gate:north")
        assert (order["who"], order["role"], order["outcome"]) == ("P-1", "gates", "done")
        second = lead.done("POST", f"{path}/orders", do="close gate:north")
        assert second["outcome"] == "opposed" and "P-1 ordered" in second["said"]
        lead.done("PUT", f"{path}/pace", playing=True, speed=5)
        frames = []
        while not frames or frames[-1][4] < 64:  # the first is of the moment at which the socket opened
            frames.append(struct.unpack_from("<4sIIId", crowd.recv(timeout=20)))
            crowd.send("ack")
        magic, _flags, n, _number, _time = frames[-1]
        assert magic == b"THF1" and n == 120
        assert [frame[4] for frame in frames] == sorted({frame[4] for frame in frames})
    with gates.socket(f"/ws/drill/{drill}") as back:  # who dropped out comes back to the same
        again = told(back, "things")
        assert again["you"]["role"] == "gates" and again["parts"]["things"]["gate:north"] == "open"
        assert [one["serial"] for one in again["parts"]["lines"]] == [2]
        assert [one["do"] for one in again["parts"]["decisions"]] == ["open gate:north", "close gate:north"]
    care.done("POST", f"{path}/orders", do="send kind:medic to incident:fall")
    (tmp_path / "e.xlsx").write_bytes(lead.ask("GET", f"{path}/events.xlsx").content)
    assert load_workbook(tmp_path / "e.xlsx").active["A3"].value == 2
    lead.done("PUT", f"{path}/pace", playing=False, step_s=20)
    assert lead.done("DELETE", path)["stage"] == "finished"
    assert "P-1 (Gates)" in gates.ask("GET", f"{path}/report").text
    assert gates.ask("POST", f"{path}/orders", do="open gate:east").json()["error"].startswith(f"{drill}: the drill is over")
    record = Record(library.runs_folder / drill)
    assert replay(record).digest() == record.hash == rooms.room(drill).hash
    assert drill in [entry.name for entry in library.runs()]  # the record is a run: Playback shows it


def test_a_small_crowd_keeps_real_time_and_decisions_are_seen_at_once():
    """The short form of ``long_drill.py``, with bars that hold on a busy machine too."""
    from long_drill import measure
    figures = measure(5.0, 400, 3)
    assert figures["people"] >= 280 and figures["orders"] >= 2
    assert figures["lag_p99_of_cpu_s"] < 0.5 and figures["seen_p50_s"] < 1.0
    assert figures["replayed_the_same"]


def test_an_engine_that_dies_is_told_and_leaves_nothing_half_written(served):
    people, _, library, rooms, _ = served
    path = started(people["lead"])
    room = rooms.room(path.rsplit("/", 1)[1])
    room.process.kill()
    until(lambda: people["lead"].done("GET", path)["stage"] == "failed")
    answer = people["lead"].ask("PUT", f"{path}/pace", playing=True)
    assert answer.status_code == 422 and "the drill is over" in answer.json()["error"]
    assert not (library.runs_folder / room.id).exists()


def test_everything_goes_to_the_log_as_a_drill_and_not_as_live(plaza, tmp_path):
    from twin.live import LIVE, drill
    from twin.live.leaving import only_live
    from twin.store import open_store, query
    from viz.drill.log import DrillLog
    store = open_store(f"sqlite:///{tmp_path / 'log.sqlite'}")
    try:
        kept = DrillLog(store, "small-1", (446_000.0, 4_416_000.0))
        line = {"serial": 1, "state": "out", "out_s": 60.0, "to": "care", "inject": "Somebody has collapsed"}
        unit = {"id": "medic-1", "kind": "medic", "x": 1.0, "y": 2.0, "free": True}
        decision = {"number": 1, "at_s": 61.0, "who": "P-1", "do": "open gate:north", "outcome": "done", "said": "it is open"}
        for t in (60.0, 61.0, 71.0):
            kept.take({"clock": {"t": t, "people": 80}, "lines": [line], "decisions": [decision], "units": [unit]})
        rows = list(store.read_rows(query(drill("small-1"))))
        assert sorted(row.kind for row in rows) == ["crowd", "crowd", "note", "note", "position", "position"]
        notes = [json.loads(row.value) for row in rows if row.kind == "note"]
        assert {note["about"] for note in notes} == {"inject:1", "decision:1"} and notes[-1]["by"] == "P-1"
        assert list(store.read_rows(query(LIVE))) == [] and list(only_live(rows)) == []
    finally:
        store.close()


# -- the command line -------------------------------------------------------------------------------------------------


def hutong(capsys, *arguments):
    """Exit code, and what was said on both streams."""
    with pytest.raises(SystemExit) as ended:
        main(["drill", *map(str, arguments)])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.fixture(scope="module")
def played(plaza, tmp_path_factory):
    """A drill file, orders for it, and its record; not to be changed."""
    from drill_plan_case import small_drill
    folder = tmp_path_factory.mktemp("played")
    (folder / "small.yaml").write_text(dump(small_drill(plaza)), encoding="utf-8")
    (folder / "orders.csv").write_text("at,role,order,who\n1:01,care,send kind:medic to incident:fall,P-2\n"
                                       "95,gates,open gate:north\n")
    with pytest.raises(SystemExit) as ended:
        main(["drill", "play", str(folder / "small.yaml"), "--headless", "--decisions", str(folder / "orders.csv"), "-o",
              str(folder / "record"), "--json"])
    assert ended.value.code == 0
    return folder


def test_replay_whatif_report_and_events_from_the_command_line(played, capsys, tmp_path):
    record = tmp_path / "record"
    shutil.copytree(played / "record", record)
    code, out, _ = hutong(capsys, "replay", record, "--json")
    assert code == 0 and json.loads(out)["same"]
    code, out, _ = hutong(capsys, "whatif", record, "--json")
    assert code == 0 and json.loads(out)["same"] and not (record / "whatif.json").exists()
    code, out, _ = hutong(capsys, "whatif", record, "--at", 30, "--do", "close entry:w", "--json")
    assert not json.loads(out)["same"]
    assert "people_entered" in {one["measure"] for one in json.loads(out)["differs"]}
    for language, word in (("en", "EXERCISE"), ("zh", "演练")):
        assert hutong(capsys, "report", record, "-o", tmp_path / "r.html", "--language", language)[0] == 0
        assert word in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert hutong(capsys, "events", record, "-o", tmp_path / "m.csv")[0] == 0
    assert "collapsed" in (tmp_path / "m.csv").read_text(encoding="utf-8-sig")
    assert hutong(capsys, "check", played / "small.yaml")[0] == 0


@pytest.mark.parametrize(("arguments", "says"), [
    (["play", "nothing", "--headless"], "there is no drill 'nothing'"), (["play", "no/file.yaml"], "there is no such file"),
    (["play", "{small}", "--headless", "-o", "{record}"], "is there already"),
    (["replay", "{folder}"], "not the record of a drill"),
    (["whatif", "{record}", "--drop", "9"], "there is no decision 9"), (["whatif", "{record}", "--at", "9"], "needs a time"),
    (["whatif", "{record}", "--at", "9", "--do", "open gate:south"], "there is no gate:south"),
    (["report", "{record}", "-o", "r.html", "--language", "fr"], "language 'fr' is unknown"),
    (["events", "{record}", "-o", "m.pdf"], "no .pdf file"),
    (["play", "{small}", "--headless", "--msel", "m.xlsx"], "no such file"),
    (["play", "{small}", "--headless", "--decisions", "o.csv"], "no such file")])
def test_bad_input_is_one_sentence_and_exit_2(played, capsys, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    names = {"small": played / "small.yaml", "record": played / "record", "folder": played}
    code, _, err = hutong(capsys, *[argument.format(**names) for argument in arguments])
    assert code == 2 and says in err and len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_drills_are_found_by_name(capsys):
    assert drill_file("metro-surge").is_file()
    code, out, _ = hutong(capsys, "list", "--json")
    assert code == 0 and len(json.loads(out)) == 7

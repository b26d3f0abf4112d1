"""The MQTT feed against Debian's mosquitto: what is acknowledged is stored, and trouble passes by itself."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from twin.errors import BadInput
from twin.live import Operation
from twin.live.feeds.mqtt import MqttFeed
from twin.live.intake import Intake
from twin.store import Log, StoreDown, open_store

TIMEOUT_S = 30.0


def port_of_its_own() -> int:
    """A free port that the system gives to no outgoing connection: whoever connects again to a port of those, while nobody
    listens there, may meet itself."""
    with Path("/proc/sys/net/ipv4/ip_local_port_range").open() as limits:
        first = int(limits.read().split()[0])
    for port in random.sample(range(first - 8000, first), 100):
        with closing(socket.socket()) as listening:
            if listening.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")


class Broker:
    """A broker on a private port; it may be stopped, killed and started again and remembers its sessions."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = port_of_its_own()
        self._program, self._rules = program, folder / "mosquitto.conf"
        self._rules.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\nuser root\n"
                               f"persistence_location {folder}/\nautosave_interval 1\nmax_queued_messages 0\nlog_type error\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen([self._program, "-c", str(self._rules)], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        until(lambda: self._answers(), "the broker answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def publish(self, *messages: tuple[str, Any]) -> None:
        """Publish at QoS 1 and wait until the broker has confirmed."""
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        for topic, payload in messages:
            client.publish(topic, payload if isinstance(payload, bytes) else json.dumps(payload), qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    def _answers(self) -> bool:
        with closing(socket.socket()) as line:
            return line.connect_ex(("127.0.0.1", self.port)) == 0


def until(happens: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not happens():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.02)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    found = Broker(program, tmp_path)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    opened = open_store(tmp_path / "log.sqlite")
    now = datetime.now(UTC)
    opened.declare(Operation(id="op", purpose="test", start=now - timedelta(hours=1), end=now + timedelta(hours=1)))
    yield opened
    opened.close()


@pytest.fixture
def feed(log: Log, broker: Broker) -> Iterator[MqttFeed]:
    started = MqttFeed(Intake(log), broker.url).start()
    until(lambda: started.health().connected, "the feed is connected")
    yield started
    started.stop()


def position(k: int, unit: str = "P-1") -> tuple[str, dict[str, Any]]:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=k)
    return f"hutong/live/gps/position/{unit}", {"observed_at": at.isoformat(), "x": 1.0 * k, "y": 2.0, "value": {"speed": 1.0}}


def test_messages_are_stored_as_their_topic_says(log: Log, broker: Broker, feed: MqttFeed):
    topic, payload = position(1)
    broker.publish((topic, payload | {"kind": "note", "object": "P-2"}),
                   ("hutong/live/camera/crowd/osm:node/77", {"observed_at": payload["observed_at"], "value": {"peopleCount": 4}}))
    until(lambda: len(log.read()) == 2, "both are stored")
    assert {(o.source, o.kind, o.object) for o in log.read()} == {("gps", "position", "P-1"), ("camera", "crowd", "osm:node/77")}
    assert feed.health().well and feed.health().stored == 2


def test_rubbish_is_quarantined_and_acknowledged_and_the_rest_goes_on(log: Log, broker: Broker, feed: MqttFeed):
    broker.publish(("hutong/live/gps/position/P-1", b"\xff\x00{"), ("hutong/live/gps/face/P-1", {"a": 1}), ("hutong/live/x", b""),
                   ("hutong/live/gps/position/P-1", b"{}"), ("hutong/live/gps/note/duty-log", b"x" * 70_000), position(3))
    until(lambda: feed.health().stored == 1 and feed.health().refused == 5, "all are judged")
    assert len(log.read_quarantine()) == 5
    assert feed.health().waiting == 0


def test_a_redelivered_message_is_stored_once(log: Log, broker: Broker, feed: MqttFeed):
    same = position(1)
    broker.publish(same, same, same)
    until(lambda: feed.health().stored + feed.health().duplicates == 3, "all are judged")
    assert feed.health().stored == 1 and len(log.read()) == 1


def test_nothing_is_acknowledged_before_it_is_stored(log: Log, broker: Broker, monkeypatch: pytest.MonkeyPatch):
    """While the log is down nothing is acknowledged: a feed that dies then leaves everything to its successor."""
    intake = Intake(log)
    first = MqttFeed(intake, broker.url, client_id="one").start()
    until(lambda: first.health().connected, "the feed is connected")

    def down(*_a: Any, **_k: Any) -> None:
        raise StoreDown("the disk is full.")
    monkeypatch.setattr(log, "submit", down)
    broker.publish(*(position(k) for k in range(1, 51)))
    until(lambda: first.health().waiting == 50 and first.health().says, "the feed says that the log is down")
    assert "disk is full" in (first.health().says or "")
    first._client.disconnect()  # dies without acknowledging
    first._client.loop_stop()
    monkeypatch.undo()
    second = MqttFeed(Intake(log), broker.url, client_id="one").start()
    until(lambda: len(log.read()) == 50, "the successor has got everything")
    second.stop()
    first.stop()
    assert len(log.read()) == 50


def test_the_feed_goes_on_by_itself_when_the_log_is_back(log: Log, broker: Broker, feed: MqttFeed,
                                                         monkeypatch: pytest.MonkeyPatch):
    real = log.submit
    broken = threading.Event()
    broken.set()

    def flaky(*given: Any) -> None:
        if broken.is_set():
            raise StoreDown("the database went away.")
        real(*given)
    monkeypatch.setattr(log, "submit", flaky)
    broker.publish(*(position(k) for k in range(1, 21)))
    until(lambda: not feed.health().well, "the feed says what is wrong")
    broken.clear()
    until(lambda: feed.health().stored == 20 and feed.health().well, "the feed has recovered")


def test_the_feed_goes_on_by_itself_when_the_broker_is_back(log: Log, broker: Broker, feed: MqttFeed):
    broker.publish(position(1))
    until(lambda: feed.health().stored == 1, "the first is stored")
    broker.stop()
    until(lambda: not feed.health().well, "the feed says what is wrong")
    assert "trying again" in (feed.health().says or "")
    broker.start()
    broker.publish(position(2))  # kept for the session of the feed
    until(lambda: feed.health().stored == 2 and feed.health().well, "the feed has recovered")


def test_a_feed_whose_broker_is_not_there_waits_for_it(log: Log, broker: Broker):
    broker.stop()
    waiting = MqttFeed(Intake(log), broker.url, client_id="early").start()
    until(lambda: "reached" in (waiting.health().says or "") or "gone" in (waiting.health().says or ""), "it says so")
    broker.start()
    until(lambda: waiting.health().connected, "it is connected")
    waiting.stop()


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "nonsense"])
def test_an_address_that_is_none_is_one_sentence(log: Log, url: str):
    with pytest.raises(BadInput, match="broker"):
        MqttFeed(Intake(log), url)


def test_a_broker_never_feeds_a_drill(log: Log):
    with pytest.raises(BadInput, match="live"):
        MqttFeed(Intake(log, stream="drill:x"), "mqtt://127.0.0.1")

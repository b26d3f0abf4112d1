"""MQTT: one report a message, acknowledged to the broker when it is in the log.

Topics are ``hutong/live/SOURCE/KIND/OBJECT``; the object's id may hold slashes. The payload is the report without
``kind`` and ``object``, which the topic says: ``{"observed_at": "2026-10-01T08:00:00Z", "lon": 116.37, "lat": 39.91,
"accuracy_m": 5, "value": {"speed": 1.2}}``. The session is kept by the broker (MQTT 5, session expiry one day) and at
most :data:`IN_FLIGHT` messages are out at a time, so a broker with persistence and ``max_queued_messages 0`` keeps
whatever comes while Hutong is away, and sends it again when Hutong died before it could acknowledge.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import deque
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import TypeAdapter, ValidationError

from twin.errors import BadInput, HutongError
from twin.live.feeds.health import Health
from twin.live.intake import Intake
from twin.live.observation import KINDS, LIVE, Token
from twin.store import Receipt

ROOT = "hutong/live"
IN_FLIGHT = 20_000
BATCH = 2_000
GATHER_S = 0.005
SESSION_S = 86_400
RETRY_S = (0.1, 5.0)
MOST_PAYLOAD = 64 * 1024

_SOURCE: TypeAdapter[str] = TypeAdapter(Token)
_Message = tuple[int, int, str, bytes]  # generation, message id, topic, payload


class MqttFeed:
    """Follows the topics of a broker, given as ``mqtt://user:password@host:port`` (``mqtts://`` for TLS)."""

    def __init__(self, intake: Intake, url: str, *, client_id: str = "hutong", topic: str = f"{ROOT}/#") -> None:
        if intake.stream != LIVE:
            raise BadInput("a broker feeds the live stream", where=url, mend="replay a recording into a drill instead")
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise BadInput("this is no address of a broker", where=url, mend="give mqtt://HOST or mqtts://HOST:8883")
        self.name = f"{parts.scheme}://{parts.hostname}:{parts.port or (8883 if parts.scheme == 'mqtts' else 1883)}"
        self._intake, self._topic = intake, topic
        self._host, self._port = parts.hostname, parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._pending: deque[_Message] = deque()
        self._generation = 0  # of the connection: message ids mean nothing in the next one
        self._connected = self._closing = False
        self._says: str | None = f"{self.name}: not connected yet"
        self._received = self._taken = 0
        self._counts = Receipt()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, manual_ack=True)
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or "") or None)
        if parts.scheme == "mqtts":
            self._client.tls_set(cert_reqs=ssl.CERT_REQUIRED)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._pump = threading.Thread(target=self._run, name="mqtt feed", daemon=True)

    def start(self) -> MqttFeed:
        """Connect, and again whenever the connection is lost; returns at once."""
        session, wanted = Properties(PacketTypes.CONNECT), IN_FLIGHT
        session.SessionExpiryInterval = SESSION_S
        session.ReceiveMaximum = wanted
        self._client.connect_async(self._host, self._port, keepalive=30, clean_start=False, properties=session)
        self._client.loop_start()
        self._pump.start()
        return self

    def stop(self) -> None:
        """Store what has come and leave; the broker keeps what is not acknowledged."""
        with self._lock:
            self._closing = True
            self._news.notify()
        self._pump.join()
        self._client.disconnect()
        self._client.loop_stop()

    def health(self) -> Health:
        """How the feed is."""
        with self._lock:
            return Health(self.name, self._connected, self._says, self._received, self._counts.stored, self._counts.duplicates,
                          self._counts.refused, len(self._pending) + self._taken)

    # on the network thread

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._lock:
            self._generation += 1
            self._connected = not reason.is_failure
            self._says = f"{self.name}: the broker refuses us ({reason})" if reason.is_failure else None
        if not reason.is_failure:
            client.subscribe(self._topic, qos=1)

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        with self._lock:
            self._connected, self._says = False, f"{self.name}: the broker cannot be reached; trying again"

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._lock:
            self._connected = False
            if not self._closing:
                self._says = f"{self.name}: the broker is gone ({reason}); trying again"

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._received += 1
        self._pending.append((self._generation, message.mid if message.qos else 0, message.topic, bytes(message.payload)))
        if len(self._pending) == 1:
            with self._lock:
                self._news.notify()

    # on the feed's thread

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._pending and not self._closing:
                    self._news.wait(0.5)
                if self._closing and not self._pending:
                    return
            time.sleep(GATHER_S)
            batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
            self._taken = len(batch)
            self._store(batch)
            self._taken = 0

    def _store(self, batch: list[_Message]) -> None:
        """Bring a batch to the log, again and again until it is there; then acknowledge it."""
        wait, most = RETRY_S
        while True:
            over = threading.Event()
            answers: list[Receipt | HutongError] = []

            def done(answer: Receipt | HutongError, answers: list[Receipt | HutongError] = answers,
                     over: threading.Event = over) -> None:
                answers.append(answer)
                over.set()
            try:
                reports, sources = zip(*(_report(topic, payload) for _, _, topic, payload in batch), strict=True)
                self._intake.submit(self._intake.check_each(reports, sources=sources), done, source="mqtt")
                over.wait()
            except Exception as error:  # the log may be gone in any way that a database knows
                answers.append(error if isinstance(error, HutongError) else HutongError(f"the log: {error}"))
            answer = answers[0]
            if isinstance(answer, Receipt):
                break
            with self._lock:
                self._says = f"{answer} Nothing is acknowledged until it is stored."
                if self._closing:
                    return
            time.sleep(wait)
            wait = min(2 * wait, most)
        with self._lock:
            self._counts += answer
            if self._connected:
                self._says = None
            generation = self._generation
        for of, mid, _, _ in batch:
            if mid and of == generation:
                self._client.ack(mid, 1)


@lru_cache(maxsize=4096)
def _known_shape(source: str) -> bool:
    try:
        _SOURCE.validate_python(source)
    except ValidationError:
        return False
    return True


def _report(topic: str, payload: bytes) -> tuple[bytes, str]:
    """A message as a report, and its source. What the topic says comes last in the object, so that it counts."""
    parts = topic.split("/", 4)
    if len(parts) < 5 or parts[3] not in KINDS:
        return json.dumps({"kind": topic[:200]}).encode(), "mqtt"
    source = parts[2] if _known_shape(parts[2]) else "mqtt"
    text = payload.strip()
    if len(text) > MOST_PAYLOAD:
        return json.dumps({"kind": parts[3], "object": parts[4][:120], "value": "too long"}).encode(), source
    if not (text.startswith(b"{") and text.endswith(b"}")):
        text = b"{" + json.dumps("no object").encode() + b":" + json.dumps(text[:1000].decode("utf-8", "replace")).encode() + b"}"
    comma = b"" if text[1:-1].strip() == b"" else b","
    return text[:-1] + comma + b'"kind":"' + parts[3].encode() + b'","object":' + json.dumps(parts[4]).encode() + b"}", source

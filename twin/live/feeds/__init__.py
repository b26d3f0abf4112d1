"""Feeds: what brings observations to the door. Each says how it is (:class:`Health`) and recovers by itself."""

from twin.live.feeds.health import Health

__all__ = ["Health"]

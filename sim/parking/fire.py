"""Which courtyards a fire engine no longer reaches, because cars stand in lanes that are too narrow to pass them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from sim.parking.network import Network
from sim.parking.supply import Supply
from twin.places import District
from twin.places.access import access_graph, ways_in


@dataclass(frozen=True)
class FireAccess:
    """Where crews leave the street for each courtyard: ``courtyard (k,)`` rows, ``xy (k, 2)`` [local metres]."""

    courtyard: NDArray[np.int64]
    xy: NDArray[np.float64]
    courtyards: int

    @classmethod
    def of(cls, district: District) -> FireAccess:
        """From the access graph: the first door of every way into a courtyard that is open, or not known to be shut."""
        graph, rows, points = access_graph(district), [], []
        doors = dict(zip(district.entrances["id"], district.entrances.geometry, strict=True))
        for k, name in enumerate(district.courtyards["id"]):
            first = {way.via[0] for way in ways_in(district, name, graph=graph, max_through=1)
                     if way.state in ("open", "unknown") and way.from_street is not None}
            for door in sorted(first):
                rows.append(k)
                points.append((doors[door].x, doors[door].y))
        xy = np.array(points, float).reshape(-1, 2) - np.array(district.origin)
        return cls(np.array(rows, np.int64), xy, len(district.courtyards))

    def reached(self, network: Network, supply: Supply, cars_in: NDArray[np.integer], hose_m: float) -> NDArray[np.bool_]:
        """Whether a crew reaches each courtyard, (courtyards,), with ``cars_in (p,)`` cars in every place.

        An engine drives from the gates, against one-way rules if need be, and not past a car that leaves it too little
        width; from where it stands the hose is laid along streets for ``hose_m``.
        """
        shut = np.flatnonzero(supply.blocks & (cars_in > 0))
        keep: NDArray[np.bool_] = np.ones(len(network.ends), bool)
        nodes = network.joined[:len(supply)][shut]
        if len(nodes):
            keep = np.asarray(~np.isin(network.ends, nodes).any(axis=1))
        from_gates = dijkstra(network.graph("walk", keep), indices=network.gates, min_only=True)
        stops = np.flatnonzero(np.isfinite(from_gates))
        laid = dijkstra(network.graph("walk"), indices=stops, min_only=True, limit=hose_m)
        off, node = cKDTree(network.xy).query(self.xy)
        near = laid[node] + off <= hose_m + 10.0
        out = np.zeros(self.courtyards, bool)
        out[self.courtyard[near]] = True
        return out

    def blocked(self, network: Network, supply: Supply, cars_in: NDArray[np.integer], hose_m: float) -> NDArray[np.bool_]:
        """Courtyards that a crew reaches on an empty street and not past these cars, (courtyards,)."""
        empty = self.reached(network, supply, np.zeros(len(supply), np.int64), hose_m)
        return empty & ~self.reached(network, supply, cars_in, hose_m)

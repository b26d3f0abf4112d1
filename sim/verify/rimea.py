"""RiMEA guideline 4.1.1. Geometries and tolerances are those of public implementations of its tests."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from sim.verify import choosing, crowding, storeys, walking
from sim.verify.check import Absent, Check, Figures
from sim.verify.reference import AGE_SPEEDS, SINGLE_FILE

DENSITIES = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


class Corridor(Check):
    """One person keeps their speed."""

    suite, test, title = "rimea", "1", "one person in a corridor"
    criterion = "40 m at 1.33 m/s ± 5 % after 1 s of reaction in 26 to 34 s"
    counterexample: ClassVar[Figures] = {"least_s": 25.9, "most_s": 30.0}

    def measure(self) -> Figures:
        """Five people, one after the other."""
        return walking.corridor_time(0.95 * 1.33, 1.05 * 1.33, 1.0)

    def judge(self, figures: Figures) -> bool:
        """Every time lies in the band."""
        return 26 <= figures["least_s"] <= figures["most_s"] <= 34


class StairsUp(Check):
    """Stairs slow a person down as much as they are told to."""

    suite, test, title = "rimea", "2", "stairs up"
    criterion = "speed up 10 m of stairs is the set 0.5 m/s ± 5 %"
    counterexample: ClassVar[Figures] = {"up_m_per_s": 0.53, "down_m_per_s": 0.65}
    expected: ClassVar[dict[str, float]] = {"up_m_per_s": 0.5}

    def measure(self) -> Figures:
        """One person of 1.33 m/s; the stairs are an area with a pace of its own."""
        return walking.stairs_speed(1.33, 0.5, 0.65, 10.0)

    def judge(self, figures: Figures) -> bool:
        """Within 5 %."""
        return all(abs(figures[key] / speed - 1) <= 0.05 for key, speed in self.expected.items())


class StairsDown(StairsUp):
    """Stairs slow a person down as much as they are told to."""

    suite, test, title = "rimea", "3", "stairs down"
    criterion = "speed down 10 m of stairs is the set 0.65 m/s ± 5 %"
    counterexample: ClassVar[Figures] = {"up_m_per_s": 0.5, "down_m_per_s": 0.60}
    expected: ClassVar[dict[str, float]] = {"down_m_per_s": 0.65}


class StairsJam(Check):
    """A crowd jams at the foot of stairs."""

    suite, test, title = "rimea", "13", "jam before stairs"
    criterion = "150 people: flow up the stairs 0.05 /s below that into the corridor, foot denser than mid corridor"
    counterexample: ClassVar[Figures] = {
        "neck_per_m2": 5.0,
        "corridor_per_m2": 3.0,
        "foot_per_m2": 2.9,
        "corridor_flow_per_s": 3.0,
        "stairs_flow_per_s": 2.0,
        "not_out": 0.0,
    }

    def measure(self) -> Figures:
        """Room, corridor of 2 x 12 m, stairs of 3 m."""
        return crowding.stairs_jam()

    def judge(self, figures: Figures) -> bool:
        """Flows and densities in this order, all up."""
        return (
            figures["corridor_flow_per_s"] - figures["stairs_flow_per_s"] > 0.05
            and figures["foot_per_m2"] > figures["corridor_per_m2"]
            and figures["not_out"] == 0
        )


class StairSpeeds(Check):
    """People on stairs walk as fast as measured."""

    suite, test, title = "rimea", "13 (v4)", "speeds on stairs"
    criterion = "at 0.6 to 1.5 /m² half of the speeds up and down lie between those of slow and fast people, down above up"
    counterexample: ClassVar[Figures] = {"up_m_per_s": 0.6, "down_m_per_s": 0.55, "up_in_band": 0.9, "down_in_band": 0.9}

    def measure(self) -> Figures:
        """A flight of 8 x 2 m between two storeys."""
        found = {way: storeys.stair_speeds(way) for way in ("up", "down")}
        return {f"{way}_m_per_s": figures["speed"] for way, figures in found.items()} | {
            f"{way}_{key}": figures[key] for way, figures in found.items() for key in ("in_band", "looks")
        }

    def judge(self, figures: Figures) -> bool:
        """Both shares, and their order."""
        return min(figures["up_in_band"], figures["down_in_band"]) >= 0.5 and figures["down_m_per_s"] > figures["up_m_per_s"]


class Parameters(Check):
    """What each parameter does to the time in which a house is left."""

    suite, test, title = "rimea", "8", "influence of parameters"
    criterion = "three storeys, 72 people: everybody gets out, and the time falls with each rise of everybody's speed"
    counterexample: ClassVar[Figures] = {f"speed_{v}_s": 100.0 for v in storeys.SPEEDS}

    def measure(self) -> Figures:
        """Times by speed, spread of speeds, reaction, body, doors and stairs; documented, two seeds."""
        return storeys.house_times()

    def judge(self, figures: Figures) -> bool:
        """Times by speed in order; none missing."""
        times = [figures[f"speed_{v}_s"] for v in storeys.SPEEDS]
        return all(a > b for a, b in pairwise(times)) and all(t == t for t in figures.values())


class FloorChoice(Check):
    """People take the shorter way, over another floor if it is that."""

    suite, test, title = "rimea", "14", "choice between floors"
    criterion = "all take two stairs over another floor where the way round on the same floor is 80 m, none where it is 20 m"
    counterexample: ClassVar[Figures] = {"over_at_80_m": 0.9, "round_at_80_m": 0.1, "over_at_20_m": 0.0, "round_at_20_m": 1.0}

    def measure(self) -> Figures:
        """The way over the stairs is 12 m, 10 m of it stairs; 40 people, no stages."""
        return {
            f"{way}_at_{metres}_m": storeys.way_over_another_floor(float(metres))[way]
            for metres in (80, 20) for way in ("over", "round")
        }

    def judge(self, figures: Figures) -> bool:
        """Everybody, both times."""
        taken, left = ("over_at_80_m", "round_at_20_m"), ("round_at_80_m", "over_at_20_m")
        return all(figures[way] == 1 for way in taken) and all(figures[way] == 0 for way in left)


class FundamentalDiagram(Check):
    """Speed falls with density."""

    suite, test, title = "rimea", "4", "speed and density on a ring"
    criterion = "speed falls from each density to the next (0.5 to 6 /m²), and flow has its largest value in between"
    counterexample: ClassVar[Figures] = {f"speed_at_{d:g}_m_per_s": 1.3 for d in DENSITIES}

    def measure(self) -> Figures:
        """Ring of 26 x 2 m at each density."""
        return {f"speed_at_{d:g}_m_per_s": crowding.settled_ring(d) for d in DENSITIES}

    def judge(self, figures: Figures) -> bool:
        """Monotone speed (a tenth of a centimetre a second aside), flow with a maximum inside."""
        speeds = [figures[f"speed_at_{d:g}_m_per_s"] for d in DENSITIES]
        falls = all(b < a + 0.001 for a, b in pairwise(speeds))
        flows = [d * v for d, v in zip(DENSITIES, speeds, strict=True)]
        top = flows[:4].index(max(flows[:4]))
        return falls and 0 < top < 3 and 1.0 < speeds[0] <= 1.4 and speeds[-1] < 0.3


class Reaction(Check):
    """People start when they are told to."""

    suite, test, title = "rimea", "5", "reaction times"
    criterion = "ten people set off within 0.5 s of their delays, which spread over 10 to 100 s"
    counterexample: ClassVar[Figures] = {"people": 10.0, "largest_error_s": 0.6}

    def measure(self) -> Figures:
        """A room of 8 x 5 m."""
        return walking.delay_error()

    def judge(self, figures: Figures) -> bool:
        """All of them, and none late."""
        return figures["people"] == 10 and figures["largest_error_s"] <= 0.5


class Corner(Check):
    """Nobody passes a wall."""

    suite, test, title = "rimea", "6", "round a corner"
    criterion = "20 people get round a left turn and no point of their tracks lies outside"
    counterexample: ClassVar[Figures] = {"out": 20.0, "points_outside": 1.0, "points": 5000.0}

    def measure(self) -> Figures:
        """Three seeds."""
        return walking.corner()

    def judge(self, figures: Figures) -> bool:
        """Nobody lost, nobody outside."""
        return figures["out"] == 20 and figures["points_outside"] == 0 < figures["points"]


class Ages(Check):
    """Speeds follow the table of ages."""

    suite, test, title = "rimea", "7", "walking speeds by age"
    criterion = (
        "50 people of each age walk as fast as Weidmann's table gives them: own speed within 0.03 m/s, means within "
        "three standard errors and falling with age"
    )
    counterexample: ClassVar[Figures] = {
        key: value
        for age, mean in AGE_SPEEDS.items()
        for key, value in {f"mean_{age}_m_per_s": mean - 0.2, f"off_{age}_m_per_s": 0.2, f"spread_{age}": 0.19}.items()
    }

    def measure(self) -> Figures:
        """35 m with room enough."""
        return walking.ages()

    def judge(self, figures: Figures) -> bool:
        """Each age against the table."""
        means = [figures[f"mean_{age}_m_per_s"] for age in AGE_SPEEDS]
        return (
            all(figures[f"off_{age}_m_per_s"] <= 0.03 for age in AGE_SPEEDS)
            and all(abs(m - a) <= 3 * 0.19 * a / 50**0.5 for m, a in zip(means, AGE_SPEEDS.values(), strict=True))
            and means == sorted(means, reverse=True)
        )


class PublicSpace(Check):
    """Half the doors, twice the time."""

    suite, test, title = "rimea", "9", "a crowd leaves a public space"
    criterion = "1,000 people need 1.6 to 2.4 times as long by two doors as by four"
    counterexample: ClassVar[Figures] = {"four_doors_s": 130.0, "two_doors_s": 180.0, "ratio": 1.38}

    def measure(self) -> Figures:
        """Hall of 30 x 20 m, doors of 1 m."""
        return crowding.hall()

    def judge(self, figures: Figures) -> bool:
        """The ratio lies in the band."""
        return 1.6 <= figures["ratio"] <= 2.4


class Assignment(Check):
    """People use the exit that they were assigned."""

    suite, test, title = "rimea", "10", "assigned ways out"
    criterion = "all 23 people leave by the exit that they were assigned"
    counterexample: ClassVar[Figures] = {"people": 23.0, "by_their_exit": 22 / 23}

    def measure(self) -> Figures:
        """Twelve rooms along a corridor."""
        return choosing.assigned()

    def judge(self, figures: Figures) -> bool:
        """Every one."""
        return figures["people"] == 23 and figures["by_their_exit"] == 1


class ExitChoice(Check):
    """A jam makes some take the far exit."""

    suite, test, title = "rimea", "11", "choice of exit"
    criterion = "of 1,000 people more leave by the near exit than by the far one, and some by the far one; all get out"
    counterexample: ClassVar[Figures] = {"near_share": 1.0, "far_share": 0.0}

    def measure(self) -> Figures:
        """Two exits of 1 m on one wall."""
        return choosing.near_and_far()

    def judge(self, figures: Figures) -> bool:
        """Both used, the near one more."""
        return 0 < figures["far_share"] < figures["near_share"] and figures["near_share"] + figures["far_share"] >= 0.999


class Bottleneck(Check):
    """The jam is before the corridor, not before the exit."""

    suite, test, title = "rimea", "12", "two rooms and a corridor"
    criterion = "flow into the corridor ≥ flow at the exit - 0.05 /s, and the jam stands before the corridor"
    counterexample: ClassVar[Figures] = {
        "corridor_flow_per_s": 1.5,
        "exit_flow_per_s": 1.6,
        "before_corridor_per_m2": 3.0,
        "before_exit_per_m2": 0.5,
    }

    def measure(self) -> Figures:
        """150 people."""
        return crowding.two_rooms()

    def judge(self, figures: Figures) -> bool:
        """Flows and densities in this order."""
        return (
            figures["corridor_flow_per_s"] >= figures["exit_flow_per_s"] - 0.05
            and figures["before_corridor_per_m2"] > 2 * figures["before_exit_per_m2"]
        )


class BottleneckGoal(Check):
    """A near goal does not slow people down."""

    suite, test, title = "rimea", "12a", "goal near behind a gap"
    criterion = "flow through a gap of 1 m is not smaller (5 %) when the goal begins right behind it than 10 m behind"
    counterexample: ClassVar[Figures] = {"near_flow_per_s": 1.7, "far_flow_per_s": 1.9}

    def measure(self) -> Figures:
        """Goal at 0 and at 10 m."""
        return {"near_flow_per_s": crowding.gap_with_goal(0.0), "far_flow_per_s": crowding.gap_with_goal(10.0)}

    def judge(self, figures: Figures) -> bool:
        """Not slower when nearer."""
        return figures["near_flow_per_s"] >= 0.95 * figures["far_flow_per_s"] > 0


class BottleneckDepth(Check):
    """A long gap takes longer."""

    suite, test, title = "rimea", "12b", "short and long gap"
    criterion = "150 people need longer through a gap 5 m long than through one of 0.2 m"
    counterexample: ClassVar[Figures] = {"short_s": 80.0, "long_s": 79.0}

    def measure(self) -> Figures:
        """Width 1 m."""
        return {"short_s": crowding.gap_with_depth(0.2), "long_s": crowding.gap_with_depth(5.0)}

    def judge(self, figures: Figures) -> bool:
        """In this order."""
        return figures["long_s"] > figures["short_s"]


class BottleneckRow(Check):
    """Only the first of two gaps jams."""

    suite, test, title = "rimea", "12c", "two gaps in a row"
    criterion = "the largest queue before the first gap is at least twice that before the second"
    counterexample: ClassVar[Figures] = {"queue_1": 60.0, "queue_2": 50.0}

    def measure(self) -> Figures:
        """Gaps of 1 m, 10 m apart."""
        return crowding.two_gaps()

    def judge(self, figures: Figures) -> bool:
        """In this order, clearly."""
        return figures["queue_1"] >= 2 * figures["queue_2"]


class BottleneckWidth(Check):
    """Flow grows with width."""

    suite, test, title = "rimea", "12d", "width of a gap"
    criterion = "flow grows from 0.8 to 1.0 and to 1.2 m"
    counterexample: ClassVar[Figures] = {"at_0.8_per_s": 1.5, "at_1.0_per_s": 1.5, "at_1.2_per_s": 2.0}

    def measure(self) -> Figures:
        """Three widths."""
        return {f"at_{w:.1f}_per_s": crowding.gap_with_width(w) for w in (0.8, 1.0, 1.2)}

    def judge(self, figures: Figures) -> bool:
        """Strictly, by 5 % at least."""
        return (
            figures["at_1.2_per_s"] > 1.05 * figures["at_1.0_per_s"]
            and figures["at_1.0_per_s"] > 1.05 * figures["at_0.8_per_s"] > 0
        )


class CrowdCorner(Check):
    """A crowd needs longer round a corner than straight on, and less than on the outer way."""

    suite, test, title = "rimea", "15", "a crowd round a corner"
    criterion = "500 people: 44 m straight takes less time than the corner, 75.4 m straight takes more"
    counterexample: ClassVar[Figures] = {"short_s": 70.0, "corner_s": 130.0, "long_s": 110.0}

    def measure(self) -> Figures:
        """Halls 20 m wide."""
        return crowding.crowd_corner()

    def judge(self, figures: Figures) -> bool:
        """In this order."""
        return figures["short_s"] < figures["corner_s"] < figures["long_s"]


class SingleFile(Check):
    """Speeds in single file as measured."""

    suite, test, title = "rimea", "16", "single file"
    criterion = "at 75 % of line densities from 0.3 to 2.5 /m the mean speed lies between 10 and 90 % of the measured speeds"
    counterexample: ClassVar[Figures] = {f"speed_at_{d:.1f}_per_m": 1.3 for d in SINGLE_FILE}

    def measure(self) -> Figures:
        """Ring of 26 m, too narrow to overtake."""
        return {f"speed_at_{d:.1f}_per_m": crowding.single_file(d) for d in SINGLE_FILE}

    def judge(self, figures: Figures) -> bool:
        """Share of bins inside."""
        inside = [low <= figures[f"speed_at_{d:.1f}_per_m"] <= high for d, (low, high) in SINGLE_FILE.items()]
        return sum(inside) >= 0.75 * len(inside)


CHECKS: tuple[type[Check] | Absent, ...] = (
    Corridor,
    StairsUp,
    StairsDown,
    FundamentalDiagram,
    Reaction,
    Corner,
    Ages,
    Parameters,
    PublicSpace,
    Assignment,
    ExitChoice,
    Bottleneck,
    BottleneckGoal,
    BottleneckDepth,
    BottleneckRow,
    BottleneckWidth,
    StairsJam,
    StairSpeeds,
    FloorChoice,
    CrowdCorner,
    SingleFile,
)

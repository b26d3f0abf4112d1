"""Measured numbers that the tests compare with, each with its source. SI units."""

from __future__ import annotations

CORRIDOR_ONE_WAY = {0.5: 1.394, 1.0: 1.259, 1.5: 1.024, 2.0: 0.691, 2.5: 0.424, 3.0: 0.346, 3.5: 0.309}
"""Mean speed [m/s] by density [1/m2] in a one-way corridor 1.8 m wide (Düsseldorf 2009, trajectories of the Jülich
archive, one sample a second in bins of 0.25 /m2)."""
CORRIDOR_FLOW = 1.62
"""Largest mean flow there [1/(m s)], at 1.68 /m2."""
CORRIDOR_TWO_WAY = {1.0: 1.17, 1.5: 0.87, 2.0: 0.68, 2.5: 0.51, 3.0: 0.43}
"""The same in a two-way corridor 3.6 m wide (validation data of the bidirectional experiments, 7test_BO of jpscore)."""
DOOR_WIDTHS = (0.8, 1.0, 1.2, 1.6, 2.0, 2.5)
"""Door widths that are tested [m]; Kretz 2006, Seyfried 2009 and the 2006 experiments give J = 1.92 w - 0.07 [1/s]."""

AGE_SPEEDS = {20: 1.61, 30: 1.54, 40: 1.48, 50: 1.41, 60: 1.27, 70: 1.07, 80: 0.68}
"""Mean free speed [m/s] by age [years] (Weidmann 1993); the spread is about 19 % of the mean."""
AGE_SPREAD = 0.19

SINGLE_FILE = {
    0.2989: (0.8395, 1.4725),
    0.4989: (0.7083, 1.3887),
    0.6989: (0.5978, 1.3053),
    0.8989: (0.4475, 1.1008),
    1.0989: (0.3157, 0.8395),
    1.2989: (0.1872, 0.6077),
    1.4989: (0.1120, 0.4850),
    1.6989: (0.0705, 0.3822),
    1.8989: (0.0480, 0.3140),
    2.0989: (0.0347, 0.2702),
    2.2989: (0.0267, 0.2390),
    2.4989: (0.0220, 0.2202),
}
"""10 % and 90 % of speeds [m/s] by line density [1/m] of people in single file (RiMEA 4.1.1, test 16)."""

REGULATED_FLOW = 1.33
"""Largest door flow that the guidelines for conservative design assume [1/(m s)] (IMO MSC.1/Circ.1238)."""

JAM_DENSITY = 8.25
"""Mean density [1/m2] on the square metre half a metre before a door of 0.5 m, 5 to 25 s after the start (75 people,
normal motivation: trajectories bottleneck_040_c_56_h- of the Jülich archive, counted there)."""

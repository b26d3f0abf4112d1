"""Control totals: what the marginals of a population are, zone by zone, and what each of them counts.

A control is a rule over the columns of the seed, written as PopulationSim writes it, such as
``(households.persons >= 4)`` or ``(persons.age >= 6) & (persons.age <= 15)``, and a total for every zone.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog

from twin.errors import BadInput

_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge}


@dataclass(frozen=True)
class Control:
    """One marginal: its name (the column of the totals), the table it counts, the rule, and how much it weighs."""

    name: str
    table: str
    rule: str
    importance: float = 1.0


def counted(control: Control, households: pd.DataFrame, persons: pd.DataFrame) -> NDArray[np.float64]:
    """How much each household of the seed adds to a control: (n,) float64; persons are summed by ``household`` (row)."""
    frame = households if control.table == "households" else persons
    mask = np.asarray(_chosen(control, frame), dtype=float)
    if mask.ndim == 0:
        mask = np.full(len(frame), float(mask))
    if control.table == "households":
        return mask
    return np.bincount(persons["household"].to_numpy(), weights=mask, minlength=len(households)).astype(float)


def _chosen(control: Control, frame: pd.DataFrame) -> Any:
    try:
        tree = ast.parse(control.rule, mode="eval")
    except SyntaxError as error:
        raise _bad_rule(control, "is not a rule") from error
    return _value(tree.body, control, frame)


def _value(node: ast.expr, control: Control, frame: pd.DataFrame) -> Any:
    """The value of a rule over a table: comparisons, and, or, not, columns and numbers, nothing else."""
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float, str)):
            return value
        case ast.Name(id=name) | ast.Attribute(attr=name, value=ast.Name()):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id != control.table:
                raise _bad_rule(control, f"asks the table {node.value.id} but counts {control.table}")
            if name not in frame.columns:
                raise BadInput(f"the seed has no column {name!r}", where=f"control {control.name}",
                               mend=f"add it to the {control.table} of the seed or correct the rule {control.rule!r}")
            return frame[name].to_numpy()
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_value(part, control, frame) for part in (left, *others)]
            if any(type(op) not in _COMPARE for op in ops):
                raise _bad_rule(control, "uses a comparison that is not ==, !=, <, <=, > or >=")
            steps = [_COMPARE[type(op)](a, b) for op, a, b in zip(ops, values, values[1:], strict=False)]
            return np.logical_and.reduce(steps)
        case ast.BoolOp(op=op, values=parts):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            return join.reduce([_value(part, control, frame) for part in parts])
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() as op, right=right):
            join = np.logical_and if isinstance(op, ast.BitAnd) else np.logical_or
            return join(_value(left, control, frame), _value(right, control, frame))
        case ast.UnaryOp(op=ast.Invert() | ast.Not(), operand=operand):
            return np.logical_not(_value(operand, control, frame))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if isinstance(value, (int, float)):
            return -value
    raise _bad_rule(control, "holds something that is not a comparison of a column with a value")


def _bad_rule(control: Control, what: str) -> BadInput:
    return BadInput(f"the rule {control.rule!r} {what}", where=f"control {control.name}",
                    mend="write it like (persons.age >= 6) & (persons.age <= 15)")


def require_category(controls: Sequence[Control], incidence: NDArray[np.float64], totals: NDArray[np.float64],
                     where: str) -> None:
    """Raise :class:`BadInput` if a control with a total above 0 counts no household of the seed.

    ``incidence`` is (n, m), ``totals`` (zones, m).
    """
    empty = (incidence.sum(axis=0) == 0) & (totals.sum(axis=0) > 0)
    if empty.any():
        k = int(np.argmax(empty))
        raise BadInput(f"the seed has nobody for {controls[k].name}, of which there are to be {totals[:, k].sum():,.0f}",
                       where=where, mend=f"add households with {controls[k].rule} to the seed, or leave the control out")


@dataclass(frozen=True)
class Contradiction:
    """Controls of one zone that no households can meet together: name, what it asks, what it could be instead."""

    zone: str
    asked: dict[str, tuple[float, float]]

    def __str__(self) -> str:
        parts = ", ".join(f"{name} asks {a:,.1f} where the others allow {b:,.1f}" for name, (a, b) in self.asked.items())
        return f"zone {self.zone}: {parts}"


def contradiction(zone: str, controls: Sequence[Control], incidence: NDArray[np.float64], total: NDArray[np.float64], *,
                  tolerance: float = 0.01) -> Contradiction | None:
    """The controls of a zone that contradict each other, or None.

    Solves the elastic programme: least weighted change ``sum_j (u_j + v_j) / max(b_j, 1)`` of the totals ``b (m,)`` under
    which some weights ``w >= 0`` meet ``A^T w + u - v = b`` for the incidence ``A (n, m)``. Changes within the
    ``tolerance`` (share of the total, or half a person) pass.
    """
    patterns = np.unique(incidence, axis=0)
    n, m = patterns.shape
    price = np.array([c.importance for c in controls]) / np.maximum(total, 1.0)
    answer = linprog(np.concatenate([np.zeros(n), price, price]),
                     A_eq=np.hstack([patterns.T, np.eye(m), -np.eye(m)]), b_eq=total, method="highs")
    met = total - answer.x[n:n + m] + answer.x[n + m:]
    off = np.abs(met - total) > np.maximum(tolerance * total, 0.5)
    if not off.any():
        return None
    return Contradiction(zone, {controls[k].name: (float(total[k]), float(met[k])) for k in np.flatnonzero(off).tolist()})

"""Names for the built-in district: invented from generic words, none copied from a street list."""

from __future__ import annotations

import numpy as np

_FIRST = "槐枣桐杏榆竹荷梅菊松桂棠柿椿藤"
_SECOND = "香影韵溪泉石桥台园铃灯墨砚帘霞"
_LANE_ENDINGS = ("胡同", "胡同", "胡同", "巷", "夹道", "里")
_STREETS = "安和宁平泰兴德永长瑞"


def lane_names(count: int, rng: np.random.Generator) -> list[str]:
    """``count`` different lane names such as 槐香胡同; beyond 225 with 前, 后 or 小 before them."""
    roots = [a + b for a in _FIRST for b in _SECOND]
    order = rng.permutation(len(roots))
    endings = rng.integers(0, len(_LANE_ENDINGS), size=count)
    names = []
    for i in range(count):
        again, k = divmod(i, len(roots))
        names.append(["", "前", "后", "小"][again % 4] + roots[order[k]] + _LANE_ENDINGS[endings[i]])
    return names


def street_names(count: int, rng: np.random.Generator) -> list[str]:
    """``count`` different names of wider streets, such as 永宁街."""
    pairs = [a + b for a in _STREETS for b in _STREETS if a != b]
    return [pairs[k] + "街" for k in rng.permutation(len(pairs))[:count]]


def community_names(count: int, rng: np.random.Generator) -> list[str]:
    """``count`` different names of communities, such as 瑞和社区."""
    pairs = [a + b for a in _STREETS[::-1] for b in _FIRST]
    return [pairs[k] + "社区" for k in rng.permutation(len(pairs))[:count]]

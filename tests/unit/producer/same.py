"""Equality that also asks for the type: 1, 1.0 and True are three values, NaN is itself, and -0.0 is not 0.0."""

import math
from typing import Any


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type, all the way down, and in the order of keys."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        if left != left or right != right:
            return left != left and right != right
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)

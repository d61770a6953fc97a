"""Scalars and arrays of PyTorch, JAX, TensorFlow and Keras → NumPy arrays, or numbers and lists.

None of them is imported here: a value can be one of theirs only where the user has imported them. What a library
raises goes to the caller: of an array that was donated, a traced or symbolic one, a key, a tensor without data.
"""

import sys
from typing import Any, Final

SMALL_INTS: Final = frozenset(("int2", "uint2", "int4", "uint4"))
SMALL_FLOATS: Final = frozenset(
    f"float8_{name}" for name in ("e3m4", "e4m3", "e4m3b11fnuz", "e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")
) | {"bfloat16", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn"}
"""Number types of JAX and TensorFlow, which NumPy knows by name only."""

_ARRAYS = (
    ("numpy", "ndarray"),
    ("torch", "Tensor"),
    ("jax", "Array"),
    ("tensorflow", "Tensor"),
    ("tensorflow", "Variable"),
    ("keras", "Variable"),
)


def is_array(value: Any) -> bool:
    """Whether it is an array, a tensor or a variable of one of them or of NumPy, of any number of dimensions."""
    return any(_is_one(value, module, name) for module, name in _ARRAYS)


def opened_array(value: Any) -> Any:
    """Its numbers: NumPy's array or scalar, or a number or lists of PyTorch, which has types that NumPy has not."""
    value = _held_by_keras(value)
    if _is_one(value, "torch", "Tensor"):
        return _dense(value).tolist()
    return _as_numpy(value)


def opened_column(value: Any) -> Any:
    """The same as a NumPy array, however many values there are."""
    value = _held_by_keras(value)
    if not _is_one(value, "torch", "Tensor"):
        return _as_numpy(value)
    import numpy as np  # PyTorch brings it

    value = _dense(value).cpu()
    # Of PyTorch's number types these are the ones that its numpy() refuses.
    small = str(value.dtype).startswith(("torch.bfloat16", "torch.float8"))
    return np.asarray(value.float() if small else value)


def _held_by_keras(value: Any) -> Any:
    """What a variable of Keras holds: an array of its backend."""
    return value.value if _is_one(value, "keras", "Variable") else value


def _as_numpy(value: Any) -> Any:
    of_tensorflow = _is_one(value, "tensorflow", "Tensor") or _is_one(value, "tensorflow", "Variable")
    return value.numpy() if of_tensorflow else sys.modules["numpy"].asarray(value)


def _dense(tensor: Any) -> Any:
    if tensor.is_complex():
        raise TypeError(f"tensors of {tensor.dtype} can't be stored")
    tensor = tensor.detach()
    return tensor.to_dense() if tensor.is_sparse else tensor


def _is_one(value: Any, module: str, name: str) -> bool:
    # getattr: a module that is being imported by another thread may not have it yet.
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)

"""Plain, frozen and fingerprinted copies of JSON-able data.

Anything a stranger's environment puts into a state ends here: tuples, sets, NaN, bytes, lone surrogates, numbers
beyond 64 bits, objects. It becomes plain data (dict, list, str, int, float, bool, None) or a clear error, never a
crash later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, NoReturn, cast

import msgspec

MAX_DEPTH = 200
_WORD = 2**63


def _refuse(self: object, *_args: object, **_kwargs: object) -> NoReturn:
    raise TypeError("this state is a snapshot and cannot be changed; use state.thaw() for a copy that can")


class FrozenDict(dict[str, Any]):
    """A dict that reads, compares and serialises like any other and cannot be changed."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    pop = popitem = clear = update = setdefault = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return plain_copy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return (frozen_copy, (plain_copy(self),))


class FrozenList(list[Any]):
    """A list that reads, compares and serialises like any other and cannot be changed."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return plain_copy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return (frozen_copy, (plain_copy(self),))


def plain_copy(value: Any) -> Any:
    """A deep copy made of dict, list, str, int, float, bool and None only; see the module's text.

    Raises:
        ValueError: the data refers to itself or is nested more than `MAX_DEPTH` deep.
    """
    return _copy(value, dict, list, 0)


def frozen_copy(value: Any) -> Any:
    """Like `plain_copy`, but of dicts and lists that cannot be changed."""
    return _copy(value, FrozenDict, FrozenList, 0)


def _copy(value: Any, dict_type: type[dict[str, Any]], list_type: type[list[Any]], depth: int) -> Any:
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        return value if value.isascii() else encodable(value)
    if kind in _ATOMS:
        return value
    if kind is int:
        return value if -_WORD <= value < _WORD else hex(value)
    if depth > MAX_DEPTH:
        raise ValueError(f"state data refers to itself or is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        copied: dict[str, Any] = {}
        items: Any = value.items()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        for k, v in items:
            if not (type(v) in _ATOMS or (type(v) is str and v.isascii())):  # most values; spares them a call
                v = _copy(v, dict_type, list_type, depth + 1)
            copied[k if type(k) is str and k.isascii() else _key(k)] = v
        return copied if dict_type is dict else dict_type(copied)
    if isinstance(value, (list, tuple)):
        elements = [_copy(v, dict_type, list_type, depth + 1) for v in value]  # pyright: ignore[reportUnknownVariableType]
        return elements if list_type is list else list_type(elements)
    return _copy(_simplify(value), dict_type, list_type, depth + 1)


_ATOMS = frozenset({bool, float, type(None)})


def _key(key: Any) -> str:
    if type(key) is str:
        return encodable(key)
    if isinstance(key, Enum):
        return _key(key.value)
    if isinstance(key, (str, int, float, bool)) or key is None:
        return str(key)
    return str(_simplify(key))


def _simplify(value: Any) -> Any:
    """One step from a foreign object towards plain data; text at worst, never an address in memory."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(cast(bytes, value)).decode("utf-8", "replace")
    if isinstance(value, (set, frozenset)):
        plain: list[Any] = [plain_copy(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
        return sorted(plain, key=repr)
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    for base in (str, bool, int, float):
        if isinstance(value, base):
            return base(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return value.tolist()
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def json_text(value: Any, *, indent: int = 0, sort_keys: bool = False) -> str:
    """Plain data as JSON text in the style of ``json.dumps``, without escaping non-ASCII letters.

    Args:
        value: plain data.
        indent: spaces per level; 0 for one line.
        sort_keys: whether keys are put in order.
    """
    encoded = (_json_sorted if sort_keys else _json)(value)
    if b"null" in encoded:  # which may have been NaN; the standard library is slower and tells them apart
        return json.dumps(value, ensure_ascii=False, indent=indent or None, sort_keys=sort_keys)
    return msgspec.json.format(encoded, indent=indent).decode()


_json = msgspec.json.Encoder().encode
_json_sorted = msgspec.json.Encoder(order="deterministic").encode


def pack(value: Any) -> bytes:
    """Plain data as bytes that `unpack` turns into a fresh copy."""
    return _pack(value)


def unpack(packed: bytes) -> Any:
    """A fresh copy of what was packed, made of dict, list, str, int, float, bool and None."""
    return _unpack(packed)


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_pack_sorted = msgspec.msgpack.Encoder(order="deterministic").encode


def fingerprint_of(value: Any) -> str:
    """32 hexadecimal digits (128 bits of BLAKE2b) of the canonical form of plain data."""
    return hashlib.blake2b(_canonical(value), digest_size=16).hexdigest()


def _canonical(value: Any) -> bytes:
    try:
        return _pack_sorted(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _pack_sorted(plain_copy(value))


def encodable(text: str) -> str:
    """The text with lone surrogates escaped, since UTF-8 cannot hold them; all other text as it is."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()

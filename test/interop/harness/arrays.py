"""A column of every Arrow type that pyarrow can make, each with a null where the type has one."""

import datetime
import decimal

import numpy as np
import pyarrow as pa

DAY = datetime.date(2013, 1, 1)
MOMENT = datetime.datetime(2013, 1, 1, 5, 17, 33, 123456)
D = decimal.Decimal


def flat():
    """Arrays of types without children, by the type's name."""
    arrays = [pa.nulls(3), pa.array([True, None, False])]
    for integer in (pa.int8(), pa.int16(), pa.int32(), pa.int64()):
        arrays.append(pa.array([-(2 ** (integer.bit_width - 1)), None, 2 ** (integer.bit_width - 1) - 1], integer))
    for integer in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        arrays.append(pa.array([0, None, 2**integer.bit_width - 1], integer))
    arrays.append(pa.array([np.float16(1.5), None, np.float16(-0.0)], pa.float16()))
    for floating in (pa.float32(), pa.float64()):
        arrays.append(pa.array([1.5, None, float("-inf")], floating))
    for text in (pa.string(), pa.large_string(), pa.string_view()):
        arrays.append(pa.array(["", None, "longer than the twelve bytes of a view: žluťoučký 🐎"], text))
    for binary in (pa.binary(), pa.large_binary(), pa.binary_view()):
        arrays.append(pa.array([b"", None, b"\x00\xff longer than twelve bytes"], binary))
    arrays.append(pa.array([b"\x00\x01\x02", None, b"abc"], pa.binary(3)))
    arrays += [pa.array([D("1.23"), None, D("-9.99")], t) for t in (pa.decimal32(5, 2), pa.decimal64(15, 2))]
    arrays.append(pa.array([D("1.23"), None, D("9" * 36 + ".99")], pa.decimal128(38, 2)))
    arrays.append(pa.array([D("1.23"), None, D("9" * 60 + ".99")], pa.decimal256(76, 2)))
    arrays.append(pa.array([D("1200"), None, D("-3400")], pa.decimal128(5, -2)))
    arrays += [pa.array([DAY, None, datetime.date(1582, 10, 15)], t) for t in (pa.date32(), pa.date64())]
    arrays += [pa.array([1, None, 86_399], pa.time32(unit)) for unit in ("s", "ms")]
    arrays += [pa.array([1, None, 86_399_000_000], pa.time64(unit)) for unit in ("us", "ns")]
    for unit in ("s", "ms", "us", "ns"):
        arrays.append(pa.array([0, None, -1], pa.timestamp(unit)))
        arrays.append(pa.array([0, None, 10**9], pa.timestamp(unit, "America/New_York")))
        arrays.append(pa.array([0, None, 10**9], pa.duration(unit)))
    arrays.append(
        pa.array([pa.MonthDayNano([1, -2, 3]), None, pa.MonthDayNano([0, 0, 0])], pa.month_day_nano_interval())
    )
    return {str(array.type): array for array in arrays}


def nested():
    number, text = pa.array([1, None, 3]), pa.array(["a", None, "c"])
    lists = [[1, None], None, []]
    struct = pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": "c"}], pa.struct({"x": pa.int64(), "y": pa.string()}))
    tags, offsets = pa.array([0, 1, 0], pa.int8()), pa.array([0, 1, 2], pa.int32())
    deep = pa.list_(
        pa.struct({"m": pa.map_(pa.string(), pa.list_(pa.struct({"d": pa.dictionary(pa.int8(), pa.string())})))})
    )
    return {
        "list": pa.array(lists, pa.list_(pa.int64())),
        "large_list": pa.array(lists, pa.large_list(pa.int64())),
        "list_view": pa.array(lists, pa.list_view(pa.int64())),
        "large_list_view": pa.array(lists, pa.large_list_view(pa.int64())),
        "fixed_size_list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int64(), 2)),
        "struct": struct,
        "struct without fields": pa.array([{}, None, {}], pa.struct([])),
        "list of null": pa.array([[None], None, []], pa.list_(pa.null())),
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "map of sorted keys": pa.array(
            [[("a", 1), ("b", 2)], None, []], pa.map_(pa.string(), pa.int64(), keys_sorted=True)
        ),
        "sparse union": pa.UnionArray.from_sparse(tags, [number, text], ["n", "t"]),
        "dense union": pa.UnionArray.from_dense(tags, offsets, [number, text], ["n", "t"]),
        "run-end encoded": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", None])),
        "list of run-end encoded": pa.ListArray.from_arrays(
            [0, 2, 2, 3], pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int16()), pa.array([1.5, None]))
        ),
        "deep": pa.array([[{"m": [("k", [{"d": "v"}, {"d": None}])]}], None, []], deep),
    }


def dictionaries():
    indices = (pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.int64())
    arrays = [pa.DictionaryArray.from_arrays(pa.array([1, None, 0], index), ["a", "b"]) for index in indices]
    ordered = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), ["low", "high"], ordered=True)
    numbers = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), [10.5, 20.5])
    null_value = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), pa.array(["a", None]))
    views = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), pa.array(["a", "b"], pa.string_view()))
    structs = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), pa.array([{"x": 1}, {"x": 2}]))
    child = pa.StructArray.from_arrays([arrays[0]], ["child"])
    named = {f"dictionary of {array.type.index_type}": array for array in arrays}
    return named | {
        "ordered dictionary": ordered,
        "dictionary of numbers": numbers,
        "dictionary with a null value": null_value,
        "dictionary of views": views,
        "dictionary of structs": structs,
        "dictionary in a struct": child,
    }


def extensions():
    """Canonical extension types, and one that no program but its maker knows."""
    uuids = pa.array([b"0123456789abcdef", None, b"\x00" * 16], pa.binary(16))
    tensor = pa.fixed_shape_tensor(pa.float32(), [2, 2])
    tensors = pa.array([[1, 2, 3, 4], None, [5, 6, 7, 8]], tensor.storage_type)
    opaque = pa.opaque(pa.string(), "geometry", "a vendor")
    return {
        "uuid": pa.ExtensionArray.from_storage(pa.uuid(), uuids),
        "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None, "[]"])),
        "bool8": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0], pa.int8())),
        "fixed_shape_tensor": pa.ExtensionArray.from_storage(tensor, tensors),
        "opaque": pa.ExtensionArray.from_storage(opaque, pa.array(["POINT(0 0)", None, ""])),
    }


ARRAYS = flat() | nested() | dictionaries() | extensions()

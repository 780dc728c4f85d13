"""Words in and out of byte arrays, at any address: the only module that speaks to LLVM.

Nothing here checks a place. Who calls has seen to it that `at` and the word behind it lie within the array; arrays of bytes
have SPARE bytes behind what is in them, so that the last bytes may be read as a whole word.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

SPARE = 64  #: bytes behind the last one in use


def _pointer(context, builder, array_type, array, at, kind):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), ir.PointerType(kind))


def _loader(result, kind):
    @intrinsic
    def load(typing, array, at):  # noqa: ARG001
        def write(context, builder, signature, given):
            index = context.cast(builder, given[1], signature.args[1], types.int64)
            found = builder.load(_pointer(context, builder, signature.args[0], given[0], index, kind))
            found.align = 1
            return found

        return result(array, at), write

    return load


def _storer(value_type, kind):
    @intrinsic
    def store(typing, array, at, value):  # noqa: ARG001
        def write(context, builder, signature, given):
            index = context.cast(builder, given[1], signature.args[1], types.int64)
            word = context.cast(builder, given[2], signature.args[2], value_type)
            builder.store(word, _pointer(context, builder, signature.args[0], given[0], index, kind), align=1)
            return context.get_dummy_value()

        return types.void(array, at, value), write

    return store


load_u64 = _loader(types.uint64, ir.IntType(64))
load_u32 = _loader(types.uint32, ir.IntType(32))
load_u16 = _loader(types.uint16, ir.IntType(16))
load_i64 = _loader(types.int64, ir.IntType(64))
load_f32 = _loader(types.float32, ir.FloatType())
load_f64 = _loader(types.float64, ir.DoubleType())
store_u64 = _storer(types.uint64, ir.IntType(64))
store_u32 = _storer(types.uint32, ir.IntType(32))
store_u16 = _storer(types.uint16, ir.IntType(16))
store_f64 = _storer(types.float64, ir.DoubleType())
store_f32 = _storer(types.float32, ir.FloatType())


@intrinsic
def move(typing, to, to_at, source, at, count):  # noqa: ARG001
    """Copy `count` bytes; the places may overlap."""

    def write(context, builder, signature, given):
        to_place, place, size = (context.cast(builder, given[i], signature.args[i], types.int64) for i in (1, 3, 4))
        byte = ir.IntType(8)
        target = _pointer(context, builder, signature.args[0], given[0], to_place, byte)
        origin = _pointer(context, builder, signature.args[2], given[2], place, byte)
        cgutils.raw_memmove(builder, target, origin, size, 1)
        return context.get_dummy_value()

    return types.void(to, to_at, source, at, count), write


@intrinsic
def ahead(typing, array, at):  # noqa: ARG001
    """Fetch the cache line of element `at`, counted in memory, because it will soon be asked for. One outside is no fault."""

    def write(context, builder, signature, given):
        index = context.cast(builder, given[1], signature.args[1], types.int64)
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        pointer = builder.bitcast(builder.gep(data, [index]), ir.PointerType(ir.IntType(8)))
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(ir.IntType(8)), flag, flag, flag])
        name = "llvm.prefetch.p0i8" if "i8*" in str(pointer.type) else "llvm.prefetch.p0"
        fetch = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(fetch, [pointer, ir.Constant(flag, 0), ir.Constant(flag, 3), ir.Constant(flag, 1)])
        return context.get_dummy_value()

    return types.void(array, at), write


@intrinsic
def product_folded(typing, a, b):  # noqa: ARG001
    """The two halves of the 128-bit product of two u64, combined by exclusive or."""

    def write(_context, builder, _signature, given):
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(given[0], wide), builder.zext(given[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))
        return builder.xor(builder.trunc(product, ir.IntType(64)), high)

    return types.uint64(types.uint64, types.uint64), write


@intrinsic
def swapped(typing, word):  # noqa: ARG001
    """A u64 with its bytes in the other order."""

    def write(_context, builder, _signature, given):
        return builder.bswap(given[0])

    return types.uint64(types.uint64), write


@intrinsic
def zeros_below(typing, word):  # noqa: ARG001
    """How many bits of a u64 lie below the lowest one that is set; 64: none is."""

    def write(_context, builder, _signature, given):
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), write


def padded(data: bytes) -> np.ndarray:
    """Bytes as an array for kernels, with spare bytes behind them; one that may be written to, as all are."""
    array = np.zeros(len(data) + SPARE, np.uint8)
    array[: len(data)] = np.frombuffer(data, np.uint8)
    return array

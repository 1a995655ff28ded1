"""How kernels are compiled: those Python calls, and those that only other kernels call.

A function called from Python needs a second one that takes Python's objects apart. For a named tuple of
forty arrays this takes longer to compile than the function itself, and two thirds of all kernels are never
called from Python: these go without it (`inner_kernel`). Nor is their machine code loaded where all that
call them are compiled already, for it is part of theirs. Function pointers for C, which numba makes as
well, nobody here uses. Nor do kernels count references to arrays: none allocates (decision 12).
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from numba import njit
from numba.core import typeinfer
from numba.core.registry import CPUDispatcher

from controller import numba_cache  # noqa: F401  (keys what is compiled)

Compiler = Callable[[Callable[..., Any]], Any]
_njit: Any = njit
"""It takes more options than its types tell."""


class InnerKernel(CPUDispatcher):
    """A function for other kernels: compiled, or loaded, when one that calls it is compiled."""

    signature: Any

    def __call__(self, *arguments: object, **named: object) -> None:
        """Raises TypeError, always: without a door for Python there is no address to jump to."""
        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}"
        raise TypeError(f"{name} is called by kernels only; to call it from Python, make it a @kernel")

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """numba asks for it wherever a kernel that is compiled calls this one."""
        self.compile_now()
        return super().get_call_template(args, kws)

    def compile_now(self) -> None:
        """Have the machine code, for the one signature."""
        if self._can_compile:  # type: ignore[attr-defined]
            self.enable_caching()
            with typeinfer.register_dispatcher(self):
                self.compile(self.signature)
            self.disable_compile()


def kernel(signature: Any, **options: Any) -> Compiler:
    """Compile a function Python calls: at import, for one signature, kept on disk, without the GIL.

    It can neither make arrays nor hand any back. options: more of numba's own
    """
    return _njit(signature, cache=True, nogil=True, no_cfunc_wrapper=True, _nrt=False, **options)


def inner_kernel(signature: Any, **options: Any) -> Compiler:
    """The same for a function that only kernels call; called from Python it raises TypeError."""
    wrap = _njit(nogil=True, no_cfunc_wrapper=True, no_cpython_wrapper=True, _nrt=False, **options)

    def closed(function: Callable[..., Any]) -> Any:
        inner = wrap(function)
        # Not compiled at all (NUMBA_DISABLE_JIT), it is a function like any other.
        if isinstance(inner, CPUDispatcher):
            inner.__class__ = InnerKernel
            inner.signature = signature  # type: ignore[attr-defined]
        return inner

    return closed


def compile_inner(module: ModuleType) -> None:
    """Compile the inner kernels of an imported module; those copied into their callers need none."""
    for value in vars(module).values():
        if isinstance(value, InnerKernel) and value.targetoptions.get("inline") != "always":
            value.compile_now()

"""Runs first in the bundle, before anything is imported: what of torch compiles programs is not in it.

torch.jit would want sources, so it stays off. Optimisers ask ``torch._dynamo`` to leave them alone; in its place comes a
module in which everything is left alone.
"""

import importlib.abc
import importlib.machinery
import os
import sys
import types
import warnings

os.environ["PYTORCH_JIT"] = "0"
warnings.filterwarnings("ignore", message="Unable to retrieve source")


class _NoCompiler(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last to be asked; knows one name."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "torch._dynamo" else None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        vars(module).update(
            disable=lambda fn=None, recursive=True, **_: fn if fn is not None else (lambda inner: inner),
            graph_break=lambda *_, **__: None,
            is_compiling=lambda: False,
        )
        return module

    def exec_module(self, module):
        pass


sys.meta_path.append(_NoCompiler())

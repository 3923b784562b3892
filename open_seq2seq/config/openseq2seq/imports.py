"""What `import` means in a config.

A config, and the modules beside it that it imports, find OpenSeq2Seq's module paths and
component names, and a `tensorflow` that holds the TensorFlow 1 names (`config.tf_names`).
Nobody else does: the import function of these modules is their own, and nothing of it is
in `sys.modules`.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

from open_seq2seq.config.openseq2seq.old_names import MOVED_MODULES, RENAMED, other_task
from open_seq2seq.config.openseq2seq.tf_names import TensorflowNames
from open_seq2seq.config.schema import closest_name
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.successors import hint
from open_seq2seq.successors.configs import LANGUAGE_MODEL_COMMAND


class ConfigImports:
    """The `__import__` of one config.

    Args:
      path: the config file, for messages.
      text: its source.
      folder: where the modules beside it are.
    """

    def __init__(self, path: Path, text: str, folder: Path):
        self.path = path
        self.text = text
        self.folder = folder
        self.tensorflow = TensorflowNames()
        self.neighbours: dict[str, ModuleType] = {}

    def install(self, module: ModuleType) -> None:
        """Makes this the import of the code that will be run in `module`, then and later.

        The global `tf` is there without an import too, as OpenSeq2Seq's loader had it.
        """
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self}
        vars(module)["tf"] = self.tensorflow

    @contextmanager
    def neighbours_found(self) -> Iterator[None]:
        """While it lasts, modules in the config's folder can be imported.

        Afterwards they are forgotten again: another config may have others of the same name.
        The config's own functions keep them.
        """
        finder = _NeighbourFinder(self)
        sys.meta_path.insert(0, finder)
        sys.path.insert(0, str(self.folder))
        try:
            yield
        finally:
            sys.path.remove(str(self.folder))
            sys.meta_path.remove(finder)
            for name, module in self.neighbours.items():
                if sys.modules.get(name) is module:
                    del sys.modules[name]

    def __call__(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType | SimpleNamespace:
        root = name.partition(".")[0]
        if level == 0 and root == "tensorflow":
            return self._tensorflow(name, fromlist)
        if level == 0 and root == "open_seq2seq":
            return self._our_own(name, globals, locals, fromlist)
        if level == 0 and name in self.neighbours:
            return self.neighbours[name if fromlist else root]
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    def _tensorflow(self, name: str, fromlist: Sequence[str] | None) -> ModuleType:
        module = self.tensorflow
        for part in name.split(".")[1:]:
            module = getattr(module, part)
        for wanted in fromlist or ():
            if wanted != "*":
                getattr(module, wanted)  # raises with what is offered
        return module if fromlist else self.tensorflow

    def _our_own(
        self,
        name: str,
        globals: Mapping[str, object] | None,
        locals: Mapping[str, object] | None,
        fromlist: Sequence[str] | None,
    ) -> ModuleType | SimpleNamespace:
        try:
            found = MOVED_MODULES.get(name, name)
            module = builtins.__import__(found, globals, locals, fromlist or (), 0)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("open_seq2seq"):
                raise
            raise self._unknown(name, globals) from error
        if not fromlist or "*" in fromlist:
            return module
        missing = [wanted for wanted in fromlist if not hasattr(module, wanted)]
        for wanted in missing:
            if not hasattr(module, RENAMED.get(wanted, wanted)):
                raise self._unknown(f"{name}.{wanted}", globals, module)
        if not missing:
            return module
        return SimpleNamespace(
            **{wanted: getattr(module, RENAMED.get(wanted, wanted)) for wanted in fromlist}
        )

    def _unknown(
        self, name: str, globals: Mapping[str, object] | None, module: ModuleType | None = None
    ) -> InputError:
        task = other_task(self.text)
        if task and task[0] == "language modelling":
            return InputError(
                f"{self.path} is a config for language modelling (it imports {task[1]}), of parts "
                "that are not here. Language models are trained on lines of text:\n"
                f"    {LANGUAGE_MODEL_COMMAND}\n"
                "or with example_configs/text/transformer_lm.py; --mode=eval gives their "
                "perplexity, scripts/rescore.py puts them to use (docs/language_models.md)."
            )
        if task:
            return InputError(
                f"{self.path} is a config for {task[0]} (it imports {task[1]}); this framework "
                "does speech recognition with CTC, so only Speech2Text configs with a CTC "
                "decoder can be used."
            )
        offered = sorted(getattr(module, "__all__", ()))
        match = closest_name(name.rpartition(".")[2], offered)
        expected = f"one of {', '.join(offered)}" if offered else "a module of this framework"
        remedy = hint(name) or (f"Did you mean {match}?" if match else "")
        problem = Problem(self._line(globals), f"an import of {name}", expected, remedy)
        return InputError("The config file imports what is not there:", [problem])

    def _line(self, globals: Mapping[str, object] | None) -> str:
        """`file:line` of the import statement that is being run."""
        frame = sys._getframe(1)
        while frame.f_back and frame.f_globals is not globals:
            frame = frame.f_back
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class _NeighbourFinder:
    """Finds modules in the config's folder, and gives them the config's imports."""

    def __init__(self, imports: ConfigImports):
        self.imports = imports

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        parent, _, _ = name.rpartition(".")
        if parent not in ("", *self.imports.neighbours) or name in sys.builtin_module_names:
            return None  # a package that others imported, such as this one, is no neighbour
        places = [str(self.imports.folder)] if path is None else path
        spec = importlib.machinery.PathFinder.find_spec(name, places, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        spec.loader = _NeighbourLoader(name, spec.loader.path, self.imports)
        return spec


class _NeighbourLoader(importlib.machinery.SourceFileLoader):
    """Runs a module's source with the config's imports."""

    def __init__(self, name: str, path: str, imports: ConfigImports):
        super().__init__(name, path)
        self.imports = imports

    def exec_module(self, module: ModuleType) -> None:
        self.imports.install(module)
        self.imports.neighbours[module.__name__] = module
        super().exec_module(module)

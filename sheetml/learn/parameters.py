"""Settings of models, optimizers and schedules, in the manner of scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Self

NAMED_CLASSES: dict[str, type[Parameters]] = {}  # every model, optimizer and schedule, by its class's name


class Parameters:
    """An object whose settings are the arguments of its constructor, kept under their names.

    Gives what scikit-learn's tools ask of an estimator: get_params, set_params, and with them clone.

    A class that states a name, as in `class Adam(Optimizer, name="adam")`, is listed under it in its base's
    `registry`: so the command line, files and error messages know it.
    """

    registry: ClassVar[dict[str, type[Any]]]  # each base of models, optimizers or schedules has its own

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if name:
            cls.registry[name] = NAMED_CLASSES[cls.__name__] = cls

    @classmethod
    def parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name; with `deep` also those of settings that have some, as "optimizer__learning_rate"."""
        found: dict[str, Any] = {}
        for name in self.parameter_names():
            value = getattr(self, name)
            found[name] = value
            if deep and isinstance(value, Parameters):
                found |= {f"{name}__{inner}": setting for inner, setting in value.get_params().items()}
        return found

    def set_params(self, **settings: Any) -> Self:
        """Changes settings by name. Raises ValueError for a name that is no setting."""
        own, nested = self._sorted(settings)
        for name, value in own.items():
            object.__setattr__(self, name, value)
        for name, changes in nested.items():
            object.__setattr__(self, name, getattr(self, name).with_params(**changes))
        return self

    def with_params(self, **settings: Any) -> Self:
        """A copy with some settings changed, made anew so that its settings are checked."""
        own, nested = self._sorted(settings)
        changed = {name: getattr(self, name).with_params(**changes) for name, changes in nested.items()}
        return type(self)(**{**self.get_params(deep=False), **changed, **own})

    def _sorted(self, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Settings by name, and by name those of a setting that has some itself."""
        own: dict[str, Any] = {}
        nested: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            outer, _, inner = name.partition("__")
            if outer not in self.parameter_names():
                known = ", ".join(self.parameter_names())
                raise ValueError(f"{type(self).__name__} has no setting {outer!r}: it has {known}")
            if inner:
                nested.setdefault(outer, {})[inner] = value
            else:
                own[outer] = value
        return own, nested

    def __repr__(self) -> str:
        defaults = {name: each.default for name, each in inspect.signature(type(self)).parameters.items()}
        settings = [
            f"{name}={value!r}" for name, value in self.get_params(deep=False).items() if value != defaults[name]
        ]
        return f"{type(self).__name__}({', '.join(settings)})"

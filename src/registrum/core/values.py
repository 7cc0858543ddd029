"""Frozen dataclasses that cost a third to make: a page has hundreds of them."""

from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")
_MANY = 6
"""Fields from which on it pays to change an object's class twice."""


def light(cls: type[T]) -> type[T]:
    """Class decorator over `@dataclass(frozen=True, slots=True)`: the same class with a quicker `__init__`.

    That of a frozen dataclass sets each field through `object.__setattr__`, which looks its name up; this one calls the
    slots themselves or, where there are many, assigns to them while the object is of a class that has the same slots and is
    not frozen. For dataclasses whose fields have plain defaults or none.
    """
    stated = fields(cls)  # type: ignore[arg-type]
    names: dict[str, Any] = {}
    parameters = ["self"]
    for field in stated:
        parameter = field.name
        if field.default is not MISSING:
            names[f"default_{field.name}"] = field.default
            parameter = f"{field.name}=default_{field.name}"
        parameters.append(parameter)
    if len(stated) >= _MANY and cls.__bases__ == (object,):
        names["Open"] = type(cls.__name__, (), {"__slots__": [field.name for field in stated]})
        names["Frozen"], names["set_class"] = cls, object.__dict__["__class__"].__set__
        assigned = [f"    self.{field.name} = {field.name}" for field in stated]
        lines = ["    set_class(self, Open)", *assigned, "    self.__class__ = Frozen"]
    else:
        names |= {f"set_{field.name}": cls.__dict__[field.name].__set__ for field in stated}
        lines = [f"    set_{field.name}(self, {field.name})" for field in stated]
    made = cls.__init__
    # The source has nothing in it but the names of the class's own fields, as that of `dataclass` has.
    exec("\n".join([f"def __init__({', '.join(parameters)}):", *lines]), names)  # noqa: S102
    init = names["__init__"]
    init.__qualname__, init.__annotations__ = made.__qualname__, made.__annotations__
    cls.__init__ = init  # type: ignore[method-assign]
    return cls

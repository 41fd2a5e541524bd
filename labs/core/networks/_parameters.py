"""Parameters of a network: a dict from names to arrays, each with the batch axes of its own in front."""

from __future__ import annotations

from collections.abc import Mapping

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape


def check_parameters(shapes: Mapping[str, tuple[int, ...]], parameters: Mapping[str, Array]) -> None:
    """Raise ValueError unless the names are those of `shapes`, each a finite float64 array (..., *shape)."""
    if not isinstance(parameters, Mapping) or set(parameters) != set(shapes):
        got = sorted(parameters) if isinstance(parameters, Mapping) else repr(parameters)
        raise ValueError(f"parameters must be a dict with the names {list(shapes)}, got {got}")
    for name, shape in shapes.items():
        check_shape(shape, **{name: parameters[name]})
    check_double(**parameters)
    check_finite(**parameters)


def check_integers(low: int, high: int, **named: Array) -> None:
    """Raise ValueError unless each array holds integers from `low` to `high - 1`."""
    for name, x in named.items():
        expected = f"{name} must hold integers from {low} to {high - 1}"
        xp = array_namespace(x)
        if not xp.isdtype(x.dtype, "integral"):
            raise ValueError(f"{expected}, got dtype {x.dtype}")
        if not bool(xp.all((x >= low) & (x < high))):
            raise ValueError(f"{expected}, got others")


def replaced(parameters: Mapping[str, Array], name: str, value: Array) -> dict[str, Array]:
    """The same parameters with another array under `name`."""
    if name not in parameters:
        raise ValueError(f"name must be one of {list(parameters)}, got {name!r}")
    return {**parameters, name: value}

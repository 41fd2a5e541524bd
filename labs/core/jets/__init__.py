"""Jets: truncated Taylor series as arrays, so that one pass of any code gives exact derivatives along a direction.

`series(function, at, along, order)` is the door: the coefficients of t -> function(at + t along).  The function is
written for arrays; what it finds are `Jet`s, whose namespace (by `array_namespace`) has the functions that networks
are made of.  Data that meet parameters may be arrays, but where a function asks its data for the namespace they must
be jets too: `constant(data)`.
"""

from labs.core.jets._functions import erf, gelu, logsumexp
from labs.core.jets._jet import Jet, constant, line, lines
from labs.core.jets.directional import series

__all__ = ["Jet", "constant", "erf", "gelu", "line", "lines", "logsumexp", "series"]

"""The sphere in shells of equal length: E[1{rho > c} rho^p u_i] as a function of c.

rho^2 = sum_i q_i^2 u_i, u_i = zeta_i^2, zeta uniform on S^{n-1}; k values q_i > 0, q = 0 for the other n - k
coordinates.  With P_i(a) = E[u_i 1{a.u > 0}], the density of u_i in rho^2 at the shell rho = x is

    s_i(x) = -d P_i(q^2 - x^2) / d(x^2) = sum_j dP_i/da_j,      a_j = q_j^2 - x^2,

    E[1{rho > c} rho^p u_i] = 2 int_c^{q_1} x^{p+1} s_i(x) dx.

s_i >= 0, so that nothing cancels, and one set of densities serves every c: between two neighbouring q_j the
integral up to c is Haber's (SIAM J. Numer. Anal. 30, 1993) for the sinc series on the nodes of the tanh-sinh rule;
under the top, where s_i = (q_1^2 - x^2)^alpha times an analytic function, a Gauss-Jacobi rule of that function's
Chebyshev interpolant gives relative precision however small the cap {rho > c} is.  Derived here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from labs.core.arrays import check_positive, require_host
from labs.core.sphere._general import BLOCK, CONTOUR_STEP, CONTOUR_STEP_MANY, LONGEST, Levels, _piece, _saddle

# The step of _general.tanh_sinh.  That rule goes to 1e-32 from the ends, for the inverse square roots of n = 2; for
# larger n s_i has at worst logarithms there, and so many nodes on either side of the middle leave 1e-17.
STEP = 0.07
HALF = 46
# A near tie: next to a short piece no piece is longer (in log x) than this many times it, because the singularity
# at the far end of the short one spoils the series.
GROWTH = 8.0
# On d = q_1^2 - x^2 in [0, D/2] the nearest singularity is at d = D: a Bernstein ellipse of 3 + sqrt 8 = 5.8, and
# 5.8^-24 = 4e-19; the Gauss rule needs half as many nodes.
CHEBYSHEV, JACOBI = 24, 14


class _Piece(NamedTuple):
    """The densities between two ends: at the nodes x, times the weights of the rule."""

    lo: float
    hi: float
    x: np.ndarray  # (N,)
    mass: np.ndarray  # (N, k)


class Shells:
    """Host routine: the integrals above for one spectrum, set up once and evaluated at any radii.

    q  (k,), finite and positive, any order; n >= k, default k.  For k = n not all equal (rho would be constant).
    Absolute error about 1e-14 of the largest entry of the same row for n up to about 30.  Cost: 93 contours per
    distinct value of q, then about 5 microseconds a radius.  Raises ValueError for bad q, n.
    """

    def __init__(self, q: np.ndarray, n: int | None = None) -> None:
        from scipy.special import roots_jacobi

        require_host(q=q)
        q = np.asarray(q, dtype=np.float64)
        if q.ndim != 1 or q.size == 0:
            raise ValueError(f"q must be an array of shape (k,), k >= 1, got shape {q.shape}")
        check_positive(q=q)
        self.n = q.size if n is None else int(n)
        if n is not None and (n != self.n or n < q.size):
            raise ValueError(f"n must be an integer >= the length {q.size} of q, got {n!r}")
        self.q, self.top = q, float(np.max(q))
        self.bottom = float(np.min(q)) if q.size == self.n else 0.0  # rho is never below
        if self.top - self.bottom <= 1e-15 * self.top:
            raise ValueError(
                f"q must not be constant where its length is n = {self.n}: rho would be constant"
            )
        second = float(np.max(q[q < self.top], initial=0.0))
        # The cap: d = q_1^2 - x^2 from 0 to half of D; codimension of the set where rho is largest.
        self.D = (self.top - second) * (self.top + second)
        self._alpha = (self.n - int(np.sum(q == self.top))) / 2 - 1
        self._jacobi = roots_jacobi(JACOBI, 0.0, self._alpha)
        self._neck = float(np.sqrt(self.top**2 - self.D / 2))
        angle = np.pi * (2 * np.arange(CHEBYSHEV) + 1) / (2 * CHEBYSHEV)
        self._cosine, self._barycentric = np.cos(angle), (-1.0) ** np.arange(CHEBYSHEV) * np.sin(angle)
        d = self.D / 4 * (1 + self._cosine)
        self._cap_x = np.sqrt(self.top**2 - d)
        ends = list(self._ends())
        rules = [self._rule(lo, hi) for lo, hi in ends]
        a = [(q - self.top) * (q + self.top) + d[:, None], *(rule.a for rule in rules)]
        x = [self._cap_x, *(rule.x for rule in rules)]
        density = self._density(np.concatenate(a), np.concatenate(x))
        at_cap, *inside = np.split(density, np.cumsum([part.size for part in x])[:-1])
        self._cap = at_cap / d[:, None] ** self._alpha
        self._pieces = [
            _Piece(lo, hi, rule.x, 2 * rule.weight[:, None] * s)
            for (lo, hi), rule, s in zip(ends, rules, inside, strict=True)
        ]

    def beyond(self, c: np.ndarray, power: float) -> np.ndarray:
        """Host routine: E[1{rho > c} rho^power u_i] for radii c (N,) with 0 <= c < max(q): (N, k)."""
        c = np.asarray(c, dtype=np.float64)
        if c.ndim != 1 or np.any(~((c >= 0) & (c < self.top))):
            raise ValueError(f"c must be an array of shape (N,) of radii in [0, {self.top}), got {c!r}")
        out = np.empty((c.size, self.q.size))
        above = self._under_top(np.array([self.D / 2]), power)[0]
        inside = c >= self._neck
        out[inside] = self._under_top((self.top - c[inside]) * (self.top + c[inside]), power)
        for piece in reversed(self._pieces):
            mass = piece.x[:, None] ** (power + 1) * piece.mass
            inside = (c >= piece.lo) & (c < piece.hi)
            out[inside] = above + _right_of(piece, c[inside]) @ mass
            above = above + np.sum(mass, axis=0)
        out[c <= self.bottom] = above
        return out

    def _ends(self) -> Iterator[tuple[float, float]]:
        """Pieces from the bottom to the neck of the cap: split at every q_j, and further where too long."""
        knots = [
            self.bottom,
            *(float(x) for x in np.unique(self.q) if self.bottom < x < self.top),
            self._neck,
        ]
        length = [np.log(b / a) if a > 0 else np.inf for a, b in pairwise(knots)]
        # What the cap leaves to its right is as good as a piece of its size.
        right = [*length[1:], np.log(self.top / self._neck)]
        recede = GROWTH ** np.arange(1.0, 16.0)
        for (lo, hi), left, after in zip(pairwise(knots), [np.inf, *length[:-1]], right, strict=True):
            start = lo if lo > 0 else hi * float(np.exp(-LONGEST))
            if lo == 0.0:
                yield 0.0, start
            # In log x: cuts that recede from a short neighbour on either side, then what is still too long.
            low, high = float(np.log(start)), float(np.log(hi))
            cuts = [low + left * recede[low + left * recede < (low + high) / 2]]
            cuts.append((high - after * recede[high - after * recede > (low + high) / 2])[::-1])
            for a, b in pairwise([start, *np.exp(np.concatenate(cuts)).tolist(), hi]):
                many = max(1, int(np.ceil(np.log(b / a) / LONGEST)))
                yield from pairwise([a, *np.geomspace(a, b, many + 1)[1:-1].tolist(), b])

    def _rule(self, lo: float, hi: float) -> Levels:
        rule = _piece(self.q, lo, hi, False)
        cut = rule.x.size // 2 - HALF if self.n > 2 else 0
        kept = slice(cut, rule.x.size - cut)
        return Levels(rule.x[kept], rule.weight[kept], rule.a[kept])

    def _density(self, a: np.ndarray, x: np.ndarray) -> np.ndarray:
        """s_i at the shells x (N,), a = q^2 - x^2 (N, k); from the nearer side of the quadric."""
        k = self.q.size
        multiplicity = np.ones(k)
        if k < self.n:
            multiplicity, a = np.append(multiplicity, float(self.n - k)), np.column_stack([a, -(x**2)])
        outer = x > np.sqrt(np.sum(self.q**2) / self.n)
        return _shell_density(np.where(outer[:, None], a, -a), multiplicity, self.n)[:, :k]

    def _under_top(self, d: np.ndarray, power: float) -> np.ndarray:
        """int_0^d x^power t^alpha (s_i t^-alpha) dt, t = q_1^2 - x^2, for each d <= D/2."""
        nodes, weights = self._jacobi
        at = np.outer(d, (1 + nodes) / 2).ravel()
        near = (4 * at / self.D - 1)[:, None] - self._cosine
        share = self._barycentric / np.where(near == 0, 1e-300, near)
        share /= np.sum(share, axis=1, keepdims=True)
        values = (share @ (self._cap * self._cap_x[:, None] ** power)).reshape(d.size, JACOBI, self.q.size)
        return (d / 2)[:, None] ** (self._alpha + 1) * np.einsum("m,dmk->dk", weights, values)


def _right_of(piece: _Piece, c: np.ndarray) -> np.ndarray:
    """The weights (N, nodes), besides those of the rule, of the integral from c to the right end of the piece."""
    from scipy.special import sici

    with np.errstate(divide="ignore"):
        if piece.lo > 0:  # the rule is one in log x there
            left, right = np.log(c / piece.lo), np.log(piece.hi / c)
        else:
            left, right = c, piece.hi - c
        t = np.arcsinh(np.log(left / right) / np.pi) / STEP
    half = piece.x.size // 2
    t = np.clip(t, -2.0 * half, 2.0 * half)
    return 0.5 - sici(np.pi * (t[:, None] - np.arange(-half, half + 1)))[0] / np.pi


def _shell_density(a: np.ndarray, multiplicity: np.ndarray, n: int) -> np.ndarray:
    """sum_j dP_i/da_j over all n coordinates j, for every row of a (N, k), each with entries of both signs.

    multiplicity (k,) sums to n.  The contour of _general.py (which see), with (1 - 2 a_j s)^-1 summed over j.
    """
    size = np.max(a, axis=-1)
    a = a / size[:, None]
    step = CONTOUR_STEP if n <= 64 else CONTOUR_STEP_MANY
    c, sigma = _saddle(a, multiplicity)
    out, rows = np.zeros(a.shape), np.arange(a.shape[0])
    chunk = max(1, 2**19 // (BLOCK * a.shape[1]))
    for block in range(200):
        y = step * (np.arange(BLOCK) + BLOCK * block)
        stretch = step / np.pi * np.cosh(y) * np.where(y == 0, 0.5, 1.0)
        unfinished = []
        for part in np.split(rows, range(chunk, rows.size, chunk)):
            dtau = sigma[part, None] * stretch
            s = c[part, None] + 1j * sigma[part, None] * np.sinh(y)
            inverse = 1 / (1 - 2 * a[part, None, :] * s[..., None])  # real part > 0
            m = np.exp(0.5 * np.log(inverse) @ multiplicity) * dtau
            both = inverse * (2 * inverse + (inverse @ multiplicity)[..., None])
            out[part] += np.einsum("nc,nck->nk", m, both).real / n
            tail = np.abs(m[:, -1]) * np.max(np.abs(both[:, -1]), axis=-1) / step
            unfinished.append(part[tail > 1e-17 * n * np.max(out[part], axis=-1)])
        rows = np.concatenate(unfinished)
        if rows.size == 0:
            break
    return out / size[:, None]

"""Newton-Schulz Muon on equal groups in numbers of any length: a second witness where doubles lose every digit.

Midpoints of balls: nothing is enclosed, and the digits that two lengths share are the ones that are known.
"""

from __future__ import annotations

from typing import Any


def excess(k: int, M: int, C: int, steps: int, bits: int, beta: int = 2) -> tuple[float, list[float]]:
    """(L - L*, x/m*) after `steps` steps of k quintics, alpha = 1/5, eta = 1.5 m*/steps, masses a^-beta."""
    from flint import arb, ctx

    with ctx.workprec(bits):
        K, noise = M * C, arb(1) / 5
        masses = [arb(1) / a**beta for a in range(1, M + 1)]
        masses = [mass / sum(masses, arb(0)) for mass in masses]
        best = (1 + K * (1 - noise) / noise).log()
        eta = 3 * best / (2 * steps)
        x, S = [arb(0)] * M, [[arb(0)] * M for _ in range(M)]
        for _ in range(steps):
            dx, dS = direction(k, C, noise, masses, x, S)
            x = [(a - eta * b).mid() for a, b in zip(x, dx, strict=True)]
            S = [
                [(a - eta * b).mid() for a, b in zip(*rows, strict=True)] for rows in zip(S, dS, strict=True)
            ]
        total = arb(0)
        own, y = entries(C, x, S)
        peak, wrong = 1 - noise + noise / K, noise / K
        for b in range(M):
            count = [C - (a == b) for a in range(M)]
            Z = own[b].exp() + sum((count[a] * y[a][b].exp() for a in range(M)), arb(0))
            mean = peak * own[b] + wrong * sum((count[a] * y[a][b] for a in range(M)), arb(0))
            total += masses[b] * (Z.log() - mean)
        least = -peak * peak.log() - (K - 1) * wrong * wrong.log()
        return float((total - least).mid()), [float((value / best).mid()) for value in x]


def entries(C: int, x: list[Any], S: list[list[Any]]) -> tuple[list[Any], list[list[Any]]]:
    """The own logit of each group's items, and the others (a, b), of a query of group b."""
    M = len(x)
    y = [[(S[a][b] - (x[b] if a == b else 0)) / C for b in range(M)] for a in range(M)]
    return [x[b] + y[b][b] for b in range(M)], y


def direction(
    k: int, C: int, noise: Any, masses: list[Any], x: list[Any], S: list[list[Any]]
) -> tuple[list[Any], list[list[Any]]]:
    """k quintics of G/|G|_F, G = p (softmax - P): of its contrasts, and of its mean block."""
    from flint import arb, arb_mat

    M = len(x)
    K = M * C
    own, y = entries(C, x, S)
    contrasts, block = [], arb_mat(M, M)
    for b in range(M):
        p = masses[b] / C
        q = [y[a][b].exp() for a in range(M)]
        Z = own[b].exp() + C * sum(q, arb(0)) - q[b]
        missed = C * (sum(q, arb(0)) - q[b]) / Z  # in other groups
        contrasts.append(p * (noise - missed - C * q[b] / Z))
        for a in range(M):
            block[a, b] = p * (C * (q[a] / Z - noise / K) if a != b else noise * (K - C) / K - missed)
    squares = (C - 1) * sum((v * v for v in contrasts), arb(0))
    norm = (squares + sum((v * v for v in block.entries()), arb(0))).sqrt()
    contrasts, block = [(v / norm).mid() for v in contrasts], (block / norm).mid()
    A, B, D = (arb(n) / 10000 for n in (34445, -47750, 20315))
    for _ in range(k):
        contrasts = [(v * (A + v * v * (B + v * v * D))).mid() for v in contrasts]
        gram = (block * block.transpose()).mid()
        block = (A * block + (B * gram + D * (gram * gram)) * block).mid()
    return contrasts, block.tolist()

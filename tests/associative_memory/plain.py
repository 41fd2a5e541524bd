"""Muon on the whole K x K matrix of logits, in a plain loop: a second witness for what the reduction finds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def muon(p: np.ndarray, alpha: float, steps: np.ndarray) -> Iterator[np.ndarray]:
    """The logits (..., K, K) after each of the steps (T, ...), from 0: softmax, SVD across the vector of ones."""
    K = len(p)
    target = (1 - alpha) * np.eye(K) + alpha / K
    across = np.linalg.qr(np.c_[np.ones(K), np.eye(K)[:, 1:]])[0][:, 1:]
    W = np.zeros((*steps.shape[1:], K, K))
    for eta in steps:
        E = np.exp(W - W.max(axis=-2, keepdims=True))
        G = (E / E.sum(axis=-2, keepdims=True) - target) * p
        u, _, vt = np.linalg.svd(across.T @ G, full_matrices=False)
        W = W - eta[..., None, None] * (across @ u @ vt)
        yield W


def excess(W: np.ndarray, p: np.ndarray, alpha: float) -> np.ndarray:
    """sum_j p_j KL(P_j, softmax W_j): with d = W - log P less its mean under P, log(1 + sum P (e^d - 1 - d))."""
    K = len(p)
    P = (1 - alpha) * np.eye(K) + alpha / K
    d = W - np.log(P)
    d = d - np.sum(P * d, axis=-2, keepdims=True)
    return np.sum(p * np.log1p(np.sum(P * (np.expm1(d) - d), axis=-2)), axis=-1)


def blocks(W: np.ndarray, M: int, C: int) -> np.ndarray:
    """S (..., M, M): 1_a^T W 1_b/C."""
    return W.reshape(*W.shape[:-2], M, C, M, C).sum(axis=(-3, -1)) / C


def contrasts(W: np.ndarray, C: int) -> np.ndarray:
    """x (..., M): the first item's own logit less that of another item of its group."""
    first = np.arange(0, W.shape[-1], C)
    return W[..., first, first] - W[..., first + 1, first]

"""The paper, and the quantities and the model that its claims are about.

One step W -> W - Z changes the loss by  L(W) - L(W - Z) = gain - penalty + terms of third order and beyond,

    gain = <G, Z>,    penalty = <Z, H[Z]>/2 = |Z|_F^2 S(Z)/2,    S(Z) = <Z, H[Z]>/|Z|_F^2,

G the gradient, H the Hessian at W; S is the normalised directional sharpness (NDS) of the update.  Over layers
it splits into S = within + cross, the sums of <Z_l, H_ll'[Z_l']>/|Z|^2 over l = l' and over l != l'.

The stylised model is a quadratic of one matrix whose curvature and gradient share singular directions: in
coordinates, residuals r_i = sigma_i - w_i y_i of q modes with curvatures w_i > 0, loss above the minimum
Phi = sum r_i^2/(2 w_i).  GD moves along r, Muon along sgn(r); both by exact line search unless said otherwise.
Two levels: w_H (m modes) and w_L (q - m modes), gradients sigma_H and sigma_L there, and

    rho = w_H/w_L > 1,  s = sigma_H/sigma_L,  alpha = m/q,  a = m/(q - m),  x = a s^2,  p = x/(1 + x),
    d_i = r_i/w_i,  u_i = |d_i|,  pi_i = w_i/sum(w),
    kappa = GD's factor of Phi per step,  gamma = Muon's first factor,  g^2 = Muon's later ones.

Hypotheses, by the names that claims and checks use:

    A1               H is a sum of Kronecker products A_k (x) B_k.
    A2               the A_k have one eigenbasis U, the B_k one eigenbasis V.
    A3               in a pairing of the two bases, q curvatures are positive, on two levels; alpha < 1/2.
    A4               the gradient lies in the span of the paired modes, on two levels, s > 1.
    A5               Muon's update is the polar factor of the nonzero singular values, without momentum.
    A6               exact line search.
    PSD              the Hessian is positive semidefinite.
"""

from __future__ import annotations

from functools import partial

from theory.claims import Claim, Paper

PAPER = Paper(
    key="NDS",
    module="curvature_nds",
    title="Why Muon Outperforms Adam: A Curvature Perspective",
    authors="Shuche Wang, Fengzhuo Zhang, Jiaxiang Li, Dirk Bergemann, Zhuoran Yang",
    year=2026,
    source="arXiv:2606.04662",
)

claim = partial(Claim, paper=PAPER)

"""What the paper observes on networks: reports, to be measured and drawn, never judged."""

from __future__ import annotations

from functools import partial

from theory.curvature_nds.paper import claim

report = partial(claim, kind="report", provenance="secondary")

NDS_E1 = report(
    id="NDS-E1",
    statement="On a language model, at equal validation loss, Muon's step decreases the loss more than Adam's, and "
    "predicted and realised decreases nearly coincide.",
    formula="Delta(Muon) > Delta(Adam) at equal validation loss;  Delta = I1 - I2 nearly",
    sense=">",
)

NDS_E2 = report(
    id="NDS-E2",
    statement="There the first-order gains are similar, and Adam's curvature penalty is the larger one.",
    formula="I1(Adam) = I1(Muon) nearly;  I2(Adam) > I2(Muon)",
    sense=">",
)

NDS_E3 = report(
    id="NDS-E3",
    statement="There the update norms are similar and flat, and Adam's sharpness is 1.76 times Muon's on average.",
    formula="|Z|^2(Adam) = |Z|^2(Muon) nearly;  S(Adam)/S(Muon) about 1.76",
    sense="==",
)

NDS_E4 = report(
    id="NDS-E4",
    statement="The sharpness averaged over training grows with the Zipf exponent s of the data, Adam's more than "
    "Muon's: in units of Muon's at s = 0, from 1.63 to 2.38 against from 1.00 to 1.25 for s from 0 to 1.",
    formula="mean_t S_Adam - mean_t S_Muon increases in s: 0.63 at s = 0, 1.13 at s = 1",
    sense=">",
)

NDS_E5 = report(
    id="NDS-E5",
    statement="In the course of training the sharpness moves into the layers, for Muon from 14 % to 44 %, for Adam "
    "from 27 % to 34 %; both parts are smaller for Muon throughout.",
    formula="rho_within rises;  S_within, S_cross: Muon < Adam",
    sense=">",
)

NDS_E6 = report(
    id="NDS-E6",
    statement="About 70 % of the gap within layers is in the first and the last of twelve, about 28 % in layers "
    "8 to 11, about 2 % in layers 2 to 7.",
    formula="(Q_ll/|Z|^2)(Adam) - (Q_ll/|Z|^2)(Muon) by layer l",
    sense="==",
)

NDS_E7 = report(
    id="NDS-E7",
    statement="On the structured quadratic Adam and GD behave alike, in sharpness and in loss.",
    formula="S and Phi of Adam near those of GD, far from those of Muon",
    sense="==",
)

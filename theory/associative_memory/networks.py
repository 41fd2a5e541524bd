"""What was seen beyond the model: classifiers and transformers with rare classes and facts; crowded embeddings."""

from __future__ import annotations

from theory.associative_memory.paper import claim

AML_F6 = claim(
    id="AML-F6",
    statement="On classification with a long tail, Muon learns the rare classes first among the optimisers.",
    formula="loss of the rarest group at equal steps, each at its best step size: Muon < Adam, SignGD < NGD < GD",
    sense="<",
    provenance="secondary",
    kind="report",
)

AML_F7 = claim(
    id="AML-F7",
    statement="A transformer trained by Muon knows rare tokens sooner than one trained by Adam or SGD.",
    formula="loss of the facts of the rarest decile at equal steps: Muon < Adam < SGD",
    sense="<",
    provenance="secondary",
    kind="report",
)

AML_N8 = claim(
    id="AML-N8",
    statement="Also in embeddings that are not orthogonal, with fewer dimensions than facts too, Muon's excess over "
    "the least attainable loss is of the order of the squared step size, and so falls about like T^-2.",
    formula="eta = c |W*|_op/T, W* the best memory, 2 <= c <= 3:  (L(T) - min L)/eta^2 between 0.01 and 0.2",
    sense="for all",
    provenance="extension",
    kind="report",
)

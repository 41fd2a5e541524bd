"""The models of "Muon in Associative Memory Learning": a softmax memory, its exact reduction, its scalar forms."""

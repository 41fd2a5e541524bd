"""What is computed: the models of the papers, and the numerics they share."""

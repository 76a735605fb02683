"""The paper's experiments: what is fitted, on what, and the tables made of it."""
